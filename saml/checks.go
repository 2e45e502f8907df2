package saml

import "sallyport/saml/internal/xmltree"

// A rule is an index into the table of checks, which stands in the order of
// checking.
type rule int

const (
	ruleResponse rule = iota
	ruleSize
	ruleBase64
	ruleXML
	ruleMessage
	ruleStatus
	ruleAssertions
	ruleSignature
	ruleAlgorithm
	ruleIntegrity
	ruleCertificate
	ruleCertificateDates
	ruleDecryption
	ruleIssuer
	ruleAudience
	ruleDestination
	ruleRequest
	ruleConfirmation
	ruleRecipient
	ruleConfirmationTime
	ruleConditions
	ruleNotBefore
	ruleNotOnOrAfter
	ruleIssueInstant
	ruleAuthnStatement
	ruleSession
	ruleAuthnContext
	ruleReplay
	ruleNameID
	ruleNameIDFormat
	ruleNameIDEmail
	rules // their number
)

// table holds each check's name and the code that it refuses with.
var table = [rules]struct {
	name string
	code Code
}{
	ruleResponse:         {"response", CodeResponseMissing},
	ruleSize:             {"size", CodeTooLarge},
	ruleBase64:           {"base64", CodeBase64Invalid},
	ruleXML:              {"xml", CodeXMLInvalid},
	ruleMessage:          {"message", CodeUnsupportedMessage},
	ruleStatus:           {"status", CodeStatusNotSuccess},
	ruleAssertions:       {"assertions", CodeMultipleAssertions},
	ruleSignature:        {"signature", CodeSignatureMissing},
	ruleAlgorithm:        {"signature_algorithm", CodeSignatureAlgorithm},
	ruleIntegrity:        {"signature_integrity", CodeSignatureInvalid},
	ruleCertificate:      {"certificate", CodeCertificateUnknown},
	ruleCertificateDates: {"certificate_dates", CodeCertificateExpired},
	ruleDecryption:       {"decryption", CodeDecryptionFailed},
	ruleIssuer:           {"issuer", CodeIssuerMismatch},
	ruleAudience:         {"audience", CodeAudienceMismatch},
	ruleDestination:      {"destination", CodeDestinationMismatch},
	ruleRequest:          {"request", CodeRequestUnknown},
	ruleConfirmation:     {"subject_confirmation", CodeSubjectUnconfirmed},
	ruleRecipient:        {"recipient", CodeRecipientMismatch},
	ruleConfirmationTime: {"subject_confirmation_time", CodeExpired},
	ruleConditions:       {"conditions", CodeConditionUnknown},
	ruleNotBefore:        {"not_before", CodeNotYetValid},
	ruleNotOnOrAfter:     {"not_on_or_after", CodeExpired},
	ruleIssueInstant:     {"issue_instant", CodeExpired},
	ruleAuthnStatement:   {"authn_statement", CodeAuthnMissing},
	ruleSession:          {"session", CodeSessionExpired},
	ruleAuthnContext:     {"authn_context", CodeAuthnContext},
	ruleReplay:           {"replay", CodeReplayed},
	ruleNameID:           {"nameid", CodeNameIDMissing},
	ruleNameIDFormat:     {"nameid_format", CodeNameIDFormat},
	ruleNameIDEmail:      {"nameid_email", CodeNameIDNotEmail},
}

// A recorder notes how checks come out. Unless it records, it only remembers
// the first failure and costs nothing.
type recorder struct {
	recording bool
	checks    []Check
	failed    Code
}

// pass notes that a rule holds.
func (r *recorder) pass(n rule, expected string, found []byte) {
	if r.recording {
		r.add(Check{Name: table[n].name, Code: table[n].code, Status: Passed, Expected: expected, Found: clip(found)})
	}
}

// fail notes that a rule does not hold, with its own code.
func (r *recorder) fail(n rule, expected string, found []byte, note string) {
	r.failWith(n, table[n].code, expected, found, note)
}

// failWith notes a failure with a code that tells it apart from the rule's
// others.
func (r *recorder) failWith(n rule, code Code, expected string, found []byte, note string) {
	if r.failed == "" {
		r.failed = code
	}
	if r.recording {
		r.add(Check{Name: table[n].name, Code: code, Status: Failed, Expected: expected, Found: clip(found), Note: note})
	}
}

// check notes whether a rule holds.
func (r *recorder) check(n rule, ok bool, expected string, found []byte) bool {
	if ok {
		r.pass(n, expected, found)
	} else {
		r.fail(n, expected, found, "")
	}
	return ok
}

// warn notes what an administrator should know although it refuses nothing.
func (r *recorder) warn(n rule, expected string, found []byte, note string) {
	if r.recording {
		r.add(Check{Name: table[n].name, Code: table[n].code, Status: Warning, Expected: expected, Found: clip(found), Note: note})
	}
}

func (r *recorder) add(c Check) { r.checks = append(r.checks, c) }

// complete returns the checks in the order of the table, with those that
// nothing was noted for as not reached.
func (r *recorder) complete() []Check {
	all := make([]Check, 0, len(r.checks)+int(rules))
	for n := range rules {
		before := len(all)
		for _, c := range r.checks {
			if c.Name == table[n].name {
				all = append(all, c)
			}
		}
		if len(all) == before {
			all = append(all, Check{Name: table[n].name, Code: table[n].code, Status: NotReached})
		}
	}
	return all
}

// maxFound bounds what a check repeats of a message, in octets.
const maxFound = 512

func clip(b []byte) string { return xmltree.Clip(b, maxFound) }
