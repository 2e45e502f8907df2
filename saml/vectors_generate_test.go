package saml_test

import (
	"crypto"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/samltest"
)

// generatedVectors describes those that are written by a program. What comes
// of each is said here, not asked of the code under test.
func generatedVectors(t *testing.T) map[string]vector {
	t.Helper()
	all := make(map[string]vector)
	add := func(name string, v vector) {
		if _, ok := all[name]; ok {
			t.Fatalf("two vectors are named %s", name)
		}
		all[name] = v
	}
	for _, shape := range samltest.Shapes() {
		for suffix, signed := range map[string]string{"response": onResponse, "assertion": onAssertion, "both": onBoth} {
			s := samltest.NewScene()
			r := shape.Response(s)
			sign(r, signed)
			about := "as " + shape.Name + " writes it, with " + signed + " signed"
			add("shape-"+shape.Name+"-"+suffix, accepted(about, r.String(), nil))
		}
	}
	for _, a := range samltest.Attacks() {
		v := accepted(a.About, a.Message(samltest.NewScene()), nil)
		refuse(&v, string(a.Code))
		add("attack-"+a.Name, v)
	}
	for _, c := range vectorCases() {
		add(c.name, c.vector())
	}
	addEncrypted(add)
	addLogouts(add)
	return all
}

// accepted is a vector of the scene that all share, which is accepted.
func accepted(comment, message string, header map[string]string) vector {
	v := vector{message: message, header: map[string]string{
		"comment": comment, "verdict": "accept", "email": samltest.Email, "in-response-to": samltest.RequestID,
		"now": samltest.Now().Format(time.RFC3339), "entity-id": samltest.SPEntityID, "acs-url": samltest.ACSURL,
		"idp": samltest.NewIdP().EntityID, "certificates": samltest.RSA2048, "mode": "restart",
		"requests": samltest.RequestID + "=pending", "encoding": encodingOf(message),
	}}
	for key, value := range header {
		v.header[key] = value
	}
	return v
}

// A vectorCase is a message of the shared scene with one thing changed. The
// expectation is a code, "restart", or nothing for acceptance.
type vectorCase struct {
	name, comment string
	change        func(*samltest.Response)
	header        map[string]string
	want          string
	field         func(*samltest.Response) string // the form field, if it is no base64 of the message
	body          func(*samltest.Response) string // the body of the POST, if it does not hold one field
}

func (c vectorCase) vector() vector {
	r := samltest.NewScene().Response()
	if c.change != nil {
		c.change(r)
	}
	v := accepted(c.comment, r.String(), c.header)
	if c.field != nil {
		v.message, v.header["encoding"] = c.field(r), "field"
	}
	if c.body != nil {
		v.message, v.header["encoding"] = c.body(r), "body"
	}
	if c.want != "" {
		refuse(&v, c.want)
	}
	if c.want == "restart" {
		v.header["verdict"] = "restart"
		delete(v.header, "code")
	}
	return v
}

type header = map[string]string

// confirmedBefore puts a changed copy before the good confirmation.
func confirmedBefore(f func(*samltest.Confirmation)) func(*samltest.Response) {
	return func(r *samltest.Response) {
		good := *r.Confirmation()
		f(r.Confirmation())
		r.Assertion.Confirmations = append(r.Assertion.Confirmations, good)
	}
}

func assertionID(id string) func(*samltest.Response) {
	return func(r *samltest.Response) { r.Assertion.ID = id }
}

func unsolicited(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = "", "" }

func signedBy(key, method string) func(*samltest.Response) {
	return signings(func(s *samltest.Signing) { s.Key, s.Method = samltest.NamedKey(key), method })
}

func named(value, format string) func(*samltest.Response) {
	return func(r *samltest.Response) { r.Assertion.NameID = samltest.NameID{Value: value, Format: format} }
}

