package saml_test

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/samltest"
)

// markupVectors are about XML: what stands in the message behind its signature
// refuses, what the Identity Provider has signed so is read.
func markupVectors() []vectorCase {
	var list []vectorCase
	bad := func(name, comment, old, with string) {
		list = append(list, vectorCase{name: "xml-" + name, comment: comment, change: both(parts(onAssertion), afterwards(old, with)), want: "saml_xml_invalid"})
	}
	whole := func(name, comment string, f func(string) string) {
		list = append(list, vectorCase{name: "xml-" + name, comment: comment, want: "saml_xml_invalid",
			change: both(parts(onAssertion), func(r *samltest.Response) { r.AfterSigning = f })})
	}
	const subject, name = "<saml:Subject>", ">" + samltest.Email + "<"
	many := func(n int, pattern string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, pattern, i)
		}
		return b.String()
	}
	bad("control", "a control character", name, ">user@acme.test\x01<")
	bad("control-behind", "a control character in the last octets", "</samlp:Response>", "</samlp:Response>\x02")
	bad("noncharacter", "U+FFFF", name, ">user@acme.test\uFFFF<")
	bad("reference-surrogate", "a character reference to half of a surrogate", name, ">user@acme.test&#xD800;<")
	bad("reference-beyond", "a character reference beyond Unicode", name, ">user@acme.test&#x110000;<")
	bad("reference-empty", "a character reference to no character", name, ">user@acme.test&#x;<")
	bad("reference-letter", "a decimal reference with a letter", name, ">user@acme.test&#1a;<")
	bad("reference-open", "a reference without its semicolon", name, ">user@acme.test&amp<")
	bad("reference-zeros", "a reference with thirty zeros", name, ">user@acme.test&#"+strings.Repeat("0", 30)+"65;<")
	bad("ampersand", "an & alone", name, ">user&acme.test<")
	bad("section-end", "]]> in text", name, ">user@acme.test]]><")
	bad("end-tag", "an end tag of another element", "</saml:Subject>", "</saml:Object>")
	bad("end-tag-attribute", "an attribute in an end tag", "</saml:Subject>", `</saml:Subject a="b">`)
	bad("slash", "a / inside of a tag", subject, "<saml:Subject / >")
	bad("attribute-no-value", "an attribute without a value", subject, "<saml:Subject a>")
	bad("attribute-no-quotes", "an attribute value without quotes", subject, "<saml:Subject a=b>")
	bad("attribute-less-than", "a < in an attribute value", subject, `<saml:Subject a="<">`)
	bad("attribute-entity", "an unknown entity in an attribute value", subject, `<saml:Subject a="&x;">`)
	bad("attribute-prefix", "an attribute with an undeclared prefix", subject, `<saml:Subject p:a="b">`)
	bad("attribute-same", "an attribute twice", subject, `<saml:Subject a="b" a="b">`)
	bad("attributes-together", "no white space between attributes", subject, `<saml:Subject a="b"c="d">`)
	bad("attributes-129", "129 attributes", subject, "<saml:Subject"+many(129, ` a%d=""`)+">")
	bad("declared-twice", "a prefix that is declared twice", subject, `<saml:Subject xmlns:p="urn:a" xmlns:p="urn:b">`)
	bad("declarations-70", "seventy namespace declarations in scope", subject, "<saml:Subject><x"+many(70, ` xmlns:p%d="urn:x"`)+"/>")
	bad("name-digit", "a name that starts with a digit", subject, subject+"<1/>")
	bad("name-empty", "a name that is none", subject, subject+"< x/>")
	bad("name-colon", "a name that ends with a colon", subject, subject+"<saml:/>")
	bad("name-multiply", "a name with a character that no name has", subject, subject+"<a×/>")
	bad("name-long", "a name of 1,025 octets", subject, subject+"<"+strings.Repeat("a", 1025)+"/>")
	bad("elements-20001", "more than 20,000 elements", subject, subject+strings.Repeat("<x/>", 20_000))
	bad("markup", "markup that is none", subject, subject+"<!ELEMENT x ANY>")
	bad("declaration-inside", "an XML declaration inside", subject, subject+`<?xml version="1.0"?>`)
	whole("open", "an element that is not closed", func(s string) string { return strings.TrimSuffix(s, "</samlp:Response>") })
	whole("open-tag", "the end inside of a tag", func(s string) string { return s[:strings.Index(s, " ")] + " " })
	whole("open-value", "the end inside of an attribute value", func(s string) string { return s[:strings.Index(s, `ID="`)+6] })
	whole("open-text", "the end inside of text", func(s string) string { return strings.TrimSuffix(s, "</samlp:Response>") + "text" })
	whole("end-tag-first", "an end tag at the start", func(s string) string { return "</samlp:Response>" + s })
	whole("nothing", "white space alone", func(string) string { return " " })
	whole("text-first", "text before the element", func(s string) string { return "x" + s })
	for i, declaration := range []string{`<?xml version="1.0"`, `<?xml encoding="UTF-8"?>`, `<?xml version="1.0" standalone="maybe"?>`,
		`<?xml version="1.0" encoding="UTF-8" x="y"?>`, `<?xml version="1.0"encoding="UTF-8"?>`, `<?xml version "1.0"?>`, `<?xml version=1.0?>`, `<?xml version="1.0?>`} {
		whole(fmt.Sprintf("declaration-%d", i+1), "an XML declaration as none is", func(s string) string { return declaration + s })
	}
	advice := func(x string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.Advice = samltest.XML(x) }
	}
	return append(list,
		vectorCase{name: "xml-names", comment: "names of letters beyond ASCII", change: advice("<ä·é xmlns='urn:ü' ñ='1'/>")},
		vectorCase{name: "xml-namespaces", comment: "forty namespaces", change: advice(many(40, "<x xmlns='urn:%d'/>"))},
		vectorCase{name: "xml-ids", comment: "forty IDs", change: advice(many(40, "<x ID='id%d'/>"))},
		vectorCase{name: "xml-values", comment: "quotes, line ends and references in attribute values", change: advice("<x a='\"' b='\r\n\t' c='&#13;&lt;&amp;' d=\"'\" xml:lang='de'/>")},
		vectorCase{name: "xml-text", comment: "references and line ends in text", change: advice("<x>&lt;&gt;&amp;&apos;&quot;&#13;&#x1F600;></x>\r\n\r")},
		vectorCase{name: "xml-inherited", comment: "xml: attributes of the response, in the inclusive form of the assertion", change: both(parts(onAssertion), form10(dsig.C14N10),
			edit("<samlp:Response ", `<samlp:Response xml:lang="de" xml:base="http://x/" `))},
		vectorCase{name: "xml-inherited-1.1", comment: "xml: attributes of the response, in the inclusive form 1.1 of the assertion", change: both(parts(onAssertion), form10(dsig.C14N11),
			edit("<samlp:Response ", `<samlp:Response xml:lang="de" xml:base="http://x/a" xml:id="i" `), edit2("<saml:Assertion ", `<saml:Assertion xml:base="b" `))},
		vectorCase{name: "field-blanks", comment: "blanks and tabs in base64", field: func(r *samltest.Response) string { return samltest.EncodeLines(r.String(), 60, " \t") }},
	)
}

