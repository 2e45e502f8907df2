package saml_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
	other "github.com/russellhaering/goxmldsig"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// sending is a service provider that signs, with Single Logout on both sides.
// Only endpoints with this binding are left.
func sending(t *testing.T, binding saml.Binding, change func(*saml.Config)) *saml.ServiceProvider {
	t.Helper()
	cfg := samltest.NewLogoutScene().SP
	cfg.SignRequests = true
	cfg.IdP.SSO, cfg.IdP.SLO = with(cfg.IdP.SSO, binding), with(cfg.IdP.SLO, binding)
	if change != nil {
		change(&cfg)
	}
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sp
}

func with(list []saml.Endpoint, binding saml.Binding) (left []saml.Endpoint) {
	for _, ep := range list {
		if ep.Binding == binding {
			left = append(left, ep)
		}
	}
	return left
}

// located sends all messages of one binding to this URL.
func located(location string) func(*saml.Config) {
	return func(c *saml.Config) {
		for _, list := range [][]saml.Endpoint{c.IdP.SSO, c.IdP.SLO} {
			for i := range list {
				list[i].Location = location
			}
		}
	}
}

var nobody = saml.NameID{Value: samltest.Email, Format: samltest.FormatEmail, NameQualifier: "https://idp.example/metadata", SPNameQualifier: "a&b"}

// outgoing are one message of each kind.
func outgoing(t *testing.T, sp *saml.ServiceProvider) map[string]saml.Outgoing {
	t.Helper()
	authn, err1 := sp.AuthnRequest(saml.RequestOptions{Now: samltest.Now()})
	request, err2 := sp.LogoutRequest(saml.LogoutOptions{NameID: nobody, SessionIndex: "_session1", Now: samltest.Now()})
	response, err3 := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: "_asked", Done: true, Now: samltest.Now()})
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return map[string]saml.Outgoing{"AuthnRequest": authn.Outgoing, "LogoutRequest": request.Outgoing, "LogoutResponse": response.Outgoing}
}

// TestARedirectIsSignedOverItsOctets takes the query apart by hand.
func TestARedirectIsSignedOverItsOctets(t *testing.T) {
	for _, location := range []string{"https://idp.example/sso", "https://idp.example/sso?tenant=a%26b&x=SAMLRequest%3D", "https://idp.example/sso?#top", "https://idp.example?"} {
		for _, relayState := range []string{"", "plain", "a b&c=/d+ü%\n"} {
			for name, m := range outgoing(t, sending(t, saml.HTTPRedirect, located(location))) {
				redirect, err := m.RedirectURL(relayState)
				if err != nil {
					t.Fatal(err)
				}
				before, _, _ := strings.Cut(location, "#")
				query, ok := strings.CutPrefix(redirect, strings.TrimSuffix(before, "?"))
				if _, given, has := strings.Cut(before, "?"); has && given != "" {
					query, ok = strings.CutPrefix(query, "&")
				} else {
					query = strings.TrimPrefix(query, "?")
				}
				signed, signature, found := strings.Cut(query, "&Signature=")
				if !ok || !found || strings.Contains(signature, "&") {
					t.Fatalf("%s to %s: %s", name, location, redirect)
				}
				want := m.Field + "=" + url.QueryEscape(parameter(t, redirect, m.Field))
				if relayState != "" {
					want += "&RelayState=" + url.QueryEscape(relayState)
				}
				want += "&SigAlg=http%3A%2F%2Fwww.w3.org%2F2001%2F04%2Fxmldsig-more%23rsa-sha256"
				if signed != want {
					t.Errorf("%s: signed is %q, not %q", name, signed, want)
				}
				value, err := base64.StdEncoding.DecodeString(parameter(t, redirect, "Signature"))
				if err != nil {
					t.Fatal(err)
				}
				sum := sha256.Sum256([]byte(signed))
				public := samltest.NamedKey(samltest.SP).Certificate.PublicKey.(*rsa.PublicKey)
				if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], value); err != nil {
					t.Errorf("%s to %s: %v", name, location, err)
				}
				if err := samltest.VerifyRedirect(redirect, samltest.NamedKey(samltest.SP).Certificate); err != nil {
					t.Errorf("%s to %s: %v", name, location, err)
				}
				if u, err := url.Parse(redirect); err != nil || u.Query().Get("RelayState") != relayState {
					t.Errorf("%s: %v", redirect, err)
				}
				if strings.Contains(string(m.XML), "Signature") {
					t.Errorf("%s is signed inside too: %s", name, m.XML)
				}
			}
		}
	}
}

