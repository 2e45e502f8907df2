package samltest

import (
	"net/url"
	"strings"
	"time"

	"sallyport/saml"
)

// A LogoutAttack is a message that must never end a session, whatever service
// provider reads it.
type LogoutAttack struct {
	Name  string // of letters, digits and dashes
	About string // one sentence: what it rests on
	// Code is what package saml refuses it with.
	Code saml.Code
	// Message writes it: a query of HTTP-Redirect, or a form of HTTP-POST.
	Message func(Scene) (query string, form url.Values)
}

// LogoutAttacks returns what is tried against Single Logout, for the scene of
// [NewLogoutScene].
func LogoutAttacks() []LogoutAttack {
	var all []LogoutAttack
	for _, list := range [][]LogoutAttack{queryAttacks(), formAttacks(), orderAttacks()} {
		all = append(all, list...)
	}
	for i := range all {
		if all[i].Code == "" {
			all[i].Code = saml.CodeLogoutInvalid
		}
	}
	return all
}

// redirected is a good request by HTTP-Redirect, to be changed.
func redirected(f func(l *Logout, d *Detached)) func(Scene) (string, url.Values) {
	return func(s Scene) (string, url.Values) {
		l, d := s.IdP.LogoutRequest(s.SP, s.Now), Detached{Key: s.IdP.Key, RelayState: "state"}
		f(l, &d)
		return l.Query(d), nil
	}
}

// posted is a good request by HTTP-POST.
func posted(f func(l *Logout)) func(Scene) (string, url.Values) {
	return func(s Scene) (string, url.Values) {
		l := s.IdP.LogoutRequest(s.SP, s.Now)
		l.Signing = &Signing{Key: s.IdP.Key}
		f(l)
		return "", l.Form("state")
	}
}

