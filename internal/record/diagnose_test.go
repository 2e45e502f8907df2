package record

import (
	"strings"
	"testing"
	"time"

	"sallyport/help"
	"sallyport/internal/fault"
	"sallyport/saml"
)

const (
	entityID = "https://app.example/saml/sso_aaa/metadata"
	acsURL   = "https://app.example/saml/sso_aaa/acs"
	oldKey   = "CN=acme, SHA-256 1111111111111111111111111111111111111111111111111111111111111111"
	newKey   = "CN=acme, SHA-256 abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd"
	newSHA   = "abcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcdefabcd"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// failed is a case with one check that failed.
func failed(code fault.Code, name, expected, found, note string) Case {
	return Case{Code: code, IdP: "okta", EntityID: entityID, ACSURL: acsURL, Time: noon,
		Checks: []Check{{Name: "xml", Code: fault.SAMLXMLInvalid, Status: saml.Passed}, {name, code, saml.Failed, expected, found, note}}}
}

func audience(found string) Case {
	return failed(fault.SAMLAudienceMismatch, "audience", entityID, found, "")
}

func recipient(found string) Case {
	return failed(fault.SAMLRecipientMismatch, "recipient", acsURL, found, "")
}

func destination(found string) Case {
	return failed(fault.SAMLDestinationMismatch, "destination", acsURL, found, "")
}

func issuer(expected, found string) Case {
	return failed(fault.SAMLIssuerMismatch, "issuer", expected, found, "")
}

// insecure is a case whose own values begin with http.
func insecure(c Case) Case {
	for _, s := range []*string{&c.EntityID, &c.ACSURL, &c.Checks[1].Expected} {
		*s = strings.Replace(*s, "https:", "http:", 1)
	}
	return c
}

func certificate(edit func(c *Case)) Case {
	c := failed(fault.SAMLCertificateUnknown, "certificate", oldKey, newKey, "Response: signed by another certificate")
	edit(&c)
	return c
}

func encrypted(offered bool, expected, found, note string) Case {
	c := failed(fault.SAMLDecryptionFailed, "decryption", expected, found, note)
	c.OfferEncryption = offered
	return c
}

func status(nested, note string) Case {
	found := statusPrefix + "Responder"
	if nested != "" {
		found += " / " + statusPrefix + nested
	}
	return failed(fault.SAMLStatusNotSuccess, "status", statusPrefix+"Success", found, note)
}

func nameID(value, format string) Case {
	c := failed(fault.SAMLNameIDNotEmail, "nameid_email", "one e-mail address", value, "")
	c.Checks = append(c.Checks, Check{Name: "nameid_format", Code: fault.SAMLNameIDFormat, Status: saml.Warning, Found: format})
	return c
}

func person(code fault.Code, p Person) Case {
	c := failed(code, "user", "", p.Email, "")
	c.Person = p
	return c
}

// at is an instant of the message, so long after noon.
func at(name string, after time.Duration) string {
	return name + " " + noon.Add(after).Format(time.RFC3339Nano)
}

// timed is a message made by the Identity Provider's clock at issued, which
// answers a request that left at asked (0: unknown), and is refused for a bound.
func timed(code fault.Code, name, bound string, issued, asked time.Duration, others ...time.Duration) Case {
	c := failed(code, name, bound, "our clock: "+noon.Format(time.RFC3339), "")
	if name != "issue_instant" {
		c.Checks = append(c.Checks, Check{"issue_instant", fault.SAMLExpired, saml.Passed, at("IssueInstant", issued), "", ""})
	}
	if c.Clocks = others; asked != 0 {
		c.Asked = noon.Add(asked)
	}
	return c
}

// cases are what has to be found, and beside each what looks like it and must not
// be: there Finding is empty, or that of the other case.
var cases = []struct {
	name string
	Case
	finding Finding
	side    help.Side
	field   string   // of Okta
	why     []string // that the sentence holds
}{
	{"a slash too many", audience(entityID + "/ "), FindingSlash, "idp", "Audience URI (SP Entity ID)", []string{"has a slash at its end"}},
	{"a slash in the middle", audience("https://app.example/saml//sso_aaa/metadata "), "", "idp", "Audience URI (SP Entity ID)", nil},
	{"http for https", audience("http://app.example/saml/sso_aaa/metadata "), FindingScheme, "idp", "Audience URI (SP Entity ID)", []string{"begins with http,"}},
	{"https for http", insecure(audience(entityID + " ")), FindingBaseURL, "sallyport", "Audience URI (SP Entity ID)", []string{"begins with https"}},
	{"capitals", audience("https://App.example/SAML/sso_aaa/metadata "), FindingCapitals, "idp", "Audience URI (SP Entity ID)", nil},
	{"blanks", audience("\n " + entityID + "\n "), FindingBlanks, "idp", "Audience URI (SP Entity ID)", nil},
	{"the ACS URL as the entity ID", audience(acsURL + " "), FindingSwapped, "idp", "Audience URI (SP Entity ID)", nil},
	{"another profile", audience("https://app.example/saml/sso_bbb/metadata "), FindingOtherProfile, "idp", "Audience URI (SP Entity ID)", nil},
	{"a staging system", audience("https://staging.example/saml/sso_bbb/metadata "), FindingOtherInstallation, "idp", "Audience URI (SP Entity ID)", []string{"staging.example"}},
	{"another host with the same profile", audience("https://www.app.example/saml/sso_aaa/metadata "), FindingHost, "idp", "Audience URI (SP Entity ID)", []string{"www.app.example", "ours is app.example"}},
	{"something else altogether", audience("urn:example:other "), "", "idp", "Audience URI (SP Entity ID)", nil},
	{"another product there", audience("https://staging.example/saml/login "), "", "idp", "Audience URI (SP Entity ID)", nil},
	{"no audience", audience(""), FindingNone, "idp", "Audience URI (SP Entity ID)", nil},
	{"an empty restriction", audience("nobody"), FindingNone, "idp", "Audience URI (SP Entity ID)", nil},
	{"one of several", audience("urn:example:other " + entityID + "/ "), FindingSlash, "idp", "Audience URI (SP Entity ID)", nil},

	{"recipient with a slash", recipient(acsURL + "/"), FindingSlash, "idp", "Single sign-on URL", nil},
	{"recipient with http", recipient("http://app.example/saml/sso_aaa/acs"), FindingScheme, "idp", "Single sign-on URL", nil},
	{"recipient with https", insecure(recipient(acsURL)), FindingBaseURL, "sallyport", "Single sign-on URL", nil},
	{"recipient in capitals", recipient("https://app.example/SAML/SSO_aaa/ACS"), FindingCapitals, "idp", "Single sign-on URL", nil},
	{"recipient with blanks", recipient(" " + acsURL), FindingBlanks, "idp", "Single sign-on URL", nil},
	{"recipient on another host", recipient("https://app.example:8443/saml/sso_aaa/acs"), FindingHost, "idp", "Single sign-on URL", nil},
	{"the entity ID as recipient", recipient(entityID), FindingSwapped, "idp", "Single sign-on URL", nil},
	{"another profile's recipient", recipient("https://app.example/saml/sso_bbb/acs"), FindingOtherProfile, "idp", "Single sign-on URL", nil},
	{"a staging system's recipient", recipient("https://staging.example/saml/sso_bbb/acs"), FindingOtherInstallation, "idp", "Single sign-on URL", nil},
	{"no recipient", recipient(""), FindingNone, "idp", "Single sign-on URL", nil},
	{"another recipient", recipient("https://other.example/acs"), "", "idp", "Use this for Recipient URL and Destination URL", nil},

	{"destination with a slash", destination(acsURL + "/"), FindingSlash, "idp", "Single sign-on URL", nil},
	{"destination with http", destination("http://app.example/saml/sso_aaa/acs"), FindingScheme, "idp", "Single sign-on URL", nil},
	{"destination with https", insecure(destination(acsURL)), FindingBaseURL, "sallyport", "Single sign-on URL", nil},
	{"destination in capitals", destination("https://APP.example/saml/sso_aaa/acs"), FindingCapitals, "idp", "Single sign-on URL", nil},
	{"destination with blanks", destination(acsURL + "\n"), FindingBlanks, "idp", "Single sign-on URL", nil},
	{"destination on another host", destination("https://old.example/saml/sso_aaa/acs"), FindingHost, "idp", "Single sign-on URL", nil},
	{"the entity ID as destination", destination(entityID), FindingSwapped, "idp", "Single sign-on URL", nil},
	{"another profile's destination", destination("https://app.example/saml/sso_bbb/acs"), FindingOtherProfile, "idp", "Single sign-on URL", nil},
	{"a staging system's destination", destination("https://staging.example/saml/sso_bbb/acs"), FindingOtherInstallation, "idp", "Single sign-on URL", nil},
	{"no destination", destination(""), FindingNone, "idp", "Single sign-on URL", nil},
	{"another destination", destination("https://other.example/acs"), "", "idp", "Single sign-on URL", nil},

	{"issuer with a slash", issuer("https://idp.example", "https://idp.example/"), FindingSlash, "sallyport", "Metadata URL", nil},
	{"issuer with http", issuer("https://idp.example/trust", "http://idp.example/trust"), FindingScheme, "sallyport", "Metadata URL", []string{"begins with http,"}},
	{"issuer with https", issuer("http://idp.example/trust", "https://idp.example/trust"), FindingScheme, "sallyport", "Metadata URL", []string{"begins with https"}},
	{"issuer in capitals", issuer("https://idp.example/Trust", "https://idp.example/trust"), FindingCapitals, "sallyport", "Metadata URL", nil},
	{"another tenant", issuer("https://idp.example/1", "https://idp.example/2"), FindingTenant, "idp", "Assignments", []string{"idp.example"}},
	{"another Identity Provider", issuer("https://idp.example/1", "https://other.example/1"), FindingHost, "sallyport", "Metadata URL", []string{"other.example"}},
	{"our entity ID as issuer", issuer("https://idp.example/1", entityID), FindingOurs, "idp", "", nil},
	{"a name instead of an address", issuer("https://idp.example/1", "acme"), "", "sallyport", "Metadata URL", nil},

	{"their clock is ahead", timed(fault.SAMLNotYetValid, "not_before", at("NotBefore", 20*time.Minute), 20*time.Minute, 0), FindingClock, "idp", "",
		[]string{"2026-03-01 12:20:00 UTC", "2026-03-01 12:00:00 UTC", "ahead of ours by at least 20m0s", "One of the two is wrong"}},
	{"theirs, as others show", timed(fault.SAMLNotYetValid, "not_before", at("NotBefore", 20*time.Minute), 20*time.Minute, 0, time.Second, -time.Second, 0),
		FindingClockTheirs, "idp", "", []string{"20m0s", "so theirs is wrong"}},
	{"ours, as others show", timed(fault.SAMLNotYetValid, "not_before", at("NotBefore", 20*time.Minute), 20*time.Minute, 0, 19*time.Minute, 21*time.Minute, 20*time.Minute),
		FindingClockOurs, "sallyport", "", []string{"20m0s", "so ours is wrong"}},
	{"nobody's, as others show", timed(fault.SAMLNotYetValid, "not_before", at("NotBefore", 20*time.Minute), 20*time.Minute, 0, -time.Hour), FindingClock, "idp", "", nil},
	{"issued in the future", timed(fault.SAMLNotYetValid, "issue_instant", at("IssueInstant", 24*time.Hour), 0, 0), FindingClock, "idp", "", []string{"24h0m0s"}},
	{"valid later than it is made", timed(fault.SAMLNotYetValid, "not_before", at("NotBefore", 20*time.Minute), -time.Second, 0), FindingStartsLater, "idp", "", []string{"20m1s after"}},
	{"a time without a zone, early", failed(fault.SAMLNotYetValid, "not_before", "NotBefore 2026-03-01T12:00:00", "", "not an instant in UTC"), FindingUnreadable, "idp", "", nil},

	{"their clock is behind", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -15*time.Minute), -20*time.Minute, -10*time.Second), FindingClock, "idp", "",
		[]string{"2026-03-01 11:40:00 UTC", "2026-03-01 12:00:00 UTC", "behind ours by at least 19m50s"}},
	{"theirs is behind, as others show", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -15*time.Minute), -20*time.Minute, -10*time.Second, 0), FindingClockTheirs, "idp", "", nil},
	{"ours is ahead, as others show", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -15*time.Minute), -20*time.Minute, -10*time.Second, -20*time.Minute), FindingClockOurs, "sallyport", "", nil},
	{"on its way for too long", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -10*time.Minute), -15*time.Minute, -16*time.Minute), FindingLate, "user", "", []string{"15m0s"}},
	{"late, or a clock", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -10*time.Minute), -15*time.Minute, 0), FindingClockOrLate, "idp", "", []string{"by up to 15m0s"}},
	{"short-lived", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -4*time.Minute), -4*time.Minute-10*time.Second, -5*time.Minute), FindingShortLived, "idp", "", []string{"for 10s only"}},
	{"not so short-lived", timed(fault.SAMLExpired, "not_on_or_after", at("NotOnOrAfter", -4*time.Minute), -5*time.Minute, -5*time.Minute), FindingLate, "user", "", nil},
	{"a week old", timed(fault.SAMLExpired, "issue_instant", at("IssueInstant", -7*24*time.Hour), 0, 0), FindingOld, "user", "", []string{"168h0m0s ago"}},
	{"a time without a zone", failed(fault.SAMLExpired, "not_on_or_after", "NotOnOrAfter noon", "", "not an instant in UTC"), FindingUnreadable, "idp", "", nil},

	{"a new key", certificate(func(*Case) {}), FindingRolled, "sallyport", "SAML Signing Certificates", []string{"AB:CD:EF", "its successor"}},
	{"a new key of somebody else", certificate(func(c *Case) { c.Checks[1].Expected = strings.Replace(oldKey, "acme", "other", 1) }), FindingRolled, "sallyport", "SAML Signing Certificates", nil},
	{"a new key though metadata is followed", certificate(func(c *Case) { c.MetadataURL, c.FetchedAt = "https://idp.example/m", noon.Add(-time.Hour) }),
		FindingRolledFollowed, "sallyport", "Metadata URL", []string{"2026-03-01 11:00:00 UTC"}},
	{"one that waits", certificate(func(c *Case) { c.MetadataURL, c.Waiting = "https://idp.example/m", []string{newSHA} }), FindingWaiting, "sallyport", "SAML Signing Certificates", nil},
	{"one that was refused", certificate(func(c *Case) { c.Refused = []string{newSHA} }), FindingRefusedHere, "sallyport", "SAML Signing Certificates", nil},
	{"one that is distrusted", certificate(func(c *Case) { c.Distrusted = []string{newSHA} }), FindingDistrusted, "idp", "SAML Signing Certificates", nil},
	{"another one waits", certificate(func(c *Case) { c.Waiting = []string{strings.Repeat("2", 64)} }), FindingRolled, "sallyport", "SAML Signing Certificates", nil},
	{"no certificate at all", failed(fault.SAMLCertificateUnknown, "certificate", "", "", ""), "", "sallyport", "SAML Signing Certificates", nil},
	{"a key that is not named", failed(fault.SAMLSignatureInvalid, "signature_integrity", "", "", "Response: no configured certificate verifies the signature"), FindingKeyNotNamed, "sallyport", "SAML Signing Certificates", nil},
	{"a digest that is wrong", failed(fault.SAMLSignatureInvalid, "signature_integrity", "", "", "Response: the digest is wrong"), "", "sallyport", "SAML Signing Certificates", []string{"the digest is wrong"}},
	{"only the assertion", failed(fault.SAMLSignatureMissing, "signature", "a signed response", "only the assertion is signed", ""), FindingOnlyAssertion, "idp", "Response", nil},
	{"neither", failed(fault.SAMLSignatureMissing, "signature", "a signed response or assertion", "neither is signed", ""), "", "idp", "Response", []string{"Neither"}},

	{"encrypted though not offered", encrypted(false, "an assertion that is encrypted for us", "", "we have no key"), FindingNotOffered, "idp", "Assertion Encryption", nil},
	{"encrypted and offered", encrypted(true, "an assertion that is encrypted for us", "", "CipherValue is not base64"), "", "idp", "Assertion Encryption", nil},
	{"in clear", encrypted(true, "an encrypted assertion", "an assertion in clear", ""), FindingInClear, "idp", "Assertion Encryption", nil},
	{"by a weak algorithm", encrypted(true, "an assertion that is encrypted for us", "", "content encryption http://www.w3.org/2001/04/xmlenc#aes256-cbc is not accepted here"), FindingAlgorithm, "idp", "Assertion Encryption", nil},
	{"for another key", encrypted(true, "an assertion that is encrypted for us", "", "saml_decryption_failed: it can't be decrypted with our keys"), FindingOtherKey, "idp", "Assertion Encryption", nil},

	{"a request named outside", failed(fault.SAMLRequestUnknown, "request", "a signed InResponseTo", "_1", "InResponseTo stands only where it is not signed: sign"), FindingNotSigned, "idp", "Response", nil},
	{"an unknown request", failed(fault.SAMLRequestUnknown, "request", "a request of ours", "_1", ""), "", "user", "", nil},
	{"another authentication", failed(fault.SAMLAuthnContext, "authn_context", "urn:a", "urn:b", ""), "", "sallyport", "", []string{"urn:a", "urn:b"}},

	{"a guest", nameID("some.user_home.test#EXT#@acme.onmicrosoft.com", ""), FindingGuest, "idp", "Application username", []string{"some.user@home.test"}},
	{"a guest in small letters", nameID("user#ext#@acme.test", ""), FindingGuest, "idp", "Application username", nil},
	{"a UUID", nameID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0", ""), FindingInternalID, "idp", "Application username", nil},
	{"nearly a UUID", nameID("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f", ""), FindingUserName, "idp", "Application username", nil},
	{"a Windows name", nameID(`ACME\user`, ""), FindingWindowsName, "idp", "Application username", nil},
	{"an id of Auth0's", nameID("auth0|5f7c8ec7c33c6c004bbafe82", ""), FindingUserID, "idp", "Application username", nil},
	{"a transient pseudonym", nameID("_ce3d2948b4cf20146dee0a0b3dd6f69b6cf86f62d7", saml2("transient")), FindingPseudonym, "idp", "Application username", nil},
	{"a persistent one", nameID("_ce3d2948b4cf20146dee0a0b3dd6f69b6cf86f62d7", saml2("persistent")), FindingPseudonym, "idp", "Application username", nil},
	{"a user name", nameID("user", ""), FindingUserName, "idp", "Application username", nil},
	{"two addresses", nameID("user@acme.test,other@acme.test", ""), FindingSeveral, "idp", "Application username", nil},
	{"an address with a blank", nameID("us er@acme.test", ""), "", "idp", "Application username", nil},

	{"a similar user", person(fault.UserNotFound, Person{Email: "u@acme.test", Similar: []string{"user@acme.test"}}), FindingSimilar, "sallyport", "Application username", []string{"user@acme.test"}},
	{"an independent one", person(fault.UserNotFound, Person{Email: "u@acme.test", Independent: true, Similar: []string{"user@acme.test"}}), FindingIndependent, "sallyport", "", nil},
	{"somebody else's", person(fault.UserNotFound, Person{Email: "u@acme.test", Elsewhere: true}), FindingElsewhere, "sallyport", "", nil},
	{"nobody", person(fault.UserNotFound, Person{Email: "u@acme.test"}), "", "sallyport", "Application username", nil},
	{"a pending domain", person(fault.DomainNotVerified, Person{Email: "u@acme.test", Pending: true}), FindingPending, "sallyport", "", []string{"acme.test"}},
	{"a sub-domain", person(fault.DomainNotVerified, Person{Email: "u@sub.acme.test", Parent: "acme.test"}), FindingSubDomain, "sallyport", "Application username", []string{"sub.acme.test"}},
	{"a tenant's name", person(fault.DomainNotVerified, Person{Email: "u@acme.onmicrosoft.com"}), FindingTenantName, "idp", "Application username", nil},
	{"nearly a tenant's name", person(fault.DomainNotVerified, Person{Email: "u@acmeonmicrosoft.com"}), "", "sallyport", "Application username", nil},

	{"NoAuthnContext", status("NoAuthnContext", ""), "no_authn_context", "sallyport", "", []string{"by the method that our request asked for"}},
	{"InvalidNameIDPolicy", status("InvalidNameIDPolicy", ""), "invalid_nameid_policy", "idp", "Application username", nil},
	{"RequestDenied", status("RequestDenied", "not assigned"), "request_denied", "idp", "Assignments", []string{"It says: “not assigned”"}},
	{"AuthnFailed", status("AuthnFailed", ""), "authn_failed", "user", "Assignments", nil},
	{"NoPassive", status("NoPassive", ""), "no_passive", "user", "", nil},
	{"RequestUnsupported", status("RequestUnsupported", ""), "request_unsupported", "idp", "Audience URI (SP Entity ID)", nil},
	{"UnsupportedBinding", status("UnsupportedBinding", ""), "unsupported_binding", "idp", "Single sign-on URL", nil},
	{"UnknownPrincipal", status("UnknownPrincipal", ""), "unknown_principal", "idp", "Assignments", nil},
	{"NoAvailableIDP", status("NoAvailableIDP", ""), "no_other_idp", "idp", "Assignments", nil},
	{"PartialLogout", status("PartialLogout", ""), "partial_logout", "idp", "Single sign-on URL", nil},
	{"Responder alone", status("", ""), "responder", "idp", "Assignments", nil},
	{"Responder with something of its own", status("Whatever", ""), "responder", "idp", "Assignments", nil},
	{"Requester", failed(fault.SAMLStatusNotSuccess, "status", "", statusPrefix+"Requester", ""), "requester", "idp", "Audience URI (SP Entity ID)", nil},
	{"VersionMismatch", failed(fault.SAMLStatusNotSuccess, "status", "", statusPrefix+"VersionMismatch", ""), "version_mismatch", "idp", "Audience URI (SP Entity ID)", nil},
	{"a status of its own", failed(fault.SAMLStatusNotSuccess, "status", "", "urn:example:RequestDenied", "so"), "", "idp", "Assignments", []string{"“so”"}},
}

