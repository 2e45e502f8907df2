package saml_test

import (
	"bytes"
	"compress/flate"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/samltest"
)

// Rules 28 to 30: Single Logout.

// A logoutCase is one good message, one configuration and one way to send it,
// with what is changed of them, and what comes of it.
type logoutCase struct {
	name     string
	binding  saml.Binding // both in turn if empty
	answer   bool         // a LogoutResponse; otherwise a LogoutRequest
	config   func(*saml.Config)
	message  func(*samltest.Logout)
	detached func(*samltest.Detached)
	wire     func(*saml.LogoutMessage)
	want     saml.Code // empty if accepted
	warns    saml.Code
}

func logouts(t *testing.T, cases []logoutCase) {
	t.Helper()
	for _, c := range cases {
		for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
			if c.binding != "" && c.binding != binding || c.detached != nil && binding == saml.HTTPPost {
				continue
			}
			t.Run(c.name+" by "+string(binding[len(binding)-4:]), func(t *testing.T) {
				s := samltest.NewLogoutScene()
				if c.config != nil {
					c.config(&s.SP)
				}
				got, refused := logout(t, s.SP, c.sent(s, binding))
				if code(refused) != c.want {
					t.Fatalf("got %q, want %q: %v", code(refused), c.want, refused)
				}
				if refused == nil && (got.Request == nil) != c.answer {
					t.Errorf("%+v", got)
				}
				if refused == nil && hasWarning(got.Checks, c.warns) != (c.warns != "") {
					t.Errorf("warnings in %+v", got.Checks)
				}
			})
		}
	}
}

func hasWarning(list []saml.Check, code saml.Code) bool {
	for _, c := range list {
		if c.Status == saml.Warning && (code == "" || c.Code == code) {
			return true
		}
	}
	return false
}

// sent is the message as it arrives.
func (c logoutCase) sent(s samltest.Scene, binding saml.Binding) saml.LogoutMessage {
	l := s.IdP.LogoutRequest(s.SP, s.Now)
	if c.answer {
		l = s.IdP.LogoutResponse(s.SP, samltest.LogoutID, s.Now)
	}
	if binding == saml.HTTPPost {
		l.Signing = &samltest.Signing{Key: s.IdP.Key}
	}
	if c.message != nil {
		c.message(l)
	}
	m := saml.LogoutMessage{Received: s.Now, Requests: pending(samltest.LogoutID)}
	if binding == saml.HTTPPost {
		m.Form = l.Form("state")
	} else {
		d := samltest.Detached{Key: s.IdP.Key, RelayState: "state"}
		if c.detached != nil {
			c.detached(&d)
		}
		m.Query = l.Query(d)
	}
	if c.wire != nil {
		c.wire(&m)
	}
	return m
}

func logout(t *testing.T, cfg saml.Config, m saml.LogoutMessage) (*saml.Logout, *saml.Refusal) {
	t.Helper()
	sp, err := saml.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sp.ValidateLogout(m)
	if (got == nil) == (err == nil) {
		t.Fatalf("%+v with %v", got, err)
	}
	return got, refusal(t, err)
}

const badLogout = saml.CodeLogoutInvalid

