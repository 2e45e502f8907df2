package saml_test

import (
	"crypto"
	"crypto/x509"
	"strings"
	"testing"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/samltest"
)

// Rules 7 to 12: signatures, algorithms, keys, and how much may stand there.

// signings changes how each signed part is signed.
func signings(f func(*samltest.Signing)) func(*samltest.Response) {
	return func(r *samltest.Response) {
		for _, s := range []*samltest.Signing{r.ResponseSigning, r.AssertionSigning} {
			if s != nil {
				f(s)
			}
		}
	}
}

// certified trusts these certificates and no others.
func certified(names ...string) func(*saml.Config) {
	return func(c *saml.Config) {
		c.IdP.Certificates = nil
		for _, name := range names {
			c.IdP.Certificates = append(c.IdP.Certificates, samltest.NamedKey(name).Certificate)
		}
	}
}

func allowSHA1(c *saml.Config) {
	c.Algorithms = saml.DefaultAlgorithms().With(saml.InsecureSHA1())
}

func TestSignatureMethods(t *testing.T) {
	var cases []ruleCase
	add := func(key, method, digest string, config func(*saml.Config), want, warns saml.Code) {
		cases = append(cases, ruleCase{
			name: key + " " + method[strings.LastIndexByte(method, '#')+1:] + " " + digest[strings.LastIndexByte(digest, '#')+1:],
			config: func(c *saml.Config) {
				certified(key)(c)
				if config != nil {
					config(c)
				}
			},
			response: signings(func(s *samltest.Signing) {
				s.Key, s.Method, s.Digest = samltest.NamedKey(key), method, digest
			}),
			want: want, warns: warns,
		})
	}
	for _, key := range []string{samltest.RSA2048, samltest.RSA3072} {
		for _, method := range []string{dsig.RSASHA256, dsig.RSASHA384, dsig.RSASHA512, dsig.PSS, dsig.PSSSHA256, dsig.PSSSHA384, dsig.PSSSHA512} {
			add(key, method, dsig.SHA256, nil, "", "")
		}
	}
	for _, key := range []string{samltest.EC256, samltest.EC384, samltest.EC521} {
		for _, method := range []string{dsig.ECDSASHA256, dsig.ECDSASHA384, dsig.ECDSASHA512} {
			add(key, method, dsig.SHA256, nil, "", "")
		}
		add(key, dsig.ECDSASHA1, dsig.SHA256, allowSHA1, "", saml.CodeSignatureAlgorithm)
		add(key, dsig.ECDSASHA1, dsig.SHA256, nil, saml.CodeSignatureAlgorithm, "")
	}
	for _, digest := range []string{dsig.SHA384, dsig.SHA512} {
		add(samltest.RSA2048, dsig.RSASHA256, digest, nil, "", "")
	}
	add(samltest.RSA2048, dsig.RSASHA1, dsig.SHA1, allowSHA1, "", saml.CodeSignatureAlgorithm)
	add(samltest.RSA2048, dsig.RSASHA256, dsig.SHA1, allowSHA1, "", saml.CodeSignatureAlgorithm)
	add(samltest.RSA2048, dsig.RSASHA1, dsig.SHA256, nil, saml.CodeSignatureAlgorithm, "")
	add(samltest.RSA2048, dsig.RSASHA256, dsig.SHA1, nil, saml.CodeSignatureAlgorithm, "")
	run(t, cases)
}

