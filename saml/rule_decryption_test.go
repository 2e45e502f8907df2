package saml_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/samltest"
)

// Rules 12 to 14: what is encrypted, by what, for whom, and what may be told of
// it.

// ours are the keys that the service provider decrypts with.
func ours(names ...string) func(*saml.Config) {
	return func(c *saml.Config) { c.Keys = samltest.SPKeys(names...) }
}

func allowing(a saml.Algorithms) func(*saml.Config) {
	return func(c *saml.Config) { c.Algorithms = saml.DefaultAlgorithms().With(a) }
}

func configured(list ...func(*saml.Config)) func(*saml.Config) {
	return func(c *saml.Config) {
		for _, f := range list {
			f(c)
		}
	}
}

// encryption is for the current key, unless it says something else.
func encryption(e samltest.Encryption) *samltest.Encryption {
	if e.For == nil {
		e.For = []*samltest.Key{samltest.NamedKey(samltest.SP)}
	}
	return &e
}

func encrypted(e samltest.Encryption) func(*samltest.Response) {
	return func(r *samltest.Response) { r.AssertionEncryption = encryption(e) }
}

func encryptedID(e samltest.Encryption) func(*samltest.Response) {
	return func(r *samltest.Response) { r.NameIDEncryption = encryption(e) }
}

func recipients(names ...string) (list []*samltest.Key) {
	for _, name := range names {
		list = append(list, samltest.NamedKey(name))
	}
	return list
}

// decrypting runs cases of which each has its own code where the response is
// signed, and the one of decryption where only the text is.
func decrypting(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, c := range cases {
		config := c.config
		c.config = func(cfg *saml.Config) {
			ours(samltest.SP)(cfg)
			if config != nil {
				config(cfg)
			}
		}
		for _, signed := range []string{onResponse, onBoth, onAssertion} {
			if c.signed != "" && c.signed != signed {
				continue
			}
			one := c
			one.signed = signed
			if c.want != "" && signed == onAssertion {
				one.want = saml.CodeDecryptionFailed
			}
			run(t, []ruleCase{one})
		}
	}
}

func TestContentEncryption(t *testing.T) {
	var cases []ruleCase
	for _, uri := range []string{xenc.AES128GCM, xenc.AES192GCM, xenc.AES256GCM} {
		cases = append(cases, ruleCase{name: uri, response: encrypted(samltest.Encryption{Content: uri})})
	}
	for _, uri := range []string{xenc.AES128CBC, xenc.AES192CBC, xenc.AES256CBC} {
		e := encrypted(samltest.Encryption{Content: uri})
		cases = append(cases,
			ruleCase{name: uri, signed: onResponse, response: e},
			ruleCase{name: uri, signed: onBoth, response: e},
			ruleCase{name: uri, signed: onAssertion, response: e, want: saml.CodeDecryptionFailed},
			ruleCase{name: uri + " where it is allowed", signed: onResponse, response: e, config: allowing(saml.InsecureCBC())},
			ruleCase{name: uri + " where it is allowed", signed: onAssertion, response: e, config: allowing(saml.InsecureCBC()), warns: saml.CodeDecryptionFailed},
		)
	}
	const tripleDES = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc"
	named := func(uri string) func(*samltest.Response) {
		return encrypted(samltest.Encryption{Edit: func(s string) string { return must(s, xenc.AES128GCM, uri) }})
	}
	decrypting(t, append(cases,
		ruleCase{name: "3DES", response: named(tripleDES), config: allowing(saml.InsecureCBC()), want: saml.CodeDecryptionFailed},
		ruleCase{name: "no method", response: named(""), want: saml.CodeDecryptionFailed},
		ruleCase{name: "a method that is not allowed", response: encrypted(samltest.Encryption{}), config: func(c *saml.Config) {
			c.Algorithms = saml.DefaultAlgorithms()
			c.Algorithms.ContentEncryption = []string{xenc.AES256GCM}
		}, want: saml.CodeDecryptionFailed},
	))
}

