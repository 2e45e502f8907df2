package testenv

import (
	"bytes"
	"compress/flate"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

const (
	testSP  = "https://app.sallyport.test/saml/sso_test/metadata"
	testACS = "https://app.sallyport.test/saml/sso_test/acs"
)

var alice = SimpleSAMLphpUser{Login: "alice", Password: `pass'word"$x`, Attributes: map[string][]string{
	"mail": {"alice@acme.test"}, "displayName": {"Alice Ä. <O'Hara>"},
}}

// samlResponse decodes the field of a form.
func samlResponse(t *testing.T, form url.Values) *etree.Element {
	t.Helper()
	xml, err := base64.StdEncoding.DecodeString(form.Get("SAMLResponse"))
	if err != nil {
		t.Fatalf("SAMLResponse: %v", err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(xml); err != nil {
		t.Fatalf("SAMLResponse: %v\n%s", err, xml)
	}
	return doc.Root()
}

// samlSigned reports whether the element at path below root bears a signature
// of its own, and fails the test if that doesn't verify.
func samlSigned(t *testing.T, idp *SimpleSAMLphpIdP, root *etree.Element, path string) bool {
	t.Helper()
	element := root
	if path != "" {
		element = root.FindElement(path)
		context, err := etreeutils.NSBuildParentContext(element)
		if err != nil {
			t.Fatal(err)
		}
		if element, err = etreeutils.NSDetatch(context, element); err != nil {
			t.Fatal(err)
		}
	}
	if element.FindElement("./Signature") == nil {
		return false
	}
	block, _ := pem.Decode(idp.CertificatePEM)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	check := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	if _, err := check.Validate(element); err != nil {
		t.Errorf("signature of %s: %v", element.Tag, err)
	}
	return true
}

func TestSimpleSAMLphpIdPInitiated(t *testing.T) {
	t.Parallel()
	idp := SimpleSAMLphp(t, SimpleSAMLphpConfig{
		Users:            []SimpleSAMLphpUser{alice},
		ServiceProviders: []SimpleSAMLphpSP{{EntityID: "https://other.test/sp", ACSURL: "https://other.test/acs"}},
	})
	for _, signed := range []struct{ response, assertion bool }{{true, false}, {false, true}, {true, true}, {false, false}} {
		t.Run(fmt.Sprintf("response=%t,assertion=%t", signed.response, signed.assertion), func(t *testing.T) {
			// The entity's entry changes from one case to the next.
			idp.AddServiceProvider(t, SimpleSAMLphpSP{
				EntityID: testSP, ACSURL: testACS, SignResponse: signed.response, SignAssertion: signed.assertion,
			})
			action, form := idp.Login(t, nil, idp.IdPInitiatedURL(testSP, "to/here?a=b"), alice.Login, alice.Password)
			if action != testACS {
				t.Errorf("the form goes to %s, want %s", action, testACS)
			}
			if got := form.Get("RelayState"); got != "to/here?a=b" {
				t.Errorf("RelayState = %q", got)
			}
			response := samlResponse(t, form)
			if got := response.SelectAttrValue("Destination", ""); got != testACS {
				t.Errorf("Destination = %q, want %q", got, testACS)
			}
			if got := response.FindElement("./Issuer").Text(); got != idp.EntityID {
				t.Errorf("Issuer = %q, want %q", got, idp.EntityID)
			}
			nameID := response.FindElement("./Assertion/Subject/NameID")
			if got := nameID.Text(); got != "alice@acme.test" {
				t.Errorf("NameID = %q", got)
			}
			if got := nameID.SelectAttrValue("Format", ""); got != NameIDEmail {
				t.Errorf("NameID's format = %q", got)
			}
			if got := samlSigned(t, idp, response, ""); got != signed.response {
				t.Errorf("response signed: %t, want %t", got, signed.response)
			}
			if got := samlSigned(t, idp, response, "./Assertion"); got != signed.assertion {
				t.Errorf("assertion signed: %t, want %t", got, signed.assertion)
			}
		})
	}
}

// authnRequestURL is a request by HTTP-Redirect, unsigned.
func authnRequestURL(t *testing.T, idp *SimpleSAMLphpIdP, id, relayState string) string {
	t.Helper()
	request := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID=%q Version="2.0"`+
		` IssueInstant=%q Destination=%q AssertionConsumerServiceURL=%q><saml:Issuer`+
		` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">%s</saml:Issuer></samlp:AuthnRequest>`,
		id, time.Now().UTC().Format("2006-01-02T15:04:05Z"), idp.SSOURL, testACS, testSP)
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.DefaultCompression)
	if _, err := io.WriteString(w, request); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return idp.SSOURL + "?" + url.Values{
		"SAMLRequest": {base64.StdEncoding.EncodeToString(deflated.Bytes())},
		"RelayState":  {relayState},
	}.Encode()
}

func TestSimpleSAMLphpSPInitiated(t *testing.T) {
	t.Parallel()
	files := TLSCertificate(t, "idp.acme.test")
	idp := SimpleSAMLphp(t, SimpleSAMLphpConfig{Users: []SimpleSAMLphpUser{alice}, Host: "idp.acme.test", TLS: files})
	if !strings.HasPrefix(idp.EntityID, "https://idp.acme.test:") {
		t.Errorf("entity ID = %s", idp.EntityID)
	}
	metadata := string(idp.Metadata(t))
	for _, part := range []string{`entityID="` + idp.EntityID + `"`, `Location="` + idp.SSOURL + `"`, "HTTP-POST", "HTTP-Redirect"} {
		if !strings.Contains(metadata, part) {
			t.Errorf("metadata lacks %s:\n%s", part, metadata)
		}
	}

	certificate, err := os.ReadFile(files.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	idp.AddServiceProvider(t, SimpleSAMLphpSP{
		Metadata:     []byte(testSPMetadata),
		SignResponse: true,
	})
	client := idp.Client(t)
	action, form := idp.Login(t, client, authnRequestURL(t, idp, "_first", "relay"), alice.Login, alice.Password)
	response := samlResponse(t, form)
	if got := response.SelectAttrValue("InResponseTo", ""); got != "_first" || action != testACS || form.Get("RelayState") != "relay" {
		t.Errorf("InResponseTo %q to %s with RelayState %q", got, action, form.Get("RelayState"))
	}

	// The second login needs no password: the session at the Identity
	// Provider holds.
	_, form = idp.Login(t, client, authnRequestURL(t, idp, "_second", "relay"), "nobody", "")
	if got := samlResponse(t, form).SelectAttrValue("InResponseTo", ""); got != "_second" {
		t.Errorf("InResponseTo = %q", got)
	}

	t.Run("options", func(t *testing.T) {
		// Encryption needs an RSA key: the Identity Provider's own will do.
		idp.AddServiceProvider(t, SimpleSAMLphpSP{
			EntityID: testSP, ACSURL: testACS, SignResponse: true, Certificate: idp.CertificatePEM,
			NameIDFormat: NameIDPersistent, NameIDAttribute: "displayName",
			Extra: map[string]any{"assertion.encryption": true},
		})
		_, form := idp.Login(t, nil, authnRequestURL(t, idp, "_third", ""), alice.Login, alice.Password)
		if response := samlResponse(t, form); response.FindElement("./EncryptedAssertion") == nil || response.FindElement("./Assertion") != nil {
			t.Error("the assertion is not encrypted")
		}
	})

	t.Run("signed requests", func(t *testing.T) {
		idp.AddServiceProvider(t, SimpleSAMLphpSP{EntityID: testSP, ACSURL: testACS, Certificate: certificate, ValidateRequests: true})
		// SimpleSAMLphp's error pages have the status 200.
		_, body := idpGet(t, idp.Client(t), authnRequestURL(t, idp, "_fourth", ""))
		if !strings.Contains(string(body), "no signature found") {
			t.Errorf("an unsigned request was answered\n%s", body)
		}
	})
}

func TestSimpleSAMLphpLoginByForm(t *testing.T) {
	t.Parallel()
	idp := SimpleSAMLphp(t, SimpleSAMLphpConfig{
		Users:            []SimpleSAMLphpUser{alice},
		ServiceProviders: []SimpleSAMLphpSP{{EntityID: testSP, ACSURL: testACS, SignAssertion: true}},
	})
	// A service provider that sends its request by HTTP-POST, behind a
	// redirect.
	sp := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			http.Redirect(w, r, "/post", http.StatusFound)
			return
		}
		request := fmt.Sprintf(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_posted" Version="2.0"`+
			` IssueInstant=%q Destination=%q><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">%s</saml:Issuer></samlp:AuthnRequest>`,
			time.Now().UTC().Format("2006-01-02T15:04:05Z"), idp.SSOURL, testSP)
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<form method="post" action="%s"><input type="hidden" name="SAMLRequest" value="%s"><button>Go</button></form>`,
			idp.SSOURL, base64.StdEncoding.EncodeToString([]byte(request)))
	}))
	defer sp.Close()
	_, form := idp.Login(t, nil, sp.URL+"/start", alice.Login, alice.Password)
	response := samlResponse(t, form)
	if got := response.SelectAttrValue("InResponseTo", ""); got != "_posted" {
		t.Errorf("InResponseTo = %q", got)
	}
	if got := response.FindElement("./Assertion/Subject/NameID").Text(); got != "alice@acme.test" {
		t.Errorf("NameID = %q", got)
	}
}