func TestPSSParameters(t *testing.T) {
	with := func(h crypto.Hash, edits ...string) func(*samltest.Response) {
		return signings(func(s *samltest.Signing) {
			s.Method, s.PSSHash = dsig.PSS, h
			if len(edits) > 0 {
				s.Edit = func(sig string) string { return must(sig, edits[0], edits[1]) }
			}
		})
	}
	const salt = "<pss:SaltLength>32</pss:SaltLength>"
	run(t, []ruleCase{
		{name: "SHA-256", response: with(crypto.SHA256)},
		{name: "SHA-384", response: with(crypto.SHA384)},
		{name: "SHA-512", response: with(crypto.SHA512)},
		{name: "SHA-1", response: with(crypto.SHA1), config: allowSHA1, want: saml.CodeSignatureAlgorithm},
		{name: "no salt length", response: with(crypto.SHA256, salt, "")},
		{name: "a short salt", response: with(crypto.SHA256, salt, "<pss:SaltLength>20</pss:SaltLength>"), want: saml.CodeSignatureAlgorithm},
		{name: "a salt that is no number", response: with(crypto.SHA256, salt, "<pss:SaltLength>x</pss:SaltLength>"), want: saml.CodeSignatureAlgorithm},
		{name: "another trailer", response: with(crypto.SHA256, "TrailerField>1<", "TrailerField>2<"), want: saml.CodeSignatureAlgorithm},
		{name: "another mask function", response: with(crypto.SHA256, "#MGF1", "#MGF2"), want: saml.CodeSignatureAlgorithm},
		{name: "another hash in the mask", response: with(crypto.SHA512, "xmlenc#sha512\"></ds:DigestMethod></pss:Mask", "xmlenc#sha256\"></ds:DigestMethod></pss:Mask"), want: saml.CodeSignatureAlgorithm},
		{name: "a mask of the default hash", response: with(crypto.SHA256, `MGF1"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>`, `MGF1">`)},
		{name: "an unknown parameter", response: with(crypto.SHA256, salt, salt+"<pss:Pepper/>"), want: saml.CodeSignatureAlgorithm},
		{name: "parameters of another kind", response: with(crypto.SHA256, "</pss:RSAPSSParams>", "</pss:RSAPSSParams><x/>"), want: saml.CodeSignatureInvalid},
		{name: "parameters where none are", response: signings(func(s *samltest.Signing) {
			s.Edit = func(sig string) string { return must(sig, "</ds:SignatureMethod>", "<x/></ds:SignatureMethod>") }
		}), want: saml.CodeSignatureInvalid},
	})
}

func TestCanonicalizations(t *testing.T) {
	var cases []ruleCase
	all := []string{dsig.ExcC14N, dsig.ExcC14NComments, dsig.C14N10, dsig.C14N10Comments, dsig.C14N11, dsig.C14N11Comments}
	for i, element := range all {
		info := all[(i+2)%len(all)]
		for _, style := range []samltest.Style{
			{Protocol: "samlp", Assertion: "saml", Signature: "ds"},
			{Signature: "ds", Indent: "\t"},
			{Protocol: "p", Outer: true},
		} {
			cases = append(cases, ruleCase{name: element[10:] + " and " + info[10:], response: func(r *samltest.Response) {
				r.Style = style
				r.Assertion.Attributes[0].Type = "xs:string"
				signings(func(s *samltest.Signing) { s.Transform, s.Info = element, info })(r)
			}})
		}
	}
	prefixes := func(list ...string) func(*samltest.Response) {
		return func(r *samltest.Response) {
			r.Style.Outer = true
			signings(func(s *samltest.Signing) { s.Prefixes, s.InfoPrefixes = list, list })(r)
		}
	}
	many := strings.Fields(strings.Repeat("xs ", 64))
	run(t, append(cases,
		ruleCase{name: "a PrefixList", response: prefixes("xs", "xsi", "#default", "unknown")},
		ruleCase{name: "64 prefixes", response: prefixes(many...)},
		ruleCase{name: "65 prefixes", response: prefixes(append(many, "xs")...), want: saml.CodeSignatureInvalid},
		ruleCase{name: "a PrefixList of an inclusive form", response: signings(func(s *samltest.Signing) {
			s.Transform, s.Prefixes = dsig.C14N10, []string{"xs"}
		}), want: saml.CodeSignatureInvalid},
		ruleCase{name: "no canonicalization, which means the inclusive one", response: signings(func(s *samltest.Signing) {
			s.Transform = dsig.C14N10
			s.Edit = func(sig string) string {
				return must(sig, `<ds:Transform Algorithm="`+dsig.C14N10+`"></ds:Transform>`, "")
			}
		})},
		ruleCase{name: "no canonicalization, where the inclusive one is not allowed", config: func(c *saml.Config) {
			c.Algorithms = saml.DefaultAlgorithms()
			c.Algorithms.Canonicalizations = []string{dsig.ExcC14N}
		}, response: signings(func(s *samltest.Signing) {
			s.Transform = dsig.C14N10
			s.Edit = func(sig string) string {
				return must(sig, `<ds:Transform Algorithm="`+dsig.C14N10+`"></ds:Transform>`, "")
			}
		}), want: saml.CodeSignatureAlgorithm},
	))
}