func TestKeyTransport(t *testing.T) {
	const digest, mask = "http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#mgf1"
	rsa15 := encrypted(samltest.Encryption{Transport: xenc.RSA15})
	decrypting(t, []ruleCase{
		{name: "OAEP", response: encrypted(samltest.Encryption{})},
		{name: "OAEP with SHA-256 and a mask with SHA-1", response: encrypted(samltest.Encryption{Digest: digest + "sha256"})},
		{name: "OAEP 1.1", response: encrypted(samltest.Encryption{Transport: xenc.OAEP})},
		{name: "OAEP 1.1 with SHA-512 and a mask with SHA-384", response: encrypted(samltest.Encryption{Transport: xenc.OAEP, Digest: digest + "sha512", Mask: mask + "sha384"})},
		{name: "OAEP with a label", response: encrypted(samltest.Encryption{Label: []byte("label")})},
		{name: "OAEP with MD5", response: encrypted(samltest.Encryption{Digest: "http://www.w3.org/2001/04/xmldsig-more#md5"}), want: saml.CodeDecryptionFailed},
		{name: "RSA 1.5", response: rsa15, want: saml.CodeDecryptionFailed},
		{name: "RSA 1.5 where it is allowed", response: rsa15, config: allowing(saml.InsecureRSA15()), warns: saml.CodeDecryptionFailed},
		{name: "RSA 1.5 where CBC is allowed", response: rsa15, config: allowing(saml.InsecureCBC()), want: saml.CodeDecryptionFailed},
	})
}

func TestKeysOfOurs(t *testing.T) {
	both := configured(ours(samltest.SP, samltest.SPOld))
	rsa15 := configured(both, allowing(saml.InsecureRSA15()))
	old := recipients(samltest.SPOld)
	hint := func(name string) *samltest.Key { return samltest.NamedKey(name) }
	bad := saml.CodeDecryptionFailed
	decrypting(t, []ruleCase{
		{name: "the old key", config: both, response: encrypted(samltest.Encryption{For: old})},
		{name: "the old key without a hint", config: both, response: encrypted(samltest.Encryption{For: old, NoHint: true})},
		{name: "the old key with the hint for the new one", config: both, response: encrypted(samltest.Encryption{For: old, Hint: hint(samltest.SP)})},
		{name: "the old key with a stranger's hint", config: both, response: encrypted(samltest.Encryption{For: old, Hint: hint(samltest.RSA2048Other)})},
		{name: "the old key without a hint, RSA 1.5", config: rsa15, response: encrypted(samltest.Encryption{For: old, NoHint: true, Transport: xenc.RSA15}), warns: bad},
		{name: "the old key without a hint, RSA 1.5 and CBC", signed: onResponse, config: rsa15, warns: bad,
			response: encrypted(samltest.Encryption{For: old, NoHint: true, Transport: xenc.RSA15, Content: xenc.AES128CBC})},
		{name: "the fourth key", config: ours(samltest.SP, samltest.SPOld, samltest.SP, samltest.SP3072), response: encrypted(samltest.Encryption{For: recipients(samltest.SP3072)})},
		{name: "a key that is gone", response: encrypted(samltest.Encryption{For: old}), want: bad},
		{name: "a stranger and we", response: encrypted(samltest.Encryption{For: recipients(samltest.RSA2048Other, samltest.SP)})},
		{name: "a stranger, RSA 1.5", config: rsa15, response: encrypted(samltest.Encryption{For: recipients(samltest.RSA2048Other), Transport: xenc.RSA15}), want: bad},
		{name: "no keys", config: ours(), response: encrypted(samltest.Encryption{}), want: bad},
		{name: "keys beside the data", response: encrypted(samltest.Encryption{Place: samltest.Beside})},
		{name: "keys by reference", response: encrypted(samltest.Encryption{Place: samltest.ByReference, For: recipients(samltest.SPOld, samltest.SP)})},
		{name: "keys by name", response: encrypted(samltest.Encryption{Place: samltest.ByName, For: recipients(samltest.SPOld, samltest.SP)})},
		{name: "eight keys", response: encrypted(samltest.Encryption{For: recipients(strings.Fields(strings.Repeat("sp-old ", 7) + "sp")...)})},
		{name: "nine keys", response: encrypted(samltest.Encryption{For: recipients(strings.Fields(strings.Repeat("sp-old ", 8) + "sp")...)}), want: bad},
		{name: "a content key of another size", response: encrypted(samltest.Encryption{EditKey: func(k []byte) []byte { return append(k, k...) }}), want: bad},
		{name: "an external RetrievalMethod", want: bad, response: encrypted(samltest.Encryption{Place: samltest.ByReference,
			Edit: func(s string) string { return must(s, `URI="#_key0"`, `URI="https://evil.example/key"`) }})},
	})
}