func TestLogoutMessagesThatAreAccepted(t *testing.T) {
	signedBy := func(key, method string) func(*samltest.Detached) {
		return func(d *samltest.Detached) { d.Key, d.Method = samltest.NamedKey(key), method }
	}
	inside := func(f func(*samltest.Signing)) func(*samltest.Logout) {
		return func(l *samltest.Logout) { f(l.Signing) }
	}
	nothing := func(list []string) []string { return list }
	logouts(t, []logoutCase{
		{name: "a request"},
		{name: "an answer", answer: true},
		{name: "no state", detached: func(d *samltest.Detached) { d.RelayState = "" }},
		{name: "an empty state", detached: func(d *samltest.Detached) {
			d.RelayState = ""
			d.EditSigned = func(s string) string { return must(s, "&SigAlg", "&RelayState=&SigAlg") }
			d.Edit = func(list []string) []string { return append(list, "RelayState=") }
		}},
		{name: "parameters the other way round", detached: func(d *samltest.Detached) {
			d.Edit = func(list []string) []string { return []string{list[3], list[2], list[1], list[0]} }
		}},
		{name: "parameters of others", detached: func(d *samltest.Detached) {
			d.Edit = func(list []string) []string { return append([]string{"tenant=x", "flag"}, list...) }
		}},
		{name: "the encoding DEFLATE", detached: func(d *samltest.Detached) {
			d.Edit = func(list []string) []string {
				return append(list, "SAMLEncoding=urn%3Aoasis%3Anames%3Atc%3ASAML%3A2.0%3Abindings%3AURL-Encoding%3ADEFLATE")
			}
		}},
		{name: "escaped as .NET does", detached: func(d *samltest.Detached) { d.Escape = samltest.LowerEscape }},
		{name: "nothing escaped that need not be", detached: func(d *samltest.Detached) {
			d.Escape = func(s string) string { return strings.ReplaceAll(s, "+", "%2B") }
			d.Edit = nothing
		}},
		{name: "stored, not deflated", detached: func(d *samltest.Detached) {
			d.EditDeflated = func(b []byte) []byte {
				var out bytes.Buffer
				w, _ := flate.NewWriter(&out, flate.NoCompression)
				w.Write(inflated(b))
				w.Close()
				return out.Bytes()
			}
		}},
		{name: "RSA with SHA-512", detached: signedBy(samltest.RSA2048, dsig.RSASHA512)},
		{name: "RSA-PSS", detached: signedBy(samltest.RSA2048, dsig.PSSSHA256)},
		{name: "ECDSA", config: certified(samltest.RSA2048, samltest.EC256), detached: signedBy(samltest.EC256, "")},
		{name: "the last of several certificates", config: certified(samltest.EC256, samltest.RSA2048Other, samltest.RSA2048)},
		{name: "SHA-1 where it is allowed", config: allowSHA1, detached: signedBy(samltest.RSA2048, dsig.RSASHA1), warns: saml.CodeSignatureAlgorithm},
		{name: "SHA-1 where it is allowed", binding: saml.HTTPPost, config: allowSHA1, message: inside(func(s *samltest.Signing) { s.Method = dsig.RSASHA1 }), warns: saml.CodeSignatureAlgorithm},
		{name: "an expired certificate", config: certified(samltest.RSA2048Expired), warns: saml.CodeCertificateExpired},
		{name: "no NotOnOrAfter", message: func(l *samltest.Logout) { l.NotOnOrAfter = "" }},
		{name: "a reason", message: func(l *samltest.Logout) { l.Reason = "urn:oasis:names:tc:SAML:2.0:logout:admin" }},
		{name: "default namespaces, indented", message: func(l *samltest.Logout) { l.Style = samltest.Style{Indent: "\t", Declaration: true} }},
		{name: "an EncryptedID", message: func(l *samltest.Logout) { l.NameIDEncryption = encryption(samltest.Encryption{}) }},
		{name: "an EncryptedID in CBC", message: func(l *samltest.Logout) {
			l.NameIDEncryption = encryption(samltest.Encryption{Content: xenc.AES128CBC, Place: samltest.ByReference})
		}},
		{name: "the signature last", binding: saml.HTTPPost, message: inside(func(s *samltest.Signing) { s.Position = samltest.Last })},
		{name: "no state", binding: saml.HTTPPost, wire: func(m *saml.LogoutMessage) { m.Form.Del("RelayState") }},
		{name: "base64 in lines", binding: saml.HTTPPost, wire: func(m *saml.LogoutMessage) {
			v := m.Form.Get("SAMLRequest")
			m.Form.Set("SAMLRequest", v[:64]+"\r\n"+v[64:])
		}},
		{name: "within the tolerance", wire: func(m *saml.LogoutMessage) { m.Received = m.Received.Add(8*time.Minute - time.Second) }},
		{name: "from a clock that is ahead", wire: func(m *saml.LogoutMessage) { m.Received = m.Received.Add(-3 * time.Minute) }},
	})
}

