package saml

// A Code names the reason of a refusal, or what a [Check] looked at. The values
// are stable.
type Code string

const (
	CodeResponseMissing    Code = "saml_response_missing"    // no field SAMLResponse, or several
	CodeTooLarge           Code = "saml_too_large"           // more than MaxMessage
	CodeBase64Invalid      Code = "saml_base64_invalid"      // not base64
	CodeXMLInvalid         Code = "saml_xml_invalid"         // not well-formed, or what messages may not hold
	CodeUnsupportedMessage Code = "saml_unsupported_message" // no Response of SAML 2.0 with an assertion
	CodeStatusNotSuccess   Code = "saml_status_not_success"  // the Identity Provider reports a failure
	CodeMultipleAssertions Code = "saml_multiple_assertions" // more than one assertion, wherever they hide

	CodeSignatureMissing   Code = "saml_signature_missing"   // nothing is signed, or not what has to be
	CodeSignatureInvalid   Code = "saml_signature_invalid"   // a signature that does not hold, or of another shape
	CodeSignatureAlgorithm Code = "saml_signature_algorithm" // an algorithm that is not accepted
	CodeCertificateUnknown Code = "saml_certificate_unknown" // signed with a certificate that is not configured
	CodeCertificateExpired Code = "saml_certificate_expired" // a certificate out of its dates
	CodeDecryptionFailed   Code = "saml_decryption_failed"   // all that is wrong with what is encrypted

	CodeIssuerMismatch      Code = "saml_issuer_mismatch"       // from another Identity Provider
	CodeDestinationMismatch Code = "saml_destination_mismatch"  // for another address
	CodeRequestUnknown      Code = "saml_request_unknown"       // answers a request that we never sent
	CodeRequestExpired      Code = "saml_request_expired"       // answers one that is too old
	CodeIdPInitiatedRefused Code = "saml_idp_initiated_refused" // answers none, where one is wanted
	CodeRecipientMismatch   Code = "saml_recipient_mismatch"    // confirmed for another address
	CodeSubjectUnconfirmed  Code = "saml_subject_unconfirmed"   // no bearer confirmation that holds
	CodeExpired             Code = "saml_expired"               // its time is over
	CodeNotYetValid         Code = "saml_not_yet_valid"         // its time has not come
	CodeAudienceMismatch    Code = "saml_audience_mismatch"     // made for somebody else, or for anybody
	CodeConditionUnknown    Code = "saml_condition_unknown"     // a condition that is not understood
	CodeAuthnMissing        Code = "saml_authn_missing"         // nobody says that the user was authenticated
	CodeSessionExpired      Code = "saml_session_expired"       // the Identity Provider's session is over
	CodeAuthnContext        Code = "saml_authn_context"         // authenticated in another way than asked for
	CodeReplayed            Code = "saml_replayed"              // was used before
	CodeNameIDMissing       Code = "saml_nameid_missing"        // names nobody
	CodeNameIDNotEmail      Code = "saml_nameid_not_email"      // names somebody, and not by an e-mail address
	CodeLogoutInvalid       Code = "saml_logout_invalid"        // all that is wrong with a logout message alone
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
	Failed     Status = "failed"      // refuses
	Warning    Status = "warning"     // worth telling the administrator; refuses nothing
	NotReached Status = "not_reached" // could not be judged
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
	// Attributes are what the message claims of the subject, for a person who
	// looks for a mistake: nothing of it is to be believed. They are filled in
	// where Message.Record asks for it, and empty where they could tell of a
	// ciphertext that nobody has signed.
	Attributes Attributes
	// Decrypted tells what of the message a key of ours was used on; nil:
	// nothing.
	Decrypted *Decrypted
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