// TestWhatWasEncrypted: the text is judged by the rules for a message in clear.
func TestWhatWasEncrypted(t *testing.T) {
	clear := func(f func(string) string) func(*samltest.Response) {
		return encrypted(samltest.Encryption{EditText: f})
	}
	replaced := func(old, with string) func(*samltest.Response) {
		return clear(func(s string) string { return must(s, old, with) })
	}
	text := func(s string) func(*samltest.Response) { return clear(func(string) string { return s }) }
	unsigned := func(s string) string {
		if start := strings.Index(s, "<ds:Signature"); start >= 0 {
			s = s[:start] + s[strings.Index(s, "</ds:Signature>")+len("</ds:Signature>"):]
		}
		return s
	}
	other := func(s string) string {
		return must(must(unsigned(s), samltest.Email, samltest.Victim), `ID="_assertion1"`, `ID="_other"`)
	}
	const multiple, invalid, message, bad = saml.CodeMultipleAssertions, saml.CodeXMLInvalid, saml.CodeUnsupportedMessage, saml.CodeDecryptionFailed
	decrypting(t, []ruleCase{
		{name: "an assertion", response: encrypted(samltest.Encryption{})},
		{name: "white space around it", response: clear(func(s string) string { return "\r\n " + s + "\n" })},
		{name: "an XML declaration before it", response: clear(func(s string) string { return `<?xml version="1.0" encoding="UTF-8"?>` + s })},
		{name: "nothing", response: text(""), want: bad},
		{name: "no XML", response: text("user@acme.test"), want: bad},
		{name: "half of an assertion", response: clear(func(s string) string { return s[:len(s)/2] }), want: bad},
		{name: "two assertions", response: clear(func(s string) string { return s + other(s) }), want: bad},
		{name: "text behind it", response: clear(func(s string) string { return s + "x" }), want: bad},
		{name: "a comment", response: replaced("<saml:Subject>", "<!----><saml:Subject>"), want: bad},
		{name: "a comment in the address", response: replaced(samltest.Email, samltest.Email+"<!---->"), want: bad},
		{name: "a CDATA section", response: replaced(samltest.Email, "<![CDATA["+samltest.Email+"]]>"), want: bad},
		{name: "a DOCTYPE", response: clear(func(s string) string { return "<!DOCTYPE a>" + s }), want: bad},
		{name: "an entity", response: clear(func(s string) string {
			return `<!DOCTYPE a [<!ENTITY e "` + samltest.Victim + `">]>` + must(s, samltest.Email, "&e;")
		}), want: bad},
		{name: "octets that are not UTF-8", response: replaced("Test User", "Test\xff"), want: bad},
		{name: "65 levels", response: replaced("<saml:Subject>", strings.Repeat("<x>", 64)+strings.Repeat("</x>", 64)+"<saml:Subject>"), want: bad},
		{name: "another element", response: text("<x/>"), want: message},
		{name: "a Response", response: text(`<samlp:Response ID="_x"/>`), want: message},
		{name: "an EncryptedAssertion", response: clear(func(s string) string {
			return "<saml:EncryptedAssertion>" + samltest.Encrypt(s, *encryption(samltest.Encryption{})) + "</saml:EncryptedAssertion>"
		}), want: message},
		{name: "an assertion of version 1.1", response: replaced(`Version="2.0"`, `Version="1.1"`), want: message},
		{name: "an assertion without an ID", response: clear(func(s string) string { return must(unsigned(s), `ID="_assertion1"`, "") }), want: invalid},
		{name: "an assertion in the Advice", response: clear(func(s string) string {
			return must(s, "<saml:Subject>", "<saml:Advice>"+other(s)+"</saml:Advice><saml:Subject>")
		}), want: multiple},
		{name: "a forged assertion around the signed one", response: clear(func(s string) string {
			return must(other(s), "<saml:Subject>", "<saml:Advice>"+s+"</saml:Advice><saml:Subject>")
		}), want: multiple},
		{name: "a part that stands twice", response: replaced("<saml:Subject>", "<saml:Conditions/><saml:Subject>"), want: invalid},
		{name: "the ID of the response", response: replaced("<saml:Subject>", `<saml:Advice ID="_response1"/><saml:Subject>`), want: invalid},
		{name: "the ID of an element outside", want: invalid, response: encrypted(samltest.Encryption{Edit: func(s string) string {
			return must(s, "<xenc:EncryptedData ", `<xenc:EncryptedData ID="_assertion1" `)
		}})},
		{name: "a second Signature", response: replaced("<saml:Subject>", `<saml:Advice><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></saml:Advice><saml:Subject>`), want: saml.CodeSignatureInvalid},
		{name: "a signature that does not hold", signed: onBoth, response: replaced("Test User", "Evil User"), want: saml.CodeSignatureInvalid},
		{name: "a signature that does not hold", signed: onAssertion, response: replaced("Test User", "Evil User"), want: bad},
		{name: "a signature of a stranger", signed: onBoth, want: saml.CodeCertificateUnknown, response: func(r *samltest.Response) {
			r.AssertionSigning.Key = samltest.NamedKey(samltest.RSA2048Other)
			encrypted(samltest.Encryption{})(r)
		}},
		{name: "a signature of a stranger", signed: onAssertion, want: bad, response: func(r *samltest.Response) {
			r.AssertionSigning.Key = samltest.NamedKey(samltest.RSA2048Other)
			encrypted(samltest.Encryption{})(r)
		}},
		{name: "no signature", signed: onAssertion, want: bad, response: func(r *samltest.Response) {
			r.AssertionSigning = nil
			encrypted(samltest.Encryption{})(r)
		}},
		{name: "an expired certificate", config: certified(samltest.RSA2048Expired), response: encrypted(samltest.Encryption{}), warns: saml.CodeCertificateExpired},
	})
}