func inflated(b []byte) []byte {
	var out bytes.Buffer
	if _, err := out.ReadFrom(flate.NewReader(bytes.NewReader(b))); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func TestTheQueryOfALogout(t *testing.T) {
	edited := func(f func([]string) []string) func(*samltest.Detached) {
		return func(d *samltest.Detached) { d.Edit = f }
	}
	more := func(parameters ...string) func(*samltest.Detached) {
		return edited(func(list []string) []string { return append(list, parameters...) })
	}
	without := func(name string) func(*samltest.Detached) {
		return edited(func(list []string) (left []string) {
			for _, p := range list {
				if !strings.HasPrefix(p, name+"=") {
					left = append(left, p)
				}
			}
			return left
		})
	}
	instead := func(name, with string) func(*samltest.Detached) {
		return edited(func(list []string) []string {
			for i, p := range list {
				if strings.HasPrefix(p, name+"=") {
					list[i] = with
				}
			}
			return list
		})
	}
	deflated := func(f func([]byte) []byte) func(*samltest.Detached) {
		return func(d *samltest.Detached) { d.EditDeflated = f }
	}
	method := func(uri string) func(*samltest.Detached) {
		return func(d *samltest.Detached) { d.Method = uri }
	}
	query := func(q string) func(*saml.LogoutMessage) {
		return func(m *saml.LogoutMessage) { m.Query = q }
	}
	var cases []logoutCase
	for _, c := range []logoutCase{
		{name: "nothing", binding: saml.HTTPRedirect, wire: query("")},
		{name: "no message", detached: without("SAMLRequest")},
		{name: "an empty message", detached: instead("SAMLRequest", "SAMLRequest=")},
		{name: "a message under another name", detached: edited(func(list []string) []string { return append(list[1:], must(list[0], "SAMLRequest", "SAMLResponse")) })},
		{name: "request and response", detached: more("SAMLResponse=AAAA")},
		{name: "request and an empty response", detached: more("SAMLResponse=")},
		{name: "two requests", detached: edited(func(list []string) []string { return append(list, list[0]) })},
		{name: "two states", detached: more("RelayState=other")},
		{name: "two algorithms", detached: more("SigAlg=x")},
		{name: "two signatures", detached: more("Signature=x")},
		{name: "the state changed", detached: instead("RelayState", "RelayState=State")},
		{name: "the state taken away", detached: without("RelayState")},
		{name: "the state added", detached: func(d *samltest.Detached) {
			d.RelayState = ""
			d.Edit = func(list []string) []string { return append(list, "RelayState=x") }
		}},
		{name: "the state escaped in another way", detached: instead("RelayState", "RelayState=%73tate")},
		{name: "no algorithm", detached: without("SigAlg")},
		{name: "another algorithm", detached: instead("SigAlg", "SigAlg="+url.QueryEscape(dsig.RSASHA512))},
		{name: "no signature", detached: without("Signature")},
		{name: "an empty signature", detached: instead("Signature", "Signature=")},
		{name: "a signature that is no base64", detached: instead("Signature", "Signature=!")},
		{name: "a signature of zeros", detached: instead("Signature", "Signature="+strings.Repeat("A", 340)+"AA%3D%3D")},
		{name: "an escape that is none", detached: more("SAMLEncoding=%zz")},
		{name: "a message with an escape that is none", detached: instead("SAMLRequest", "SAMLRequest=%")},
		{name: "another encoding", detached: more("SAMLEncoding=urn%3Ax")},
		{name: "not signed at all", detached: func(d *samltest.Detached) { d.Key = nil }},
		{name: "signed in the order of the alphabet", detached: func(d *samltest.Detached) {
			d.EditSigned = func(s string) string {
				parts := strings.Split(s, "&")
				return strings.Join([]string{parts[1], parts[0], parts[2]}, "&")
			}
		}},
		{name: "signed without the state", detached: func(d *samltest.Detached) {
			d.EditSigned = func(s string) string { return must(s, "&RelayState=state", "") }
		}},
		{name: "signed over what is unescaped", detached: func(d *samltest.Detached) {
			d.EditSigned = func(s string) string { u, _ := url.QueryUnescape(s); return u }
		}},
		{name: "a stranger's key", detached: func(d *samltest.Detached) { d.Key = samltest.NamedKey(samltest.RSA2048Other) }},
		{name: "SHA-1", detached: method(dsig.RSASHA1)},
		{name: "not DEFLATE", detached: deflated(func(b []byte) []byte { return inflated(b) })},
		{name: "zlib", detached: deflated(func(b []byte) []byte { return append([]byte{0x78, 0x9c}, b...) })},
		{name: "half of it", detached: deflated(func(b []byte) []byte { return b[:len(b)/2] })},
		{name: "something behind it", detached: deflated(func(b []byte) []byte { return append(b, 0) })},
		{name: "itself behind it", detached: deflated(func(b []byte) []byte { return append(b, b...) })},
		{name: "1 MiB and an octet inflated", detached: deflated(func(b []byte) []byte {
			return samltest.Deflate(string(inflated(b)) + strings.Repeat("\n", 1<<20+1-len(inflated(b))))
		})},
		{name: "1 MiB and more deflated", detached: func(d *samltest.Detached) {
			d.EditDeflated = func([]byte) []byte { return make([]byte, 2<<20) }
		}},
		{name: "base64 of URLs", detached: func(d *samltest.Detached) {
			d.Escape = func(s string) string { return strings.NewReplacer("+", "-", "/", "_", "=", "%3D").Replace(s) }
		}},
		{name: "an enveloped signature besides", binding: saml.HTTPRedirect, message: func(l *samltest.Logout) {
			l.Signing = &samltest.Signing{Key: samltest.NamedKey(samltest.RSA2048)}
		}},
		{name: "a Signature in the Extensions", binding: saml.HTTPRedirect, message: func(l *samltest.Logout) {
			l.More = `<samlp:Extensions><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></samlp:Extensions>`
		}},
		{name: "the form of POST", binding: saml.HTTPPost, wire: func(m *saml.LogoutMessage) {
			m.Query, m.Form = m.Form.Encode(), nil
		}},
	} {
		c.want = badLogout
		cases = append(cases, c)
	}
	logouts(t, append(cases, logoutCase{name: "1 MiB inflated", detached: deflated(func(b []byte) []byte {
		return samltest.Deflate(string(inflated(b)) + strings.Repeat("\n", 1<<20-len(inflated(b))))
	})}))
}

func TestTheFormOfALogout(t *testing.T) {
	form := func(f func(url.Values)) func(*saml.LogoutMessage) {
		return func(m *saml.LogoutMessage) { f(m.Form) }
	}
	signing := func(f func(*samltest.Signing)) func(*samltest.Logout) {
		return func(l *samltest.Logout) { f(l.Signing) }
	}
	after := func(old, with string) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.AfterSigning = func(s string) string { return must(s, old, with) } }
	}
	var cases []logoutCase
	for _, c := range []logoutCase{
		{name: "nothing", wire: form(func(f url.Values) { clear(f) })},
		{name: "an empty message", wire: form(func(f url.Values) { f.Set("SAMLRequest", "") })},
		{name: "two messages", wire: form(func(f url.Values) { f.Add("SAMLRequest", f.Get("SAMLRequest")) })},
		{name: "request and response", wire: form(func(f url.Values) { f.Set("SAMLResponse", f.Get("SAMLRequest")) })},
		{name: "request and an empty response", wire: form(func(f url.Values) { f.Set("SAMLResponse", "") })},
		{name: "a message under another name", wire: form(func(f url.Values) { f.Set("SAMLResponse", f.Get("SAMLRequest")); f.Del("SAMLRequest") })},
		{name: "two states", wire: form(func(f url.Values) { f.Add("RelayState", "x") })},
		{name: "no base64", wire: form(func(f url.Values) { f.Set("SAMLRequest", "!") })},
		{name: "not signed", message: func(l *samltest.Logout) { l.Signing = nil }},
		{name: "changed behind the signature", message: after(samltest.Email, samltest.Victim)},
		{name: "a stranger's key", message: signing(func(s *samltest.Signing) { s.Key = samltest.NamedKey(samltest.RSA2048Other) })},
		{name: "SHA-1", message: signing(func(s *samltest.Signing) { s.Method = dsig.RSASHA1 })},
		{name: "SHA-1 in the digest", message: signing(func(s *samltest.Signing) { s.Digest = dsig.SHA1 })},
		{name: "a second Signature", message: after("</samlp:LogoutRequest>", `<samlp:Extensions><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></samlp:Extensions></samlp:LogoutRequest>`)},
		{name: "the Signature in the Extensions", message: func(l *samltest.Logout) {
			l.AfterSigning = func(s string) string {
				start, end := strings.Index(s, "<ds:Signature"), strings.Index(s, "</ds:Signature>")+len("</ds:Signature>")
				return must(s, s[start:end], "<samlp:Extensions>"+s[start:end]+"</samlp:Extensions>")
			}
		}},
		{name: "a signature of nothing but a query", message: func(l *samltest.Logout) { l.Signing = nil }, wire: form(func(f url.Values) {
			f.Set("SigAlg", dsig.RSASHA256)
			f.Set("Signature", "AAAA")
		})},
	} {
		c.binding, c.want = saml.HTTPPost, badLogout
		cases = append(cases, c)
	}
	logouts(t, append(cases, logoutCase{name: "1 MiB and more", binding: saml.HTTPPost, want: saml.CodeTooLarge, wire: form(func(f url.Values) {
		f.Set("SAMLRequest", strings.Repeat("AAAA", 1<<19))
	})}))
}