func saml2(format string) string { return "urn:oasis:names:tc:SAML:2.0:nameid-format:" + format }

func TestDiagnose(t *testing.T) {
	for _, c := range cases {
		d := Diagnose(c.Case)
		if d.Finding != c.finding || d.Side != c.side || d.Field != c.field || d.Fix == "" {
			t.Errorf("%s: %+v", c.name, d)
		}
		if d.Expected != c.Checks[1].Expected || d.Found != c.Checks[1].Found {
			t.Errorf("%s: expected %q, found %q", c.name, d.Expected, d.Found)
		}
		if d.Finding != "" && d.Why == "" {
			t.Errorf("%s: it does not say why", c.name)
		}
		for _, part := range c.why {
			if !strings.Contains(d.Why, part) {
				t.Errorf("%s: %q is not in %q", c.name, part, d.Why)
			}
		}
		if want := help.AdviseOn(string(c.Code), string(c.finding), "okta"); d.Fix != want.Fix {
			t.Errorf("%s: %q, not %q", c.name, d.Fix, want.Fix)
		}
	}
}

// TestEveryFindingThatThereIsAdviceOnIsFound: no advice waits for a finding that
// is never made.
func TestEveryFindingThatThereIsAdviceOnIsFound(t *testing.T) {
	found := map[string]bool{}
	for _, c := range cases {
		found[string(c.Code)+"/"+string(c.finding)] = true
	}
	n := 0
	for _, code := range fault.Codes() {
		for _, f := range help.Findings(string(code)) {
			if n++; !found[string(code)+"/"+f] {
				t.Errorf("%s/%s: no case finds it", code, f)
			}
		}
	}
	if n < 70 {
		t.Errorf("advice on %d findings", n)
	}
}