// TestBehindTheDecryption: once a signature has held, each rule has its own
// code.
func TestBehindTheDecryption(t *testing.T) {
	changed := func(f func(*samltest.Response)) func(*samltest.Response) {
		return both(f, encrypted(samltest.Encryption{}))
	}
	var cases []ruleCase
	for _, c := range []ruleCase{
		{name: "the issuer", response: changed(func(r *samltest.Response) { r.Assertion.Issuer.Value = "x" }), want: saml.CodeIssuerMismatch},
		{name: "the audience", response: changed(conditioned(func(c *samltest.Conditions) { c.Audiences = nil })), want: saml.CodeAudienceMismatch},
		{name: "the recipient", response: changed(func(r *samltest.Response) { r.Confirmation().Recipient = "x" }), want: saml.CodeRecipientMismatch},
		{name: "the time", response: changed(conditioned(func(c *samltest.Conditions) { c.NotOnOrAfter = at(-time.Hour) })), want: saml.CodeExpired},
		{name: "the request", response: changed(func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = "_x", "_x" }), config: mode(saml.Refuse), want: saml.CodeRequestUnknown},
		{name: "the address", response: changed(func(r *samltest.Response) { r.Assertion.NameID.Value = "user" }), want: saml.CodeNameIDNotEmail},
	} {
		c.config = configured(ours(samltest.SP), func(cfg *saml.Config) {
			if c.name == "the request" {
				cfg.Mode = saml.Refuse
			}
		})
		cases = append(cases, c)
	}
	run(t, cases)
}

func TestTheNamespacesOfTheClearText(t *testing.T) {
	styled := func(s samltest.Style, e samltest.Encryption) func(*samltest.Response) {
		return func(r *samltest.Response) {
			r.Style = s
			r.Assertion.Attributes[0].Type = "xs:string"
			encrypted(e)(r)
		}
	}
	inclusive := func(uri string) func(*samltest.Response) {
		return both(signings(func(s *samltest.Signing) { s.Transform, s.Info = uri, uri }),
			styled(samltest.Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Outer: true}, samltest.Encryption{}))
	}
	advice := func(x string) func(*samltest.Response) {
		return encrypted(samltest.Encryption{EditText: func(s string) string {
			return must(s, "<saml:Subject>", "<saml:Advice>"+x+"</saml:Advice><saml:Subject>")
		}})
	}
	decrypting(t, []ruleCase{
		{name: "declared inside", response: styled(samltest.Style{Protocol: "samlp", Assertion: "saml", Signature: "ds"}, samltest.Encryption{})},
		{name: "declared outside", response: styled(samltest.Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Outer: true}, samltest.Encryption{})},
		{name: "the default, declared outside", response: styled(samltest.Style{Protocol: "samlp", Outer: true}, samltest.Encryption{})},
		{name: "the default, declared inside", response: styled(samltest.Style{Protocol: "samlp"}, samltest.Encryption{})},
		{name: "the default, with another one outside", response: styled(samltest.Style{}, samltest.Encryption{})},
		{name: "indented", response: styled(samltest.Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Indent: "  "}, samltest.Encryption{})},
		{name: "Canonical XML 1.0", response: inclusive(dsig.C14N10)},
		{name: "Canonical XML 1.1", response: inclusive(dsig.C14N11)},
		{name: "a PrefixList of what is declared outside", response: both(inclusive(dsig.ExcC14N), signings(func(s *samltest.Signing) { s.Prefixes = []string{"xs", "samlp", "#default"} }))},
		{name: "a prefix of the Response", signed: onResponse, response: advice("<samlp:x/>")},
		{name: "a prefix that nothing declares", response: advice("<x:x/>"), want: saml.CodeDecryptionFailed},
		{name: "a prefix that only the EncryptedData declares", response: advice("<xenc:x/>"), want: saml.CodeDecryptionFailed},
		{name: "a prefix that only the EncryptedKey declares", response: advice("<ds:x/>"), want: saml.CodeDecryptionFailed},
		{name: "a prefix that means something else inside", signed: onResponse, response: advice(`<samlp:x xmlns:samlp="urn:x"/>`)},
	})
}