func TestWhatALogoutMessageHasToSay(t *testing.T) {
	change := func(f func(*samltest.Logout)) func(*samltest.Logout) { return f }
	before := func(old, with string) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.BeforeSigning = func(s string) string { return must(s, old, with) } }
	}
	late := func(d time.Duration) func(*saml.LogoutMessage) {
		return func(m *saml.LogoutMessage) { m.Received = m.Received.Add(d) }
	}
	noSLO := func(c *saml.Config) { c.SLOURL = "" }
	refused := func(c *saml.Config) { c.RefuseExpiredCertificate = true }
	for _, answer := range []bool{false, true} {
		name := "LogoutRequest"
		if answer {
			name = "LogoutResponse"
		}
		var cases []logoutCase
		for _, c := range []logoutCase{
			{name: "no Issuer", message: change(func(l *samltest.Logout) { l.Issuer.Value = "" })},
			{name: "another Issuer", message: change(func(l *samltest.Logout) { l.Issuer.Value = "https://other.example" })},
			{name: "white space around the Issuer", message: change(func(l *samltest.Logout) { l.Issuer.Value += "\n" })},
			{name: "an element in the Issuer", message: before("</saml:Issuer>", "<x/></saml:Issuer>")},
			{name: "two Issuers", message: before("</saml:Issuer>", "</saml:Issuer><saml:Issuer>x</saml:Issuer>")},
			{name: "no Destination", message: change(func(l *samltest.Logout) { l.Destination = "" })},
			{name: "another Destination", message: change(func(l *samltest.Logout) { l.Destination = samltest.ACSURL })},
			{name: "no Destination, where there is no Single Logout", config: noSLO, message: change(func(l *samltest.Logout) { l.Destination = "" })},
			{name: "an empty Destination, where there is no Single Logout", config: noSLO, message: before(` Version="2.0"`, ` Version="2.0" Destination=""`)},
			{name: "no IssueInstant", message: change(func(l *samltest.Logout) { l.IssueInstant = "" })},
			{name: "an IssueInstant without a zone", message: change(func(l *samltest.Logout) { l.IssueInstant = "2026-03-01T09:30:00" })},
			{name: "an old one", wire: late(8 * time.Minute)},
			{name: "one of the future", wire: late(-3*time.Minute - time.Millisecond)},
			{name: "NotOnOrAfter past", message: change(func(l *samltest.Logout) { l.NotOnOrAfter = at(-3 * time.Minute) })},
			{name: "NotOnOrAfter that is no instant", message: change(func(l *samltest.Logout) { l.NotOnOrAfter = "soon" })},
			{name: "no version", message: change(func(l *samltest.Logout) { l.Version = "" })},
			{name: "version 1.1", message: change(func(l *samltest.Logout) { l.Version = "1.1" })},
			{name: "another namespace", message: before("urn:oasis:names:tc:SAML:2.0:protocol", "urn:x")},
			{name: "another message", message: func(l *samltest.Logout) {
				l.BeforeSigning = func(s string) string {
					return strings.NewReplacer("<samlp:"+name+" ", "<samlp:ManageNameIDRequest ", "</samlp:"+name+">", "</samlp:ManageNameIDRequest>").Replace(s)
				}
			}},
			{name: "a comment", message: func(l *samltest.Logout) {
				l.AfterSigning = func(s string) string { return must(s, "</saml:Issuer>", "<!----></saml:Issuer>") }
			}},
			{name: "a DOCTYPE", message: func(l *samltest.Logout) { l.AfterSigning = func(s string) string { return "<!DOCTYPE x>" + s } }},
			{name: "no XML", message: func(l *samltest.Logout) { l.AfterSigning = func(string) string { return "x" } }},
		} {
			c.answer, c.want = answer, badLogout
			cases = append(cases, c)
		}
		cases = append(cases,
			logoutCase{name: "an expired certificate where that refuses", answer: answer, want: saml.CodeCertificateExpired, config: configured(certified(samltest.RSA2048Expired), refused)},
			logoutCase{name: "a valid certificate where expired ones are refused", answer: answer, config: refused})
		t.Run(name, func(t *testing.T) { logouts(t, cases) })
	}
}