func both(list ...func(*samltest.Response)) func(*samltest.Response) {
	return func(r *samltest.Response) {
		for _, f := range list {
			f(r)
		}
	}
}

func parts(signed string) func(*samltest.Response) {
	return func(r *samltest.Response) { sign(r, signed) }
}

func vectorCases() []vectorCase {
	return slices.Concat(algorithmVectors(), requestVectors(), timeVectors(), nameIDVectors(), markupVectors(), signatureVectors(), instantVectors())
}

func algorithmVectors() []vectorCase {
	pss := func(h crypto.Hash) func(*samltest.Response) {
		return signings(func(s *samltest.Signing) { s.Method, s.PSSHash = dsig.PSS, h })
	}
	form := func(transform, info string, prefixes ...string) func(*samltest.Response) {
		return both(func(r *samltest.Response) { r.Style.Outer = true }, signings(func(s *samltest.Signing) {
			s.Transform, s.Info, s.Prefixes = transform, info, prefixes
		}))
	}
	return []vectorCase{
		{name: "method-rsa-sha384", comment: "RSA with SHA-384", change: signedBy(samltest.RSA2048, dsig.RSASHA384)},
		{name: "method-rsa-sha512", comment: "RSA with SHA-512 and a key of 3072 bits", change: signedBy(samltest.RSA3072, dsig.RSASHA512), header: header{"certificates": samltest.RSA3072}},
		{name: "method-pss-sha256", comment: "RSA-PSS with SHA-256 by its own name", change: signedBy(samltest.RSA2048, dsig.PSSSHA256)},
		{name: "method-pss-default", comment: "RSA-PSS without parameters", change: pss(0)},
		{name: "method-pss-sha512", comment: "RSA-PSS with parameters for SHA-512", change: pss(crypto.SHA512)},
		{name: "method-pss-sha1", comment: "RSA-PSS with parameters for SHA-1", change: pss(crypto.SHA1), header: header{"options": "allow-sha1"}, want: "saml_signature_algorithm"},
		{name: "method-ecdsa-p256", comment: "ECDSA on P-256", change: signedBy(samltest.EC256, dsig.ECDSASHA256), header: header{"certificates": samltest.EC256}},
		{name: "method-ecdsa-p384", comment: "ECDSA on P-384", change: signedBy(samltest.EC384, dsig.ECDSASHA384), header: header{"certificates": samltest.EC384}},
		{name: "method-ecdsa-p521", comment: "ECDSA on P-521", change: signedBy(samltest.EC521, dsig.ECDSASHA512), header: header{"certificates": samltest.EC521}},
		{name: "method-rsa-sha1-allowed", comment: "RSA with SHA-1 where it is allowed", change: signings(func(s *samltest.Signing) { s.Method, s.Digest = dsig.RSASHA1, dsig.SHA1 }),
			header: header{"options": "allow-sha1", "warnings": "saml_signature_algorithm"}},
		{name: "method-ecdsa-sha1-allowed", comment: "ECDSA with SHA-1 where it is allowed", change: both(signedBy(samltest.EC256, dsig.ECDSASHA1), signings(func(s *samltest.Signing) { s.Digest = dsig.SHA1 })),
			header: header{"certificates": samltest.EC256, "options": "allow-sha1", "warnings": "saml_signature_algorithm"}},
		{name: "form-inclusive", comment: "Canonical XML 1.0 for both", change: form(dsig.C14N10, dsig.C14N10)},
		{name: "form-inclusive-1.1", comment: "Canonical XML 1.1 for both", change: form(dsig.C14N11, dsig.C14N11)},
		{name: "form-prefix-list", comment: "a PrefixList with a default namespace", change: form(dsig.ExcC14N, dsig.ExcC14N, "xs", "#default", "saml")},
		{name: "form-prefix-list-white-space", comment: "a PrefixList with every kind of white space", change: both(form(dsig.ExcC14N, dsig.ExcC14N, "xs", "xsi", "saml", "ds"), signings(func(s *samltest.Signing) {
			s.Edit = func(sig string) string {
				return must(sig, `PrefixList="xs xsi saml ds"`, `PrefixList="&#10;xs&#9;xsi&#13;saml&#10;ds"`)
			}
		}))},
		{name: "digest-sha1-allowed", comment: "a digest with SHA-1 and a signature without, where SHA-1 is allowed", change: signings(func(s *samltest.Signing) { s.Digest = dsig.SHA1 }),
			header: header{"options": "allow-sha1", "warnings": "saml_signature_algorithm"}},
		{name: "method-ecdsa-sha1-digest-sha256-allowed", comment: "a signature with SHA-1 and a digest without, where SHA-1 is allowed", change: signedBy(samltest.EC256, dsig.ECDSASHA1),
			header: header{"certificates": samltest.EC256, "options": "allow-sha1", "warnings": "saml_signature_algorithm"}},
		{name: "form-comments", comment: "canonical forms with comments, of which there are none", change: form(dsig.ExcC14NComments, dsig.C14N10Comments)},
		{name: "form-comments-1.1", comment: "Canonical XML 1.1 with comments, of which there are none", change: form(dsig.C14N11Comments, dsig.C14N11Comments)},
		{name: "form-none", comment: "no canonicalization transform, which means Canonical XML 1.0", change: both(form(dsig.C14N10, dsig.ExcC14N), signings(func(s *samltest.Signing) {
			s.Edit = func(sig string) string {
				return must(sig, `<ds:Transform Algorithm="`+dsig.C14N10+`"></ds:Transform>`, "")
			}
		}))},
		{name: "form-none-exclusive-only", comment: "no canonicalization transform, where only the exclusive form is accepted", header: header{"options": "exclusive-only"}, want: "saml_signature_algorithm",
			change: both(form(dsig.C14N10, dsig.ExcC14N), signings(func(s *samltest.Signing) {
				s.Edit = func(sig string) string {
					return must(sig, `<ds:Transform Algorithm="`+dsig.C14N10+`"></ds:Transform>`, "")
				}
			}))},
		{name: "certificate-expired", comment: "an expired certificate", header: header{"certificates": samltest.RSA2048Expired, "warnings": "saml_certificate_expired"}},
		{name: "certificate-expired-refused", comment: "an expired certificate where that refuses", header: header{"certificates": samltest.RSA2048Expired, "options": "refuse-expired-certificate"}, want: "saml_certificate_expired"},
		{name: "certificate-future", comment: "a certificate that is not valid yet", header: header{"certificates": samltest.RSA2048Future, "warnings": "saml_certificate_expired"}},
		{name: "certificate-future-refused", comment: "a certificate that is not valid yet, where that refuses", header: header{"certificates": samltest.RSA2048Future, "options": "refuse-expired-certificate"}, want: "saml_certificate_expired"},
		{name: "certificate-one-of-many", comment: "the last of several certificates, without KeyInfo", change: signings(func(s *samltest.Signing) { s.NoKeyInfo = true }),
			header: header{"certificates": "ec256 rsa2048-other rsa3072 rsa2048"}},
		{name: "signature-first", comment: "the signature before the Issuer", change: signings(func(s *samltest.Signing) { s.Position = samltest.First }), header: header{"warnings": "saml_signature_invalid"}},
		{name: "signature-last", comment: "the signature behind everything", change: signings(func(s *samltest.Signing) { s.Position = samltest.Last }), header: header{"warnings": "saml_signature_invalid"}},
		{name: "signature-of-response-required", comment: "only the assertion is signed where the response has to be", change: parts(onAssertion), header: header{"options": "require-signed-response"}, want: "saml_signature_missing"},
		{name: "layout-pretty", comment: "white space everywhere, default namespaces", change: func(r *samltest.Response) {
			r.Style = samltest.Style{Indent: "\t", Declaration: true}
		}},
		{name: "layout-line-ends", comment: "carriage returns before the line feeds", change: func(r *samltest.Response) {
			r.Style.Indent = "  "
			r.AfterSigning = func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }
		}},
		{name: "layout-byte-order-mark", comment: "a byte order mark", change: func(r *samltest.Response) {
			r.AfterSigning = func(text string) string { return "\uFEFF" + text }
		}},
		{name: "field-in-lines", comment: "base64 in lines of 64", field: func(r *samltest.Response) string { return samltest.EncodeLines(r.String(), 64, "\n") }},
		{name: "field-of-urls", comment: "the alphabet of URLs", field: func(r *samltest.Response) string { return "-_" + r.Encode()[2:] }, want: "saml_base64_invalid"},
		{name: "field-unpadded", comment: "no padding", field: func(*samltest.Response) string { return "PGEvPg" }, want: "saml_base64_invalid"},
		{name: "field-behind-padding", comment: "something behind the padding", field: func(*samltest.Response) string { return "PGEvPg==PGEvPg==" }, want: "saml_base64_invalid"},
		{name: "field-too-large", comment: "more than 1 MiB", field: func(*samltest.Response) string { return "" }, header: header{"pad": "1500000"}, want: "saml_too_large"},
		{name: "body-two-fields", comment: "the field twice, with the same good message", want: "saml_response_missing", body: func(r *samltest.Response) string {
			field := url.Values{"SAMLResponse": {r.Encode()}}.Encode()
			return field + "&" + field
		}},
		{name: "body-no-field", comment: "another field", want: "saml_response_missing", body: func(r *samltest.Response) string {
			return url.Values{"SAMLRequest": {r.Encode()}}.Encode()
		}},
		{name: "body-relay-state", comment: "the field, and RelayState", body: func(r *samltest.Response) string {
			return url.Values{"SAMLResponse": {r.Encode()}, "RelayState": {"state"}}.Encode()
		}},
		{name: "field-empty", comment: "an empty field", field: func(*samltest.Response) string { return "" }, want: "saml_response_missing"},
	}
}