// TestDiagnoseOfEveryCode: there is something to do about each, also where no
// check failed with it and nothing is known.
func TestDiagnoseOfEveryCode(t *testing.T) {
	for _, code := range fault.Codes() {
		for _, idp := range []string{"", "okta", "nonsense"} {
			if d := Diagnose(Case{Code: code, IdP: idp}); d.Fix == "" || d.Side == "" {
				t.Errorf("%s, %q: %+v", code, idp, d)
			}
		}
	}
	if d := Diagnose(Case{}); d != (Diagnosis{}) {
		t.Errorf("nothing is wrong: %+v", d)
	}
}

// TestDiagnoseOfAWarning: a test that has passed may still say why the user would
// not have got in.
func TestDiagnoseOfAWarning(t *testing.T) {
	c := person(fault.UserNotFound, Person{Email: "u@acme.test", Similar: []string{"user@acme.test"}})
	c.Checks[1].Status = saml.Warning
	if d := Diagnose(c); d.Finding != FindingSimilar || d.Found != "u@acme.test" {
		t.Errorf("%+v", d)
	}
}

// TestDiagnoseOfNonsense: what a sender makes up ends nothing.
func TestDiagnoseOfNonsense(t *testing.T) {
	for _, c := range cases {
		for _, text := range []string{"", " ", "://", "%", "https://", strings.Repeat("x", 1000), "a b c", "\x00", "#EXT#", "_#EXT#", "@", "SHA-256 zz", " / "} {
			for i := range 3 {
				one := c.Case
				check := one.Checks[1]
				*[]*string{&check.Expected, &check.Found, &check.Note}[i] = text
				one.Checks = []Check{one.Checks[0], check}
				if d := Diagnose(one); d.Fix == "" {
					t.Errorf("%s, %q: %+v", c.name, text, d)
				}
			}
		}
	}
}