func TestLogoutRequests(t *testing.T) {
	nameID := func(f func(*samltest.NameID)) func(*samltest.Logout) {
		return func(l *samltest.Logout) { f(&l.NameID) }
	}
	before := func(old, with string) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.BeforeSigning = func(s string) string { return must(s, old, with) } }
	}
	encrypted := func(e samltest.Encryption) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.NameIDEncryption = encryption(e) }
	}
	logouts(t, []logoutCase{
		{name: "no NameID", message: nameID(func(n *samltest.NameID) { n.Value = "" }), want: badLogout},
		{name: "a NameID of white space", message: nameID(func(n *samltest.NameID) { n.Value = " \n" }), want: badLogout},
		{name: "an element in the NameID", message: before(samltest.Email, samltest.Email+"<x/>"), want: badLogout},
		{name: "two NameIDs", message: before("</saml:NameID>", "</saml:NameID><saml:NameID>"+samltest.Victim+"</saml:NameID>"), want: badLogout},
		{name: "a NameID that is no address", message: nameID(func(n *samltest.NameID) { n.Value = "_transient" })},
		{name: "NameID and EncryptedID", message: both2(encrypted(samltest.Encryption{}), before("</saml:NameID>", "</saml:NameID><saml:NameID>"+samltest.Victim+"</saml:NameID>")), want: badLogout},
		{name: "an EncryptedID for another", message: encrypted(samltest.Encryption{For: recipients(samltest.RSA2048Other)}), want: saml.CodeDecryptionFailed},
		{name: "an EncryptedID of something else", message: encrypted(samltest.Encryption{EditText: func(string) string { return "<x/>" }}), want: badLogout},
		{name: "an EncryptedID without keys of ours", config: ours(), message: encrypted(samltest.Encryption{}), want: saml.CodeDecryptionFailed},
		{name: "no ID", binding: saml.HTTPRedirect, message: func(l *samltest.Logout) { l.ID = "" }, want: badLogout},
		{name: "an ID of 257 octets", message: func(l *samltest.Logout) { l.ID = "_" + strings.Repeat("a", 256) }, want: badLogout},
		{name: "an ID of 256 octets", message: func(l *samltest.Logout) { l.ID = "_" + strings.Repeat("a", 255) }},
		{name: "an element in a SessionIndex", message: before("_session1", "_session1<x/>"), want: badLogout},
	})
}

