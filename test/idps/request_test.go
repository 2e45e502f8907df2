package idps

import (
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sallyport/test/harness"
)

// redirectSSO is the endpoint for requests by HTTP-Redirect in metadata.
var redirectSSO = regexp.MustCompile(`<(?:md:)?SingleSignOnService\s[^>]*bindings:HTTP-Redirect"[^>]*/>`)

// byForm is an Identity Provider's metadata without that endpoint.
func byForm(t *testing.T, p *product) string {
	t.Helper()
	document := string(p.start().Metadata(t))
	without := redirectSSO.ReplaceAllString(document, "")
	if without == document || !strings.Contains(without, "SingleSignOnService") {
		t.Fatalf("no endpoint for HTTP-Redirect, or for nothing else:\n%s", document)
	}
	return without
}

// departByForm goes from our login page to the form that leads to the Identity
// Provider.
func (c *customer) departByForm(t *testing.T, b *harness.Browser) (action string, request url.Values) {
	t.Helper()
	a := b.Post(t, "/login", url.Values{"email": {c.Email}, "return_to": {"/account/security"}})
	request = a.Form(t)
	if a.Status != 200 || !strings.Contains(a.Body, `action="`+html.EscapeString(c.idp.RedirectURL())+`"`) || !request.Has("SAMLRequest") {
		t.Fatalf("%d %s to %q, no form for the Identity Provider\n%s", a.Status, a.Code, a.Location, a.Body)
	}
	return c.idp.RedirectURL(), request
}

// askByForm is ask where our page has the browser post the request.
func (c *customer) askByForm(t *testing.T, b *harness.Browser) form {
	t.Helper()
	action, request := c.departByForm(t, b)
	got, values := c.idp.Walk(t, nil, c.Login.name, c.Login.password).AnswerForm(t, action, request)
	return c.expected(t, got, values)
}

func TestEveryProductIsAskedByForm(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		c := connectBy(t, s, p, nil, byForm(t, p))
		c.answersIn(t, signsBoth)
		b := s.NewBrowser(t)
		c.arrive(t, b, c.askByForm(t, b), "/account/security")
	})
}
