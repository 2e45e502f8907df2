package fault

import "net/http"

// A Code names one kind of refusal, for programs. The values are part of the
// outer contract: codes are added, never renamed.
//
// A Code is an error itself only so that errors.Is(err, fault.NotFound) reads
// well; return an [*Error].
type Code string

// Codes of doors, rules and use cases.
const (
	Internal Code = "internal" // whatever is nobody's fault but ours

	Malformed Code = "malformed"

	Unauthenticated     Code = "unauthenticated"
	CredentialsInvalid  Code = "credentials_invalid"
	TokenExpired        Code = "token_expired"
	RecoveryCodeInvalid Code = "recovery_code_invalid"

	Forbidden            Code = "forbidden"
	EditionRequired      Code = "edition_required"
	SSORequired          Code = "sso_required"
	SSONotEnabledForUser Code = "sso_not_enabled_for_user"
	SSOProfileMismatch   Code = "sso_profile_mismatch"
	SSOProfileDisabled   Code = "sso_profile_disabled"
	UserNotFound         Code = "user_not_found"
	UserDeactivated      Code = "user_deactivated"
	UserNotActivated     Code = "user_not_activated"
	SignupClosed         Code = "signup_closed"

	NotFound    Code = "not_found"
	LinkUsed    Code = "link_used"
	LinkExpired Code = "link_expired"

	Conflict                Code = "conflict"
	UserManagedElsewhere    Code = "user_managed_elsewhere"
	DomainVerifiedElsewhere Code = "domain_verified_elsewhere"
	DomainProofMissing      Code = "domain_proof_missing"
	DomainNotVerified       Code = "domain_not_verified" // see [Error.AtSignIn]
	DomainInUse             Code = "domain_in_use"
	SSOProfileInUse         Code = "sso_profile_in_use"
	SSOProfileNotTested     Code = "sso_profile_not_tested"
	SSOProfileMissing       Code = "sso_profile_missing"
	LastOwner               Code = "last_owner"
	AcknowledgementRequired Code = "acknowledgement_required"

	TooLarge Code = "too_large"

	CodeInvalid         Code = "invalid" // made with [Invalid]
	DomainPublic        Code = "domain_public"
	PasswordWeak        Code = "password_weak"
	MetadataInvalid     Code = "metadata_invalid"
	MetadataFetchFailed Code = "metadata_fetch_failed"

	RateLimited  Code = "rate_limited"
	NotSupported Code = "not_supported"
	Overloaded   Code = "overloaded"
)

// Codes of the SAML core. The strings are those of package saml, which this
// package must not import.
const (
	SAMLResponseMissing    Code = "saml_response_missing"
	SAMLTooLarge           Code = "saml_too_large"
	SAMLBase64Invalid      Code = "saml_base64_invalid"
	SAMLXMLInvalid         Code = "saml_xml_invalid"
	SAMLUnsupportedMessage Code = "saml_unsupported_message"

	SAMLSignatureMissing   Code = "saml_signature_missing"
	SAMLSignatureInvalid   Code = "saml_signature_invalid"
	SAMLSignatureAlgorithm Code = "saml_signature_algorithm"
	SAMLCertificateUnknown Code = "saml_certificate_unknown"
	SAMLCertificateExpired Code = "saml_certificate_expired"
	SAMLMultipleAssertions Code = "saml_multiple_assertions"
	SAMLDecryptionFailed   Code = "saml_decryption_failed"

	SAMLStatusNotSuccess    Code = "saml_status_not_success"
	SAMLIssuerMismatch      Code = "saml_issuer_mismatch"
	SAMLDestinationMismatch Code = "saml_destination_mismatch"
	SAMLRecipientMismatch   Code = "saml_recipient_mismatch"
	SAMLAudienceMismatch    Code = "saml_audience_mismatch"
	SAMLConditionUnknown    Code = "saml_condition_unknown"
	SAMLSubjectUnconfirmed  Code = "saml_subject_unconfirmed"

	SAMLRequestUnknown      Code = "saml_request_unknown"
	SAMLRequestExpired      Code = "saml_request_expired"
	SAMLIdPInitiatedRefused Code = "saml_idp_initiated_refused"
	SAMLReplayed            Code = "saml_replayed"

	SAMLNotYetValid    Code = "saml_not_yet_valid"
	SAMLExpired        Code = "saml_expired"
	SAMLSessionExpired Code = "saml_session_expired"
	SAMLAuthnMissing   Code = "saml_authn_missing"
	SAMLAuthnContext   Code = "saml_authn_context"

	SAMLNameIDMissing  Code = "saml_nameid_missing"
	SAMLNameIDNotEmail Code = "saml_nameid_not_email"
	SAMLNameIDFormat   Code = "saml_nameid_format"

	SAMLLogoutInvalid Code = "saml_logout_invalid"
)

