package saml_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Rules 1 to 6: base64, size and XML.

func values(v ...string) func(*saml.Message) { return func(m *saml.Message) { m.Values = v } }

// rewrite changes the base64 of the message.
func rewrite(f func(string) string) func(*saml.Message) {
	return func(m *saml.Message) { m.Values[0] = f(m.Values[0]) }
}

func TestTheFieldIsThereOnce(t *testing.T) {
	good := samltest.NewScene().Response().Encode()
	run(t, []ruleCase{
		{name: "one value", signed: onBoth},
		{name: "no value", signed: onBoth, message: values(), want: saml.CodeResponseMissing},
		{name: "an empty value", signed: onBoth, message: values(""), want: saml.CodeResponseMissing},
		{name: "white space", signed: onBoth, message: values(" \r\n\t"), want: saml.CodeResponseMissing},
		{name: "two values", signed: onBoth, message: values(good, good), want: saml.CodeResponseMissing},
		{name: "an empty value and a good one", signed: onBoth, message: values("", good), want: saml.CodeResponseMissing},
	})
}

func TestBase64(t *testing.T) {
	lines := func(width int, end string) func(string) string {
		return func(s string) string {
			var b strings.Builder
			for ; len(s) > width; s = s[width:] {
				b.WriteString(s[:width] + end)
			}
			return b.String() + s
		}
	}
	put := func(at int, what string) func(string) string {
		return func(s string) string { return s[:at] + what + s[at:] }
	}
	unpadded := func(s string) string { return strings.TrimRight(s, "=") }
	bad := saml.CodeBase64Invalid
	run(t, []ruleCase{
		{name: "in one line", signed: onBoth},
		{name: "lines of 76 with CRLF", signed: onBoth, message: rewrite(lines(76, "\r\n"))},
		{name: "lines of 64 with LF", signed: onBoth, message: rewrite(lines(64, "\n"))},
		{name: "blanks between", signed: onBoth, message: rewrite(lines(60, " "))},
		{name: "tabs between", signed: onBoth, message: rewrite(lines(77, "\t"))},
		{name: "white space around", signed: onBoth, message: rewrite(func(s string) string { return " \n" + s + "\r\n " })},
		{name: "an octet out of the alphabet", signed: onBoth, message: rewrite(put(100, "!")), want: bad},
		{name: "the alphabet of URLs", signed: onBoth, message: rewrite(func(s string) string { return "-_" + s[2:] }), want: bad},
		{name: "a NUL", signed: onBoth, message: rewrite(put(8, "\x00")), want: bad},
		{name: "an octet above ASCII", signed: onBoth, message: rewrite(put(8, "\xff")), want: bad},
		{name: "a no-break space", signed: onBoth, message: rewrite(put(8, "\u00a0")), want: bad},
		{name: "a form feed", signed: onBoth, message: rewrite(put(8, "\f")), want: bad},
		{name: "padding in the middle", signed: onBoth, message: rewrite(put(8, "==")), want: bad},
		{name: "something behind the padding", signed: onBoth, message: values("PGE+PC9hPg==AAAA"), want: bad},
		{name: "too much padding", signed: onBoth, message: values("PGE+PC9hPg==="), want: bad},
		{name: "padding alone", signed: onBoth, message: values("===="), want: bad},
		{name: "one character", signed: onBoth, message: values("A"), want: bad},
		{name: "percent encoding", signed: onBoth, message: rewrite(func(s string) string { return strings.ReplaceAll(s, "+", "%2B") + "%3D" }), want: bad},
		{name: "no padding", signed: onBoth, message: values(unpadded(base64.StdEncoding.EncodeToString([]byte("<a></a>")))), want: bad},
		{name: "padding bits that are not zero", signed: onBoth, message: values("PGE+PC9hPh=="), want: bad},
		{name: "plain XML", signed: onBoth, message: values("<samlp:Response/>"), want: bad},
		{name: "deflated as for Redirect", signed: onBoth, message: values("C87PTVVIzs8rSc0rAQA="), want: saml.CodeXMLInvalid},
	})
}