func both2(list ...func(*samltest.Logout)) func(*samltest.Logout) {
	return func(l *samltest.Logout) {
		for _, f := range list {
			f(l)
		}
	}
}

// TestNothingOfAnUnsignedLogoutIsDecrypted: the private key is not for
// strangers.
func TestNothingOfAnUnsignedLogoutIsDecrypted(t *testing.T) {
	s := samltest.NewLogoutScene()
	for name, d := range map[string]samltest.Detached{
		"not signed":        {},
		"stranger's":        {Key: samltest.NamedKey(samltest.RSA2048Other)},
		"changed afterward": {Key: s.IdP.Key, Edit: func(list []string) []string { return append(list, "RelayState=x") }},
	} {
		l := s.IdP.LogoutRequest(s.SP, s.Now)
		l.NameIDEncryption = encryption(samltest.Encryption{EditCipher: func([]byte) []byte { return nil }})
		if _, refused := logout(t, s.SP, saml.LogoutMessage{Query: l.Query(d), Received: s.Now}); code(refused) != badLogout {
			t.Errorf("%s: %v", name, refused)
		}
	}
	l := s.IdP.LogoutRequest(s.SP, s.Now)
	l.Issuer.Value = "https://other.example"
	l.NameIDEncryption = encryption(samltest.Encryption{EditCipher: func([]byte) []byte { return nil }})
	_, refused := logout(t, s.SP, saml.LogoutMessage{Query: l.Query(samltest.Detached{Key: s.IdP.Key}), Received: s.Now})
	if code(refused) != badLogout || has(nil, refused, saml.Failed, saml.CodeDecryptionFailed) {
		t.Error(refused)
	}
}