// Codes returns every code, in the order of the table below.
func Codes() []Code {
	codes := make([]Code, len(table))
	for i, line := range table {
		codes[i] = line.code
	}
	return codes
}

// Status is the HTTP status of a refusal with this code.
func (c Code) Status() int { return c.line().status }

// Title is a short sentence for the person at the door. It names no protocol
// and no part of Sallyport: what an administrator needs stands in the detail,
// the record and the code's help page.
func (c Code) Title() string { return c.line().title }

// Error makes a Code a target for errors.Is.
func (c Code) Error() string { return string(c) }

// line finds the code in the table. A code that is not in it, which a test of
// the callers would find, is answered like [Internal].
func (c Code) line() line {
	for _, l := range table {
		if l.code == c {
			return l
		}
	}
	return table[0]
}

type line struct {
	code   Code
	status int
	title  string
}

// table is the list of codes. It is never changed at run time.
var table = [...]line{
	{Internal, http.StatusInternalServerError, "Something went wrong on our side"},

	{Malformed, http.StatusBadRequest, "That request can't be read"},

	{Unauthenticated, http.StatusUnauthorized, "Please sign in first"},
	{CredentialsInvalid, http.StatusUnauthorized, "That e-mail address or password is not right"},
	{TokenExpired, http.StatusUnauthorized, "This access token has expired"},
	{RecoveryCodeInvalid, http.StatusUnauthorized, "That recovery code is not right"},

	{Forbidden, http.StatusForbidden, "You are not allowed to do this"},
	{EditionRequired, http.StatusForbidden, "Your plan does not include this"},
	{SSORequired, http.StatusForbidden, "Please sign in through your company's sign-in page"},
	{SSONotEnabledForUser, http.StatusForbidden, "You sign in with your password here"},
	{SSOProfileMismatch, http.StatusForbidden, "You came from a different company sign-in page than yours"},
	{SSOProfileDisabled, http.StatusForbidden, "This company sign-in page is switched off"},
	{UserNotFound, http.StatusForbidden, "Nobody with your e-mail address has been added here yet"},
	{UserDeactivated, http.StatusForbidden, "Your access has been switched off"},
	{UserNotActivated, http.StatusForbidden, "Please confirm your e-mail address first"},
	{SignupClosed, http.StatusForbidden, "New sign-ups are closed"},

	{NotFound, http.StatusNotFound, "There is nothing here"},
	{LinkUsed, http.StatusGone, "This link has already been used"},
	{LinkExpired, http.StatusGone, "This link has expired"},

	{Conflict, http.StatusConflict, "That does not fit with what is there already"},
	{UserManagedElsewhere, http.StatusConflict, "This user belongs to another organization"},
	{DomainVerifiedElsewhere, http.StatusConflict, "Another organization has proved that it owns this domain"},
	{DomainProofMissing, http.StatusConflict, "The proof for this domain was not found"},
	{DomainNotVerified, http.StatusConflict, "This e-mail domain has not been verified"},
	{DomainInUse, http.StatusConflict, "People still sign in through this domain"},
	{SSOProfileInUse, http.StatusConflict, "People still sign in with this profile"},
	{SSOProfileNotTested, http.StatusConflict, "This profile has not passed a test as it is now"},
	{SSOProfileMissing, http.StatusConflict, "There is no single sign-on profile yet"},
	{LastOwner, http.StatusConflict, "The last owner has to stay"},
	{AcknowledgementRequired, http.StatusConflict, "Please confirm that you have read the warnings"},

	{TooLarge, http.StatusRequestEntityTooLarge, "That is too large"},

	{CodeInvalid, http.StatusUnprocessableEntity, "Some of what you entered is not right"},
	{DomainPublic, http.StatusUnprocessableEntity, "This domain can't belong to one organization"},
	{PasswordWeak, http.StatusUnprocessableEntity, "Please choose a stronger password"},
	{MetadataInvalid, http.StatusUnprocessableEntity, "These are not the settings of a sign-in service"},
	{MetadataFetchFailed, http.StatusUnprocessableEntity, "The settings could not be fetched from that address"},

	{RateLimited, http.StatusTooManyRequests, "That was too many tries: please wait a moment"},
	{NotSupported, http.StatusNotImplemented, "Sallyport does not do this"},
	{Overloaded, http.StatusServiceUnavailable, "We are busy: please try again in a moment"},

	{SAMLResponseMissing, http.StatusForbidden, "Nothing arrived from your company's sign-in page"},
	{SAMLTooLarge, http.StatusRequestEntityTooLarge, "Your company's sign-in page sent too much"},
	{SAMLBase64Invalid, http.StatusForbidden, "What your company's sign-in page sent arrived damaged"},
	{SAMLXMLInvalid, http.StatusForbidden, "What your company's sign-in page sent can't be read"},
	{SAMLUnsupportedMessage, http.StatusForbidden, "Your company's sign-in page sent something else than a sign-in"},

	{SAMLSignatureMissing, http.StatusForbidden, "Your company's sign-in page did not sign its answer"},
	{SAMLSignatureInvalid, http.StatusForbidden, "The signature of your company's sign-in page does not hold"},
	{SAMLSignatureAlgorithm, http.StatusForbidden, "Your company's sign-in page signs in a way that is not safe"},
	{SAMLCertificateUnknown, http.StatusForbidden, "Your company's sign-in page signs with a key that we don't know"},
	{SAMLCertificateExpired, http.StatusForbidden, "The certificate of your company's sign-in page has expired"},
	{SAMLMultipleAssertions, http.StatusForbidden, "Your company's sign-in page named more than one person"},
	{SAMLDecryptionFailed, http.StatusForbidden, "What your company's sign-in page sent can't be decrypted"},

	{SAMLStatusNotSuccess, http.StatusForbidden, "Your company's sign-in page did not let you in"},
	{SAMLIssuerMismatch, http.StatusForbidden, "The answer came from a sign-in service that we did not expect"},
	{SAMLDestinationMismatch, http.StatusForbidden, "The answer was addressed to another place"},
	{SAMLRecipientMismatch, http.StatusForbidden, "The answer was meant for another recipient"},
	{SAMLAudienceMismatch, http.StatusForbidden, "The answer was meant for another application"},
	{SAMLConditionUnknown, http.StatusForbidden, "Your company's sign-in page set a condition that we don't know"},
	{SAMLSubjectUnconfirmed, http.StatusForbidden, "Your company's sign-in page did not vouch for you"},

	{SAMLRequestUnknown, http.StatusForbidden, "This sign-in was not started in this browser"},
	{SAMLRequestExpired, http.StatusForbidden, "This sign-in took too long"},
	{SAMLIdPInitiatedRefused, http.StatusForbidden, "Please start from our sign-in page"},
	{SAMLReplayed, http.StatusForbidden, "This sign-in has already been used"},

	{SAMLNotYetValid, http.StatusForbidden, "This sign-in is not valid yet"},
	{SAMLExpired, http.StatusForbidden, "This sign-in is no longer valid"},
	{SAMLSessionExpired, http.StatusForbidden, "Your session at your company's sign-in page has ended"},
	{SAMLAuthnMissing, http.StatusForbidden, "Your company's sign-in page did not say that you signed in"},
	{SAMLAuthnContext, http.StatusForbidden, "You did not sign in the way your administrator asks for"},

	{SAMLNameIDMissing, http.StatusForbidden, "Your company's sign-in page did not say who you are"},
	{SAMLNameIDNotEmail, http.StatusForbidden, "Your company's sign-in page did not send your e-mail address"},
	{SAMLNameIDFormat, http.StatusForbidden, "Your company's sign-in page labels your e-mail address wrongly"},

	{SAMLLogoutInvalid, http.StatusForbidden, "This sign-out request is not valid"},
}