func TestEncryptionThatIsRequired(t *testing.T) {
	required := configured(ours(samltest.SP), func(c *saml.Config) { c.RequireEncryption = true })
	signed := configured(ours(samltest.SP), func(c *saml.Config) { c.RequireSignedResponse = true })
	e := encrypted(samltest.Encryption{})
	run(t, []ruleCase{
		{name: "encrypted", config: required, response: e},
		{name: "in clear", config: required, want: saml.CodeDecryptionFailed},
		{name: "only the NameID encrypted", config: required, response: encryptedID(samltest.Encryption{}), want: saml.CodeDecryptionFailed},
		{name: "in clear, and not signed", config: required, signed: onNeither, want: saml.CodeSignatureMissing},
		{name: "a signed response required", config: signed, signed: onResponse, response: e},
		{name: "a signed response required", config: signed, signed: onBoth, response: e},
		{name: "a signed response required", config: signed, signed: onAssertion, response: e, want: saml.CodeSignatureMissing},
		{name: "a signed response required", config: signed, signed: onNeither, response: e, want: saml.CodeSignatureMissing},
	})
}

func TestNothingIsDecryptedForAMessageThatIsRefused(t *testing.T) {
	e := encrypted(samltest.Encryption{Content: xenc.AES128CBC, Pad: func(clear []byte) []byte {
		return append(bytes.Clone(clear), make([]byte, 16-len(clear)%16)...)
	}})
	for name, c := range map[string]struct {
		change func(*samltest.Response)
		want   saml.Code
	}{
		"a response that was changed": {both(parts(onBoth), e, afterwards(`IssueInstant="2026`, `IssueInstant="2025`)), saml.CodeSignatureInvalid},
		"a stranger's response": {func(r *samltest.Response) {
			e(r)
			r.ResponseSigning.Key = samltest.NamedKey(samltest.RSA2048Other)
		}, saml.CodeCertificateUnknown},
		"a stray Signature": {both(parts(onResponse), e, func(r *samltest.Response) {
			r.Extensions = []samltest.XML{`<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`}
		}), saml.CodeSignatureInvalid},
	} {
		s := samltest.NewScene()
		ours(samltest.SP)(&s.SP)
		r := s.Response()
		c.change(r)
		res, refused := judge(t, s.SP, message(s, []byte(r.String())))
		if code(refused) != c.want || has(res, refused, saml.Failed, saml.CodeDecryptionFailed) {
			t.Errorf("%s: %s", name, describe(res, refused))
		}
	}
}