// edit2 changes the text before it is signed, besides what edit does.
func edit2(old, with string) func(*samltest.Response) {
	return func(r *samltest.Response) {
		before := r.BeforeSigning
		r.BeforeSigning = func(text string) string { return must(before(text), old, with) }
	}
}

// signatureVectors are signatures of a shape that SAML does not use, as if the
// Identity Provider had made them so.
func signatureVectors() []vectorCase {
	const invalid, algorithm = "saml_signature_invalid", "saml_signature_algorithm"
	sig := func(name, comment, want string, f func(*samltest.Signing)) vectorCase {
		return vectorCase{name: "signature-" + name, comment: comment, want: want, change: both(parts(onResponse), signings(f))}
	}
	edit := func(old, with string) func(*samltest.Signing) {
		return func(s *samltest.Signing) { s.Edit = func(text string) string { return must(text, old, with) } }
	}
	pss := func(old, with string) func(*samltest.Signing) {
		return func(s *samltest.Signing) {
			s.Method, s.PSSHash = dsig.PSS, crypto.SHA256
			s.Edit = func(text string) string { return must(text, old, with) }
		}
	}
	const enveloped = `<ds:Transform Algorithm="` + dsig.Enveloped + `">`
	return []vectorCase{
		sig("pss-parameters", "parameters of RSA-PSS of another kind", invalid, pss("</pss:RSAPSSParams>", "</pss:RSAPSSParams><x/>")),
		sig("pss-unknown", "an unknown parameter of RSA-PSS", algorithm, pss("<pss:TrailerField>", "<pss:Pepper/><pss:TrailerField>")),
		sig("pss-mask", "another mask function in RSA-PSS", algorithm, pss("#MGF1", "#MGF2")),
		sig("pss-salt", "a short salt in RSA-PSS", algorithm, pss("<pss:SaltLength>32", "<pss:SaltLength>8")),
		sig("pss-mask-default", "the default hash of the mask in RSA-PSS", "", pss(`MGF1"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>`, `MGF1">`)),
		sig("pss-parameters-other", "parameters of another name in RSA-PSS", invalid, func(s *samltest.Signing) {
			s.Method, s.PSSHash = dsig.PSS, crypto.SHA256
			s.Edit = func(text string) string { return strings.ReplaceAll(text, "pss:RSAPSSParams", "pss:Params") }
		}),
		sig("pss-mask-other-element", "something else than a DigestMethod in the mask of RSA-PSS", algorithm, pss(`MGF1"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod>`, `MGF1"><ds:Digest Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:Digest>`)),
		sig("pss-mask-other-hash", "another hash in the mask than in RSA-PSS", algorithm, pss(`MGF1"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256">`, `MGF1"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512">`)),
		sig("pss-sha384", "RSA-PSS with SHA-384 by its own name", "", func(s *samltest.Signing) { s.Method, s.Digest = dsig.PSSSHA384, dsig.SHA384 }),
		sig("pss-sha512", "RSA-PSS with SHA-512 by its own name", "", func(s *samltest.Signing) { s.Method, s.Digest = dsig.PSSSHA512, dsig.SHA512 }),
		sig("method-parameters", "parameters of a method that has none", invalid, edit("</ds:SignatureMethod>", "<x/></ds:SignatureMethod>")),
		sig("method-foreign-key", "a method that fits none of the keys", invalid, func(s *samltest.Signing) {
			s.Key, s.Method, s.NoKeyInfo = samltest.NamedKey(samltest.EC256), dsig.ECDSASHA256, true
		}),
		sig("no-digest-value", "no DigestValue", invalid, func(s *samltest.Signing) {
			s.Edit = func(text string) string {
				start, end := strings.Index(text, "<ds:DigestValue>"), strings.Index(text, "</ds:DigestValue>")+len("</ds:DigestValue>")
				return text[:start] + text[end:]
			}
		}),
		sig("object-for-keyinfo", "an Object where KeyInfo may stand", invalid, func(s *samltest.Signing) {
			s.NoKeyInfo = true
			s.Edit = func(text string) string {
				return must(text, "</ds:SignatureValue>", "</ds:SignatureValue><ds:Object></ds:Object>")
			}
		}),
		sig("uri-without-hash", "a URI that ends with the ID, and starts with something else than #", invalid, edit(`URI="#_response1"`, `URI="/_response1"`)),
		sig("two-prefix-lists", "two PrefixLists in one transform", invalid, func(s *samltest.Signing) {
			s.Prefixes = []string{"xs"}
			s.Edit = func(text string) string {
				return must(text, "</ec:InclusiveNamespaces>", `</ec:InclusiveNamespaces><ec:InclusiveNamespaces xmlns:ec="`+dsig.ExcC14N+`" PrefixList="saml"></ec:InclusiveNamespaces>`)
			}
		}),
		sig("inclusive-prefix-list", "a PrefixList for Canonical XML 1.0", invalid, func(s *samltest.Signing) {
			s.Transform = dsig.C14N10
			s.Edit = func(text string) string {
				return must(text, `Algorithm="`+dsig.C14N10+`">`, `Algorithm="`+dsig.C14N10+`"><ec:InclusiveNamespaces xmlns:ec="`+dsig.ExcC14N+`" PrefixList="xs"></ec:InclusiveNamespaces>`)
			}
		}),
		sig("no-canonicalization", "no CanonicalizationMethod", invalid, edit(`<ds:CanonicalizationMethod Algorithm="`+dsig.ExcC14N+`"></ds:CanonicalizationMethod>`, "")),
		sig("no-method", "no SignatureMethod", invalid, edit(`<ds:SignatureMethod Algorithm="`+dsig.RSASHA256+`"></ds:SignatureMethod>`, "")),
		sig("no-digest-method", "no DigestMethod", invalid, edit(`<ds:DigestMethod Algorithm="`+dsig.SHA256+`"></ds:DigestMethod>`, "")),
		sig("text", "text beside the elements", invalid, edit("<ds:SignatureMethod ", "text<ds:SignatureMethod ")),
		sig("transforms-other", "something else than transforms", invalid, edit(enveloped, "<x/>"+enveloped)),
		sig("transforms-behind", "something else behind the transforms", invalid, func(s *samltest.Signing) {
			s.Edit = func(text string) string {
				return must(text, `</ds:Transform><ds:Transform Algorithm="`+dsig.ExcC14N+`"></ds:Transform>`, "</ds:Transform><x/>")
			}
		}),
		sig("enveloped-parameters", "a parameter of the enveloped-signature transform", invalid, edit(enveloped, enveloped+"<x/>")),
		sig("canonicalization-parameters", "a parameter of the canonicalization that nobody knows", invalid, edit(`<ds:Transform Algorithm="`+dsig.ExcC14N+`">`, `<ds:Transform Algorithm="`+dsig.ExcC14N+`"><x/>`)),
		sig("prefixes-65", "a PrefixList of 65", invalid, func(s *samltest.Signing) { s.Prefixes = strings.Fields(strings.Repeat("p ", 65)) }),
		sig("digest-base64", "a digest that is no base64", invalid, edit("<ds:DigestValue>", "<ds:DigestValue>!")),
		sig("strangers", "a stranger's certificate, where two others are trusted", "saml_certificate_unknown", func(s *samltest.Signing) { s.Key = samltest.NamedKey(samltest.RSA2048Other) }),
		{name: "signature-info-relative-namespace", comment: "a relative namespace that only the canonicalization of SignedInfo meets", want: invalid,
			change: both(parts(onResponse), afterwards("<ds:SignedInfo>", `<ds:SignedInfo xmlns:r="relative">`))},
		{name: "signature-value-base64", comment: "a signature value that is no base64", want: invalid, change: both(parts(onResponse), afterwards("<ds:SignatureValue>", "<ds:SignatureValue>!"))},
		{name: "signature-assertion-no-id", comment: "a signed assertion without an ID", want: invalid, change: both(parts(onAssertion), afterwards(` ID="_assertion1"`, ""))},
		{name: "signature-no-id", comment: "a signed response without an ID", want: invalid, change: both(parts(onResponse), afterwards(` ID="_response1"`, ""))},
		ecdsaValue("zero-between", "a zero octet between both numbers of an ECDSA signature", func(b []byte) []byte { return slices.Concat(b[:32], []byte{0}, b[32:]) }),
		ecdsaValue("zero-first", "a zero octet before both numbers of an ECDSA signature", func(b []byte) []byte { return append([]byte{0}, b...) }),
		ecdsaValue("short", "an ECDSA signature of ten octets", func(b []byte) []byte { return b[:10] }),
		ecdsaValue("empty", "an ECDSA signature of no octets", func([]byte) []byte { return nil }),
		{name: "signature-ecdsa-der", comment: "an ECDSA signature of another length", want: invalid, header: header{"certificates": samltest.EC256},
			change: both(parts(onResponse), signedBy(samltest.EC256, dsig.ECDSASHA256), afterwards("<ds:SignatureValue>", "<ds:SignatureValue>AAAA"))},
	}
}