func TestLogoutAnswers(t *testing.T) {
	status := func(code, sub string) func(*samltest.Logout) {
		return func(l *samltest.Logout) { l.Status = samltest.Status{Code: code, SubCode: sub} }
	}
	const responder, partial = "urn:oasis:names:tc:SAML:2.0:status:Responder", "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
	for _, c := range []struct {
		name    string
		message func(*samltest.Logout)
		want    saml.LogoutAnswer
	}{
		{"success", status(samltest.Success, ""), saml.LogoutAnswer{Success: true, Status: samltest.Success}},
		{"a part of it", status(samltest.Success, partial), saml.LogoutAnswer{Partial: true, Status: samltest.Success}},
		{"failure", status(responder, ""), saml.LogoutAnswer{Status: responder}},
		{"failure and a part", status(responder, partial), saml.LogoutAnswer{Partial: true, Status: responder}},
		{"success in a failure", status(responder, samltest.Success), saml.LogoutAnswer{Status: responder}},
		{"no status", status("", ""), saml.LogoutAnswer{}},
	} {
		for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
			s := samltest.NewLogoutScene()
			got, refused := logout(t, s.SP, logoutCase{answer: true, message: c.message}.sent(s, binding))
			if refused != nil {
				t.Fatal(refused)
			}
			c.want.InResponseTo = samltest.LogoutID
			if diff := cmp.Diff(&saml.Logout{Response: &c.want, RelayState: "state", Checks: got.Checks}, got); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
	}
	state := func(s saml.RequestState) func(*saml.LogoutMessage) {
		return func(m *saml.LogoutMessage) { m.Requests = func(string) saml.RequestState { return s } }
	}
	unknown := saml.CodeRequestUnknown
	logouts(t, []logoutCase{
		{name: "a request that is unknown", answer: true, wire: state(saml.RequestUnknown), want: unknown},
		{name: "a request that was answered", answer: true, wire: state(saml.RequestUsed), want: unknown},
		{name: "a request that is too old", answer: true, wire: state(saml.RequestExpired), want: unknown},
		{name: "a request that is pending", answer: true, wire: state(saml.RequestPending)},
		{name: "no request", answer: true, message: func(l *samltest.Logout) { l.InResponseTo = "" }, wire: state(saml.RequestPending), want: unknown},
		{name: "a request of 257 octets", answer: true, message: func(l *samltest.Logout) { l.InResponseTo = strings.Repeat("a", 257) }, wire: state(saml.RequestPending), want: unknown},
		{name: "nobody to ask", answer: true, wire: func(m *saml.LogoutMessage) { m.Requests = nil }, want: unknown},
	})
}

func TestWhatALogoutRequestOrders(t *testing.T) {
	full := samltest.NameID{Value: samltest.Email, Format: samltest.FormatPersistent, NameQualifier: "q", SPNameQualifier: "s"}
	for name, change := range map[string]func(*samltest.Logout){
		"in clear":  func(*samltest.Logout) {},
		"encrypted": func(l *samltest.Logout) { l.NameIDEncryption = encryption(samltest.Encryption{}) },
	} {
		for _, indexes := range [][]string{nil, {"a"}, {"a", "b", "c&d"}} {
			for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
				s := samltest.NewLogoutScene()
				got, refused := logout(t, s.SP, logoutCase{message: func(l *samltest.Logout) {
					l.NameID, l.SessionIndexes = full, indexes
					change(l)
				}}.sent(s, binding))
				if refused != nil {
					t.Fatal(refused)
				}
				want := &saml.Logout{RelayState: "state", Checks: got.Checks, Request: &saml.LogoutOrder{
					ID: "_logoutrequest1", NameID: saml.NameID(full), SessionIndexes: indexes,
					RememberUntil: s.Now.Add(5*time.Minute + saml.DefaultTolerance + time.Hour),
				}}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		}
	}
}

// TestOursAndTheirsAgree: what we send is what we would accept, were we the
// other side.
func TestOursAndTheirsAgree(t *testing.T) {
	s := samltest.NewLogoutScene()
	for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
		mirror := saml.Config{EntityID: s.IdP.EntityID, ACSURL: samltest.ACSURL, SLOURL: s.IdP.SLOURL,
			IdP: saml.IdentityProvider{EntityID: s.SP.EntityID}}
		certified(samltest.SP)(&mirror)
		for name, m := range outgoing(t, sending(t, binding, nil)) {
			if name == "AuthnRequest" {
				continue
			}
			in := saml.LogoutMessage{Received: s.Now, Requests: pending("_asked")}
			if binding == saml.HTTPPost {
				in.Form = url.Values{m.Field: {m.PostValue()}, "RelayState": {"state"}}
			} else {
				redirect, err := m.RedirectURL("state")
				if err != nil {
					t.Fatal(err)
				}
				_, in.Query, _ = strings.Cut(redirect, "?")
			}
			got, refused := logout(t, mirror, in)
			if refused != nil || got.RelayState != "state" {
				t.Fatalf("%s: %v", name, refused)
			}
			if name == "LogoutRequest" && (got.Request.NameID != nobody || got.Request.SessionIndexes[0] != "_session1") {
				t.Errorf("%+v", got.Request)
			}
		}
	}
}

