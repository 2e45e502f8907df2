package directory

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
	"sallyport/internal/session"
)

// An Edition is what an organization has bought.
type Edition string

const (
	Standard       Edition = "standard"
	Administration Edition = "administration"
	Enterprise     Edition = "enterprise"
)

// Valid reports whether there is such an edition.
func (e Edition) Valid() bool { return e == Standard || e.IncludesSSO() }

// IncludesSSO reports whether single sign-on may be configured.
func (e Edition) IncludesSSO() bool { return e == Administration || e == Enterprise }

// An Organization is a customer of the operator.
type Organization struct {
	ID      string
	Name    string
	Edition Edition
	Limits  session.Limits
	// InitialPassword asks a new user for a password at the first arrival,
	// through the Identity Provider too.
	InitialPassword bool
	CreatedAt       time.Time
}

// RequireSSO refuses to configure single sign-on where the edition does not
// include it.
func (o *Organization) RequireSSO() error {
	if o.Edition.IncludesSSO() {
		return nil
	}
	return fault.New(fault.EditionRequired, "Single sign-on belongs to the editions administration and enterprise.")
}

// A Domain is an organization's claim to an e-mail domain.
type Domain struct {
	ID             string
	OrganizationID string
	Name           string // IDNA A-label, lower case
	Status         access.DomainStatus
	// ProofToken is what the owner of the domain publishes to prove it.
	ProofToken string
	// ProfileID is the SSO profile that the domain is enforced with.
	ProfileID  string
	VerifiedAt time.Time
	CreatedAt  time.Time
}

// Names and values under which a domain can be proved.
const (
	proofLabel = "_sallyport-challenge."
	proofValue = "sallyport-verification="
	proofPath  = "/.well-known/sallyport-verification.txt"
)

// A Proof is what to publish to prove a domain, in DNS or over HTTPS.
type Proof struct {
	TXTName, TXTValue string
	FileURL, FileBody string
}

// Proof returns what to publish to prove the domain.
func (d *Domain) Proof() Proof {
	return Proof{
		TXTName: proofLabel + d.Name, TXTValue: proofValue + d.ProofToken,
		FileURL: "https://" + d.Name + proofPath, FileBody: proofValue + d.ProofToken,
	}
}

func (d *Domain) held() access.HeldDomain {
	return access.HeldDomain{OrganizationID: d.OrganizationID, Status: d.Status, EnforcedProfileID: d.ProfileID}
}
