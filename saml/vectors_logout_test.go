package saml_test

import (
	"bytes"
	"net/url"
	"strings"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/samltest"
)

// addLogouts describes the vectors of Single Logout.
func addLogouts(add func(string, vector)) {
	for _, a := range samltest.LogoutAttacks() {
		v := logoutVector(a.About)
		v.carry(a.Message(samltest.NewLogoutScene()))
		refuse(&v, string(a.Code))
		add("attack-"+a.Name, v)
	}
	for _, c := range logoutVectors() {
		for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
			if c.binding != "" && c.binding != binding || c.detached != nil && binding == saml.HTTPPost {
				continue
			}
			v := logoutVector(c.about)
			m := c.sent(samltest.NewLogoutScene(), binding)
			v.carry(m.Query, m.Form)
			if c.answer {
				v.header["in-response-to"], v.header["status"] = samltest.LogoutID, "success"
				delete(v.header, "name-id")
				delete(v.header, "session-indexes")
			}
			for key, value := range c.header {
				v.header[key] = value
			}
			if c.want != "" {
				refuse(&v, string(c.want))
			}
			add("logout-"+map[saml.Binding]string{saml.HTTPRedirect: "redirect-", saml.HTTPPost: "post-"}[binding]+c.name, v)
		}
	}
}

// logoutVector is one of the scene that all share, which is accepted.
func logoutVector(comment string) vector {
	return vector{header: map[string]string{
		"comment": comment, "verdict": "accept", "name-id": samltest.Email, "session-indexes": "_session1", "relay-state": "state",
		"now": samltest.Now().Format(time.RFC3339), "entity-id": samltest.SPEntityID, "acs-url": samltest.ACSURL, "slo-url": samltest.SLOURL,
		"idp": samltest.NewIdP().EntityID, "certificates": samltest.RSA2048, "keys": samltest.SP, "requests": samltest.LogoutID + "=pending",
	}}
}

func (v *vector) carry(query string, form url.Values) {
	if v.message, v.header["encoding"] = query, "query"; form != nil {
		v.message, v.header["encoding"] = form.Encode(), "form"
	}
}

// A logoutVectorCase is a case that becomes a file. Header changes what has to
// come of it, and the service provider.
type logoutVectorCase struct {
	logoutCase
	about  string
	header header
}

