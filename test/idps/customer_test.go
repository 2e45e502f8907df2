package idps

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"sallyport/test/harness"
)

// maxCustomers bounds how many customers the tests make: SimpleSAMLphp learns
// its users when it starts.
const maxCustomers = 256

var customers atomic.Int64

func domainName(n int) string { return fmt.Sprintf("customer%d.test", n) }

// A customer is an organization whose domain is enforced with an Identity
// Provider, and which has one user.
type customer struct {
	*harness.Organization
	product *product
	idp     peer
	number  int

	ProfileID string
	EntityID  string // ours
	ACSURL    string
	SLOURL    string
	Metadata  string // ours, as an administrator downloads it
	Warnings  []string

	Email           string
	Login, Stranger login // at the Identity Provider; nobody added the stranger here
}

// connect gives our side the other's metadata and reads ours.
func connect(t *testing.T, s *harness.Server, p *product, options harness.Object) *customer {
	t.Helper()
	return connectBy(t, s, p, options, string(p.start().Metadata(t)))
}

// connectBy is connect with a document in place of the metadata as the Identity
// Provider gives it out.
func connectBy(t *testing.T, s *harness.Server, p *product, options harness.Object, document string) *customer {
	t.Helper()
	n := int(customers.Add(1)) - 1
	if n >= maxCustomers {
		t.Fatal("more customers than SimpleSAMLphp has users for: raise maxCustomers")
	}
	c := &customer{Organization: harness.NewOrganization(t, s), product: p, idp: p.start(), number: n}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of %s:\n%s", p.name, c.idp.LogTail(20))
		}
	})
	c.Domain = domainName(n)
	c.DomainID = c.AddDomain(t, c.Domain)
	c.Login, c.Stranger = p.logins(c)
	c.Email = c.Address(c.Login.local)
	c.AddUser(t, c.Email)

	body := harness.Object{"name": p.name, "idp": p.kind, "metadata_xml": document}
	if options != nil {
		body["options"] = options
	}
	profile := c.OK(t, "POST", "/organizations/"+c.ID+"/sso-profiles", body)
	c.ProfileID = harness.ID(profile)
	c.EntityID, _ = profile["entity_id"].(string)
	c.ACSURL, _ = profile["acs_url"].(string)
	c.SLOURL, _ = profile["slo_url"].(string)
	for _, warning := range harness.Items(harness.Object{"items": profile["warnings"]}) {
		c.Warnings = append(c.Warnings, fmt.Sprint(warning["code"]))
	}
	c.OK(t, "POST", "/sso-profiles/"+c.ProfileID+"/tests", harness.Object{"method": "operator"})
	c.OK(t, "PUT", "/domains/"+c.DomainID+"/enforcement", harness.Object{"sso_profile_id": c.ProfileID, "acknowledge": true})
	c.readMetadata(t)
	return c
}

// readMetadata reads ours, as an administrator of the Identity Provider would.
func (c *customer) readMetadata(t *testing.T) {
	t.Helper()
	c.Metadata = c.NewBrowser(t).Get(t, "/saml/"+c.ProfileID+"/metadata").Body
}

// answers connects both sides: the Identity Provider gets our metadata and is
// told how to answer.
func (p *product) answers(t *testing.T, s *harness.Server, options harness.Object, manner manner) *customer {
	t.Helper()
	c := connect(t, s, p, options)
	c.answersIn(t, manner)
	return c
}

// answersIn tells the Identity Provider to answer in another manner.
func (c *customer) answersIn(t *testing.T, m manner) {
	t.Helper()
	c.product.register(t, c, m)
}

// A form is what the Identity Provider has a browser post.
type form url.Values

// ask goes from our login page through the Identity Provider, as this user, and
// returns the answer that it gives.
func (c *customer) ask(t *testing.T, b *harness.Browser, user login) form {
	t.Helper()
	return c.answered(t, c.depart(t, b, byRedirect), user)
}

// tile returns the answer that the Identity Provider gives unasked.
func (c *customer) tile(t *testing.T, relayState string) form {
	t.Helper()
	return c.answer(t, nil, c.idp.IdPInitiatedURL(c.EntityID, relayState), c.Login)
}

// answer walks through the Identity Provider to the form that would come to us.
// With the client of an earlier visit it may ask for no password.
func (c *customer) answer(t *testing.T, client *http.Client, startURL string, user login) form {
	t.Helper()
	action, values := c.idp.Walk(t, client, user.name, user.password).Answer(t, startURL)
	return c.expected(t, action, values)
}

// expected is a form that goes to our Assertion Consumer Service.
func (c *customer) expected(t *testing.T, action string, values url.Values) form {
	t.Helper()
	if action != c.ACSURL {
		t.Fatalf("the answer goes to %s, not to %s", action, c.ACSURL)
	}
	return form(values)
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
		t.Fatalf("the answer of the Identity Provider got %d %s to %q\n%s", a.Status, a.Code, a.Location, f.xml(t))
	}
	b.Get(t, a.Location).Redirected(t, at)
	b.SignedIn(t, c.Email, "sso")
}

// restarts delivers an unasked answer that leads to a request of ours, and
// returns that.
func (c *customer) restarts(t *testing.T, b *harness.Browser, f form) (location string) {
	t.Helper()
	a := c.deliver(t, b, f)
	if !strings.HasPrefix(a.Location, "/saml/"+c.ProfileID+"/start?") {
		t.Fatalf("%d %s to %q, no restart", a.Status, a.Code, a.Location)
	}
	return b.Get(t, a.Location).Location
}

// refused delivers an answer that is refused: with this code, on the page and
// in the log, and with nobody signed in.
func (c *customer) refused(t *testing.T, b *harness.Browser, f form, code string) {
	t.Helper()
	a := c.deliver(t, b, f)
	a.Refused(t, 403, code)
	c.Recorded(t, a)
	b.SignedIn(t, "", "")
}

// xml is the message itself.
func (f form) xml(t *testing.T) string {
	t.Helper()
	if len(f["SAMLResponse"]) != 1 {
		t.Fatalf("no answer: %v", f)
	}
	message, err := base64.StdEncoding.DecodeString(f["SAMLResponse"][0])
	if err != nil {
		t.Fatal(err)
	}
	return string(message)
}

// signed fails unless exactly what the manner says bears a signature of its own.
func (f form) signed(t *testing.T, m manner) {
	t.Helper()
	var response struct {
		Signature *struct{} `xml:"http://www.w3.org/2000/09/xmldsig# Signature"`
		Assertion struct {
			Signature *struct{} `xml:"http://www.w3.org/2000/09/xmldsig# Signature"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:assertion Assertion"`
	}
	if err := xml.Unmarshal([]byte(f.xml(t)), &response); err != nil {
		t.Fatal(err)
	}
	if (response.Signature != nil) != m.SignResponse || (response.Assertion.Signature != nil) != m.SignAssertion {
		t.Fatalf("not %s:\n%s", m.name, f.xml(t))
	}
}

// changed replaces text in the message.
func (f form) changed(t *testing.T, from, to string) form {
	t.Helper()
	message := f.xml(t)
	changed := strings.ReplaceAll(message, from, to)
	if changed == message {
		t.Fatalf("the message does not hold %q", from)
	}
	return form{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(changed))}, "RelayState": f["RelayState"]}
}
