package record

import (
	"fmt"
	"strings"
)

// statuses are the codes with which an Identity Provider says that it did not
// sign somebody in (SAML core, section 3.2.2.2), in words.
var statuses = []struct {
	code    string
	finding Finding
	why     string
}{
	{"NoAuthnContext", "no_authn_context", "The Identity Provider can't sign the user in by the method that our request asked for."},
	{"InvalidNameIDPolicy", "invalid_nameid_policy", "The Identity Provider can't name the user in the format that our request asked for."},
	{"RequestDenied", "request_denied", "The Identity Provider understood our request and did not want to answer it."},
	{"AuthnFailed", "authn_failed", "The user did not manage to sign in at the Identity Provider, or gave up."},
	{"NoPassive", "no_passive", "The user would have had to do something, and the Identity Provider was asked to go on without."},
	{"RequestUnsupported", "request_unsupported", "The Identity Provider does not know this kind of request."},
	{"UnsupportedBinding", "unsupported_binding", "The Identity Provider can't answer in the way that our request asked for."},
	{"UnknownPrincipal", "unknown_principal", "The Identity Provider does not know the user."},
	{"UnknownAttrProfile", "request_unsupported", "The Identity Provider does not know this kind of attributes."},
	{"InvalidAttrNameOrValue", "request_unsupported", "The Identity Provider found an attribute in our request that it does not take."},
	{"ProxyCountExceeded", "no_other_idp", "The Identity Provider would have had to ask another one, and may not."},
	{"NoAvailableIDP", "no_other_idp", "The Identity Provider could not reach the one that it relies on."},
	{"NoSupportedIDP", "no_other_idp", "The Identity Provider relies on others and supports none that would do."},
	{"PartialLogout", "partial_logout", "This is the answer to a sign-out."},
	{"VersionMismatch", "version_mismatch", "The Identity Provider does not speak SAML 2.0 here."},
	{"Requester", "requester", "The Identity Provider found fault with our request and does not say what."},
	{"Responder", "responder", "Something failed within the Identity Provider, and it does not say what."},
}

const statusPrefix = "urn:oasis:names:tc:SAML:2.0:status:"

// status explains what the Identity Provider reports: the nested code says more
// than the one around it.
func (k *problem) status() {
	outer, inner, _ := strings.Cut(k.check.Found, " / ")
	for _, found := range []string{inner, outer} {
		code, standard := strings.CutPrefix(strings.TrimSpace(found), statusPrefix)
		for _, s := range statuses {
			if standard && s.code == code {
				k.is(s.finding, s.why)
				k.quote()
				return
			}
		}
	}
	k.quote()
}

// quote adds what the Identity Provider says in words.
func (k *problem) quote() {
	if said := strings.TrimSpace(k.check.Note); said != "" {
		k.why = strings.TrimSpace(fmt.Sprintf("%s It says: “%s”", k.why, said))
	}
}