func TestEncryptedID(t *testing.T) {
	clear := func(f func(string) string) func(*samltest.Response) {
		return encryptedID(samltest.Encryption{EditText: f})
	}
	const bad = saml.CodeDecryptionFailed
	var cases []ruleCase
	for _, c := range []ruleCase{
		{name: "GCM", response: encryptedID(samltest.Encryption{Content: xenc.AES256GCM})},
		{name: "CBC, behind a signature of either", response: encryptedID(samltest.Encryption{Content: xenc.AES256CBC})},
		{name: "in an encrypted assertion", response: both(encryptedID(samltest.Encryption{}), encrypted(samltest.Encryption{}))},
		{name: "keys beside the data", response: encryptedID(samltest.Encryption{Place: samltest.ByReference})},
		{name: "the old key", config: ours(samltest.SP, samltest.SPOld), response: encryptedID(samltest.Encryption{For: recipients(samltest.SPOld)})},
		{name: "namespaces declared outside", response: func(r *samltest.Response) {
			r.Style.Outer = true
			encryptedID(samltest.Encryption{})(r)
		}},
		{name: "RSA 1.5", response: encryptedID(samltest.Encryption{Transport: xenc.RSA15}), want: bad},
		{name: "RSA 1.5 where it is allowed", config: allowing(saml.InsecureRSA15()), response: encryptedID(samltest.Encryption{Transport: xenc.RSA15}), warns: bad},
		{name: "for another", response: encryptedID(samltest.Encryption{For: recipients(samltest.RSA2048Other)}), want: bad},
		{name: "no key", config: func(c *saml.Config) { c.Keys = nil }, response: encryptedID(samltest.Encryption{}), want: bad},
		{name: "no XML", response: clear(func(string) string { return samltest.Email }), want: bad},
		{name: "a comment", response: clear(func(s string) string { return must(s, samltest.Email, samltest.Email+"<!---->") }), want: bad},
		{name: "another element", response: clear(func(string) string { return "<saml:Issuer>" + samltest.Email + "</saml:Issuer>" }), want: saml.CodeNameIDMissing},
		{name: "elements in the text", response: clear(func(s string) string { return must(s, samltest.Email, samltest.Email+"<x/>") }), want: saml.CodeNameIDMissing},
		{name: "no address", response: clear(func(s string) string { return must(s, samltest.Email, "user") }), want: saml.CodeNameIDNotEmail},
		{name: "beside a NameID", response: both(encryptedID(samltest.Encryption{}),
			edit("</saml:NameID>", "</saml:NameID><saml:NameID>"+samltest.Victim+"</saml:NameID>")), want: saml.CodeXMLInvalid},
		{name: "twice", response: encryptedID(samltest.Encryption{Edit: func(s string) string {
			return s + "</saml:EncryptedID><saml:EncryptedID>" + s
		}}), want: saml.CodeXMLInvalid},
		{name: "not signed", signed: onNeither, response: encryptedID(samltest.Encryption{}), want: saml.CodeSignatureMissing},
		{name: "in a confirmation, where nobody reads it", response: edit("<saml:SubjectConfirmationData ", "<saml:EncryptedID/><saml:SubjectConfirmationData ")},
	} {
		config := c.config
		c.config = configured(ours(samltest.SP), func(cfg *saml.Config) {
			if config != nil {
				config(cfg)
			}
		})
		cases = append(cases, c)
	}
	run(t, cases)
}

func TestAnEncryptedAttributeIsLeftOut(t *testing.T) {
	s := samltest.NewScene()
	ours(samltest.SP)(&s.SP)
	r := s.Response()
	attribute := samltest.Encrypt(`<saml:Attribute Name="secret"/>`, *encryption(samltest.Encryption{}))
	r.BeforeSigning = func(text string) string {
		return must(text, "<saml:AttributeStatement>", "<saml:AttributeStatement><saml:EncryptedAttribute>"+attribute+"</saml:EncryptedAttribute>")
	}
	res, refused := judge(t, s.SP, message(s, []byte(r.String())))
	if refused != nil || res.Assertion.Attributes.Len() != 2 || !has(res, refused, saml.Warning, saml.CodeDecryptionFailed) {
		t.Errorf("%+v\n%s", res, describe(res, refused))
	}
}

func TestARestartDecryptsNothing(t *testing.T) {
	for name, change := range map[string]func(*samltest.Response){
		"no request":                    func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = "", "" },
		"a request that nobody sent":    func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = "_x", "_x" },
		"a request that is only inside": func(r *samltest.Response) { r.InResponseTo = "" },
	} {
		s := samltest.NewScene() // without keys
		r := s.Response()
		both(change, encrypted(samltest.Encryption{}))(r)
		res, refused := judge(t, s.SP, message(s, []byte(r.String())))
		if refused != nil || !res.Restart {
			t.Errorf("%s: %v", name, refused)
		}
	}
}

func TestTheResultOfAnEncryptedMessage(t *testing.T) {
	for _, signed := range []string{onResponse, onAssertion, onBoth} {
		s := samltest.NewScene()
		ours(samltest.SP)(&s.SP)
		in := s.Response()
		sign(in, signed)
		want, refused := judge(t, s.SP, message(s, []byte(in.String())))
		if refused != nil {
			t.Fatal(refused)
		}
		encrypted(samltest.Encryption{})(in)
		got, refused := judge(t, s.SP, message(s, []byte(in.String())))
		if refused != nil {
			t.Fatal(refused)
		}
		if diff := cmp.Diff(want.Assertion, got.Assertion); diff != "" {
			t.Errorf("%s signed: %s", signed, diff)
		}
		if s := statuses(t, got.Checks); s["decryption"] != saml.Passed {
			t.Errorf("%s signed: decryption %s", signed, s["decryption"])
		}
	}
}