func TestThePlaceOfASignature(t *testing.T) {
	place := func(p samltest.Position) func(*samltest.Response) {
		return signings(func(s *samltest.Signing) { s.Position = p })
	}
	run(t, []ruleCase{
		{name: "behind the Issuer", response: place(samltest.BehindIssuer)},
		{name: "before the Issuer", response: place(samltest.First), warns: saml.CodeSignatureInvalid},
		{name: "last", response: place(samltest.Last), warns: saml.CodeSignatureInvalid},
		{name: "first in a response without Issuer", signed: onResponse, response: func(r *samltest.Response) { r.Issuer.Value = "" }},
	})
}

func TestKeys(t *testing.T) {
	by := func(name string) func(*samltest.Response) {
		return signings(func(s *samltest.Signing) { s.Key = samltest.NamedKey(name) })
	}
	silent := func(name string) func(*samltest.Response) {
		return signings(func(s *samltest.Signing) { s.Key, s.NoKeyInfo = samltest.NamedKey(name), true })
	}
	var sixteen []string
	for range 15 {
		sixteen = append(sixteen, samltest.RSA2048Other)
	}
	sixteen = append(sixteen, samltest.RSA2048)
	mixed := []string{samltest.EC256, samltest.RSA2048Other, samltest.EC384, samltest.RSA2048, samltest.RSA3072}
	run(t, []ruleCase{
		{name: "no KeyInfo", response: silent(samltest.RSA2048)},
		{name: "one of several certificates", config: certified(mixed...), response: by(samltest.EC384)},
		{name: "one of several certificates without KeyInfo", config: certified(mixed...), response: silent(samltest.RSA3072)},
		{name: "the last of sixteen", config: certified(sixteen...), response: silent(samltest.RSA2048)},
		{name: "another key with its certificate", response: by(samltest.RSA2048Other), want: saml.CodeCertificateUnknown},
		{name: "another key without KeyInfo", response: silent(samltest.RSA2048Other), want: saml.CodeSignatureInvalid},
		{name: "another certificate of the same key", response: by(samltest.RSA2048Expired)},
		{name: "a method that fits no key", config: certified(samltest.EC256), response: silent(samltest.RSA2048), want: saml.CodeSignatureInvalid},
		{name: "an expired certificate", config: certified(samltest.RSA2048Expired), warns: saml.CodeCertificateExpired},
		{name: "a certificate of the future", config: certified(samltest.RSA2048Future), warns: saml.CodeCertificateExpired},
		{name: "an expired certificate where that refuses", config: func(c *saml.Config) {
			certified(samltest.RSA2048Expired)(c)
			c.RefuseExpiredCertificate = true
		}, want: saml.CodeCertificateExpired},
		{name: "a valid certificate where expired ones refuse", config: func(c *saml.Config) { c.RefuseExpiredCertificate = true }},
		{name: "certificates in KeyInfo that can't be read", response: signings(func(s *samltest.Signing) {
			s.Key = samltest.NamedKey(samltest.RSA2048Other)
			s.KeyInfo = samltest.XML("<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate><ds:X509Certificate>!</ds:X509Certificate></ds:X509Data>")
		}), want: saml.CodeSignatureInvalid},
	})
}

