package samltest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"

	"sallyport/saml"
	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
)

// forgeries are signatures by somebody else, by nobody, or with an algorithm
// that proves nothing.
func forgeries() []Attack {
	return []Attack{
		{"unsigned", "neither part is signed", saml.CodeSignatureMissing, func(s Scene) string {
			r := s.onlyAssertion()
			r.AssertionSigning = nil
			return r.String()
		}},
		{"signature-removed", "the signature of the assertion is cut out", saml.CodeSignatureMissing, func(s Scene) string {
			text, _, signature, _ := signedAssertion(s)
			return replace(without(text, signature), Email, Victim)
		}},
		{"assertion-changed", "the address is changed behind the signature", saml.CodeSignatureInvalid, func(s Scene) string {
			return replace(s.onlyAssertion().String(), Email, Victim)
		}},
		{"response-changed", "the address is changed behind the response's signature", saml.CodeSignatureInvalid, func(s Scene) string {
			return replace(s.onlyResponse().String(), Email, Victim)
		}},
		{"second-signature-broken", "the response's signature holds and the assertion's does not", saml.CodeSignatureInvalid, func(s Scene) string {
			r := s.Response()
			r.AssertionSigning.Edit = func(sig string) string {
				return replace(sig, element(sig, "ds:DigestValue"), "<ds:DigestValue>"+emptyDigest+"</ds:DigestValue>")
			}
			return r.String()
		}},
		{"certificate-faking", "signed by a stranger, with the stranger's certificate in KeyInfo", saml.CodeCertificateUnknown, stranger(func(*Signing) {})},
		{"stranger-without-keyinfo", "signed by a stranger, without KeyInfo", saml.CodeSignatureInvalid, stranger(func(x *Signing) {
			x.NoKeyInfo = true
		})},
		{"stranger-with-our-certificate", "signed by a stranger, with the Identity Provider's certificate in KeyInfo", saml.CodeSignatureInvalid, func(s Scene) string {
			der := base64.StdEncoding.EncodeToString(s.IdP.Key.Certificate.Raw)
			return stranger(func(x *Signing) {
				x.KeyInfo = XML("<ds:X509Data><ds:X509Certificate>" + der + "</ds:X509Certificate></ds:X509Data>")
			})(s)
		}},
		{"key-value", "signed by a stranger, whose key stands in KeyInfo", saml.CodeSignatureInvalid, stranger(func(x *Signing) {
			x.KeyInfo = "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>uXab</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>"
		})},
		{"retrieval-method", "KeyInfo names a URL to fetch the key from", saml.CodeSignatureInvalid, stranger(func(x *Signing) {
			x.KeyInfo = `<ds:RetrievalMethod URI="https://evil.example/key" Type="http://www.w3.org/2000/09/xmldsig#rawX509Certificate"/>`
		})},
		{"weak-key", "signed with an RSA key of 1024 bits", saml.CodeCertificateUnknown, func(s Scene) string {
			r := s.onlyAssertion()
			r.AssertionSigning.Key = NamedKey(RSA1024)
			return r.String()
		}},
		{"hmac-public-key", "HMAC with the public key as its secret", saml.CodeSignatureAlgorithm, hmacPublicKey},
		{"hmac-one-bit", "HMAC cut to one bit", saml.CodeSignatureAlgorithm, method(
			"http://www.w3.org/2000/09/xmldsig#hmac-sha1", "<ds:HMACOutputLength>1</ds:HMACOutputLength>")},
		{"method-none", "a signature method called none", saml.CodeSignatureAlgorithm, method("none", "")},
		{"method-missing", "an empty signature method", saml.CodeSignatureAlgorithm, method("", "")},
		{"method-md5", "RSA with MD5", saml.CodeSignatureAlgorithm, method("http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "")},
		{"method-dsa", "DSA", saml.CodeSignatureAlgorithm, method("http://www.w3.org/2000/09/xmldsig#dsa-sha1", "")},
		{"method-sha1", "RSA with SHA-1 where nothing allows it", saml.CodeSignatureAlgorithm, func(s Scene) string {
			r := s.onlyAssertion()
			r.AssertionSigning.Method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
			return r.String()
		}},
		{"digest-sha1", "a digest with SHA-1 where nothing allows it", saml.CodeSignatureAlgorithm, func(s Scene) string {
			r := s.onlyAssertion()
			r.AssertionSigning.Digest = "http://www.w3.org/2000/09/xmldsig#sha1"
			return r.String()
		}},
		{"digest-md5", "a digest with MD5", saml.CodeSignatureAlgorithm, edited(func(sig string) string {
			return replace(sig, "http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2001/04/xmldsig-more#md5")
		})},
		{"zero-signature", "a signature value of zeros", saml.CodeSignatureInvalid, value(base64.StdEncoding.EncodeToString(make([]byte, 256)))},
		{"empty-signature", "an empty signature value", saml.CodeSignatureInvalid, value("")},
		{"empty-digest", "an empty digest", saml.CodeSignatureInvalid, edited(func(sig string) string {
			return replace(sig, element(sig, "ds:DigestValue"), "<ds:DigestValue></ds:DigestValue>")
		})},
		{"void-canonicalization", "a relative namespace, for which canonicalization fails, and the digest of nothing", saml.CodeSignatureInvalid, voidC14N},
	}
}

// emptyDigest is SHA-256 of no octets.
const emptyDigest = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// stranger signs a forged assertion with a key that nobody configured.
func stranger(f func(*Signing)) func(Scene) string {
	return func(s Scene) string {
		r := s.onlyAssertion()
		r.Assertion.NameID.Value = Victim
		r.AssertionSigning.Key = NamedKey(RSA2048Other)
		f(r.AssertionSigning)
		return r.String()
	}
}

// edited changes the assertion's Signature before SignedInfo is signed: the
// Identity Provider itself seems to have made it so.
func edited(f func(signature string) string) func(Scene) string {
	return func(s Scene) string {
		r := s.onlyAssertion()
		r.AssertionSigning.Edit = f
		return r.String()
	}
}

func method(uri, parameters string) func(Scene) string {
	return edited(func(sig string) string {
		return replace(sig, element(sig, "ds:SignatureMethod"),
			`<ds:SignatureMethod Algorithm="`+uri+`">`+parameters+"</ds:SignatureMethod>")
	})
}

// value replaces the signature value.
func value(v string) func(Scene) string {
	return func(s Scene) string {
		text := s.onlyAssertion().String()
		return replace(text, element(text, "ds:SignatureValue"), "<ds:SignatureValue>"+v+"</ds:SignatureValue>")
	}
}

// hmacPublicKey forges an assertion with what everybody knows: a verifier that
// takes the method from the message uses the public key as the secret.
func hmacPublicKey(s Scene) string {
	text := method("http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "")(s)
	var p xmltree.Parser
	doc, err := p.Parse([]byte(text), xmltree.Options{})
	if err != nil {
		panic(err)
	}
	public, err := x509.MarshalPKIXPublicKey(s.IdP.Key.Private.Public())
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	var w c14n.Writer
	doc.Root().Descendants(func(el xmltree.Element) bool {
		if el.Is(xmltree.DSig, "SignedInfo") {
			err = w.Write(mac, el, xmltree.Element{}, c14n.Method{Exclusive: true})
		}
		return true
	})
	if err != nil {
		panic(err)
	}
	return replace(text, element(text, "ds:SignatureValue"),
		"<ds:SignatureValue>"+base64.StdEncoding.EncodeToString(mac.Sum(nil))+"</ds:SignatureValue>")
}

// voidC14N is the attack of 2025 on verifiers that take a failed
// canonicalization for an empty one.
func voidC14N(s Scene) string {
	r := s.onlyResponse()
	r.ResponseSigning.Edit = func(sig string) string {
		return replace(sig, element(sig, "ds:DigestValue"), "<ds:DigestValue>"+emptyDigest+"</ds:DigestValue>")
	}
	return replace(strings.ReplaceAll(r.String(), Email, Victim), "<samlp:Response ", `<samlp:Response xmlns:x="1" x:y="" `)
}