func parameter(t *testing.T, redirect, name string) string {
	t.Helper()
	u, err := url.Parse(redirect)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get(name)
}

func TestAChangedRedirectDoesNotVerify(t *testing.T) {
	signer := samltest.NamedKey(samltest.SP).Certificate
	m := outgoing(t, sending(t, saml.HTTPRedirect, nil))["LogoutRequest"]
	redirect, err := m.RedirectURL("state")
	if err != nil {
		t.Fatal(err)
	}
	if err := samltest.VerifyRedirect(redirect, samltest.NamedKey(samltest.SPOld).Certificate); err == nil {
		t.Error("another key verifies")
	}
	for name, changed := range map[string]string{
		"the message":            must(redirect, "SAMLRequest=", "SAMLRequest=A"),
		"the state":              must(redirect, "state", "State"),
		"no state":               must(redirect, "&RelayState=state", ""),
		"a second state":         must(redirect, "&RelayState=state", "&RelayState=state&RelayState=x"),
		"the algorithm":          must(redirect, "rsa-sha256", "rsa-sha512"),
		"no algorithm":           redirect[:strings.Index(redirect, "&SigAlg")],
		"a signature of nothing": redirect[:strings.Index(redirect, "&Signature")],
		"a bad escape":           redirect + "%",
		"no base64":              redirect + "!",
	} {
		if err := samltest.VerifyRedirect(changed, signer); err == nil {
			t.Errorf("%s: verifies", name)
		}
	}
}

func TestOnlyTheFirstKeySigns(t *testing.T) {
	sp := sending(t, saml.HTTPRedirect, ours(samltest.SP3072, samltest.SP))
	for name, m := range outgoing(t, sp) {
		redirect, err := m.RedirectURL("")
		if err != nil {
			t.Fatal(err)
		}
		if err := samltest.VerifyRedirect(redirect, samltest.NamedKey(samltest.SP3072).Certificate); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestsAreNotSignedUnasked(t *testing.T) {
	for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
		sp := sending(t, binding, func(c *saml.Config) { c.SignRequests = false })
		m := outgoing(t, sp)["AuthnRequest"]
		redirect, err := m.RedirectURL("x")
		if err != nil || strings.Contains(redirect, "Sig") || strings.Contains(string(m.XML), "Signature") {
			t.Errorf("%s: %s, %v\n%s", binding, redirect, err, m.XML)
		}
	}
}

// TestAPostIsSignedInside has others verify the signatures.
func TestAPostIsSignedInside(t *testing.T) {
	if _, err := exec.LookPath("xmlsec1"); err != nil {
		t.Fatal("xmlsec1 is missing: apt-get install xmlsec1")
	}
	dir := t.TempDir()
	cert := samltest.NamedKey(samltest.SP).Certificate
	pemFile := filepath.Join(dir, "cert")
	if err := os.WriteFile(pemFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, m := range outgoing(t, sending(t, saml.HTTPPost, nil)) {
		raw, err := base64.StdEncoding.DecodeString(m.PostValue())
		if err != nil || string(raw) != string(m.XML) {
			t.Fatalf("%s: %v", name, err)
		}
		tree := etree.NewDocument()
		if err := tree.ReadFromBytes(raw); err != nil {
			t.Fatal(err)
		}
		// The Signature stands right behind the Issuer.
		if children := tree.Root().ChildElements(); children[0].Tag != "Issuer" || children[1].Tag != "Signature" {
			t.Errorf("%s: %s", name, raw)
		}
		ctx := other.NewDefaultValidationContext(&other.MemoryX509CertificateStore{Roots: []*x509.Certificate{cert}})
		if _, err := ctx.Validate(tree.Root()); err != nil {
			t.Errorf("%s: goxmldsig: %v\n%s", name, err, raw)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		verify := exec.Command("xmlsec1", "--verify", "--pubkey-cert-pem", pemFile, "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:protocol:"+name, path)
		if out, err := verify.CombinedOutput(); err != nil {
			t.Errorf("%s: xmlsec1: %v\n%s", name, err, out)
		}
	}
}

func TestWhatALogoutMessageSays(t *testing.T) {
	for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
		sp := sending(t, binding, nil)
		read := func(m *saml.Outgoing) *samltest.Received {
			t.Helper()
			var got *samltest.Received
			var err error
			if m.Binding == saml.HTTPPost {
				got, err = samltest.ReadPostedLogout(m.PostValue())
			} else if url, e := m.RedirectURL("state"); e != nil {
				err = e
			} else if got, err = samltest.ReadLogout(url); err == nil && got.RelayState != "state" {
				err = fmt.Errorf("the state is %q", got.RelayState)
			}
			if err != nil {
				t.Fatal(err)
			}
			got.RelayState = ""
			return got
		}
		request, err := sp.LogoutRequest(saml.LogoutOptions{ID: "_id", NameID: nobody, SessionIndex: "<s>", Now: samltest.Now()})
		if err != nil {
			t.Fatal(err)
		}
		want := &samltest.Received{Name: "LogoutRequest", ID: "_id", Issuer: samltest.SPEntityID, Destination: "https://idp.example/slo",
			NotOnOrAfter: "2026-03-01T09:35:00.000Z", NameID: samltest.NameID(nobody), SessionIndexes: []string{"<s>"}}
		if diff := cmp.Diff(want, read(&request.Outgoing)); diff != "" {
			t.Error(diff)
		}
		request, err = sp.LogoutRequest(saml.LogoutOptions{NameID: saml.NameID{Value: samltest.Email}})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(&request.Outgoing); got.ID != request.ID || len(got.ID) != 33 || got.SessionIndexes != nil || got.NameID != (samltest.NameID{Value: samltest.Email}) {
			t.Errorf("%+v", got)
		}
		for done, status := range map[bool]string{true: samltest.Success, false: "urn:oasis:names:tc:SAML:2.0:status:Responder"} {
			response, err := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: "_asked", Done: done, Now: samltest.Now()})
			if err != nil {
				t.Fatal(err)
			}
			want := &samltest.Received{Name: "LogoutResponse", ID: response.ID, Issuer: samltest.SPEntityID, Destination: "https://idp.example/slo",
				InResponseTo: "_asked", Status: status}
			if diff := cmp.Diff(want, read(&response.Outgoing)); diff != "" || response.Field != "SAMLResponse" {
				t.Error(response.Field, diff)
			}
		}
	}
}

