package saml

// A Code names the reason of a refusal, or what a [Check] looked at. The values
// are stable.
type Code string

const (
	CodeResponseMissing    Code = "saml_response_missing"
	CodeTooLarge           Code = "saml_too_large"
	CodeBase64Invalid      Code = "saml_base64_invalid"
	CodeXMLInvalid         Code = "saml_xml_invalid"
	CodeUnsupportedMessage Code = "saml_unsupported_message"
	CodeStatusNotSuccess   Code = "saml_status_not_success"
	CodeMultipleAssertions Code = "saml_multiple_assertions"

	CodeSignatureMissing   Code = "saml_signature_missing"
	CodeSignatureInvalid   Code = "saml_signature_invalid"
	CodeSignatureAlgorithm Code = "saml_signature_algorithm"
	CodeCertificateUnknown Code = "saml_certificate_unknown"
	CodeCertificateExpired Code = "saml_certificate_expired"
	CodeDecryptionFailed   Code = "saml_decryption_failed"

	CodeIssuerMismatch      Code = "saml_issuer_mismatch"
	CodeDestinationMismatch Code = "saml_destination_mismatch"
	CodeRequestUnknown      Code = "saml_request_unknown"
	CodeRequestExpired      Code = "saml_request_expired"
	CodeIdPInitiatedRefused Code = "saml_idp_initiated_refused"
	CodeRecipientMismatch   Code = "saml_recipient_mismatch"
	CodeSubjectUnconfirmed  Code = "saml_subject_unconfirmed"
	CodeExpired             Code = "saml_expired"
	CodeNotYetValid         Code = "saml_not_yet_valid"
	CodeAudienceMismatch    Code = "saml_audience_mismatch"
	CodeConditionUnknown    Code = "saml_condition_unknown"
	CodeAuthnMissing        Code = "saml_authn_missing"
	CodeSessionExpired      Code = "saml_session_expired"
	CodeAuthnContext        Code = "saml_authn_context"
	CodeReplayed            Code = "saml_replayed"
	CodeNameIDMissing       Code = "saml_nameid_missing"
	CodeNameIDNotEmail      Code = "saml_nameid_not_email"
	CodeLogoutInvalid       Code = "saml_logout_invalid"
	// CodeNameIDFormat is a warning's code only.
	CodeNameIDFormat Code = "saml_nameid_format"
)

// Codes returns every code that a refusal or a warning can have.
func Codes() []Code {
	return []Code{
		CodeResponseMissing, CodeTooLarge, CodeBase64Invalid, CodeXMLInvalid, CodeUnsupportedMessage,
		CodeStatusNotSuccess, CodeMultipleAssertions, CodeSignatureMissing, CodeSignatureInvalid,
		CodeSignatureAlgorithm, CodeCertificateUnknown, CodeCertificateExpired, CodeDecryptionFailed,
		CodeIssuerMismatch, CodeDestinationMismatch, CodeRequestUnknown, CodeRequestExpired,
		CodeIdPInitiatedRefused, CodeRecipientMismatch, CodeSubjectUnconfirmed, CodeExpired,
		CodeNotYetValid, CodeAudienceMismatch, CodeConditionUnknown, CodeAuthnMissing, CodeSessionExpired,
		CodeAuthnContext, CodeReplayed, CodeNameIDMissing, CodeNameIDNotEmail, CodeNameIDFormat, CodeLogoutInvalid,
	}
}

// A Status is how a [Check] came out.
type Status string

const (
	Passed     Status = "passed"
	Failed     Status = "failed"
	Warning    Status = "warning" // worth telling the administrator; refuses nothing
	NotReached Status = "not_reached"
)

// A Check is one rule held against one message.
type Check struct {
	// Name tells checks apart, Code is what this one refuses with, also where
	// it passed.
	Name   string
	Code   Code
	Status Status
	// Expected and Found are for people. They may hold any text that the
	// sender put there and have to be escaped where they are shown.
	Expected, Found string
	// Note is a sentence on a failure or warning, where the two values do not
	// say enough.
	Note string
}

// A Refusal is the error of a message that signs nobody in.
type Refusal struct {
	Code Code
	// Checks holds every rule in the order of checking. Rules that could not
	// be judged are NotReached. What is said of a message whose signature
	// does not hold is what it claims.
	Checks []Check
}

// Error tells the code and the note of what failed. Of a failed decryption it
// tells no more than that, for it may reach the one who sent the message.
func (r *Refusal) Error() string {
	if r.Code == CodeDecryptionFailed {
		return string(r.Code)
	}
	for _, c := range r.Checks {
		if c.Status == Failed && c.Code == r.Code && c.Note != "" {
			return string(r.Code) + ": " + c.Note
		}
	}
	return string(r.Code)
}
