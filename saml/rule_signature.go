package saml

import (
	"cmp"
	"crypto/x509"
	"errors"
	"time"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
)

// signature verifies every signature there is and finds out what they cover,
// and decrypts between the response's and the assertion's. One that is present
// has to hold, even where another would do.
func (v *validation) signature() {
	v.noStray()
	v.responseSigned = v.verify(v.responseSignature, v.response)
	switch {
	case !v.encryptedElement.IsZero():
		v.decryptAssertion()
	case v.assertion.IsZero():
		v.failWith(ruleAssertions, CodeUnsupportedMessage, "one assertion", []byte("none"), "the response holds no assertion as its direct child")
		v.signedAtAll()
	default:
		v.assertionSigned = v.verify(v.assertionSignature, v.assertion)
		v.signedAtAll()
		if v.sp.cfg.RequireEncryption {
			v.fail(ruleDecryption, "an encrypted assertion", []byte("an assertion in clear"), "")
		}
	}
}

// noStray refuses a Signature where none may stand.
func (v *validation) noStray() {
	if v.stray > 0 {
		v.fail(ruleIntegrity, "a Signature only in the Response and in its Assertion", nil, "a Signature stands elsewhere")
	}
}

// signedAtAll wants a signature that covers the assertion.
func (v *validation) signedAtAll() {
	switch {
	case v.responseSignature.IsZero() && v.assertionSignature.IsZero():
		v.fail(ruleSignature, "a signed response or assertion", []byte("neither is signed"), "")
	case v.sp.cfg.RequireSignedResponse && v.responseSignature.IsZero():
		v.fail(ruleSignature, "a signed response", []byte("only the assertion is signed"), "")
	default:
		v.pass(ruleSignature, "", []byte(v.signedParts()))
	}
}

func (v *validation) signedParts() string {
	switch {
	case v.responseSigned && v.assertionSigned:
		return "response and assertion"
	case v.responseSigned:
		return "response"
	case v.assertionSigned:
		return "assertion"
	}
	return ""
}

// verify checks one signature, if it is there.
func (v *validation) verify(sig, parent xmltree.Element) bool {
	if sig.IsZero() {
		return false
	}
	cfg := &v.sp.cfg
	res, err := v.verifier.Verify(sig, parent, cfg.IdP.Certificates, &v.sp.signatures)
	if err != nil {
		v.signatureFailed(parent, err)
		return false
	}
	if v.recording {
		v.pass(ruleAlgorithm, "", []byte(res.Method))
	}
	v.pass(ruleIntegrity, "", nil)
	v.certificate = res.Key
	if res.UsesSHA1() {
		v.warn(ruleAlgorithm, dsig.RSASHA256, []byte(res.Method+", "+res.Digest), "SHA-1 is broken; have the Identity Provider sign with SHA-256")
	}
	v.signaturePosition(sig, parent)
	return v.certificateRule(cfg.IdP.Certificates[res.Key])
}

func (v *validation) signatureFailed(parent xmltree.Element, err error) {
	var e *dsig.Error
	if !errors.As(err, &e) {
		e = &dsig.Error{Reason: err.Error()}
	}
	n, expected, found := ruleIntegrity, e.Expected, e.Found
	switch e.Kind {
	case dsig.Algorithm:
		n = ruleAlgorithm
		expected = cmp.Or(expected, "RSA or ECDSA with SHA-256 or stronger")
	case dsig.UnknownKey:
		n = ruleCertificate
	default:
		expected, found = cmp.Or(expected, "a signature that a certificate of the Identity Provider verifies"), cmp.Or(found, "one that does not hold")
	}
	v.fail(n, expected, []byte(found), parent.Name()+": "+e.Reason)
}

// signaturePosition warns of a signature that stands elsewhere than right
// behind the Issuer, as the schema has it.
func (v *validation) signaturePosition(sig, parent xmltree.Element) {
	place := parent.First()
	if !parent.Child(xmltree.Assertion, "Issuer").IsZero() {
		place = parent.Child(xmltree.Assertion, "Issuer").Next()
	}
	if place != sig {
		v.warn(ruleIntegrity, "Signature right behind Issuer", nil, parent.Name()+": the Signature stands at another place")
	}
}

// certificateRule looks at the dates of the certificate that verified.
func (v *validation) certificateRule(c *x509.Certificate) bool {
	if v.recording {
		v.pass(ruleCertificate, "", []byte(c.Subject.String()))
	}
	now := v.msg.Received
	if !now.Before(c.NotBefore) && !now.After(c.NotAfter) {
		v.pass(ruleCertificateDates, "", nil)
		return true
	}
	expected := "valid from " + formatInstant(c.NotBefore) + " to " + formatInstant(c.NotAfter)
	found := []byte(now.UTC().Format(time.RFC3339))
	if v.sp.cfg.RefuseExpiredCertificate {
		v.fail(ruleCertificateDates, expected, found, "")
		return false
	}
	v.warn(ruleCertificateDates, expected, found, "the signing certificate is out of its dates")
	return true
}
