package sso_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

const (
	aes256cbc = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
	rsa15     = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
	rsaSHA1   = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	sha1      = "http://www.w3.org/2000/09/xmldsig#sha1"
)

// answered tells how an answer to a request comes out, with an edit.
func (s *scene) answered(t *testing.T, edit func(*samltest.Response)) string {
	t.Helper()
	req, _ := s.Start(t, "")
	_, err := s.Consume(t, s.Answer(req.ID, "user@acme.test", edit))
	s.Pass(time.Millisecond)
	return string(parts.Code(err))
}

// requested is the request that goes out, as text.
func (s *scene) requested(t *testing.T) string {
	t.Helper()
	d, err := s.SSO.Start(t.Context(), sso.Start{ProfileID: s.ID})
	if err != nil {
		t.Fatal(err)
	}
	text, err := samltest.Inflate(d.URL, "SAMLRequest")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestEveryOptionTakesEffect looks at each option both ways: what is seen with
// its default, and what with another value.
func TestEveryOptionTakesEffect(t *testing.T) {
	assertionOnly := func(r *samltest.Response) { r.ResponseSigning = nil }
	yes := ptr(true)
	options := map[string]struct {
		in        sso.OptionsInput
		look      func(*testing.T, *scene) string
		off, with string
	}{
		"sign_requests": {sso.OptionsInput{SignRequests: yes}, func(t *testing.T, s *scene) string {
			ours := readOurSide(t, s.Parts, s.ID)
			return fmt.Sprint(ours.Signed, signer(t, s.Profile, ours.Signing))
		}, "false -1", "true 0"},
		"require_encrypted_assertion": {sso.OptionsInput{RequireEncryptedAssertion: yes}, func(t *testing.T, s *scene) string {
			ours := readOurSide(t, s.Parts, s.ID).Signing[0]
			return "clear " + s.answered(t, func(*samltest.Response) {}) + ", encrypted " + s.answered(t, encryptedTo(ours))
		}, "clear , encrypted ", "clear saml_decryption_failed, encrypted "},
		"require_signed_response": {sso.OptionsInput{RequireSignedResponse: yes}, func(t *testing.T, s *scene) string {
			return s.answered(t, assertionOnly)
		}, "", "saml_signature_missing"},
		"force_authn": {sso.OptionsInput{ForceAuthn: yes}, func(t *testing.T, s *scene) string {
			return fmt.Sprint(strings.Contains(s.requested(t), `ForceAuthn="true"`))
		}, "false", "true"},
		"authn_context": {sso.OptionsInput{AuthnContext: ptr("urn:context")}, func(t *testing.T, s *scene) string {
			return fmt.Sprint(strings.Contains(s.requested(t), ">urn:context</saml:AuthnContextClassRef>"), " ", s.answered(t, func(*samltest.Response) {}))
		}, "false ", "true saml_authn_context"},
		"idp_initiated": {sso.OptionsInput{IdPInitiated: ptr(saml.Accept)}, func(t *testing.T, s *scene) string {
			c, err := s.Consume(t, s.Answer("", "user@acme.test"))
			return fmt.Sprint(c.Restart, c.Ticket != "", err)
		}, "true false <nil>", "false true <nil>"},
		"offer_encryption": {sso.OptionsInput{OfferEncryption: yes}, func(t *testing.T, s *scene) string {
			return fmt.Sprint(len(readOurSide(t, s.Parts, s.ID).Encryption))
		}, "0", "1"},
		"name_id_policy": {sso.OptionsInput{NameIDPolicy: ptr(saml.NameIDNone)}, func(t *testing.T, s *scene) string {
			return fmt.Sprint(strings.Contains(s.requested(t), "NameIDPolicy"))
		}, "true", "false"},
		"clock_tolerance_seconds": {sso.OptionsInput{ClockToleranceSeconds: ptr(10)}, func(t *testing.T, s *scene) string {
			return s.answered(t, func(r *samltest.Response) {
				r.Assertion.Conditions.NotBefore = samltest.Instant(s.Now().Add(time.Minute))
			})
		}, "", "saml_not_yet_valid"},
		"allow_sha1": {sso.OptionsInput{AllowSHA1: yes}, func(t *testing.T, s *scene) string {
			return s.answered(t, func(r *samltest.Response) {
				r.ResponseSigning.Method, r.ResponseSigning.Digest, r.AssertionSigning = rsaSHA1, sha1, nil
			})
		}, "saml_signature_algorithm", ""},
		"allow_rsa15": {sso.OptionsInput{AllowRSA15: yes}, func(t *testing.T, s *scene) string {
			return s.answered(t, func(r *samltest.Response) {
				encryptedTo(readOurSide(t, s.Parts, s.ID).Signing[0])(r)
				r.AssertionEncryption.Transport = rsa15
			})
		}, "saml_decryption_failed", ""},
		"allow_cbc": {sso.OptionsInput{AllowCBC: yes}, func(t *testing.T, s *scene) string {
			return s.answered(t, func(r *samltest.Response) {
				encryptedTo(readOurSide(t, s.Parts, s.ID).Signing[0])(r)
				r.AssertionEncryption.Content, r.ResponseSigning = aes256cbc, nil
			})
		}, "saml_decryption_failed", ""},
		"metadata_pin": {sso.OptionsInput{MetadataPin: ptr(parts.PEM(samltest.RSA3072))}, func(t *testing.T, s *scene) string {
			doc := string(s.IdP.Metadata())
			_, err := s.SSO.Update(t.Context(), operator, s.ID, sso.Input{MetadataXML: &doc})
			return string(parts.Code(err))
		}, "", "metadata_invalid"},
		"refuse_expired_certificate": {sso.OptionsInput{RefuseExpiredCertificate: yes}, func(t *testing.T, s *scene) string {
			s.Set(t, sso.Input{Certificates: []string{parts.PEM(samltest.RSA2048Expired)}})
			return s.answered(t, func(*samltest.Response) {})
		}, "", "saml_certificate_expired"},
	}
	all := reflect.TypeFor[sso.Options]()
	for i := range all.NumField() {
		name := all.Field(i).Tag.Get("json")
		c, ok := options[name]
		if !ok {
			t.Errorf("%s is not looked at", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			s := newScene(t, parts.New(t, "sqlite"))
			if got := c.look(t, s); got != c.off {
				t.Errorf("by default %q, not %q", got, c.off)
			}
			s.Set(t, sso.Input{Options: &c.in})
			if got := c.look(t, s); got != c.with {
				t.Errorf("with the option %q, not %q", got, c.with)
			}
		})
	}
}

// signedMetadata is the metadata of an Identity Provider, signed.
func signedMetadata(t *testing.T, idp *samltest.IdP, key, validUntil string) string {
	t.Helper()
	attributes := `<md:EntityDescriptor ID="_idp" `
	if validUntil != "" {
		attributes += `validUntil="` + validUntil + `" `
	}
	doc := strings.Replace(string(idp.Metadata()), "<md:EntityDescriptor ", attributes, 1)
	signed, err := saml.SignElement([]byte(doc), "_idp", samltest.SPKeys(key)[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(signed)
}

func TestAPinIsChecked(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	idp := samltest.NewIdP()
	good := signedMetadata(t, idp, samltest.SP, "")
	pin := parts.PEM(samltest.SP)
	for name, c := range map[string]struct {
		pin, doc string
		code     fault.Code
	}{
		"signed":                   {pin, good, ""},
		"by one of two":            {parts.PEM(samltest.SPOld) + pin, good, ""},
		"by another":               {parts.PEM(samltest.SPOld), good, fault.MetadataInvalid},
		"changed":                  {pin, strings.ReplaceAll(good, "idp.example/sso", "evil.example/sso"), fault.MetadataInvalid},
		"unsigned":                 {pin, string(idp.Metadata()), fault.MetadataInvalid},
		"signed, and no pin":       {"", good, ""},
		"changed, and no pin":      {"", strings.ReplaceAll(good, "idp.example/sso", "other.example/sso"), ""},
		"still valid":              {pin, signedMetadata(t, idp, samltest.SP, "2026-03-02T00:00:00Z"), ""},
		"no longer valid":          {pin, signedMetadata(t, idp, samltest.SP, "2026-02-28T00:00:00Z"), fault.MetadataInvalid},
		"a pin that is none":       {"x", good, fault.CodeInvalid},
		"a pin with a private key": {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", good, fault.CodeInvalid},
		"a pin without end":        {strings.Repeat(pin, 100), good, fault.CodeInvalid},
		"a weak pin":               {parts.PEM(samltest.RSA1024), good, fault.CodeInvalid},
	} {
		p.Pass(time.Millisecond)
		v, err := create(t, acme, sso.Input{Name: ptr("Login"), MetadataXML: &c.doc, Options: &sso.OptionsInput{MetadataPin: &c.pin}})
		if parts.Code(err) != c.code {
			t.Errorf("%s: %v", name, err)
		}
		if c.code == fault.CodeInvalid && fmt.Sprint(parts.Fields(err)) != "[options.metadata_pin]" {
			t.Errorf("%s: %v", name, parts.Fields(err))
		}
		if err == nil && v.Profile.EntityID != idp.EntityID {
			t.Errorf("%s: %+v", name, v)
		}
	}
	// It stays, and what is pasted later has to hold too; the fields are typed by
	// hand and need no signature.
	v, err := create(t, acme, sso.Input{Name: ptr("Login"), MetadataXML: &good, Options: &sso.OptionsInput{MetadataPin: &pin}})
	if err != nil {
		t.Fatal(err)
	}
	plain := string(idp.Metadata())
	_, err = p.SSO.Update(t.Context(), operator, v.ID, sso.Input{MetadataXML: &plain})
	parts.Refused(t, err, fault.MetadataInvalid)
	if _, err = p.SSO.Update(t.Context(), operator, v.ID, sso.Input{SSOURL: ptr("https://idp.example/new")}); err != nil {
		t.Error(err)
	}
	if _, err = p.SSO.Update(t.Context(), operator, v.ID, sso.Input{MetadataXML: &plain, Options: &sso.OptionsInput{MetadataPin: ptr("")}}); err != nil {
		t.Error(err)
	}
}