// TestEveryOctetOfASignedQueryCounts changes the message, the state and the
// algorithm at each octet: every change refuses. In the signature, which can be
// written in several ways, it refuses or changes nothing.
func TestEveryOctetOfASignedQueryCounts(t *testing.T) {
	s := samltest.NewLogoutScene()
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	query := s.IdP.LogoutRequest(s.SP, s.Now).Query(samltest.Detached{Key: s.IdP.Key, RelayState: "state"})
	signed := strings.Index(query, "&Signature=")
	tried := 0
	for at := range len(query) {
		for _, changed := range []string{
			query[:at] + string(rune(query[at]^1)) + query[at+1:], query[:at] + query[at+1:],
			query[:at] + "A" + query[at:], query[:at] + "%20" + query[at:], query[:at] + "&" + query[at:],
			query[:at] + "%" + query[at:], query[:at] + strings.ToLower(query[at:at+1]) + query[at+1:],
		} {
			if changed == query {
				continue
			}
			tried++
			got, err := sp.ValidateLogout(saml.LogoutMessage{Query: changed, Received: s.Now})
			// An & between two parameters only adds an empty one.
			if empty := strings.ReplaceAll(strings.Trim(changed, "&"), "&&", "&") == query; err == nil && at <= signed && !empty {
				t.Errorf("accepted at %d: %s", at, changed)
			} else if err == nil && (got.Request.NameID.Value != samltest.Email || got.RelayState != "state") {
				t.Errorf("%+v", got)
			}
		}
	}
	if tried < 3000 {
		t.Error(tried)
	}
}

// TestABombIsNotInflated: 100 MB become some memory, and not much of it.
func TestABombIsNotInflated(t *testing.T) {
	s := samltest.NewLogoutScene()
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		w.Write(make([]byte, 1<<20))
	}
	w.Close()
	for name, key := range map[string]*samltest.Key{"signed": s.IdP.Key, "a stranger's": samltest.NamedKey(samltest.RSA2048Other)} {
		query := samltest.Detached{Key: key, EditDeflated: func([]byte) []byte { return bomb.Bytes() }}.Query("SAMLRequest", "")
		sp, err := saml.New(s.SP)
		if err != nil {
			t.Fatal(err)
		}
		used := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sp.ValidateLogout(saml.LogoutMessage{Query: query, Received: s.Now}); code(refusal(t, err)) != badLogout {
					t.Fatal(err)
				}
				if b.N > 3 {
					break
				}
			}
		})
		if most := int64(12 << 20); used.AllocedBytesPerOp() > most {
			t.Errorf("%s: %d octets for a bomb of %d", name, used.AllocedBytesPerOp(), len(query))
		}
	}
}

func TestNowIsTheClockWhereALogoutGivesNoInstant(t *testing.T) {
	s := samltest.NewLogoutScene()
	l := s.IdP.LogoutRequest(s.SP, time.Now())
	if _, refused := logout(t, s.SP, saml.LogoutMessage{Query: l.Query(samltest.Detached{Key: s.IdP.Key})}); refused != nil {
		t.Error(refused)
	}
}

// FuzzLogoutQuery gives any query, raw and deflated anew: what is accepted was
// signed.
func FuzzLogoutQuery(f *testing.F) {
	s := samltest.NewLogoutScene()
	sp, err := saml.New(s.SP)
	if err != nil {
		f.Fatal(err)
	}
	for _, l := range []*samltest.Logout{s.IdP.LogoutRequest(s.SP, s.Now), s.IdP.LogoutResponse(s.SP, samltest.LogoutID, s.Now)} {
		for _, d := range []samltest.Detached{{}, {Key: s.IdP.Key}, {Key: s.IdP.Key, RelayState: "state"}, {Key: s.IdP.Key, Escape: samltest.LowerEscape, Method: dsig.PSSSHA256}} {
			f.Add(l.Query(d), false)
		}
		f.Add(l.String(), true)
	}
	f.Fuzz(func(t *testing.T, text string, sign bool) {
		query := text
		if sign { // as if the Identity Provider had written it
			query = samltest.Detached{Key: s.IdP.Key}.Query("SAMLRequest", text)
		}
		got, err := sp.ValidateLogout(saml.LogoutMessage{Query: query, Received: s.Now, Requests: pending(samltest.LogoutID)})
		if err != nil {
			refusal(t, err)
			return
		}
		if got.Request != nil && got.Request.NameID.Value == "" {
			t.Errorf("%+v", got.Request)
		}
		if !sign && got.RelayState != "" && got.RelayState != "state" || !sign && got.Request != nil && got.Request.NameID.Value != samltest.Email {
			t.Errorf("accepted: %+v", got)
		}
	})
}
