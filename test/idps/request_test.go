package idps

import (
	"encoding/base64"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A binding is how our requests reach the Identity Provider: as its metadata
// says that it takes them.
type binding struct {
	name     string
	metadata func(t *testing.T, p *product) string
}

var (
	byRedirect = binding{"HTTP-Redirect", func(t *testing.T, p *product) string { return string(p.start().Metadata(t)) }}
	byPOST     = binding{"HTTP-POST", withoutRedirect}
)

// withoutRedirect is an Identity Provider's metadata without the endpoint for
// requests by HTTP-Redirect.
func withoutRedirect(t *testing.T, p *product) string {
	t.Helper()
	return without(t, string(p.start().Metadata(t)), "SingleSignOnService", byRedirect)
}

// without is metadata without the endpoints of a kind that have this binding.
func without(t *testing.T, document, endpoint string, b binding) string {
	t.Helper()
	element := regexp.MustCompile(`<(?:md:)?` + endpoint + `\s[^>]*bindings:` + b.name + `"[^>]*/>`)
	rest := element.ReplaceAllString(document, "")
	if rest == document || !strings.Contains(rest, endpoint) {
		t.Fatalf("no %s for %s, or for nothing else:\n%s", endpoint, b.name, document)
	}
	return rest
}

// A request is what our page sends a browser to the Identity Provider with.
type request struct {
	location string     // by HTTP-Redirect
	form     url.Values // by HTTP-POST
}

// depart goes from our login page to the Identity Provider.
func (c *customer) depart(t *testing.T, b *harness.Browser, by binding) request {
	t.Helper()
	a := b.Post(t, "/login", url.Values{"email": {c.Email}, "return_to": {"/account/security"}})
	target := c.idp.RedirectURL()
	switch {
	case by.name == byRedirect.name && strings.HasPrefix(a.Location, target+"?"):
		return request{location: a.Location}
	case by.name == byPOST.name && a.Status == 200 && strings.Contains(a.Body, `action="`+html.EscapeString(target)+`"`):
		return request{form: a.Form(t)}
	}
	t.Fatalf("%d %s to %q, not to the Identity Provider by %s\n%s", a.Status, a.Code, a.Location, by.name, a.Body)
	return request{}
}

// answered walks through the Identity Provider with a request, and returns the
// answer.
func (c *customer) answered(t *testing.T, r request, user login) form {
	t.Helper()
	walk := c.idp.Walk(t, nil, user.name, user.password)
	if r.location != "" {
		action, values := walk.Answer(t, r.location)
		return c.expected(t, action, values)
	}
	action, values := walk.AnswerForm(t, c.idp.RedirectURL(), r.form)
	return c.expected(t, action, values)
}

// refusedThere fails unless the Identity Provider refuses a request, for a
// reason that its page tells.
func (c *customer) refusedThere(t *testing.T, r request) {
	t.Helper()
	walk := c.idp.Walk(t, nil, c.Login.name, c.Login.password)
	var page string
	if r.location != "" {
		page = walk.Refusal(t, r.location)
	} else {
		page = walk.RefusalForm(t, c.idp.RedirectURL(), r.form)
	}
	if !verifiers[c.product].reason.MatchString(page) {
		t.Fatalf("%s says %s", c.product.name, page)
	}
}

// changed is a request that something was changed in, behind its signature.
func (r request) changed(t *testing.T) request {
	t.Helper()
	if r.location != "" {
		changed := strings.Replace(r.location, "RelayState=", "RelayState=x", 1)
		if changed == r.location {
			t.Fatalf("no RelayState in %s", r.location)
		}
		return request{location: changed}
	}
	xml, err := base64.StdEncoding.DecodeString(r.form.Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(xml), ` Version="2.0"`, ` IsPassive="false" Version="2.0"`, 1)
	if changed == string(xml) {
		t.Fatalf("no version in %s", xml)
	}
	return request{form: url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(changed))}, "RelayState": r.form["RelayState"]}}
}

func TestEveryProductIsAskedByEitherBinding(t *testing.T) {
	eachProduct(t, func(t *testing.T, s *harness.Server, p *product) {
		for _, by := range []binding{byRedirect, byPOST} {
			t.Run(by.name, func(t *testing.T) {
				c := connectBy(t, s, p, nil, by.metadata(t, p))
				c.answersIn(t, signsBoth)
				b := s.NewBrowser(t)
				c.arrive(t, b, c.answered(t, c.depart(t, b, by), c.Login), "/account/security")
			})
		}
	})
}