// ecdsaValue is an ECDSA signature whose octets are changed afterwards.
func ecdsaValue(name, comment string, f func([]byte) []byte) vectorCase {
	change := func(r *samltest.Response) {
		r.AfterSigning = func(text string) string {
			before, rest, _ := strings.Cut(text, "<ds:SignatureValue>")
			value, behind, _ := strings.Cut(rest, "<")
			octets, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				panic(err)
			}
			return before + "<ds:SignatureValue>" + base64.StdEncoding.EncodeToString(f(octets)) + "<" + behind
		}
	}
	return vectorCase{name: "signature-ecdsa-" + name, comment: comment, want: "saml_signature_invalid", header: header{"certificates": samltest.EC256},
		change: both(parts(onResponse), signedBy(samltest.EC256, dsig.ECDSASHA256), change)}
}

func instantVectors() []vectorCase {
	var list []vectorCase
	for name, text := range map[string]string{
		"letters": "2026-03-01T09:2x:59Z", "empty-fraction": "2026-03-01T09:29:59.Z", "hour-24": "2026-03-01T24:00:00Z", "second-60": "2026-03-01T09:29:60Z",
		"year-0": "0000-03-01T09:29:59Z", "zone-letters": "2026-03-01T09:29:59+0a:00", "zone-short": "2026-03-01T09:29:59+01", "zone-15": "2026-03-01T09:29:59+15:00", "short": "2026-03-01",
	} {
		list = append(list, vectorCase{name: "time-" + name, comment: "an instant that is none: " + text, want: "saml_not_yet_valid",
			change: func(r *samltest.Response) { r.Assertion.Conditions.NotBefore = text }})
	}
	// A reader that lets one of these pass reads an instant that is still ahead.
	for name, text := range map[string]string{
		"letters": "2026-03-0:T09:29:59Z", "below-digits": "2026-03-1/T09:29:59Z", "slashes": "2026/03/09T09:29:59Z", "blank": "2026-03-09 09:29:59Z",
		"lower-case": "2026-03-09t09:29:59z", "month-13": "2026-13-09T09:29:59Z", "day-0": "2026-04-00T09:29:59Z", "day-32": "2026-03-32T09:29:59Z",
		"hour-24": "2026-03-09T24:00:00Z", "minute-60": "2026-03-09T09:60:59Z", "second-60": "2026-03-09T09:29:60Z", "no-zone": "2026-03-09T09:29:59",
		"empty-fraction": "2026-03-09T09:29:59.Z", "comma": "2026-03-09T09:29:59,5Z", "ten-digits": "2026-03-09T09:29:59.1234567890Z", "behind-zone": "2026-03-09T09:29:59Zx",
		"zone-letters": "2026-03-09T09:29:59+0:00:", "zone-below-digits": "2026-03-09T09:29:59+0/:00", "zone-above-digits": "2026-03-09T09:29:59+00:0:", "zone-15": "2026-03-09T09:29:59+15:00",
		"zone-minute-60": "2026-03-09T09:29:59+01:60", "zone-no-colon": "2026-03-09T09:29:59+01000", "zone-sign": "2026-03-09T09:29:59*01:00", "zone-short": "2026-03-09T09:29:59+01",
		"five-digit-year": "12026-03-09T09:29:59Z", "negative-year": "-2026-03-09T09:29:59Z", "white-space": " 2026-03-09T09:29:59Z", "empty": "",
	} {
		list = append(list, vectorCase{name: "time-end-" + name, comment: "an end that is no instant: " + text, want: "saml_expired",
			change: edit(`NotOnOrAfter="2026-03-01T09:35:00.000Z"><saml:AudienceRestriction>`, `NotOnOrAfter="`+text+`"><saml:AudienceRestriction>`)})
	}
	list = append(list,
		vectorCase{name: "time-confirmation-over", comment: "a confirmation that ended an hour ago", want: "saml_expired", change: func(r *samltest.Response) { r.Confirmation().NotOnOrAfter = at(-time.Hour) }},
		vectorCase{name: "time-confirmation-end-letters", comment: "a confirmation whose end is no instant", want: "saml_expired", change: func(r *samltest.Response) { r.Confirmation().NotOnOrAfter = "tomorrow" }},
		vectorCase{name: "time-confirmation-start-letters", comment: "a confirmation whose start is no instant", want: "saml_not_yet_valid", change: func(r *samltest.Response) { r.Confirmation().NotBefore = "yesterday" }},
		vectorCase{name: "time-issued-letters", comment: "made at no instant", want: "saml_expired", change: func(r *samltest.Response) { r.Assertion.IssueInstant = "today" }},
		vectorCase{name: "time-session-letters", comment: "a session that ends at no instant", want: "saml_session_expired", change: func(r *samltest.Response) { r.Statement().SessionNotOnOrAfter = "tomorrow" }},
		vectorCase{name: "time-issued-yesterday", comment: "made 25 hours ago, and said to be valid still", want: "saml_expired", change: func(r *samltest.Response) { r.Assertion.IssueInstant = at(-25 * time.Hour) }},
		vectorCase{name: "time-issued-within-a-day", comment: "made 23 hours ago, and valid still", change: func(r *samltest.Response) { r.Assertion.IssueInstant = at(-23 * time.Hour) }},
		vectorCase{name: "time-issued-ahead", comment: "made in an hour", want: "saml_not_yet_valid", change: func(r *samltest.Response) { r.Assertion.IssueInstant = at(time.Hour) }},
		vectorCase{name: "time-confirmation-start", comment: "a confirmation that holds in an hour", want: "saml_not_yet_valid", change: func(r *samltest.Response) { r.Confirmation().NotBefore = at(time.Hour) }},
		vectorCase{name: "time-confirmation-started", comment: "a confirmation with a NotBefore", header: header{"warnings": "saml_expired"}, change: func(r *samltest.Response) { r.Confirmation().NotBefore = at(-time.Hour) }},
		vectorCase{name: "time-confirmation-endless", comment: "a confirmation without an end", want: "saml_subject_unconfirmed", change: func(r *samltest.Response) { r.Confirmation().NotOnOrAfter = "" }},
		vectorCase{name: "time-authentication", comment: "an AuthnInstant that is none", want: "saml_authn_missing", change: func(r *samltest.Response) { r.Statement().AuthnInstant = "today" }},
	)
	return append(list, vectorCase{name: "time-offset-west", comment: "an instant with an offset to the west",
		change: func(r *samltest.Response) { r.Assertion.Conditions.NotBefore = "2026-03-01T04:29:59-05:00" }})
}
