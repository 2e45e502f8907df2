package parts

import (
	"encoding/pem"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A Profile is an SSO profile with its Identity Provider.
type Profile struct {
	*Organization
	ID  string
	IdP *samltest.IdP
}

// number keeps the ids of responses apart.
var number atomic.Int64

// PEM is a certificate of samltest as people paste it.
func PEM(key string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: samltest.NamedKey(key).Certificate.Raw}))
}

// Known is what an administrator enters of an Identity Provider.
func Known(idp *samltest.IdP) sso.Input {
	name, metadata := "Login", string(idp.Metadata())
	return sso.Input{Name: &name, MetadataXML: &metadata}
}

// Configured makes an SSO profile that was not tested.
func (o *Organization) Configured(t testing.TB) *Profile {
	t.Helper()
	o.tick()
	idp := samltest.NewIdP()
	v, err := o.SSO.Create(t.Context(), Operator(), o.ID, Known(idp))
	if err != nil {
		t.Fatal(err)
	}
	return &Profile{o, v.ID, idp}
}

// Profile makes an SSO profile that has passed its test.
func (o *Organization) Profile(t testing.TB) *Profile {
	t.Helper()
	p := o.Configured(t)
	p.Test(t)
	return p
}

// Test counts the profile as tested.
func (p *Profile) Test(t testing.TB) {
	t.Helper()
	if _, err := p.SSO.Vouch(t.Context(), Operator(), p.ID); err != nil {
		t.Fatal(err)
	}
}

// Set changes the profile.
func (p *Profile) Set(t testing.TB, in sso.Input) sso.View {
	t.Helper()
	v, err := p.SSO.Update(t.Context(), Operator(), p.ID, in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Mode sets what becomes of responses that answer no request.
func (p *Profile) Mode(t testing.TB, mode saml.Mode) {
	t.Helper()
	p.Set(t, sso.Input{Options: &sso.OptionsInput{IdPInitiated: &mode}})
}

// Enforce enforces domains with the profile.
func (p *Profile) Enforce(t testing.TB, domains ...directory.Domain) {
	t.Helper()
	var ids []string
	for _, d := range domains {
		ids = append(ids, d.ID)
	}
	if _, err := p.SSO.Enforce(t.Context(), Operator(), ids, sso.Enforcement{ProfileID: p.ID, Acknowledged: true}); err != nil {
		t.Fatal(err)
	}
}

// Release releases a domain.
func (p *Parts) Release(t testing.TB, d directory.Domain) {
	t.Helper()
	if _, err := p.SSO.Enforce(t.Context(), Operator(), []string{d.ID}, sso.Enforcement{}); err != nil {
		t.Fatal(err)
	}
}

// Start sends a browser to the Identity Provider. It returns the request and
// the browser's secret.
func (p *Profile) Start(t testing.TB, returnTo string) (req *samltest.Request, browserToken string) {
	t.Helper()
	d, err := p.SSO.Start(t.Context(), sso.Start{ProfileID: p.ID, ReturnTo: returnTo})
	if err != nil {
		t.Fatal(err)
	}
	if req, err = samltest.ReadRequest(d.URL); err != nil {
		t.Fatal(err)
	}
	return req, d.BrowserToken
}

// Answer is a good answer of the Identity Provider about an address, to a
// request or, with an empty id, to none. The edits change it before it is
// signed.
func (p *Profile) Answer(requestID, email string, edits ...func(*samltest.Response)) sso.Response {
	urls := p.SSO.URLs(p.ID)
	r := p.IdP.Response(saml.Config{EntityID: urls.EntityID, ACSURL: urls.ACS, IdP: p.IdP.Provider()}, requestID, p.Now())
	n := number.Add(1)
	r.ID, r.Assertion.ID = fmt.Sprintf("_response%d", n), fmt.Sprintf("_assertion%d", n)
	r.Assertion.NameID.Value = email
	for _, edit := range edits {
		edit(r)
	}
	return sso.Response{ProfileID: p.ID, SAMLResponse: []string{r.Encode()}}
}

// Consume has a response decided on.
func (p *Parts) Consume(t testing.TB, r sso.Response) (sso.Consumed, error) {
	t.Helper()
	return p.SSO.Consume(t.Context(), access.Actor{Address: "192.0.2.1"}, r)
}

// Finish brings a ticket back.
func (p *Parts) Finish(t testing.TB, in sso.Finish) (signin.Outcome, error) {
	t.Helper()
	return p.SSO.Finish(t.Context(), access.Actor{Address: "192.0.2.1"}, in)
}

// Login goes all the way from a request to the outcome.
func (p *Profile) Login(t testing.TB, email string) (signin.Outcome, error) {
	t.Helper()
	req, browser := p.Start(t, "")
	c, err := p.Consume(t, p.Answer(req.ID, email))
	if err != nil {
		return signin.Outcome{}, err
	}
	return p.Finish(t, sso.Finish{Ticket: c.Ticket, BrowserTokens: []string{browser}})
}

// SignIns returns the sign-ins of the organization's log, newest first.
func (o *Organization) SignIns(t testing.TB) (list []audit.Event) {
	t.Helper()
	for _, e := range o.Events(t) {
		if e.Action == audit.SignInSucceeded || e.Action == audit.SignInRefused {
			list = append(list, e)
		}
	}
	return list
}

// Try starts a test of the profile's connection in a browser: it returns the
// request that the Identity Provider gets, and the browser's secret.
func (p *Profile) Try(t testing.TB, draft bool) (test sso.NewTest, req *samltest.Request, browserToken string) {
	t.Helper()
	p.tick()
	test, err := p.SSO.NewTest(t.Context(), Operator(), p.ID, draft)
	if err != nil {
		t.Fatal(err)
	}
	p.tick()
	req, browserToken = p.Open(t, test)
	return test, req, browserToken
}

// Open opens the start URL of a test.
func (p *Parts) Open(t testing.TB, test sso.NewTest) (req *samltest.Request, browserToken string) {
	t.Helper()
	d, err := p.SSO.StartTest(t.Context(), strings.TrimPrefix(test.StartURL, BaseURL+"/test/"))
	if err != nil {
		t.Fatal(err)
	}
	if req, err = samltest.ReadRequest(d.URL); err != nil {
		t.Fatal(err)
	}
	return req, d.BrowserToken
}

// Found returns what a test has found, as the operator sees it.
func (p *Parts) Found(t testing.TB, testID string) sso.TestView {
	t.Helper()
	v, err := p.SSO.Test(t.Context(), Operator(), testID)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