func requestVectors() []vectorCase {
	naming := func(outer, inner string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = outer, inner }
	}
	id := samltest.RequestID
	return []vectorCase{
		{name: "request-none-restart", comment: "started at the Identity Provider, where that restarts", change: unsolicited, want: "restart"},
		{name: "request-none-restart-unsigned", comment: "the same, unsigned: a restart believes nothing", change: both(unsolicited, parts(onNeither)), want: "restart"},
		{name: "request-none-accept", comment: "started at the Identity Provider, where that signs in", change: unsolicited, header: header{"mode": "accept", "in-response-to": ""}},
		{name: "request-none-refuse", comment: "started at the Identity Provider, where that is refused", change: unsolicited, header: header{"mode": "refuse"}, want: "saml_idp_initiated_refused"},
		{name: "request-dummy-restart", comment: "a request that was never sent, where that restarts", change: naming("_dummy", "_dummy"), want: "restart"},
		{name: "request-dummy-accept", comment: "a request that was never sent", change: naming("_dummy", "_dummy"), header: header{"mode": "accept"}, want: "saml_request_unknown"},
		{name: "request-used", comment: "a request that was answered before", header: header{"requests": id + "=used"}, want: "saml_replayed"},
		{name: "request-expired", comment: "a request that is too old", header: header{"requests": id + "=expired"}, want: "saml_request_expired"},
		{name: "request-differs", comment: "response and confirmation name different requests", change: naming(id, "_other"), header: header{"requests": id + "=pending _other=pending"}, want: "saml_request_unknown"},
		{name: "request-outer-signed", comment: "only the signed response names the request", change: both(parts(onResponse), naming(id, ""))},
		{name: "request-outer-unsigned", comment: "only the unsigned response names the request", change: both(parts(onAssertion), naming(id, "")), want: "saml_request_unknown"},
		{name: "request-outer-unsigned-used", comment: "only the unsigned response names a used request", change: both(parts(onAssertion), naming(id, "")), header: header{"requests": id + "=used", "mode": "accept"}, want: "saml_replayed"},
		{name: "request-outer-unsigned-unknown-accept", comment: "only the unsigned response names a request, which was never sent", change: both(parts(onAssertion), naming("_dummy", "")), header: header{"mode": "accept", "in-response-to": ""}},
		{name: "request-outer-unsigned-unknown-refuse", comment: "the same, where what answers no request is refused", change: both(parts(onAssertion), naming("_dummy", "")), header: header{"mode": "refuse"}, want: "saml_idp_initiated_refused"},
		{name: "again-used", comment: "judged again: its request and its assertion were used", header: header{"options": "again", "requests": id + "=used", "consumed": "_assertion1", "in-response-to": ""}},
		{name: "again-unknown", comment: "judged again: its request is forgotten", header: header{"options": "again", "requests": "", "in-response-to": ""}},
		{name: "again-outer-unsigned", comment: "judged again: only the unsigned response names the request", change: both(parts(onAssertion), naming(id, "")), header: header{"options": "again"}, want: "saml_request_unknown"},
		{name: "again-outer-unsigned-accept", comment: "the same, where what answers no request is accepted", change: both(parts(onAssertion), naming(id, "")), header: header{"options": "again", "mode": "accept", "in-response-to": ""}},
		{name: "again-none-restart", comment: "judged again: it answers no request, and nothing restarts", change: unsolicited, header: header{"options": "again", "in-response-to": ""}},
		{name: "again-none-refuse", comment: "judged again: it answers no request, which is refused", change: unsolicited, header: header{"options": "again", "mode": "refuse"}, want: "saml_idp_initiated_refused"},
		{name: "again-differs", comment: "judged again: the two elements name different requests", change: naming(id, "_other"), header: header{"options": "again"}, want: "saml_request_unknown"},
		{name: "request-inner", comment: "only the confirmation names the request", change: both(parts(onAssertion), naming("", id))},
		{name: "replay", comment: "the assertion was consumed before", header: header{"consumed": "_assertion1"}, want: "saml_replayed"},
		{name: "status-responder", comment: "the Identity Provider failed", change: func(r *samltest.Response) {
			r.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Responder", SubCode: "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed", Message: "no"}
			r.Assertion, r.AssertionSigning = nil, nil
		}, want: "saml_status_not_success"},
		{name: "status-nested-success", comment: "success nested in a failure", change: func(r *samltest.Response) {
			r.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Requester", SubCode: samltest.Success}
		}, want: "saml_status_not_success"},
		{name: "confirmation-second", comment: "the second confirmation is the one for us", change: func(r *samltest.Response) {
			good := *r.Confirmation()
			r.Confirmation().Recipient = "https://other.example/acs"
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, good)
		}},
		{name: "id-256", comment: "an ID of 256 characters", change: assertionID(strings.Repeat("a", 256))},
		{name: "id-257", comment: "an ID of 257 characters", change: assertionID(strings.Repeat("a", 257)), want: "saml_xml_invalid"},
		{name: "audience-foreign-element", comment: "our entity ID in an Audience of another namespace", want: "saml_audience_mismatch",
			change: both(conditioned(func(c *samltest.Conditions) { c.Audiences = [][]string{{"https://other.example/metadata"}} }),
				edit("<saml:AudienceRestriction>", `<saml:AudienceRestriction><x:Audience xmlns:x="urn:x">`+samltest.SPEntityID+`</x:Audience>`))},
		{name: "destination-foreign-unsigned", comment: "another address in a response that is not signed", change: both(parts(onAssertion), func(r *samltest.Response) { r.Destination = "https://other.example/acs" }), want: "saml_destination_mismatch"},
		{name: "destination-missing-unsigned", comment: "no address in a response that is not signed", change: both(parts(onAssertion), func(r *samltest.Response) { r.Destination = "" })},
		{name: "request-ninth-confirmation", comment: "the request is named by the ninth confirmation alone, which nobody looks at", want: "restart", change: func(r *samltest.Response) {
			last := *r.Confirmation()
			r.InResponseTo, r.Confirmation().InResponseTo = "", ""
			for range 7 {
				r.Assertion.Confirmations = append(r.Assertion.Confirmations, *r.Confirmation())
			}
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, last)
		}},
		{name: "request-eighth-confirmation", comment: "the request is named by the eighth confirmation, which is the one for us", change: func(r *samltest.Response) {
			last := *r.Confirmation()
			r.InResponseTo, r.Confirmation().InResponseTo, r.Confirmation().Recipient = "", "", "https://other.example/acs"
			for range 6 {
				r.Assertion.Confirmations = append(r.Assertion.Confirmations, *r.Confirmation())
			}
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, last)
		}},
		{name: "confirmation-ninth", comment: "the ninth confirmation is the one for us, which nobody looks at", want: "saml_recipient_mismatch", change: func(r *samltest.Response) {
			last := *r.Confirmation()
			r.Confirmation().Recipient = "https://other.example/acs"
			for range 7 {
				r.Assertion.Confirmations = append(r.Assertion.Confirmations, *r.Confirmation())
			}
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, last)
		}},
		{name: "confirmation-first-expired", comment: "the first confirmation is over, the second holds", change: confirmedBefore(func(c *samltest.Confirmation) { c.NotOnOrAfter = at(-time.Hour) })},
		{name: "confirmation-first-early", comment: "the first confirmation starts in an hour, the second holds", change: confirmedBefore(func(c *samltest.Confirmation) { c.NotBefore = at(time.Hour) })},
		{name: "confirmation-first-endless", comment: "the first confirmation has no end, the second holds", change: confirmedBefore(func(c *samltest.Confirmation) { c.NotOnOrAfter = "" })},
		{name: "confirmation-first-other-method", comment: "the first confirmation is no bearer's, the second holds", change: confirmedBefore(func(c *samltest.Confirmation) { c.Method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches" })},
		{name: "confirmation-two-good", comment: "two confirmations hold: the first one counts", change: func(r *samltest.Response) {
			other := *r.Confirmation()
			other.InResponseTo = "_other"
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, other)
		}},
		{name: "confirmation-two-bad", comment: "no confirmation holds: the first one's fault is told", want: "saml_recipient_mismatch", change: func(r *samltest.Response) {
			other := *r.Confirmation()
			other.NotOnOrAfter = ""
			r.Confirmation().Recipient = "https://other.example/acs"
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, other)
		}},
		{name: "issuer-format", comment: "an Issuer with a strange format", change: func(r *samltest.Response) { r.Assertion.Issuer.Format = samltest.FormatUnspecified }, header: header{"warnings": "saml_issuer_mismatch"}},
		{name: "issuer-white-space", comment: "an Issuer with white space around", change: func(r *samltest.Response) { r.Assertion.Issuer.Value = "\n" + r.Assertion.Issuer.Value + "\n" }, want: "saml_issuer_mismatch"},
	}
}

