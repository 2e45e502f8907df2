package saml_test

import (
	"strings"
	"testing"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Rule 26: the NameID is one e-mail address.

func TestAddressesThatAreAccepted(t *testing.T) {
	for name, value := range map[string]string{
		"plain":                    "user@acme.test",
		"capitals":                 "User.Surname@ACME.test",
		"a tag":                    "user+saml@acme.test",
		"all signs of an atom":     "!#$%&'*+-/=?^_`{|}~@acme.test",
		"digits":                   "12345@67890.test",
		"one letter":               "a@b.c",
		"a host without dot":       "user@intranet",
		"a subdomain":              "user@mail.eu.acme.test",
		"a hyphen in the host":     "user@my-acme.test",
		"punycode":                 "user@xn--bcher-kva.test",
		"an international host":    "user@bücher.test",
		"an international name":    "grüße.用户@acme.test",
		"a mark behind its letter": "u\u0301ser@acme.test",
		"64 octets before the @":   strings.Repeat("a", 64) + "@acme.test",
		"254 octets":               address(254),
		"white space around":       " \t\r\nuser@acme.test\n ",
		"an apostrophe":            "o'brien@acme.test",
	} {
		t.Run(name, func(t *testing.T) {
			res, refused := judgeNameID(t, samltest.NameID{Value: value, Format: samltest.FormatEmail})
			if refused != nil {
				t.Fatalf("refused %q: %s", value, describe(res, refused))
			}
			if got := res.Assertion.Email; got != strings.Trim(value, " \t\r\n") {
				t.Errorf("got %q", got)
			}
		})
	}
}

// address returns an address of this many octets.
func address(n int) string {
	label := strings.Repeat("b", 61) + "."
	host := label + label + label
	return strings.Repeat("a", 64) + "@" + host + strings.Repeat("c", n-65-len(host))
}

func TestNameIDsThatAreRefused(t *testing.T) {
	const guest = "guest account"
	for name, c := range map[string]struct{ value, says string }{
		"a guest of Entra":               {"user_acme.test#EXT#@contoso.onmicrosoft.com", guest},
		"a guest in small letters":       {"user_acme.test#ext#@contoso.onmicrosoft.com", guest},
		"a UUID":                         {"a3c1f1b0-8d6e-4b7f-9a4d-1f2e3d4c5b6a", "internal id"},
		"a UUID in braces":               {"{A3C1F1B0-8D6E-4B7F-9A4D-1F2E3D4C5B6A}", "internal id"},
		"a Windows name":                 {`ACME\user`, "Windows account name"},
		"a Windows name with an address": {`ACME\user@acme.test`, "Windows account name"},
		"a user name":                    {"user", "user name"},
		"an Auth0 id":                    {"auth0|5f7c8ec7c33c6c004bbafe82", "user name"},
		"a distinguished name":           {"CN=User,OU=Staff,DC=acme,DC=test", "user name"},
		"a display name with address":    {"User <user@acme.test>", "single e-mail"},
		"two addresses":                  {"user@acme.test,other@acme.test", "single e-mail"},
		"two addresses by semicolon":     {"user@acme.test;other@acme.test", "single e-mail"},
		"two addresses by line":          {"user@acme.test\nother@acme.test", "single e-mail"},
		"two ats":                        {"user@acme.test@evil.example", "single e-mail"},
		"a mailto":                       {"mailto:user@acme.test", "single e-mail"},
		"no local part":                  {"@acme.test", "single e-mail"},
		"no host":                        {"user@", "single e-mail"},
		"a quoted local part":            {`"user smith"@acme.test`, "single e-mail"},
		"a comment":                      {"user(x)@acme.test", "single e-mail"},
		"an address literal":             {"user@[192.0.2.1]", "single e-mail"},
		"two dots":                       {"user..l@acme.test", "single e-mail"},
		"a leading dot":                  {".user@acme.test", "single e-mail"},
		"a trailing dot":                 {"user.@acme.test", "single e-mail"},
		"a host with a trailing dot":     {"user@acme.test.", "single e-mail"},
		"a host with two dots":           {"user@acme..test", "single e-mail"},
		"a host with a hyphen first":     {"user@-acme.test", "single e-mail"},
		"a host with a hyphen last":      {"user@acme-.test", "single e-mail"},
		"a host with an underscore":      {"user@ac_me.test", "single e-mail"},
		"a label of 64 octets":           {"user@" + strings.Repeat("a", 64) + ".test", "single e-mail"},
		"65 octets before the @":         {strings.Repeat("a", 65) + "@acme.test", "single e-mail"},
		"255 octets":                     {address(255), "254 octets"},
		"a blank inside":                 {"user smith@acme.test", "single e-mail"},
		"a tab inside":                   {"user@acme\t.test", "single e-mail"},
		"a no-break space behind":        {"user@acme.test\u00a0", "single e-mail"},
		"a full-width full stop":         {"user@acme\uff0etest", "single e-mail"},
		"an ideographic full stop":       {"user@acme\u3002test", "single e-mail"},
		"delete":                         {"user\u007f@acme.test", "single e-mail"},
		"a C1 control":                   {"user\u0085@acme.test", "single e-mail"},
		"a private character":            {"user\ue000@acme.test", "single e-mail"},
		"a character without meaning":    {"user\U000e0fff@acme.test", "single e-mail"},
	} {
		t.Run(name, func(t *testing.T) {
			refusedNameID(t, c.value, c.says)
		})
	}
}

func TestInvisibleCharactersAreRefused(t *testing.T) {
	for name, r := range map[string]string{
		"soft hyphen": "\u00ad", "combining grapheme joiner": "\u034f", "Arabic letter mark": "\u061c",
		"Hangul choseong filler": "\u115f", "Hangul jungseong filler": "\u1160", "Khmer inherent vowel": "\u17b4",
		"Mongolian variation selector": "\u180b", "Mongolian vowel separator": "\u180e", "zero width space": "\u200b",
		"zero width non-joiner": "\u200c", "zero width joiner": "\u200d", "left-to-right mark": "\u200e",
		"right-to-left override": "\u202e", "line separator": "\u2028", "narrow no-break space": "\u202f",
		"word joiner": "\u2060", "invisible times": "\u2062", "isolate": "\u2066", "Braille blank": "\u2800",
		"ideographic space": "\u3000", "Hangul filler": "\u3164", "variation selector": "\ufe0f", "byte order mark": "\ufeff",
		"half-width Hangul filler": "\uffa0", "interlinear annotation": "\ufff9", "object replacement": "\ufffc",
		"replacement character": "\ufffd", "Khitan filler": "\U00016fe4", "null notehead": "\U0001d159",
		"shorthand control": "\U0001bca0", "tag": "\U000e0041", "variation selector 17": "\U000e0100",
		"full blank hieroglyph": "\U00013441",
	} {
		t.Run(name, func(t *testing.T) {
			refusedNameID(t, "us"+r+"er@acme.test", "single e-mail")
			refusedNameID(t, "user@ac"+r+"me.test", "single e-mail")
			refusedNameID(t, "user@acme.test"+r, "single e-mail")
		})
	}
}

func refusedNameID(t *testing.T, value, says string) {
	t.Helper()
	res, refused := judgeNameID(t, samltest.NameID{Value: value, Format: samltest.FormatEmail})
	if code(refused) != saml.CodeNameIDNotEmail {
		t.Fatalf("%+q: got %q", value, code(refused))
	}
	if text := describe(res, refused); !strings.Contains(text, says) {
		t.Errorf("%+q: nothing of %q in\n%s", value, says, text)
	}
}

func judgeNameID(t *testing.T, n samltest.NameID) (*saml.Result, *saml.Refusal) {
	t.Helper()
	s := samltest.NewScene()
	r := s.Response()
	sign(r, onResponse)
	r.Assertion.NameID = n
	return judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID), Record: true})
}