// A verifier is how an Identity Provider is told to demand signed requests, by
// the key in our metadata.
type verifier struct {
	demand func(t *testing.T, c *customer)
	// reason is what its page says of a request that it doesn't take.
	reason *regexp.Regexp
}

var verifiers = map[*product]verifier{
	simpleSAMLphp: {func(t *testing.T, c *customer) {
		c.register(t, testenv.SimpleSAMLphpSP{SignResponse: true, ValidateRequests: true})
	}, regexp.MustCompile(`(?i)no signature found|unable to validate signature`)},
	lemonLDAP: {func(t *testing.T, c *customer) {
		c.registerLemonLDAP(t, map[string]any{"SignSSOMessage": 1, "CheckSSOMessageSignature": 1})
	}, regexp.MustCompile(`trmsg="57"`)}, // its number for a signature that isn't good
	auth0samlp: {func(t *testing.T, c *customer) {
		certificate, _ := pemPair(t, c.metadataKeys(t, "signing")[0])
		c.putSAMLP(t, harness.Object{"requestCert": certificate})
	}, regexp.MustCompile(`MUST be signed|Signature check errors`)},
}

// eachVerifier runs a test for every Identity Provider that can demand signed
// requests, by either binding.
func eachVerifier(t *testing.T, f func(t *testing.T, c *customer, by binding)) {
	t.Helper()
	s := servers["sqlite"]()
	for _, p := range []*product{simpleSAMLphp, lemonLDAP, auth0samlp} {
		for _, by := range []binding{byRedirect, byPOST} {
			t.Run(p.name+" "+by.name, func(t *testing.T) {
				c := connectBy(t, s, p, harness.Object{"sign_requests": true}, by.metadata(t, p))
				f(t, c, by)
			})
		}
	}
}

func TestOurSignedRequestsAreVerified(t *testing.T) {
	eachVerifier(t, func(t *testing.T, c *customer, by binding) {
		demand := verifiers[c.product].demand
		demand(t, c)
		b := c.NewBrowser(t)
		c.arrive(t, b, c.answered(t, c.depart(t, b, by), c.Login), "/account/security")

		// A key signs from when on it is in use; until then it is only shown.
		c.OK(t, "POST", "/sso-profiles/"+c.ProfileID+"/keys", harness.Object{"delay": "1h"})
		b = c.NewBrowser(t)
		c.arrive(t, b, c.answered(t, c.depart(t, b, by), c.Login), "/account/security")
		c.readMetadata(t)
		if n := len(c.metadataKeys(t, "signing")); n != 2 {
			t.Fatalf("our metadata shows %d keys that sign", n)
		}
		demand(t, c)
		b = c.NewBrowser(t)
		c.arrive(t, b, c.answered(t, c.depart(t, b, by), c.Login), "/account/security")
	})
}

// withOtherKey is our metadata with another key in place of ours.
func withOtherKey(t *testing.T, ours string) string {
	t.Helper()
	other := base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.SP).Certificate.Raw)
	changed := certificateElement.ReplaceAllString(ours, "${1}"+other+"${2}")
	if changed == ours {
		t.Fatalf("no key in our metadata:\n%s", ours)
	}
	return changed
}

var certificateElement = regexp.MustCompile(`(<ds:X509Certificate>)[^<]*(</ds:X509Certificate>)`)

func TestRequestsThatAreNotOursAreRefusedThere(t *testing.T) {
	eachVerifier(t, func(t *testing.T, c *customer, by binding) {
		ours, demand := c.Metadata, verifiers[c.product].demand
		b := c.NewBrowser(t)
		c.Metadata = withOtherKey(t, ours)
		demand(t, c)
		c.refusedThere(t, c.depart(t, b, by))

		c.Metadata = ours
		demand(t, c)
		c.refusedThere(t, c.depart(t, b, by).changed(t))
		c.OK(t, "PATCH", "/sso-profiles/"+c.ProfileID, harness.Object{"options": harness.Object{"sign_requests": false}})
		c.refusedThere(t, c.depart(t, b, by))
	})
}