func timeVectors() []vectorCase {
	until := func(offset time.Duration) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.Conditions.NotOnOrAfter = at(offset) }
	}
	from := func(text string) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.Conditions.NotBefore = text }
	}
	return []vectorCase{
		{name: "time-end-in-tolerance", comment: "it ended less than three minutes ago", change: until(-3*time.Minute + time.Millisecond)},
		{name: "time-end-beyond-tolerance", comment: "it ended three minutes ago", change: until(-3 * time.Minute), want: "saml_expired"},
		{name: "time-end-now", comment: "it ends now, and nothing is tolerated", change: until(0), header: header{"options": "tolerance=0s"}, want: "saml_expired"},
		{name: "time-start-in-tolerance", comment: "it starts in three minutes", change: from(at(3 * time.Minute))},
		{name: "time-start-beyond-tolerance", comment: "it starts in more than three minutes", change: from(at(3*time.Minute + time.Millisecond)), want: "saml_not_yet_valid"},
		{name: "time-seven-digits", comment: "a fraction of seven digits", change: from("2026-03-01T09:29:59.1234567Z")},
		{name: "time-offset", comment: "an instant with an offset", change: from("2026-03-01T10:29:59+01:00")},
		{name: "time-no-zone", comment: "an instant without a zone", change: from("2026-03-01T09:29:59"), want: "saml_not_yet_valid"},
		{name: "time-day-30-february", comment: "a day that does not exist", change: from("2026-02-30T09:29:59Z"), want: "saml_not_yet_valid"},
		{name: "time-ten-digits", comment: "a fraction finer than a nanosecond", change: from("2026-03-01T09:29:59.1234567890Z"), want: "saml_not_yet_valid"},
		{name: "session-over", comment: "the session at the Identity Provider is over", change: func(r *samltest.Response) { r.Statement().SessionNotOnOrAfter = at(-time.Hour) }, want: "saml_session_expired"},
		{name: "context-met", comment: "the requested context", header: header{"options": "authn-context=" + samltest.PasswordTransport}},
		{name: "context-missed", comment: "another context than the requested one", header: header{"options": "authn-context=https://refeds.org/profile/mfa"}, want: "saml_authn_context"},
		{name: "statement-missing", comment: "no AuthnStatement", change: func(r *samltest.Response) { r.Assertion.Statements = nil }, want: "saml_authn_missing"},
		{name: "one-time-use", comment: "OneTimeUse", change: func(r *samltest.Response) { r.Assertion.Conditions.OneTimeUse = true }},
	}
}

