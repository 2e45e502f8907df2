package harness

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Password is everybody's password in tests.
const Password = "three quiet harbours"

// number makes names unique in a server that several tests share.
var number atomic.Int64

// An Organization is one customer in a test, with a domain of its own.
type Organization struct {
	*Server
	ID       string
	Domain   string // its name
	DomainID string
}

// NewOrganization makes an organization with a verified domain.
func NewOrganization(t testing.TB, s *Server) *Organization {
	t.Helper()
	n := number.Add(1)
	o := &Organization{Server: s, Domain: fmt.Sprintf("org%d.test", n)}
	o.ID = ID(s.OK(t, "POST", "/organizations", Object{"name": fmt.Sprintf("Organization %d", n)}))
	o.DomainID = o.AddDomain(t, o.Domain)
	return o
}

// AddDomain claims and verifies a domain, and returns its id.
func (o *Organization) AddDomain(t testing.TB, name string) string {
	t.Helper()
	domainID := ID(o.OK(t, "POST", "/organizations/"+o.ID+"/domains", Object{"name": name}))
	o.OK(t, "POST", "/domains/"+domainID+"/verify", Object{"method": "operator"})
	return domainID
}

// Address returns an address at the organization's domain.
func (o *Organization) Address(local string) string { return local + "@" + o.Domain }

// AddUser adds an active user with a password and returns the id.
func (o *Organization) AddUser(t testing.TB, email string) string {
	t.Helper()
	return ID(o.OK(t, "POST", "/organizations/"+o.ID+"/users", Object{"email": email, "password": Password}))
}

// Invite adds an invited user and returns the id.
func (o *Organization) Invite(t testing.TB, email string) string {
	t.Helper()
	return ID(o.OK(t, "POST", "/organizations/"+o.ID+"/users", Object{"email": email}))
}

// NewIndependentUser makes an active independent user with a password.
func (s *Server) NewIndependentUser(t testing.TB, email string) string {
	t.Helper()
	return ID(s.OK(t, "POST", "/users", Object{"email": email, "password": Password}))
}

// A Profile is an SSO profile of an organization with its Identity Provider.
type Profile struct {
	*Organization
	ID  string
	IdP *samltest.IdP
	SP  saml.Config // our side, as the Identity Provider knows it
	// Ours is the certificate that our messages are to be signed for; set by
	// tests that look at that.
	Ours *x509.Certificate
}

// NewProfile makes a tested SSO profile with an Identity Provider of its own.
func (o *Organization) NewProfile(t testing.TB, options Object) *Profile {
	t.Helper()
	idp := samltest.NewIdP()
	idp.EntityID = fmt.Sprintf("https://idp%d.example/metadata", number.Add(1))
	return o.NewProfileWith(t, idp, options)
}

// NewProfileWith makes a tested SSO profile with this Identity Provider.
func (o *Organization) NewProfileWith(t testing.TB, idp *samltest.IdP, options Object) *Profile {
	t.Helper()
	p := o.NewUntestedProfile(t, idp, options)
	p.MarkTested(t)
	return p
}

// NewUntestedProfile makes an SSO profile with this Identity Provider that has
// passed no test.
func (o *Organization) NewUntestedProfile(t testing.TB, idp *samltest.IdP, options Object) *Profile {
	t.Helper()
	body := Object{"name": "Profile", "idp": "other", "metadata_xml": string(idp.Metadata())}
	if options != nil {
		body["options"] = options
	}
	created := o.OK(t, "POST", "/organizations/"+o.ID+"/sso-profiles", body)
	p := &Profile{Organization: o, ID: ID(created), IdP: idp}
	p.SP = idp.Config()
	p.SP.EntityID, _ = created["entity_id"].(string)
	p.SP.ACSURL, _ = created["acs_url"].(string)
	p.SP.SLOURL, _ = created["slo_url"].(string)
	return p
}

// MarkTested counts the profile's present configuration as tested.
func (p *Profile) MarkTested(t testing.TB) {
	t.Helper()
	p.OK(t, "POST", "/sso-profiles/"+p.ID+"/tests", Object{"method": "operator"})
}

// NewTest makes a test of the profile's connection, and returns its id and the
// path that starts it.
func (p *Profile) NewTest(t testing.TB) (testID, start string) {
	t.Helper()
	test := p.OK(t, "POST", "/sso-profiles/"+p.ID+"/tests", Object{})
	url, _ := test["start_url"].(string)
	return ID(test), p.Path(t, url)
}