// causes are ciphertexts that nobody has signed, or that hold what nobody has,
// each wrong in another way.
func causes() map[string]func(*samltest.Response) {
	noSignature := func(r *samltest.Response) { r.AssertionSigning = nil }
	text := func(f func(string) string) func(*samltest.Response) {
		return encrypted(samltest.Encryption{EditText: f})
	}
	return map[string]func(*samltest.Response){
		"bad method":              encrypted(samltest.Encryption{Content: xenc.AES128CBC}),
		"bad transport":           encrypted(samltest.Encryption{For: recipients(samltest.SPOld)}),
		"bad size of the key":     encrypted(samltest.Encryption{EditKey: func(k []byte) []byte { return k[1:] }}),
		"bad tag":                 encrypted(samltest.Encryption{EditCipher: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}),
		"bad XML":                 text(func(s string) string { return s[:len(s)-1] }),
		"another element":         text(func(string) string { return "<x/>" }),
		"two assertions":          text(func(s string) string { return must(s, "<saml:Subject>", "<saml:Assertion/><saml:Subject>") }),
		"an ID that is used":      text(func(s string) string { return must(s, "<saml:Subject>", `<x ID="_response1"/><saml:Subject>`) }),
		"bad inner signature":     text(func(s string) string { return must(s, "Test User", "Evil User") }),
		"stranger's signature":    both(signings(func(s *samltest.Signing) { s.Key = samltest.NamedKey(samltest.EC256) }), encrypted(samltest.Encryption{})),
		"missing inner signature": both(noSignature, encrypted(samltest.Encryption{})),
	}
}