func nameIDVectors() []vectorCase {
	const bad = string(saml.CodeNameIDNotEmail)
	list := addressVectors()
	return append(list, []vectorCase{
		{name: "nameid-white-space", comment: "white space around the address", change: named("\n  user@acme.test\t", samltest.FormatEmail)},
		{name: "nameid-persistent-format", comment: "an address that calls itself persistent", change: named(samltest.Email, samltest.FormatPersistent), header: header{"warnings": "saml_nameid_format"}},
		{name: "nameid-misnomer", comment: "the format of SAML 2.0 that does not exist", change: named(samltest.Email, "urn:oasis:names:tc:SAML:2.0:nameid-format:emailAddress"), header: header{"warnings": "saml_nameid_format"}},
		{name: "nameid-254", comment: "an address of 254 octets", change: named(address(254), samltest.FormatEmail), header: header{"email": address(254)}},
		{name: "nameid-255", comment: "an address of 255 octets", change: named(address(255), samltest.FormatEmail), want: bad},
		{name: "nameid-international", comment: "letters beyond ASCII", change: named("grüße@bücher.test", samltest.FormatEmail), header: header{"email": "grüße@bücher.test"}},
		{name: "nameid-guest", comment: "the sign-in name of a guest", change: named("user_acme.test#EXT#@contoso.onmicrosoft.com", samltest.FormatEmail), want: bad},
		{name: "nameid-uuid", comment: "an internal id", change: named("a3c1f1b0-8d6e-4b7f-9a4d-1f2e3d4c5b6a", samltest.FormatEmail), want: bad},
		{name: "nameid-windows", comment: "a Windows account name", change: named(`ACME\user`, samltest.FormatUnspecified), want: bad},
		{name: "nameid-transient", comment: "a transient handle", change: named("_ce3d2948b4cf20146dee0a0b3dd6f69b6cf86f62d7", samltest.FormatTransient), want: bad},
		{name: "nameid-two-addresses", comment: "two addresses", change: named("user@acme.test,other@acme.test", samltest.FormatEmail), want: bad},
		{name: "nameid-zero-width", comment: "a zero width space in the address", change: named("user\u200b@acme.test", samltest.FormatEmail), want: bad},
		{name: "nameid-bidi", comment: "a right-to-left override in the address", change: named("user@acme\u202e.test", samltest.FormatEmail), want: bad},
		{name: "nameid-filler-in-host", comment: "a Hangul filler in the host", change: named("user@acme\u3164.test", samltest.FormatEmail), want: bad},
		{name: "nameid-user-name", comment: "a user name", change: named("user", samltest.FormatUnspecified), want: bad},
		{name: "nameid-host-label", comment: "a host name with a hyphen at an edge", change: named("user@-acme.test", samltest.FormatEmail), want: bad},
		{name: "audience-nobody", comment: "an AudienceRestriction without an Audience", change: conditioned(func(c *samltest.Conditions) { c.Audiences = [][]string{{}} }), want: "saml_audience_mismatch"},
		{name: "nameid-missing", comment: "no NameID", change: named("", ""), want: string(saml.CodeNameIDMissing)},
		{name: "nameid-blank", comment: "a NameID of white space", change: named(" \n", samltest.FormatEmail), want: string(saml.CodeNameIDMissing)},
	}...)
}