func TestWhatHasToBeSigned(t *testing.T) {
	required := func(c *saml.Config) { c.RequireSignedResponse = true }
	run(t, []ruleCase{
		{name: "nothing required"},
		{name: "nothing required", signed: onNeither, want: saml.CodeSignatureMissing},
		{name: "a signed response required", config: required, signed: onResponse},
		{name: "a signed response required", config: required, signed: onBoth},
		{name: "a signed response required", config: required, signed: onAssertion, want: saml.CodeSignatureMissing},
		{name: "two signatures of different keys", signed: onBoth, config: certified(samltest.EC256, samltest.RSA2048), response: func(r *samltest.Response) {
			r.ResponseSigning.Key = samltest.NamedKey(samltest.EC256)
		}},
		{name: "an assertion of a stranger in a response that holds", signed: onBoth, response: func(r *samltest.Response) {
			r.AssertionSigning.Key = samltest.NamedKey(samltest.RSA2048Other)
		}, want: saml.CodeCertificateUnknown},
		{name: "a response of a stranger around an assertion that holds", signed: onBoth, response: func(r *samltest.Response) {
			r.ResponseSigning.Key = samltest.NamedKey(samltest.RSA2048Other)
		}, want: saml.CodeCertificateUnknown},
		{name: "no assertion", signed: onResponse, response: func(r *samltest.Response) { r.Assertion = nil }, want: saml.CodeUnsupportedMessage},
		{name: "an encrypted assertion alone", signed: onResponse, response: func(r *samltest.Response) {
			r.Assertion, r.More = nil, []samltest.XML{`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>`}
		}, want: saml.CodeDecryptionFailed},
		{name: "an encrypted assertion beside one in clear", response: func(r *samltest.Response) {
			r.More = []samltest.XML{`<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>`}
		}, want: saml.CodeMultipleAssertions},
		{name: "two assertions that are both signed", signed: onResponse, response: func(r *samltest.Response) {
			other := samltest.NewScene().Response()
			other.Assertion.ID, other.ResponseSigning = "_assertion2", nil
			text := other.String()
			start, end := strings.Index(text, "<saml:Assertion"), strings.Index(text, "</samlp:Response>")
			r.More = []samltest.XML{samltest.XML(text[start:end])}
		}, want: saml.CodeMultipleAssertions},
		{name: "an ID that is empty", signed: onResponse, response: func(r *samltest.Response) {
			r.AfterSigning = func(text string) string { return must(text, ` ID="_response1"`, ` ID=""`) }
		}, want: saml.CodeSignatureInvalid},
		{name: "no ID", signed: onAssertion, response: func(r *samltest.Response) {
			r.AfterSigning = func(text string) string { return must(text, ` ID="_assertion1"`, "") }
		}, want: saml.CodeSignatureInvalid},
		{name: "an assertion without an ID in a signed response", signed: onResponse, response: func(r *samltest.Response) { r.Assertion.ID = "" }, want: saml.CodeXMLInvalid},
		{name: "an ID of 257 octets", signed: onResponse, response: func(r *samltest.Response) { r.Assertion.ID = strings.Repeat("a", 257) }, want: saml.CodeXMLInvalid},
		{name: "an ID of 256 octets", response: func(r *samltest.Response) { r.Assertion.ID = strings.Repeat("a", 256) }},
	})
}

func TestTheResultSaysWhatWasSigned(t *testing.T) {
	for _, signed := range []string{onResponse, onAssertion, onBoth} {
		s := samltest.NewScene()
		certified(samltest.EC256, samltest.RSA2048)(&s.SP)
		r := s.Response()
		sign(r, signed)
		res, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)})
		if refused != nil {
			t.Fatal(refused)
		}
		a := res.Assertion
		if a.ResponseSigned != (signed != onAssertion) || a.AssertionSigned != (signed != onResponse) || a.Certificate != 1 {
			t.Errorf("%s signed: %+v", signed, a)
		}
	}
}

func TestAStrangersCertificateIsNamed(t *testing.T) {
	s := samltest.NewScene()
	certified(samltest.RSA2048, samltest.EC256)(&s.SP)
	r := s.Response()
	signings(func(x *samltest.Signing) { x.Key = samltest.NamedKey(samltest.RSA2048Other) })(r)
	res, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)})
	text := describe(res, refused)
	for _, want := range []string{"CN=rsa2048-other.idp.example, SHA-256 ", "CN=rsa2048.idp.example, SHA-256 ", "; CN=ec256.idp.example, SHA-256 ", "signed by another certificate"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	good := samltest.NewIdP().Config()
	for name, change := range map[string]func(*saml.Config){
		"no entity ID":       func(c *saml.Config) { c.EntityID = "" },
		"no ACS URL":         func(c *saml.Config) { c.ACSURL = "" },
		"no IdP entity ID":   func(c *saml.Config) { c.IdP.EntityID = "" },
		"no certificate":     func(c *saml.Config) { c.IdP.Certificates = nil },
		"17 certificates":    func(c *saml.Config) { c.IdP.Certificates = make([]*x509.Certificate, 17) },
		"a weak certificate": certified(samltest.RSA1024),
		"an unknown mode":    mode("maybe"),
		"too much tolerance": func(c *saml.Config) { c.Tolerance = saml.MaxTolerance + 1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := saml.New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := saml.New(good); err != nil {
		t.Error(err)
	}
}

func TestAConfigurationIsNotReadAgain(t *testing.T) {
	s := samltest.NewScene()
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	s.SP.IdP.Certificates[0] = samltest.NamedKey(samltest.EC256).Certificate
	if _, err := sp.Validate(saml.Message{Values: []string{s.Response().Encode()}, Received: s.Now, Requests: pending(s.RequestID)}); err != nil {
		t.Error(err)
	}
}
