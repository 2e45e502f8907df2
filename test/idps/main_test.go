// Package idps holds the tests against Identity Providers that share no code
// with us, set up by the tests themselves. Browsers are plain HTTP clients here;
// package browser does the same with a real one.
package idps

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// kept holds what the tests share. It, and what it keeps, are package variables
// because nothing else lives as long as all tests do.
var kept harness.Keeper

var servers = map[string]func() *harness.Server{
	"sqlite":   sync.OnceValue(func() *harness.Server { return harness.Start(&kept, harness.Options{Engine: "sqlite"}) }),
	"postgres": sync.OnceValue(func() *harness.Server { return harness.Start(&kept, harness.Options{Engine: "postgres"}) }),
}

// maxCustomers bounds how many customers the tests make: the Identity Provider
// learns its users when it starts.
const maxCustomers = 256

// companyPassword is everybody's password at the Identity Provider.
const companyPassword = "at the company"

var simpleSAMLphp = sync.OnceValue(func() *testenv.SimpleSAMLphpIdP {
	var users []testenv.SimpleSAMLphpUser
	for n := range maxCustomers {
		for _, local := range []string{"user", "stranger"} {
			users = append(users, testenv.SimpleSAMLphpUser{
				Login: fmt.Sprint(local, n), Password: companyPassword,
				Attributes: map[string][]string{"mail": {local + "@" + domainName(n)}, "uid": {fmt.Sprint(local, n)}},
			})
		}
	}
	return testenv.SimpleSAMLphp(&kept, testenv.SimpleSAMLphpConfig{Users: users})
})

func domainName(n int) string { return fmt.Sprintf("customer%d.test", n) }

func TestMain(m *testing.M) {
	code := m.Run()
	if !kept.End() {
		code = 1
	}
	harness.RemoveBinary()
	os.Exit(code)
}

// each runs a test on both engines.
func each(t *testing.T, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) {
			s := servers[engine]()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("log of the server:\n%s\nof the Identity Provider:\n%s", s.LogTail(40), simpleSAMLphp().LogTail(20))
				}
			})
			f(t, s)
		})
	}
}

var customers atomic.Int64

// A customer is an organization whose domain is enforced with the Identity
// Provider, and which has one user.
type customer struct {
	*harness.Organization
	idp *testenv.SimpleSAMLphpIdP

	ProfileID string
	EntityID  string // ours
	ACSURL    string
	Metadata  string // ours, as an administrator downloads it
	Warnings  []string

	Email           string
	Login, Stranger string // at the Identity Provider
}

// newCustomer connects both sides: each gets the other's metadata.
func newCustomer(t *testing.T, s *harness.Server, options harness.Object, sp testenv.SimpleSAMLphpSP) *customer {
	t.Helper()
	n := int(customers.Add(1)) - 1
	if n >= maxCustomers {
		t.Fatal("more customers than the Identity Provider has users for: raise maxCustomers")
	}
	c := &customer{Organization: harness.NewOrganization(t, s), idp: simpleSAMLphp(), Login: fmt.Sprint("user", n), Stranger: fmt.Sprint("stranger", n)}
	c.Domain = domainName(n)
	c.DomainID = c.AddDomain(t, c.Domain)
	c.Email = c.Address("user")
	c.AddUser(t, c.Email)

	body := harness.Object{"name": "SimpleSAMLphp", "idp": "simplesamlphp", "metadata_xml": string(c.idp.Metadata(t))}
	if options != nil {
		body["options"] = options
	}
	profile := c.OK(t, "POST", "/organizations/"+c.ID+"/sso-profiles", body)
	c.ProfileID = harness.ID(profile)
	c.EntityID, _ = profile["entity_id"].(string)
	c.ACSURL, _ = profile["acs_url"].(string)
	for _, warning := range harness.Items(harness.Object{"items": profile["warnings"]}) {
		c.Warnings = append(c.Warnings, fmt.Sprint(warning["code"]))
	}
	c.OK(t, "POST", "/sso-profiles/"+c.ProfileID+"/tests", harness.Object{"method": "operator"})
	c.OK(t, "PUT", "/domains/"+c.DomainID+"/enforcement", harness.Object{"sso_profile_id": c.ProfileID, "acknowledge": true})
	c.Metadata = s.NewBrowser(t).Get(t, "/saml/"+c.ProfileID+"/metadata").Body
	c.register(t, sp)
	return c
}

// register tells the Identity Provider how to answer this customer.
func (c *customer) register(t *testing.T, sp testenv.SimpleSAMLphpSP) {
	t.Helper()
	sp.Metadata = []byte(c.Metadata)
	c.idp.AddServiceProvider(t, sp)
}

// A form is what the Identity Provider has a browser post.
type form url.Values

// ask goes from our login page through the Identity Provider, as this user, and
// returns the answer that it gives.
func (c *customer) ask(t *testing.T, b *harness.Browser, login string) form {
	t.Helper()
	a := b.Post(t, "/login", url.Values{"email": {c.Email}, "return_to": {"/account/security"}})
	if !strings.HasPrefix(a.Location, c.idp.SSOURL+"?") {
		t.Fatalf("%d %s to %q, not to the Identity Provider", a.Status, a.Code, a.Location)
	}
	return c.answer(t, nil, a.Location, login)
}

// deliver posts the answer to us, from the Identity Provider's site.
func (c *customer) deliver(t *testing.T, b *harness.Browser, f form) harness.Answer {
	t.Helper()
	return b.PostForeign(t, strings.TrimPrefix(c.ACSURL, c.Base), url.Values(f))
}

// arrive delivers an answer that is accepted, and ends the login.
func (c *customer) arrive(t *testing.T, b *harness.Browser, f form, at string) {
	t.Helper()
	a := c.deliver(t, b, f)
	if a.Status != 303 || !strings.HasPrefix(a.Location, "/login/finish?ticket=") {
		t.Fatalf("the answer of the Identity Provider got %d %s to %q\n%s", a.Status, a.Code, a.Location, a.Body)
	}
	b.Get(t, a.Location).Redirected(t, at)
	b.SignedIn(t, c.Email, "sso")
}