func TestTheSizeIsLimited(t *testing.T) {
	filled := func(size int) func(*saml.Message) {
		return func(m *saml.Message) {
			text, _ := base64.StdEncoding.DecodeString(m.Values[0])
			m.Values[0] = samltest.Encode(string(text) + strings.Repeat("\n", size-len(text)))
		}
	}
	run(t, []ruleCase{
		{name: "exactly 1 MiB", signed: onBoth, message: filled(1 << 20)},
		{name: "one octet less", signed: onBoth, message: filled(1<<20 - 1)},
		{name: "one octet more", signed: onBoth, message: filled(1<<20 + 1), want: saml.CodeTooLarge},
		{name: "two octets more", signed: onBoth, message: filled(1<<20 + 2), want: saml.CodeTooLarge},
		{name: "exactly 1 MiB in lines", signed: onBoth, message: func(m *saml.Message) {
			filled(1 << 20)(m)
			text, _ := base64.StdEncoding.DecodeString(m.Values[0])
			m.Values[0] = samltest.EncodeLines(string(text), 64, " \r\n")
		}},
		{name: "garbage of 1 MiB and more", signed: onBoth, message: values(strings.Repeat("!", 3<<19)), want: saml.CodeTooLarge},
		{name: "white space beyond all measure", signed: onBoth, message: rewrite(func(s string) string { return s + strings.Repeat("\n", 4<<20) }), want: saml.CodeTooLarge},
	})
}

func TestXMLOfMessages(t *testing.T) {
	before := func(prolog string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.AfterSigning = func(text string) string { return prolog + text } }
	}
	advice := func(x string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.Advice = samltest.XML(x) }
	}
	bad := saml.CodeXMLInvalid
	run(t, []ruleCase{
		{name: "a byte order mark", response: before("\xEF\xBB\xBF")},
		{name: "an XML declaration", response: before(`<?xml version="1.0" encoding="utf-8" standalone="yes"?>` + "\r\n")},
		{name: "a mark and a declaration", response: before("\xEF\xBB\xBF" + `<?xml version='1.0'?>`)},
		{name: "two byte order marks", response: before("\xEF\xBB\xBF\xEF\xBB\xBF"), want: bad},
		{name: "a blank before the declaration", response: before(` <?xml version="1.0"?>`), want: bad},
		{name: "another encoding", response: before(`<?xml version="1.0" encoding="US-ASCII"?>`), want: bad},
		{name: "text before", response: before("x"), want: bad},
		{name: "character references", response: edit(">Test User<", ">&#65;&#x6c;ice &lt;&gt;&amp;&quot;&apos; Surname<")},
		{name: "line ends of all kinds", response: edit(">Test User<", ">User\r\nLid\rdell\n&#13;<")},
		{name: "64 levels", response: advice(strings.Repeat("<x>", 61) + strings.Repeat("</x>", 61))},
		{name: "65 levels", response: advice(strings.Repeat("<x>", 62) + strings.Repeat("</x>", 62)), want: bad, signed: onAssertion},
		{name: "an ID of a foreign element like that of the assertion", response: afterwards("<saml:Subject>", `<saml:Subject><x ID="_assertion1"/>`), want: bad},
		{name: "the same ID with a prefix is another attribute", response: advice(`<x xmlns:p="urn:p" p:ID="_assertion1" xml:id="_assertion1" Id="_assertion1"/>`)},
		{name: "a relative namespace in what is signed", response: afterwards("<saml:Subject>", `<saml:Subject xmlns:x="rel" x:y="">`), want: saml.CodeSignatureInvalid},
	})
}

func TestElementsThatStandTwice(t *testing.T) {
	var cases []ruleCase
	for _, name := range []string{"saml:Issuer", "saml:Subject", "saml:NameID", "saml:SubjectConfirmationData", "saml:Conditions",
		"saml:AuthnContext", "saml:AuthnContextClassRef", "samlp:Status", "samlp:StatusCode"} {
		twice := func(r *samltest.Response) {
			r.BeforeSigning = func(text string) string {
				head, rest, _ := strings.Cut(text, "<"+name)
				end := strings.Index(rest, "</"+name+">") + len("</"+name+">")
				one := "<" + name + rest[:end]
				return head + one + one + rest[end:]
			}
		}
		cases = append(cases, ruleCase{name: name + " twice", response: twice, want: saml.CodeXMLInvalid})
	}
	run(t, append(cases,
		ruleCase{name: "two attribute statements", response: func(r *samltest.Response) {
			r.Assertion.More = `<saml:AttributeStatement><saml:Attribute Name="x"/></saml:AttributeStatement>`
		}},
		ruleCase{name: "a NameID of its own in the confirmation", response: edit("<saml:SubjectConfirmationData ",
			"<saml:NameID>proxy@acme.test</saml:NameID><saml:SubjectConfirmationData ")},
	))
}