// addressVectors are what is one e-mail address, and what is none, by its
// characters.
func addressVectors() (list []vectorCase) {
	for name, value := range map[string]string{
		"characters": "User.Name+tag_1!#$%&'*-/=?^`{|}~@Acme-1.Test", "local-64": strings.Repeat("a", 64) + "@acme.test", "edges": "azAZ09@azAZ09.test",
		"host-label-63": "user@" + strings.Repeat("a", 63) + ".test", "host-alone": "user@localhost", "host-digits": "user@1.2.example",
	} {
		list = append(list, vectorCase{name: "nameid-good-" + name, comment: "an address: " + value, change: named(value, samltest.FormatEmail), header: header{"email": value}})
	}
	for name, value := range map[string]string{
		"local-65": strings.Repeat("a", 65) + "@acme.test", "dot-first": ".user@acme.test", "dot-last": "user.@acme.test", "two-dots": "us..er@acme.test", "no-local": "@acme.test",
		"no-host": "user@", "host-two-dots": "user@acme..test", "host-dot-last": "user@acme.test.", "host-dot-first": "user@.acme.test", "blank": "us er@acme.test", "quote": `us"er@acme.test`,
		"quoted": `"user"@acme.test`, "parenthesis": "us(er)@acme.test", "comma": "us,er@acme.test", "colon": "us:er@acme.test", "semicolon": "us;er@acme.test", "less": "us<er@acme.test",
		"bracket": "us[er@acme.test", "backslash": `us\er@acme.test`, "delete": "us\x7fer@acme.test", "two-at": "user@acme.test@evil.example", "literal": "user@[192.0.2.1]", "underscore": "user@ac_me.test",
		"hyphen-last": "user@acme-.test", "host-label-64": "user@" + strings.Repeat("a", 64) + ".test", "host-port": "user@acme.test:25", "host-colon": "user@acme:test", "host-at-sign": "user@acme@", "host-bracket": "user@acme[test",
		"host-delete": "user@acme\x7f.test", "no-break-space": "us\u00a0er@acme.test", "variation-selector": "user\ufe0f@acme.test", "braille-blank": "us\u2800er@acme.test", "soft-hyphen": "us\u00ader@acme.test",
		"host-symbol": "user@acme\u2192.test", "mailto": "mailto:user@acme.test", "display-name": "User <user@acme.test>", "transient": "0123456789abcdef",
	} {
		list = append(list, vectorCase{name: "nameid-bad-" + name, comment: fmt.Sprintf("no address: %q", value), change: named(value, samltest.FormatEmail), want: string(saml.CodeNameIDNotEmail)})
	}
	return list
}