func TestWhereALogoutMessageGoes(t *testing.T) {
	sp := sending(t, saml.HTTPPost, func(c *saml.Config) { c.IdP.SLO[0].ResponseLocation = "https://idp.example/done" })
	all := outgoing(t, sp)
	if r, a := all["LogoutRequest"].Destination, all["LogoutResponse"].Destination; r != "https://idp.example/slo" || a != "https://idp.example/done" {
		t.Errorf("a request to %s, a response to %s", r, a)
	}
	if !strings.Contains(string(all["LogoutResponse"].XML), `Destination="https://idp.example/done"`) {
		t.Errorf("%s", all["LogoutResponse"].XML)
	}
	for name, change := range map[string]func(*saml.Config){
		"no endpoint": func(c *saml.Config) { c.IdP.SLO = nil },
		"no key":      func(c *saml.Config) { c.Keys, c.SignRequests = nil, false },
	} {
		sp := sending(t, saml.HTTPRedirect, change)
		if _, err := sp.LogoutRequest(saml.LogoutOptions{NameID: nobody}); !errors.Is(err, saml.ErrNoEndpoint) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: "_x"}); !errors.Is(err, saml.ErrNoEndpoint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A response goes as the request came, where it can.
	both := sending(t, saml.HTTPRedirect, func(c *saml.Config) {
		c.IdP.SLO = append(c.IdP.SLO, saml.Endpoint{Binding: saml.HTTPPost, Location: "https://idp.example/post"})
	})
	for asked, want := range map[saml.Binding]saml.Binding{"": saml.HTTPRedirect, saml.HTTPRedirect: saml.HTTPRedirect, saml.HTTPPost: saml.HTTPPost} {
		if r, err := both.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: "_x", Binding: asked}); err != nil || r.Binding != want {
			t.Errorf("asked by %q: %+v, %v", asked, r, err)
		}
		if r, err := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: "_x", Binding: asked}); err != nil || r.Binding != saml.HTTPPost {
			t.Errorf("asked by %q, with one endpoint: %+v, %v", asked, r, err)
		}
	}
	now, err := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: "_x"})
	if err != nil || strings.Contains(string(now.XML), `"0001-`) {
		t.Errorf("%s, %v", now.XML, err)
	}
}

func TestAnElementWithoutItsIDIsNotSigned(t *testing.T) {
	if _, err := saml.SignElement([]byte("<a/>"), "x", samltest.SPKeys(samltest.SP)[0]); err == nil {
		t.Error("signed")
	}
}
