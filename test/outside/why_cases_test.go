package outside

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/fault"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// whys are the ways for a sign-in with Okta to end in each code.
func whys() []why {
	other := samltest.NamedKey(samltest.RSA2048Other)
	const elsewhere = "https://other.example/metadata"
	at := func(d time.Duration) string { return samltest.Instant(time.Now().Add(d)) }
	signed := func(s *samltest.Signing) func(*samltest.Response) {
		return func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = s, s }
	}
	return []why{
		{code: fault.SAMLResponseMissing, side: "idp", field: "Single sign-on URL", expected: "the field SAMLResponse, once", found: "nothing",
			fix: "HTTP-POST",
			do:  sent("")},
		{code: fault.SAMLTooLarge, side: "idp", field: "Application username", expected: "at most 1 MiB", found: "more",
			fix: "group attribute statements",
			do:  sent(strings.Repeat("A", 3<<20))},
		{code: fault.SAMLBase64Invalid, side: "idp", expected: "base64", found: "no base64!",
			fix: "proxy",
			do:  sent("no base64!")},
		{code: fault.SAMLXMLInvalid, side: "idp", expected: "well-formed XML",
			fix: "DOCTYPE", unseen: true,
			do: sent(samltest.Encode("<!DOCTYPE a><a/>"))},
		{code: fault.SAMLUnsupportedMessage, side: "idp", field: "Single sign-on URL", expected: "samlp:Response of version 2.0", found: "samlp:Response 1.1",
			fix: "kind SAML 2.0",
			do:  answerWith(func(r *samltest.Response) { r.Version = "1.1" })},
		{code: fault.SAMLSignatureMissing, side: "idp", field: "Response", finding: "only_assertion", expected: "a signed response", found: "only the assertion is signed",
			fix:    "Have Okta sign the response",
			do:     with("require_signed_response", true, func(r *samltest.Response) { r.ResponseSigning = nil }),
			repair: func(t *testing.T, w *wrong) { w.option(t, "require_signed_response", false) }},
		{code: fault.SAMLSignatureInvalid, side: "sallyport", field: "SAML Signing Certificates", finding: "key_not_named", expected: "a signature that a certificate", found: "one that does not hold",
			fix:    "Compare the certificates",
			do:     answerWith(signed(&samltest.Signing{Key: other, NoKeyInfo: true})),
			repair: func(t *testing.T, w *wrong) { w.patch(t, harness.Object{"certificates": []string{harness.PEM(other)}}) }},
		{code: fault.SAMLSignatureAlgorithm, side: "idp", field: "Signature Algorithm", expected: "SHA-256 or stronger", found: "rsa-sha1",
			fix: "Set \"Signature Algorithm\" to RSA with SHA-256",
			do: answerWith(func(r *samltest.Response) {
				signed(&samltest.Signing{Key: r.ResponseSigning.Key, Method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1", Digest: "http://www.w3.org/2000/09/xmldsig#sha1"})(r)
			}), repair: func(t *testing.T, w *wrong) { w.option(t, "allow_sha1", true) }},
		{code: fault.SAMLCertificateUnknown, side: "sallyport", field: "SAML Signing Certificates", finding: "rolled", expected: "CN=rsa2048.idp.example", found: "CN=rsa2048-other.idp.example",
			fix:    "Compare the fingerprint",
			do:     answerWith(signed(&samltest.Signing{Key: other})),
			repair: func(t *testing.T, w *wrong) { w.patch(t, harness.Object{"certificates": []string{harness.PEM(other)}}) }},
		{code: fault.SAMLCertificateExpired, side: "sallyport", field: "SAML Signing Certificates", expected: "to 2019-01-01", found: "20",
			fix: "Make a new one at Okta",
			do: func(t *testing.T, w *wrong) harness.Answer {
				expired := samltest.NamedKey(samltest.RSA2048Expired)
				w.patch(t, harness.Object{"certificates": []string{harness.PEM(expired)}, "options": harness.Object{"refuse_expired_certificate": true}})
				return w.vouched(t, signed(&samltest.Signing{Key: expired}))
			}, repair: func(t *testing.T, w *wrong) { w.option(t, "refuse_expired_certificate", false) }},
		{code: fault.SAMLMultipleAssertions, side: "idp", expected: "one assertion", found: "more than one",
			fix: "several statements",
			do: answerWith(func(r *samltest.Response) {
				r.BeforeSigning = func(x string) string {
					return strings.Replace(x, "</samlp:Response>", `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_second" Version="2.0"/></samlp:Response>`, 1)
				}
			})},
		{code: fault.SAMLDecryptionFailed, side: "idp", field: "Assertion Encryption", finding: "not_offered", expected: "an assertion that is encrypted for us",
			fix: "switch encryption off: \"Assertion Encryption\"", unseen: true,
			do: answerWith(func(r *samltest.Response) {
				r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{samltest.NamedKey(samltest.SPOld)}}
			})},
		{code: fault.SAMLStatusNotSuccess, side: "idp", field: "Assignments", finding: "request_denied", expected: "status:Success", found: "status:RequestDenied",
			fix: "Let the user use the application at Okta",
			do: answerWith(func(r *samltest.Response) {
				r.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Requester", SubCode: "urn:oasis:names:tc:SAML:2.0:status:RequestDenied", Message: "no"}
				r.Assertion, r.AssertionSigning = nil, nil
			})},
		{code: fault.SAMLIssuerMismatch, side: "sallyport", field: "Metadata URL", finding: "host", expected: "https://idp", found: "https://other.example/metadata",
			fix:    "Take the metadata of Okta again",
			do:     answerWith(func(r *samltest.Response) { r.Issuer.Value, r.Assertion.Issuer.Value = elsewhere, elsewhere }),
			repair: func(t *testing.T, w *wrong) { w.patch(t, harness.Object{"entity_id": elsewhere}) }},
		{code: fault.SAMLDestinationMismatch, side: "idp", field: "Single sign-on URL", expected: "/acs", found: "https://other.example/acs",
			fix: "Copy the ACS URL",
			do:  answerWith(func(r *samltest.Response) { r.Destination = "https://other.example/acs" })},
		{code: fault.SAMLRecipientMismatch, side: "idp", field: "Single sign-on URL", finding: "slash", expected: "/acs", found: "/acs/",
			fix: "no slash at its end",
			do:  answerWith(func(r *samltest.Response) { r.Confirmation().Recipient += "/" })},
		{code: fault.SAMLAudienceMismatch, side: "idp", field: "Audience URI (SP Entity ID)", finding: "slash", expected: "/metadata", found: "/metadata/",
			fix: "Copy the entity ID of the SSO profile into \"Audience URI (SP Entity ID)\"",
			do: answerWith(func(r *samltest.Response) {
				r.Assertion.Conditions.Audiences[0][0] += "/"
			})},
		{code: fault.SAMLConditionUnknown, side: "idp", expected: "AudienceRestriction", found: "saml:Condition",
			fix: "Take away the rule",
			do:  answerWith(func(r *samltest.Response) { r.Assertion.Conditions.More = `<saml:Condition/>` })},
		{code: fault.SAMLSubjectUnconfirmed, side: "idp", expected: "method bearer", found: "none",
			fix: "normal kind of SAML application",
			do:  answerWith(func(r *samltest.Response) { r.Confirmation().Method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches" })},
		{code: fault.SAMLRequestUnknown, side: "user", expected: "a request of ours to this Identity Provider", found: "_other",
			fix: "in one browser from beginning to end", onceOnly: true,
			do: with("idp_initiated", "refuse", func(r *samltest.Response) { r.InResponseTo, r.Confirmation().InResponseTo = "_other", "_other" })},
		{code: fault.SAMLRequestUnknown, side: "user", expected: "the browser in which the sign-in began", found: "another one",
			fix: "in one browser from beginning to end", unjudged: true,
			do: func(t *testing.T, w *wrong) harness.Answer {
				a := vouch(t, w.b, w.p, w.user)
				return w.NewBrowser(t).Get(t, a.Location)
			}},
		{code: fault.SAMLRequestExpired, side: "user", expected: "a pending request", found: "_",
			fix: "without a pause", onceOnly: true,
			do: func(t *testing.T, w *wrong) harness.Answer {
				req := w.b.Depart(t, w.user, "")
				w.Exec(t, "update sso_requests set created_at = $1 where id = $2", time.Now().Add(-31*time.Minute), req.ID)
				return w.b.Deliver(t, w.p, w.p.Response(w.user, req.ID), req.RelayState)
			}},
		{code: fault.SAMLIdPInitiatedRefused, side: "sallyport", field: "Default RelayState", expected: "an answer to a request of ours", found: "started at the Identity Provider",
			fix: "Start at the sign-in page",
			do: func(t *testing.T, w *wrong) harness.Answer {
				w.option(t, "idp_initiated", "refuse")
				return w.b.Deliver(t, w.p, w.p.Response(w.user, ""), "")
			}, repair: func(t *testing.T, w *wrong) { w.option(t, "idp_initiated", "accept") }},
		{code: fault.SAMLReplayed, side: "user", expected: "a pending request", found: "_",
			fix: "used already", onceOnly: true,
			do: func(t *testing.T, w *wrong) harness.Answer {
				req := w.b.Depart(t, w.user, "")
				r := w.p.Response(w.user, req.ID)
				w.b.Get(t, w.b.Deliver(t, w.p, r, req.RelayState).Location).Redirected(t, "/")
				return w.b.Deliver(t, w.p, r, req.RelayState)
			}},
		{code: fault.SAMLNotYetValid, side: "idp", finding: "clock", expected: "NotBefore 2", found: "our clock: 2",
			fix: "Compare both clocks",
			do: answerWith(func(r *samltest.Response) {
				r.IssueInstant, r.Assertion.IssueInstant, r.Assertion.Conditions.NotBefore = at(4*time.Minute), at(4*time.Minute), at(4*time.Minute)
			}), repair: func(t *testing.T, w *wrong) { w.option(t, "clock_tolerance_seconds", 300) }},
		{code: fault.SAMLExpired, side: "idp", finding: "clock", expected: "NotOnOrAfter 2", found: "our clock: 2",
			fix: "Compare both clocks",
			do: answerWith(func(r *samltest.Response) {
				r.IssueInstant, r.Assertion.IssueInstant = at(-9*time.Minute), at(-9*time.Minute)
				r.Assertion.Conditions.NotBefore, r.Assertion.Conditions.NotOnOrAfter = at(-9*time.Minute), at(-4*time.Minute)
				r.Confirmation().NotOnOrAfter = at(-4 * time.Minute)
			}), repair: func(t *testing.T, w *wrong) { w.option(t, "clock_tolerance_seconds", 300) }},
		{code: fault.SAMLSessionExpired, side: "idp", expected: "SessionNotOnOrAfter 2", found: "our clock: 2",
			fix:    "lengthen the session at Okta",
			do:     answerWith(func(r *samltest.Response) { r.Statement().SessionNotOnOrAfter = at(-4 * time.Minute) }),
			repair: func(t *testing.T, w *wrong) { w.option(t, "clock_tolerance_seconds", 300) }},
		{code: fault.SAMLAuthnMissing, side: "idp", expected: "an AuthnStatement", found: "none",
			fix: "normal kind of SAML application",
			do:  answerWith(func(r *samltest.Response) { r.Assertion.Statements = nil })},
		{code: fault.SAMLAuthnContext, side: "sallyport", expected: "classes:X509", found: "PasswordProtectedTransport",
			fix:    "Clear the requested authentication context",
			do:     with("authn_context", "urn:oasis:names:tc:SAML:2.0:ac:classes:X509", good),
			repair: func(t *testing.T, w *wrong) { w.option(t, "authn_context", "") }},
		{code: fault.SAMLNameIDMissing, side: "idp", field: "Application username", expected: "a NameID", found: "none",
			fix: "Have the e-mail address sent as NameID",
			do:  answerWith(func(r *samltest.Response) { r.Assertion.NameID.Value = "" })},
		{code: fault.SAMLNameIDNotEmail, side: "idp", field: "Application username", finding: "user_name", expected: "one e-mail address", found: "jdoe",
			fix: "Set \"Application username\" to Email",
			do:  answerWith(func(r *samltest.Response) { r.Assertion.NameID.Value = "jdoe" })},

		{code: fault.DomainNotVerified, side: "sallyport", field: "Application username", finding: "sub_domain", expected: "org", found: "sub.org",
			fix: "Add the sub-domain under Domains",
			do: answerWith(func(r *samltest.Response) {
				r.Assertion.NameID.Value = strings.Replace(r.Assertion.NameID.Value, "@", "@sub.", 1)
			}),
			repair: func(t *testing.T, w *wrong) {
				domain := "sub." + w.p.Domain
				id := w.p.AddDomain(t, domain)
				w.p.AddUser(t, "user@"+domain)
				w.OK(t, "PUT", "/domains/"+id+"/enforcement", harness.Object{"sso_profile_id": w.p.ID, "acknowledge": true})
			}},
		{code: fault.UserNotFound, side: "sallyport", field: "Application username", finding: "similar", expected: "an active user", found: "us.er@",
			fix: "Compare the two addresses",
			do: answerWith(func(r *samltest.Response) {
				r.Assertion.NameID.Value = "us.er@" + strings.SplitN(r.Assertion.NameID.Value, "@", 2)[1]
			}),
			repair: func(t *testing.T, w *wrong) { w.p.AddUser(t, "us.er@"+w.p.Domain) }},
		{code: fault.UserDeactivated, side: "sallyport", expected: "an active user", found: "deactivated",
			fix: "Reactivate the user",
			do: func(t *testing.T, w *wrong) harness.Answer {
				w.patchUser(t, harness.Object{"status": "deactivated"})
				return w.vouched(t, good)
			}, repair: func(t *testing.T, w *wrong) { w.patchUser(t, harness.Object{"status": "active"}) }},
		{code: fault.SSONotEnabledForUser, side: "sallyport", expected: "an active user", found: "active",
			fix: "set the user's SSO to Enabled",
			do: func(t *testing.T, w *wrong) harness.Answer {
				w.patchUser(t, harness.Object{"sso": harness.Object{"setting": "disabled"}})
				return w.vouched(t, good)
			}, repair: func(t *testing.T, w *wrong) {
				w.patchUser(t, harness.Object{"sso": harness.Object{"setting": "inherit"}})
			}},
		{code: fault.SSOProfileMismatch, side: "sallyport", field: "Assignments", expected: "an active user", found: "active",
			fix: "Move the user or the domain",
			do: func(t *testing.T, w *wrong) harness.Answer {
				w.patchUser(t, harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": w.p.NewProfile(t, nil).ID}})
				return w.vouched(t, good)
			}, repair: func(t *testing.T, w *wrong) {
				w.patchUser(t, harness.Object{"sso": harness.Object{"setting": "inherit"}})
			}},
		{code: fault.SSOProfileDisabled, side: "sallyport", expected: "an SSO profile that takes answers", found: "a disabled one",
			fix: "Enable it again",
			do: func(t *testing.T, w *wrong) harness.Answer {
				req := w.b.Depart(t, w.user, "")
				w.OK(t, "PUT", "/domains/"+w.p.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
				w.patch(t, harness.Object{"state": "disabled"})
				return w.b.Deliver(t, w.p, w.p.Response(w.user, req.ID), req.RelayState)
			}, repair: func(t *testing.T, w *wrong) {
				w.patch(t, harness.Object{"state": "configured"})
				w.p.MarkTested(t)
				w.p.Enforce(t)
			}},

		{code: fault.CredentialsInvalid, side: "user", expected: "the user's password", found: "another password",
			fix: "Caps Lock", unjudged: true,
			do: func(t *testing.T, w *wrong) harness.Answer { return w.b.Password(t, w.user, "a wrong password") }},
		{code: fault.SSORequired, side: "sallyport", expected: "signs in with a password", found: "active",
			fix: "set the user's SSO to Disabled", unjudged: true,
			do: func(t *testing.T, w *wrong) harness.Answer { return w.b.Password(t, w.user, harness.Password) }},
		{code: fault.RateLimited, side: "user", expected: "not too many failed sign-ins", found: "too many",
			fix: "Wait for as long", unjudged: true,
			do: func(t *testing.T, w *wrong) (a harness.Answer) {
				for range 4 {
					a = w.NewBrowser(t).Password(t, w.user, "a wrong password")
				}
				return a
			}},
		{code: fault.UserNotActivated, side: "user", expected: "an active user", found: "invited",
			fix: "send the invitation again", unjudged: true, operators: true,
			do: func(t *testing.T, w *wrong) harness.Answer {
				waiting := "waiting@" + w.p.Domain
				w.Exec(t, "update users set status = 'invited', activated_at = null, proved_at = null where id = $1", w.NewIndependentUser(t, waiting))
				return w.b.Password(t, waiting, harness.Password)
			}},
		{code: fault.RecoveryCodeInvalid, side: "user", expected: "an unused recovery code", found: "another code",
			fix: "next unused code", unjudged: true, silent: true,
			do: func(t *testing.T, w *wrong) harness.Answer {
				return w.b.Post(t, "/login/recovery", url.Values{"email": {w.user}, "code": {"0000-0000-0000-0000"}})
			}},
	}
}