func queryAttacks() []LogoutAttack {
	parameters := func(f func(list []string) []string) func(Scene) (string, url.Values) {
		return redirected(func(_ *Logout, d *Detached) { d.Edit = f })
	}
	more := func(parameter string) func(Scene) (string, url.Values) {
		return parameters(func(list []string) []string { return append(list, parameter) })
	}
	deflated := func(f func([]byte) []byte) func(Scene) (string, url.Values) {
		return redirected(func(_ *Logout, d *Detached) { d.EditDeflated = f })
	}
	return []LogoutAttack{
		{"query-unsigned", "no signature in the query", "", redirected(func(_ *Logout, d *Detached) { d.Key = nil })},
		{"query-stranger", "signed by a stranger", "", redirected(func(_ *Logout, d *Detached) { d.Key = NamedKey(RSA2048Other) })},
		{"query-sha1", "signed with SHA-1", "", redirected(func(_ *Logout, d *Detached) { d.Method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" })},
		{"query-no-algorithm", "the algorithm is left out", "", parameters(func(list []string) []string { return append(list[:2], list[3]) })},
		{"query-other-algorithm", "an algorithm that proves nothing", "", parameters(func(list []string) []string {
			list[2] = "SigAlg=http%3A%2F%2Fwww.w3.org%2F2000%2F09%2Fxmldsig%23hmac-sha1"
			return list
		})},
		{"query-changed", "another message with the signature of the first", "", redirected(func(l *Logout, d *Detached) {
			d.Edit = func(list []string) []string {
				l.NameID.Value = Victim
				list[0] = Detached{}.Query("SAMLRequest", l.String())
				return list
			}
		})},
		{"query-state-changed", "another state with the signature of the first", "", parameters(func(list []string) []string {
			list[1] = "RelayState=other"
			return list
		})},
		{"query-state-removed", "the signed state is taken away", "", parameters(func(list []string) []string { return append(list[:1], list[2:]...) })},
		{"query-second-message", "a second message, which others read", "", redirected(func(l *Logout, d *Detached) {
			d.Edit = func(list []string) []string {
				l.NameID.Value = Victim
				return append([]string{Detached{}.Query("SAMLRequest", l.String())}, list...)
			}
		})},
		{"query-second-state", "a second state", "", more("RelayState=other")},
		{"query-request-and-response", "a request and a response", "", more("SAMLResponse=AAAA")},
		{"query-embedded-signature", "a signature in the message, besides the one in the query", "", redirected(func(l *Logout, d *Detached) {
			l.Signing = &Signing{Key: d.Key}
		})},
		{"query-trailing-data", "something behind the end of the message", "", deflated(func(b []byte) []byte { return append(b, Deflate("x")...) })},
		{"query-truncated", "the end is missing", "", deflated(func(b []byte) []byte { return b[:len(b)-8] })},
		{"query-not-deflated", "the message as it is", "", redirected(func(l *Logout, d *Detached) {
			d.EditDeflated = func([]byte) []byte { return []byte(l.String()) }
		})},
		{"query-bomb", "megabytes of white space, inflated", "", redirected(func(l *Logout, d *Detached) {
			d.EditDeflated = func([]byte) []byte { return Deflate(l.String() + strings.Repeat(" ", 8<<20)) }
		})},
		{"query-encoding", "an encoding that nobody knows", "", more("SAMLEncoding=urn%3Ax")},
		{"query-bad-escape", "an escape that is none", "", more("SAMLEncoding=%zz")},
		{"query-base64", "a message that is no base64", "", redirected(func(_ *Logout, d *Detached) {
			d.Escape = func(text string) string { return url.QueryEscape(strings.ReplaceAll(text, "=", "!")) }
		})},
		{"query-doctype", "a document type declaration", "", redirected(func(l *Logout, _ *Detached) {
			l.AfterSigning = func(text string) string { return "<!DOCTYPE x>" + text }
		})},
	}
}

func formAttacks() []LogoutAttack {
	after := func(old, with string) func(Scene) (string, url.Values) {
		return posted(func(l *Logout) { l.AfterSigning = func(text string) string { return replace(text, old, with) } })
	}
	fields := func(f func(url.Values)) func(Scene) (string, url.Values) {
		return func(s Scene) (string, url.Values) {
			_, form := posted(func(*Logout) {})(s)
			f(form)
			return "", form
		}
	}
	return []LogoutAttack{
		{"form-unsigned", "no signature in the message", "", posted(func(l *Logout) { l.Signing = nil })},
		{"form-stranger", "signed by a stranger", "", posted(func(l *Logout) { l.Signing.Key = NamedKey(RSA2048Other) })},
		{"form-sha1", "signed with SHA-1", "", posted(func(l *Logout) { l.Signing.Method = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" })},
		{"form-changed", "another address behind the signature", "", after(Email, Victim)},
		{"form-signature-elsewhere", "the signature stands in the extensions", "", posted(func(l *Logout) {
			l.AfterSigning = func(text string) string {
				signature := element(text, "ds:Signature")
				return behindIssuer(without(text, signature), "<samlp:Extensions>"+signature+"</samlp:Extensions>")
			}
		})},
		{"form-second-signature", "a second signature", "", after("<saml:NameID ", `<samlp:Extensions><ds:Signature xmlns:ds="`+nsSignature+`"/></samlp:Extensions><saml:NameID `)},
		{"form-wrapping", "a forged request around the signed one", "", posted(func(l *Logout) {
			l.AfterSigning = func(text string) string {
				fake := replace(forged(without(text, element(text, "ds:Signature")), l.ID), "</samlp:LogoutRequest>", "")
				return fake + "<samlp:Extensions>" + text + "</samlp:Extensions></samlp:LogoutRequest>"
			}
		})},
		{"form-two-messages", "two messages in the form", "", fields(func(f url.Values) { f.Add("SAMLRequest", f.Get("SAMLRequest")) })},
		{"form-request-and-response", "a request and a response", "", fields(func(f url.Values) { f.Set("SAMLResponse", "AAAA") })},
		{"form-other-field", "a request in the field of responses", "", fields(func(f url.Values) {
			f.Set("SAMLResponse", f.Get("SAMLRequest"))
			f.Del("SAMLRequest")
		})},
		{"form-base64", "no base64", "", fields(func(f url.Values) { f.Set("SAMLRequest", "!") })},
		{"form-comment", "a comment in the address", "", after(Email, Email+"<!---->")},
		{"form-assertion", "a response that signs in, to the address that signs out", "", func(s Scene) (string, url.Values) {
			return "", url.Values{"SAMLResponse": {s.Response().Encode()}}
		}},
	}
}

// orderAttacks are signed by the Identity Provider, for somebody else or for
// another time.
func orderAttacks() []LogoutAttack {
	changed := func(f func(l *Logout)) func(Scene) (string, url.Values) {
		return redirected(func(l *Logout, _ *Detached) { f(l) })
	}
	answer := func(f func(l *Logout)) func(Scene) (string, url.Values) {
		return func(s Scene) (string, url.Values) {
			l := s.IdP.LogoutResponse(s.SP, LogoutID, s.Now)
			f(l)
			return l.Query(Detached{Key: s.IdP.Key}), nil
		}
	}
	ago := func(d time.Duration) string { return Instant(Now().Add(-d)) }
	return []LogoutAttack{
		{"logout-foreign-destination", "for another service provider", "", changed(func(l *Logout) { l.Destination = "https://other.example/slo" })},
		{"logout-no-destination", "for anybody", "", changed(func(l *Logout) { l.Destination = "" })},
		{"logout-foreign-issuer", "from another Identity Provider with the same key", "", changed(func(l *Logout) { l.Issuer.Value = "https://other.example/idp" })},
		{"logout-no-issuer", "from anybody", "", changed(func(l *Logout) { l.Issuer.Value = "" })},
		{"logout-stale", "made an hour ago", "", changed(func(l *Logout) { l.IssueInstant = ago(time.Hour) })},
		{"logout-future", "made in an hour", "", changed(func(l *Logout) { l.IssueInstant = ago(-time.Hour) })},
		{"logout-expired", "its end has passed", "", changed(func(l *Logout) { l.NotOnOrAfter = ago(4 * time.Minute) })},
		{"logout-no-instant", "made at no time", "", changed(func(l *Logout) { l.IssueInstant = "" })},
		{"logout-version", "another version", "", changed(func(l *Logout) { l.Version = "1.1" })},
		{"logout-no-nameid", "for nobody", "", changed(func(l *Logout) { l.NameID.Value = "" })},
		{"logout-no-id", "without an ID", "", changed(func(l *Logout) { l.ID = "" })},
		{"logout-two-nameids", "for two", "", changed(func(l *Logout) { l.More = XML("<saml:NameID>" + Victim + "</saml:NameID>") })},
		{"logout-nameid-and-encryptedid", "for one in clear and another in a ciphertext", "", changed(func(l *Logout) {
			l.More = XML("<saml:EncryptedID>" + Encrypt("<saml:NameID>"+Victim+"</saml:NameID>", Encryption{For: []*Key{NamedKey(SP)}}) + "</saml:EncryptedID>")
		})},
		{"logout-element-in-index", "an index that some read as none, which ends every session", "", changed(func(l *Logout) {
			l.SessionIndexes, l.More = nil, "<samlp:SessionIndex>_session1<x/></samlp:SessionIndex>"
		})},
		{"logout-encrypted-for-another", "an EncryptedID for another service provider", saml.CodeDecryptionFailed, changed(func(l *Logout) {
			l.NameIDEncryption = &Encryption{For: []*Key{NamedKey(RSA2048Other)}}
		})},
		{"logout-answer-unknown", "an answer to a request that nobody sent", saml.CodeRequestUnknown, answer(func(l *Logout) { l.InResponseTo = "_other" })},
		{"logout-answer-to-nothing", "an answer to no request", saml.CodeRequestUnknown, answer(func(l *Logout) { l.InResponseTo = "" })},
		{"logout-answer-foreign-destination", "an answer for another service provider", "", answer(func(l *Logout) { l.Destination = "https://other.example/slo" })},
	}
}
