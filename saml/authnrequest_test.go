package saml_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

func request(t *testing.T, change func(*saml.Config), o saml.RequestOptions) *saml.AuthnRequest {
	t.Helper()
	cfg := samltest.NewIdP().Config()
	if change != nil {
		change(&cfg)
	}
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	req, err := sp.AuthnRequest(o)
	if err != nil {
		t.Fatal(err)
	}
	var p xmltree.Parser
	if _, err := p.Parse(req.XML, xmltree.Options{}); err != nil {
		t.Fatalf("%v\n%s", err, req.XML)
	}
	return req
}

func TestARequestIsWrittenInFull(t *testing.T) {
	req := request(t, func(c *saml.Config) {
		c.EntityID, c.AuthnContext, c.ForceAuthn = "https://app.example/?a&b", "urn:mfa", true
	}, saml.RequestOptions{ID: "_id", Now: samltest.Now()})
	const want = `<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"` +
		` ID="_id" Version="2.0" IssueInstant="2026-03-01T09:30:00.000Z" Destination="https://idp.example/sso"` +
		` AssertionConsumerServiceURL="https://app.example/saml/acme/acs" ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" ForceAuthn="true">` +
		`<saml:Issuer>https://app.example/?a&amp;b</saml:Issuer>` +
		`<samlp:NameIDPolicy Format="urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" AllowCreate="true"/>` +
		`<samlp:RequestedAuthnContext Comparison="exact"><saml:AuthnContextClassRef>urn:mfa</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>` +
		`</samlp:AuthnRequest>`
	if diff := cmp.Diff(want, string(req.XML)); diff != "" {
		t.Error(diff)
	}
}

func TestWhatARequestAsksFor(t *testing.T) {
	for name, c := range map[string]struct {
		change     func(*saml.Config)
		o          saml.RequestOptions
		has, hasNo string
	}{
		"the address":          {nil, saml.RequestOptions{}, "nameid-format:emailAddress", "ForceAuthn"},
		"anything":             {func(c *saml.Config) { c.NameIDPolicy = saml.NameIDUnspecified }, saml.RequestOptions{}, "nameid-format:unspecified", "emailAddress"},
		"nothing":              {func(c *saml.Config) { c.NameIDPolicy = saml.NameIDNone }, saml.RequestOptions{}, "Issuer", "NameIDPolicy"},
		"no context":           {nil, saml.RequestOptions{}, "Issuer", "RequestedAuthnContext"},
		"a new authentication": {nil, saml.RequestOptions{ForceAuthn: true}, `ForceAuthn="true"`, "RequestedAuthnContext"},
	} {
		text := string(request(t, c.change, c.o).XML)
		if !strings.Contains(text, c.has) || strings.Contains(text, c.hasNo) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestWhereARequestGoes(t *testing.T) {
	redirect := saml.Endpoint{Binding: saml.HTTPRedirect, Location: "https://idp.example/sso?tenant=a%26b#top"}
	post := saml.Endpoint{Binding: saml.HTTPPost, Location: "https://idp.example/post"}
	soap := saml.Endpoint{Binding: "urn:oasis:names:tc:SAML:2.0:bindings:SOAP", Location: "https://idp.example/soap"}
	to := func(list ...saml.Endpoint) func(*saml.Config) { return func(c *saml.Config) { c.IdP.SSO = list } }

	req := request(t, to(soap, post, redirect), saml.RequestOptions{})
	if req.Binding != saml.HTTPRedirect || req.Destination != redirect.Location {
		t.Errorf("%+v", req)
	}
	url, err := req.RedirectURL("a b&c=/d")
	if err != nil || !strings.HasPrefix(url, "https://idp.example/sso?tenant=a%26b&SAMLRequest=") || !strings.HasSuffix(url, "&RelayState=a+b%26c%3D%2Fd") {
		t.Errorf("%s, %v", url, err)
	}
	read, err := samltest.ReadRequest(url)
	if err != nil {
		t.Fatal(err)
	}
	want := &samltest.Request{ID: req.ID, Issuer: samltest.SPEntityID, ACSURL: samltest.ACSURL, Destination: redirect.Location, RelayState: "a b&c=/d"}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Error(diff)
	}
	if url, err = req.RedirectURL(""); err != nil || strings.Contains(url, "RelayState") {
		t.Errorf("%s, %v", url, err)
	}

	req = request(t, to(soap, post), saml.RequestOptions{})
	if req.Binding != saml.HTTPPost || req.Destination != post.Location {
		t.Errorf("%+v", req)
	}
	if read, err = samltest.ReadPostedRequest(req.PostValue()); err != nil || read.ID != req.ID {
		t.Errorf("%+v, %v", read, err)
	}

	cfg := samltest.NewIdP().Config()
	to(soap)(&cfg)
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sp.AuthnRequest(saml.RequestOptions{}); !errors.Is(err, saml.ErrNoEndpoint) {
		t.Error(err)
	}
	if _, err := (&saml.AuthnRequest{Outgoing: saml.Outgoing{Destination: "://"}}).RedirectURL(""); err == nil {
		t.Error("a destination that is none")
	}
}

func TestIDsCannotBeGuessed(t *testing.T) {
	seen := make(map[string]bool)
	shape := regexp.MustCompile(`^_[a-z2-7]{32}$`)
	for range 1000 {
		id := saml.NewID()
		if seen[id] || !shape.MatchString(id) {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

func TestKeysThatAreAccepted(t *testing.T) {
	for _, name := range samltest.KeyNames() {
		if err := saml.CheckKey(samltest.NamedKey(name).Certificate); (err == nil) != (name != samltest.RSA1024) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