func TestNameIDFormats(t *testing.T) {
	as := func(value, format string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.NameID = samltest.NameID{Value: value, Format: format} }
	}
	warned := saml.CodeNameIDFormat
	run(t, []ruleCase{
		{name: "emailAddress", response: as(samltest.Email, samltest.FormatEmail)},
		{name: "unspecified", response: as(samltest.Email, samltest.FormatUnspecified)},
		{name: "none", response: as(samltest.Email, "")},
		{name: "the misnomer of SAML 2.0", response: as(samltest.Email, "urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress"), warns: warned},
		{name: "persistent", response: as(samltest.Email, samltest.FormatPersistent), warns: warned},
		{name: "transient", response: as(samltest.Email, samltest.FormatTransient), warns: warned},
		{name: "something else", response: as(samltest.Email, "email"), warns: warned},
		{name: "a transient handle", response: as("_ce3d2948b4cf20146dee0a0b3dd6f69b6cf86f62d7", samltest.FormatTransient), want: saml.CodeNameIDNotEmail},
		{name: "a persistent handle", response: as("G+3dK8bK0Ew7rJf2@", samltest.FormatPersistent), want: saml.CodeNameIDNotEmail},
	})
}

func TestNameIDsThatAreMissing(t *testing.T) {
	missing := saml.CodeNameIDMissing
	run(t, []ruleCase{
		{name: "no NameID", response: func(r *samltest.Response) { r.Assertion.NameID.Value = "" }, want: missing},
		{name: "no Subject", signed: onResponse, config: mode(saml.Accept), response: func(r *samltest.Response) { r.Assertion.NoSubject = true }, want: saml.CodeSubjectUnconfirmed},
		{name: "white space", response: func(r *samltest.Response) { r.Assertion.NameID.Value = " \n\t " }, want: missing},
		{name: "nothing in it", response: edit(samltest.Email+"</saml:NameID>", "</saml:NameID>"), want: missing},
		{name: "an element in it", response: edit(samltest.Email+"</saml:NameID>", samltest.Email+"<x/></saml:NameID>"), want: missing},
		{name: "a BaseID", response: func(r *samltest.Response) {
			r.BeforeSigning = func(text string) string {
				return strings.NewReplacer("<saml:NameID ", "<saml:BaseID ", "</saml:NameID>", "</saml:BaseID>").Replace(text)
			}
		}, want: missing},
		{name: "a NameID of another namespace", response: func(r *samltest.Response) {
			r.BeforeSigning = func(text string) string {
				return strings.NewReplacer("<saml:NameID ", `<x:NameID xmlns:x="urn:x" `, "</saml:NameID>", "</x:NameID>").Replace(text)
			}
		}, want: missing},
		{name: "a NameID only in the confirmation", response: func(r *samltest.Response) {
			r.Assertion.NameID.Value = ""
			edit("<saml:SubjectConfirmationData ", "<saml:NameID>user@acme.test</saml:NameID><saml:SubjectConfirmationData ")(r)
		}, want: missing},
	})
}