// Enforce enforces the organization's domain with the profile.
func (p *Profile) Enforce(t testing.TB) {
	t.Helper()
	p.OK(t, "PUT", "/domains/"+p.DomainID+"/enforcement", Object{"sso_profile_id": p.ID, "acknowledge": true})
}

// Response returns a good response for an address, to a request or to none.
// Signed are both the response and the assertion.
func (p *Profile) Response(email, requestID string) *samltest.Response {
	r := p.IdP.Response(p.SP, requestID, time.Now())
	// IDs have to differ from one message to the next.
	n := number.Add(1)
	r.ID = fmt.Sprintf("_response%d-%d", n, time.Now().UnixNano())
	r.Assertion.ID = fmt.Sprintf("_assertion%d-%d", n, time.Now().UnixNano())
	r.Assertion.NameID.Value = email
	return r
}

// Order returns an order of the Identity Provider's to sign an address out, with
// the index of one session or, if it is empty, everywhere.
func (p *Profile) Order(email, index string) *samltest.Logout {
	l := p.IdP.LogoutRequest(p.SP, time.Now())
	l.ID = fmt.Sprintf("_order%d-%d", number.Add(1), time.Now().UnixNano())
	if l.NameID.Value, l.SessionIndexes = email, nil; index != "" {
		l.SessionIndexes = []string{index}
	}
	return l
}

// SLOPath is the path of the profile's Single Logout Service.
func (p *Profile) SLOPath() string { return strings.TrimPrefix(p.SP.SLOURL, p.Base) }

// Keys returns the certificates of our keys of the profile by their state.
func (p *Profile) Keys(t testing.TB) map[string]*x509.Certificate {
	t.Helper()
	keys := make(map[string]*x509.Certificate)
	for _, k := range Items(p.OK(t, "GET", "/sso-profiles/"+p.ID+"/keys", nil)) {
		text, _ := k["certificate"].(string)
		block, _ := pem.Decode([]byte(text))
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		keys[fmt.Sprint(k["state"])] = c
	}
	return keys
}

// PEM returns the certificate of a key as text.
func PEM(k *samltest.Key) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate.Raw}))
}

// ACSPath is the path of the profile's Assertion Consumer Service.
func (p *Profile) ACSPath() string { return strings.TrimPrefix(p.SP.ACSURL, p.Base) }

// NewToken makes a token of the organization.
func (o *Organization) NewToken(t testing.TB, scope string) string {
	t.Helper()
	token, _ := o.OK(t, "POST", "/tokens", Object{"organization_id": o.ID, "scope": scope})["token"].(string)
	return token
}

// Audit returns the newest events of the organization's log, the newest first.
func (o *Organization) Audit(t testing.TB) []Object {
	t.Helper()
	return Items(o.OK(t, "GET", "/organizations/"+o.ID+"/audit?limit=200", nil))
}

// Recorded fails unless the organization's log soon holds a refused sign-in with
// this reference and code, and returns it: what another node has refused is
// written there.
func (o *Organization) Recorded(t testing.TB, a Answer) Object {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		for _, event := range o.Audit(t) {
			if event["reference"] == a.Reference && event["outcome"] == "refused" {
				if event["code"] != a.Code || event["action"] != "sign_in.refused" {
					t.Fatalf("the log has %v for the reference %s of %s", event, a.Reference, a.Code)
				}
				return event
			}
		}
		if time.Now().After(end) {
			t.Fatalf("the organization's log does not hold the reference %s of %s", a.Reference, a.Code)
		}
	}
}

// User returns what the API shows of a user.
func (s *Server) User(t testing.TB, userID string) Object {
	t.Helper()
	return s.OK(t, "GET", "/users/"+userID, nil)
}

// Sessions returns a user's sessions.
func (s *Server) Sessions(t testing.TB, userID string) []Object {
	t.Helper()
	return Items(s.OK(t, "GET", "/users/"+userID+"/sessions", nil))
}

// Enforced makes an organization whose domain is enforced with a new profile,
// and an active user there.
func Enforced(t testing.TB, s *Server, options Object) (p *Profile, email, userID string) {
	t.Helper()
	o := NewOrganization(t, s)
	email = o.Address("user")
	userID = o.AddUser(t, email)
	p = o.NewProfile(t, options)
	p.Enforce(t)
	return p, email, userID
}