func logoutVectors() []logoutVectorCase {
	one := func(name, about string, c logoutCase, h header) logoutVectorCase {
		c.name = name
		return logoutVectorCase{c, about, h}
	}
	order := func(f func([]string) []string) func(*samltest.Detached) {
		return func(d *samltest.Detached) { d.Edit = f }
	}
	says := func(f func(*samltest.Logout)) logoutCase { return logoutCase{message: f} }
	refused := func(want saml.Code, f func(*samltest.Logout)) logoutCase { return logoutCase{message: f, want: want} }
	const warned = "warnings"
	redirect, post := saml.HTTPRedirect, saml.HTTPPost
	return []logoutVectorCase{
		one("request", "a request to end a session", logoutCase{}, nil),
		one("answer", "an answer to our request", logoutCase{answer: true}, nil),
		one("no-index", "a request to end all sessions", says(func(l *samltest.Logout) { l.SessionIndexes = nil }), header{"session-indexes": ""}),
		one("indexes", "a request to end three sessions", says(func(l *samltest.Logout) { l.SessionIndexes = []string{"a", "b", "c"} }), header{"session-indexes": "a b c"}),
		one("encrypted-id", "an encrypted NameID", says(func(l *samltest.Logout) { l.NameIDEncryption = encryption(samltest.Encryption{}) }), nil),
		one("encrypted-id-cbc", "an encrypted NameID in AES-CBC, which the signature covers", says(func(l *samltest.Logout) {
			l.NameIDEncryption = encryption(samltest.Encryption{Content: xenc.AES256CBC, Place: samltest.ByReference})
		}), nil),
		one("style", "default namespaces, indented", says(func(l *samltest.Logout) { l.Style = samltest.Style{Indent: "  ", Declaration: true} }), nil),
		one("no-end", "without NotOnOrAfter", says(func(l *samltest.Logout) { l.NotOnOrAfter = "" }), nil),
		one("tolerated", "made three minutes ahead of our clock", says(func(l *samltest.Logout) { l.IssueInstant = at(3 * time.Minute) }), nil),
		one("no-state", "without RelayState", logoutCase{detached: func(d *samltest.Detached) { d.RelayState = "" }}, header{"relay-state": ""}),
		one("no-state", "without RelayState", logoutCase{binding: post, wire: func(m *saml.LogoutMessage) { m.Form.Del("RelayState") }}, header{"relay-state": ""}),
		one("order", "parameters in another order", logoutCase{detached: order(func(l []string) []string { return []string{l[3], l[1], l[2], l[0]} })}, nil),
		one("other-parameters", "parameters of others", logoutCase{detached: order(func(l []string) []string { return append(l, "tenant=x") })}, nil),
		one("lower-case", "escaped with small letters, and signed so", logoutCase{detached: func(d *samltest.Detached) { d.Escape = samltest.LowerEscape }}, nil),
		one("encoding", "the encoding is named", logoutCase{detached: order(func(l []string) []string {
			return append(l, "SAMLEncoding=urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE")
		})}, nil),
		one("rsa-sha512", "RSA with SHA-512", logoutCase{detached: func(d *samltest.Detached) { d.Method = dsig.RSASHA512 }}, nil),
		one("pss", "RSA-PSS", logoutCase{detached: func(d *samltest.Detached) { d.Method = dsig.PSSSHA256 }}, nil),
		one("ecdsa", "ECDSA on P-256", logoutCase{detached: func(d *samltest.Detached) { d.Key = samltest.NamedKey(samltest.EC256) }}, header{"certificates": samltest.EC256}),
		one("several-certificates", "RSA, where an ECDSA certificate is trusted besides", logoutCase{}, header{"certificates": "ec256 rsa2048-other rsa2048"}),
		one("sha1-allowed", "SHA-1 where it is allowed", logoutCase{detached: func(d *samltest.Detached) { d.Method = dsig.RSASHA1 }}, header{"options": "allow-sha1", warned: "saml_signature_algorithm"}),
		one("sha1-allowed", "SHA-1 where it is allowed", logoutCase{binding: post, message: func(l *samltest.Logout) { l.Signing.Method = dsig.RSASHA1 }}, header{"options": "allow-sha1", warned: "saml_signature_algorithm"}),
		one("expired-certificate", "an expired certificate", logoutCase{}, header{"certificates": samltest.RSA2048Expired, warned: "saml_certificate_expired"}),
		one("expired-certificate-refused", "an expired certificate where that refuses", logoutCase{want: saml.CodeCertificateExpired}, header{"certificates": samltest.RSA2048Expired, "options": "refuse-expired-certificate"}),
		one("answer-partial", "an answer that some sessions remain", logoutCase{answer: true, message: func(l *samltest.Logout) {
			l.Status.SubCode = "urn:oasis:names:tc:SAML:2.0:status:PartialLogout"
		}}, header{"status": "failure"}),
		one("answer-failed", "an answer that it failed", logoutCase{answer: true, message: func(l *samltest.Logout) {
			l.Status.Code = "urn:oasis:names:tc:SAML:2.0:status:Responder"
		}}, header{"status": "failure"}),
		one("answer-used", "a second answer", logoutCase{answer: true, want: saml.CodeRequestUnknown}, header{"requests": samltest.LogoutID + "=used"}),
		one("no-slo", "a message to nobody, where there is no Single Logout", logoutCase{message: func(l *samltest.Logout) { l.Destination = "" }, want: badLogout}, header{"slo-url": ""}),
		one("two-states", "RelayState twice", logoutCase{binding: post, want: badLogout, wire: func(m *saml.LogoutMessage) { m.Form.Add("RelayState", "other") }}, nil),
		one("request-and-answer", "a good request beside a good answer", logoutCase{binding: post, answer: true, want: badLogout, wire: func(m *saml.LogoutMessage) {
			s := samltest.NewLogoutScene()
			l := s.IdP.LogoutRequest(s.SP, s.Now)
			l.Signing = &samltest.Signing{Key: s.IdP.Key}
			m.Form.Set("SAMLRequest", l.Form("")["SAMLRequest"][0])
		}}, nil),
		one("signature-in-extensions", "a second Signature, which the first one covers", logoutCase{binding: post, want: badLogout, message: func(l *samltest.Logout) {
			l.BeforeSigning = func(text string) string {
				return must(text, "<saml:NameID", `<samlp:Extensions><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></samlp:Extensions><saml:NameID`)
			}
		}}, nil),
		one("nameid-empty", "a NameID of nothing", refused(badLogout, func(l *samltest.Logout) {
			l.BeforeSigning = func(text string) string { return must(text, ">"+samltest.Email+"<", "> <") }
		}), nil),
		one("two-issuers", "two Issuers", logoutCase{want: badLogout, message: func(l *samltest.Logout) { l.More = "<saml:Issuer>x</saml:Issuer>" }}, nil),
		one("empty", "no parameters", logoutCase{binding: redirect, want: badLogout, wire: func(m *saml.LogoutMessage) { m.Query = "" }}, nil),
		one("no-message", "no message", logoutCase{binding: redirect, want: badLogout, wire: func(m *saml.LogoutMessage) { m.Query = must(m.Query, "SAMLRequest=", "X=") }}, nil),
		one("empty-message", "a signed message of nothing", logoutCase{detached: func(d *samltest.Detached) { d.EditDeflated = func([]byte) []byte { return nil } }, want: badLogout}, nil),
		one("message-base64", "a signed message that is no base64", logoutCase{want: badLogout, detached: func(d *samltest.Detached) {
			first := true
			d.Escape = func(s string) string {
				if first {
					first, s = false, "!"
				}
				return url.QueryEscape(s)
			}
		}}, nil),
		one("zlib", "zlib, not raw DEFLATE", logoutCase{want: badLogout, detached: func(d *samltest.Detached) {
			d.EditDeflated = func(b []byte) []byte { return append([]byte{0x78, 0x9c}, bytes.Clone(b)...) }
		}}, nil),
		one("too-large", "a message of more than 1 MiB", logoutCase{binding: post, want: saml.CodeTooLarge, wire: func(m *saml.LogoutMessage) {
			m.Form = url.Values{"SAMLRequest": {""}}
		}}, header{"pad": "1500000"}),
		one("too-large", "a signed message of more than 1 MiB before it is inflated", logoutCase{want: badLogout, detached: func(d *samltest.Detached) {
			const length = 1_500_000
			d.Edit, d.RelayState = func(l []string) []string { return []string{l[1], l[2], "SAMLRequest="} }, ""
			d.EditSigned = func(s string) string {
				_, rest, _ := strings.Cut(s, "&")
				return "SAMLRequest=" + strings.Repeat("A", length) + "&" + rest
			}
		}}, header{"pad": "1500000"}),
	}
}
