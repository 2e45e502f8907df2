package sso

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/fault"
	"sallyport/saml"
)

// A Profile is one configured Identity Provider of one organization. Without
// an IdP entity ID it is a draft.
type Profile struct {
	ID             string
	OrganizationID string
	Name           string
	Notes          string // what its people want to remember of it; they matter to nothing
	IdP            string // which product it is: one of [Products]
	ManagedBy      string // ManagedByOrganization or ManagedByOperator
	Disabled       bool
	EntityID       string // of the Identity Provider
	SSO, SLO       []saml.Endpoint
	Options        Options
	Certificates   []Certificate
	// MetadataURL is where its metadata is fetched from again and again; empty
	// where the data came otherwise.
	MetadataURL string
	// TestedHash is the hash of the configuration that passed a test.
	TestedHash []byte
	TestedAt   time.Time
	Version    int64 // counts the changes
	CreatedAt  time.Time
}

// Who manages a profile.
const (
	ManagedByOrganization = "organization"
	ManagedByOperator     = "operator"
)

// Products are the Identity Providers that there is a guide for.
var Products = []string{
	"entra", "okta", "onelogin", "google", "pingone", "pingfederate", "jumpcloud", "adfs", "keycloak", "auth0", "duo",
	"cyberark", "rippling", "shibboleth", "simplesamlphp", "authentik", "lastpass", "miniorange", "other",
}

// Options are the choices of a profile.
type Options struct {
	SignRequests              bool              `json:"sign_requests"`
	RequireEncryptedAssertion bool              `json:"require_encrypted_assertion"`
	RequireSignedResponse     bool              `json:"require_signed_response"`
	ForceAuthn                bool              `json:"force_authn"`
	AuthnContext              string            `json:"authn_context"`
	IdPInitiated              saml.Mode         `json:"idp_initiated"`
	OfferEncryption           bool              `json:"offer_encryption"`
	NameIDPolicy              saml.NameIDPolicy `json:"name_id_policy"`
	ClockToleranceSeconds     int               `json:"clock_tolerance_seconds"`
	AllowSHA1                 bool              `json:"allow_sha1"`
	AllowRSA15                bool              `json:"allow_rsa15"`
	AllowCBC                  bool              `json:"allow_cbc"`
	MetadataPin               string            `json:"metadata_pin"`
	RefuseExpiredCertificate  bool              `json:"refuse_expired_certificate"`
}

// DefaultOptions are those of a new profile.
func DefaultOptions() Options {
	return Options{
		IdPInitiated: saml.Restart, NameIDPolicy: saml.NameIDEmail,
		ClockToleranceSeconds: int(saml.DefaultTolerance / time.Second),
	}
}

// A Certificate is one that the Identity Provider signs with.
type Certificate struct {
	SHA256  string // of its DER form, in hexadecimal
	AddedAt time.Time
	*x509.Certificate
}

func newCertificate(c *x509.Certificate, now time.Time) Certificate {
	sum := sha256.Sum256(c.Raw)
	return Certificate{SHA256: hex.EncodeToString(sum[:]), AddedAt: now, Certificate: c}
}

// has reports whether a certificate is in use.
func (p *Profile) has(sha256 string) bool {
	return slices.ContainsFunc(p.Certificates, func(c Certificate) bool { return c.SHA256 == sha256 })
}

// A State is where a profile stands. Enforced wins over tested.
type State string

const (
	Draft      State = "draft"
	Configured State = "configured"
	Tested     State = "tested"
	Enforced   State = "enforced"
	Disabled   State = "disabled"
)

// State returns where the profile stands; enforced tells whether a domain is
// enforced with it.
func (p *Profile) State(enforced bool) State {
	switch {
	case p.EntityID == "":
		return Draft
	case p.Disabled:
		return Disabled
	case enforced:
		return Enforced
	case p.isTested():
		return Tested
	}
	return Configured
}

// isTested reports whether exactly this configuration has passed a test.
func (p *Profile) isTested() bool {
	return len(p.TestedHash) > 0 && bytes.Equal(p.TestedHash, p.hash())
}

// hash is of all that a test proves. Names, the mode for responses that answer no
// request and whose metadata is believed do not matter.
func (p *Profile) hash() []byte {
	options := p.Options
	options.IdPInitiated, options.MetadataPin = "", ""
	var certs []string
	for _, c := range p.Certificates {
		certs = append(certs, c.SHA256)
	}
	slices.Sort(certs)
	text, err := json.Marshal(struct {
		EntityID string
		SSO, SLO []saml.Endpoint
		Options  Options
		Certs    []string
	}{p.EntityID, p.SSO, p.SLO, options, certs})
	if err != nil {
		panic(err) // plain values
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// usable returns nil if somebody may be made to sign in with the profile.
func (p *Profile) usable() error {
	switch {
	case p.EntityID == "" || !p.isTested():
		return fault.New(fault.SSOProfileNotTested, "Test the connection of this SSO profile as it is now first.")
	case p.Disabled:
		return fault.New(fault.SSOProfileDisabled, "This SSO profile is disabled.")
	}
	return nil
}

func (p *Profile) target() audit.Target {
	return audit.Target{Kind: "sso_profile", ID: p.ID, Name: p.Name}
}

// URLs are the addresses of a profile on our side.
type URLs struct {
	EntityID, Metadata, ACS, Start, SLO string
}

func (s *Service) URLs(profileID string) URLs {
	base := s.cfg.BaseURL + "/saml/" + profileID
	return URLs{EntityID: base + "/metadata", Metadata: base + "/metadata", ACS: base + "/acs", Start: base + "/start", SLO: base + "/slo"}
}

// A Warning says what an administrator should know of a profile.
type Warning struct {
	Code, Detail string
}

// Warnings returns what is worth a second look.
func (p *Profile) Warnings(now time.Time, enforced bool) []Warning {
	warnings := []Warning{}
	for _, c := range p.Certificates {
		if now.After(c.NotAfter) {
			warnings = append(warnings, Warning{"certificate_expired",
				"The certificate " + c.Subject.String() + " expired on " + c.NotAfter.UTC().Format(time.DateOnly) + "."})
		}
	}
	insecure := func(what string, list []saml.Endpoint) {
		for _, ep := range list {
			if strings.HasPrefix(strings.ToLower(ep.Location), "http:") {
				warnings = append(warnings, Warning{"endpoint_not_https", "The " + what + " page " + ep.Location + " is not protected by https."})
			}
		}
	}
	insecure("sign-in", p.SSO)
	insecure("sign-out", p.SLO)
	if p.Options.AllowSHA1 {
		warnings = append(warnings, Warning{"sha1_allowed", "Signatures with SHA-1 are accepted. Have the Identity Provider sign with SHA-256."})
	}
	if p.Options.AllowRSA15 {
		warnings = append(warnings, Warning{"rsa15_allowed", "Keys encrypted with RSA 1.5 are accepted. Have the Identity Provider encrypt with RSA-OAEP."})
	}
	if enforced && !p.isTested() {
		warnings = append(warnings, Warning{"enforced_not_tested", "The profile is enforced and was changed since its last test."})
	}
	return warnings
}

// Fingerprint is the SHA-256 of a certificate's DER form, in hexadecimal.
func Fingerprint(c *x509.Certificate) string { return newCertificate(c, time.Time{}).SHA256 }
