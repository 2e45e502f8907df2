package directory

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/proof"
)

// A Domain is an organization's claim to an e-mail domain.
type Domain struct {
	ID             string
	OrganizationID string
	Name           string // IDNA A-label, lower case
	Status         access.DomainStatus
	StatusAt       time.Time // since when
	// ProofToken is what the owner of the domain publishes to prove it.
	ProofToken string
	// Method is how it was proved last; empty if it never was.
	Method proof.Method
	// ProfileID is the SSO profile that the domain is enforced with.
	ProfileID  string
	VerifiedAt time.Time
	// DisputedAt is since when it is proved while another organization, whose
	// proof has gone, holds the domain. The operator decides.
	DisputedAt time.Time
	// EvictBefore is set while users are being removed because the domain was
	// awarded to another organization: those managed up to then.
	EvictBefore time.Time
	CreatedAt   time.Time

	// Check is filled in where a domain is returned to a door.
	Check DomainCheck
}

// A DomainCheck is what is known of a domain's proof.
type DomainCheck struct {
	// Findings are what each resolver showed when it was looked for last; the
	// zero value before the first time.
	Findings proof.Findings
	SeenAt   time.Time // when the proof was there last
	NextAt   time.Time // when it is looked for again; zero: when somebody asks
}

// A Proof is what to publish to prove a domain, in DNS or over HTTPS.
type Proof struct {
	TXTName, TXTValue string
	FileURL, FileBody string
}

// Proof returns what to publish to prove the domain.
func (d *Domain) Proof() Proof {
	value := proof.Value(d.ProofToken)
	return Proof{TXTName: proof.TXTName(d.Name), TXTValue: value, FileURL: proof.FileURL(d.Name), FileBody: value}
}

// Vouched reports whether the domain is verified on the operator's word, so
// that no proof has to be there. So are those that were verified before there
// were proofs.
func (d *Domain) Vouched() bool {
	return d.Status == access.DomainVerified && d.Method != proof.DNS && d.Method != proof.File
}

// LapsesAt is when a lapsing domain ends to be held, or is frozen; zero for
// others.
func (d *Domain) LapsesAt() time.Time {
	if d.Status != access.DomainLapsing {
		return time.Time{}
	}
	return d.StatusAt.Add(lapseTime)
}

func (d *Domain) target() audit.Target { return audit.Target{Kind: "domain", ID: d.ID, Name: d.Name} }

func (d *Domain) held() access.HeldDomain {
	return access.HeldDomain{OrganizationID: d.OrganizationID, Status: d.Status, EnforcedProfileID: d.ProfileID}
}