// TestRefusalsTellNothing: whatever is wrong with a ciphertext that nobody has
// signed, only the note for the administrator differs.
func TestRefusalsTellNothing(t *testing.T) {
	s := samltest.NewScene()
	ours(samltest.SP)(&s.SP)
	s.SP.RefuseExpiredCertificate = true
	var first *saml.Refusal
	notes := make(map[string]string)
	all := causes()
	all["expired certificate"] = encrypted(samltest.Encryption{})
	for name, change := range all {
		cfg := s.SP
		if name == "expired certificate" {
			certified(samltest.RSA2048Expired)(&cfg)
		}
		for _, recorded := range []bool{false, true} {
			r := s.Response()
			both(parts(onAssertion), change)(r)
			m := message(s, []byte(r.String()))
			m.Record = recorded
			sp, err := saml.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			slept := time.Duration(0)
			sp.SleepBy(func(d time.Duration) { slept += d })
			_, err = sp.Validate(m)
			refused := refusal(t, err)
			if slept <= 0 || slept > 50*time.Millisecond {
				t.Errorf("%s: waits %v", name, slept)
			}
			if err.Error() != string(saml.CodeDecryptionFailed) {
				t.Errorf("%s: %v", name, err)
			}
			for i, c := range refused.Checks {
				if c.Status == saml.Failed {
					notes[c.Note] = name
				}
				refused.Checks[i].Note = ""
			}
			if first == nil {
				first = refused
			}
			if diff := cmp.Diff(first, refused); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	// What depends on a key has one note; all else is told to the administrator.
	if len(notes) != len(all)-2 {
		t.Errorf("%d notes for %d causes: %v", len(notes), len(all), notes)
	}
}

// TestSignedCiphertextsAreToldOf: with a signature around it the ciphertext is
// the Identity Provider's, and its administrator wants to know.
func TestSignedCiphertextsAreToldOf(t *testing.T) {
	want := map[string]saml.Code{"bad method": "", "another element": saml.CodeUnsupportedMessage, "two assertions": saml.CodeMultipleAssertions,
		"an ID that is used": saml.CodeXMLInvalid, "bad inner signature": saml.CodeSignatureInvalid,
		"stranger's signature": saml.CodeCertificateUnknown, "missing inner signature": ""}
	s := samltest.NewScene()
	ours(samltest.SP)(&s.SP)
	for name, change := range causes() {
		r := s.Response()
		change(r)
		r.ResponseSigning.Key = s.IdP.Key
		sp, err := saml.New(s.SP)
		if err != nil {
			t.Fatal(err)
		}
		sp.SleepBy(func(time.Duration) { t.Errorf("%s: waits", name) })
		_, err = sp.Validate(message(s, []byte(r.String())))
		expected, ok := want[name]
		if !ok {
			expected = saml.CodeDecryptionFailed
		}
		if got := code(refusal(t, err)); got != expected {
			t.Errorf("%s: %s, not %s", name, got, expected)
		}
	}
}

// TestTheGridOfARefusal: what follows the key transport ends at a multiple of
// the grid, and the grid is wider for a larger message.
func TestTheGridOfARefusal(t *testing.T) {
	for size, most := range map[int]time.Duration{0: 50 * time.Millisecond, 200 << 10: 500 * time.Millisecond} {
		s := samltest.NewScene()
		ours(samltest.SP)(&s.SP)
		r := s.Response()
		sign(r, onNeither)
		r.Assertion.Attributes[0].Values = []string{strings.Repeat("x", size)}
		encrypted(samltest.Encryption{})(r)
		sp, err := saml.New(s.SP)
		if err != nil {
			t.Fatal(err)
		}
		var slept time.Duration
		sp.SleepBy(func(d time.Duration) { slept = d })
		if _, err := sp.Validate(message(s, []byte(r.String()))); code(refusal(t, err)) != saml.CodeDecryptionFailed {
			t.Fatal(err)
		}
		if slept > most || size > 0 && slept < 50*time.Millisecond {
			t.Errorf("%d octets: waits %v", size, slept)
		}
	}
}

func TestKeyPairsThatAreRefused(t *testing.T) {
	pairs := func(names ...string) func(*saml.Config) { return ours(names...) }
	for name, change := range map[string]func(*saml.Config){
		"five keys":      pairs(strings.Fields(strings.Repeat("sp ", 5))...),
		"a short key":    pairs(samltest.RSA1024),
		"no private key": func(c *saml.Config) { pairs(samltest.SP)(c); c.Keys[0].Private = nil },
		"no certificate": func(c *saml.Config) { pairs(samltest.SP)(c); c.Keys[0].Certificate = nil },
		"another certificate": func(c *saml.Config) {
			pairs(samltest.SP)(c)
			c.Keys[0].Certificate = samltest.NamedKey(samltest.SPOld).Certificate
		},
		"a certificate of ECDSA": func(c *saml.Config) {
			pairs(samltest.SP)(c)
			c.Keys[0].Certificate = samltest.NamedKey(samltest.EC256).Certificate
		},
		"a second bad key":    pairs(samltest.SP, samltest.RSA1024),
		"no key to sign with": func(c *saml.Config) { c.SignRequests = true },
	} {
		cfg := samltest.NewIdP().Config()
		change(&cfg)
		if _, err := saml.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	cfg := samltest.NewIdP().Config()
	cfg.SignRequests = true
	pairs(samltest.SP, samltest.SPOld, samltest.SP3072, samltest.SP)(&cfg)
	if _, err := saml.New(cfg); err != nil {
		t.Error(err)
	}
}

// TestManyKeysAreBounded: eight encrypted keys and four of ours are what a
// stranger can make us work with, and no more.
func TestManyKeysAreBounded(t *testing.T) {
	s := samltest.NewScene()
	ours(samltest.SPOld, samltest.SPOld, samltest.SPOld, samltest.SP)(&s.SP)
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	sp.SleepBy(func(time.Duration) {})
	for _, n := range []int{8, 9, 1000} {
		r := s.Response()
		sign(r, onNeither)
		e := samltest.Encryption{NoHint: true}
		for range n {
			e.For = append(e.For, samltest.NamedKey(samltest.RSA2048Other))
		}
		encrypted(e)(r)
		began := time.Now()
		_, err := sp.Validate(message(s, []byte(r.String())))
		if spent := time.Since(began); code(refusal(t, err)) != saml.CodeDecryptionFailed || spent > 5*time.Second {
			t.Errorf("%d keys: %v after %v", n, err, spent)
		}
	}
}

func TestOneServiceProviderDecryptsForMany(t *testing.T) {
	s := samltest.NewScene()
	ours(samltest.SP)(&s.SP)
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for i := range 4 {
		go func() {
			for n := range 10 {
				r := s.Response()
				r.Assertion.NameID.Value = fmt.Sprintf("user%d.%d@acme.test", i, n)
				both(encryptedID(samltest.Encryption{}), encrypted(samltest.Encryption{}))(r)
				res, err := sp.Validate(message(s, []byte(r.String())))
				if err == nil && res.Assertion.Email != r.Assertion.NameID.Value {
					err = fmt.Errorf("%s became %s", r.Assertion.NameID.Value, res.Assertion.Email)
				}
				if err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
