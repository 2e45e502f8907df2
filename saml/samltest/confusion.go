package samltest

import (
	"time"

	"sallyport/saml"
)

// hidings are second assertions in every place that holds arbitrary markup.
// The message is otherwise good, and all of it signed.
func hidings() []Attack {
	hide := func(f func(r *Response, hidden XML)) func(Scene) string {
		return func(s Scene) string {
			_, _, _, rest := signedAssertion(s)
			r := s.onlyResponse()
			f(r, XML(evil(rest)))
			return r.String()
		}
	}
	list := []Attack{
		{"hidden-in-extensions", "", "", hide(func(r *Response, x XML) { r.Extensions = []XML{x} })},
		{"hidden-in-status-detail", "", "", hide(func(r *Response, x XML) { r.Status.Detail = x })},
		{"hidden-in-advice", "", "", hide(func(r *Response, x XML) { r.Assertion.Advice = x })},
		{"hidden-in-attribute-value", "", "", hide(func(r *Response, x XML) {
			r.Assertion.Attributes[0].More = "<saml:AttributeValue>" + x + "</saml:AttributeValue>"
		})},
		{"hidden-in-object", "", "", hide(func(r *Response, x XML) {
			r.ResponseSigning.Edit = func(sig string) string { return inside(sig, "<ds:Object>"+string(x)+"</ds:Object>") }
		})},
		{"hidden-in-keyinfo", "", "", hide(func(r *Response, x XML) { r.ResponseSigning.KeyInfo = x })},
		{"hidden-in-conditions", "", "", hide(func(r *Response, x XML) {
			r.Assertion.Conditions.More = `<saml:Condition>` + x + `</saml:Condition>`
		})},
		{"hidden-behind", "", "", hide(func(r *Response, x XML) { r.More = []XML{x} })},
		{"hidden-encrypted", "", "", hide(func(r *Response, _ XML) {
			r.Extensions = []XML{`<saml:EncryptedAssertion xmlns:saml="` + nsAssertion + `"/>`}
		})},
		{"hidden-below-foreign-element", "", "", hide(func(r *Response, x XML) { r.Extensions = []XML{"<x><y>" + x + "</y></x>"} })},
	}
	for i := range list {
		list[i].About, list[i].Code = "a second assertion: "+list[i].Name, saml.CodeMultipleAssertions
	}
	return list
}

// confusions are good messages for somebody else, or from somebody else, or for
// another time.
func confusions() []Attack {
	changed := func(f func(s Scene, r *Response)) func(Scene) string {
		return func(s Scene) string {
			r := s.Response()
			f(s, r)
			return r.String()
		}
	}
	const elsewhere = "https://other.example/saml/acs"
	return []Attack{
		{"foreign-audience", "made for another service provider", saml.CodeAudienceMismatch, changed(func(s Scene, r *Response) {
			r.Assertion.Conditions.Audiences = [][]string{{"https://other.example/metadata"}}
		})},
		{"second-audience-foreign", "two audience restrictions, one of them not for us", saml.CodeAudienceMismatch, changed(func(s Scene, r *Response) {
			r.Assertion.Conditions.Audiences = append(r.Assertion.Conditions.Audiences, []string{"https://other.example/metadata"})
		})},
		{"audience-prefix", "an audience that ours only starts with", saml.CodeAudienceMismatch, changed(func(s Scene, r *Response) {
			r.Assertion.Conditions.Audiences = [][]string{{s.SP.EntityID + "/2"}}
		})},
		{"no-audience", "made for anybody", saml.CodeAudienceMismatch, changed(func(s Scene, r *Response) {
			r.Assertion.Conditions.Audiences = nil
		})},
		{"no-conditions", "without conditions", saml.CodeAudienceMismatch, changed(func(s Scene, r *Response) { r.Assertion.Conditions = nil })},
		{"recipient-confusion", "sent to another service provider's address", saml.CodeRecipientMismatch, changed(func(s Scene, r *Response) {
			r.Confirmation().Recipient = elsewhere
		})},
		{"no-recipient", "without a recipient", saml.CodeRecipientMismatch, changed(func(s Scene, r *Response) { r.Confirmation().Recipient = "" })},
		{"foreign-destination", "for another address", saml.CodeDestinationMismatch, changed(func(s Scene, r *Response) { r.Destination = elsewhere })},
		{"no-destination", "a signed response for no address", saml.CodeDestinationMismatch, changed(func(s Scene, r *Response) { r.Destination = "" })},
		{"foreign-issuer", "from another Identity Provider with the same key", saml.CodeIssuerMismatch, changed(func(s Scene, r *Response) {
			r.Assertion.Issuer.Value = "https://other.example/idp"
		})},
		{"foreign-response-issuer", "the response is from another Identity Provider", saml.CodeIssuerMismatch, changed(func(s Scene, r *Response) {
			r.Issuer.Value = "https://other.example/idp"
		})},
		{"stale", "made yesterday", saml.CodeExpired, func(s Scene) string {
			at := s.Now
			s.Now = at.Add(-25 * time.Hour)
			return s.Response().String()
		}},
		{"early", "made for tomorrow", saml.CodeNotYetValid, func(s Scene) string {
			r := s.Response()
			r.Assertion.Conditions.NotBefore = Instant(s.Now.Add(time.Hour))
			return r.String()
		}},
		{"holder-of-key", "confirmed by the holder of a key, not its bearer", saml.CodeSubjectUnconfirmed, changed(func(s Scene, r *Response) {
			r.Confirmation().Method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"
		})},
		{"sender-vouches", "the sender vouches", saml.CodeSubjectUnconfirmed, changed(func(s Scene, r *Response) {
			r.Confirmation().Method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"
		})},
		{"unknown-condition", "a condition that nobody knows", saml.CodeConditionUnknown, changed(func(s Scene, r *Response) {
			r.Assertion.Conditions.More = `<saml:Condition xmlns:xsi="` + nsXSI + `" xsi:type="x:OnlyOnSundays" xmlns:x="urn:x"/>`
		})},
		{"foreign-namespace-subject", "a Subject of another namespace, with the victim's address", saml.CodeNameIDMissing, changed(func(s Scene, r *Response) {
			r.Assertion.NameID.Value = ""
			r.Assertion.More = `<e:Subject xmlns:e="urn:evil"><e:NameID>` + Victim + `</e:NameID></e:Subject>`
		})},
		{"two-subjects", "two Subjects", saml.CodeXMLInvalid, changed(func(s Scene, r *Response) {
			r.Assertion.More = "<saml:Subject><saml:NameID>" + Victim + "</saml:NameID></saml:Subject>"
		})},
		{"two-nameids", "two NameIDs", saml.CodeXMLInvalid, changed(func(s Scene, r *Response) {
			r.BeforeSigning = func(x string) string {
				return replace(x, "</saml:NameID>", "</saml:NameID><saml:NameID>"+Victim+"</saml:NameID>")
			}
		})},
		{"two-conditions", "two Conditions", saml.CodeXMLInvalid, changed(func(s Scene, r *Response) { r.Assertion.More = "<saml:Conditions/>" })},
		{"two-issuers", "two Issuers", saml.CodeXMLInvalid, changed(func(s Scene, r *Response) {
			r.Assertion.More = XML("<saml:Issuer>https://other.example/idp</saml:Issuer>")
		})},
		{"two-statuses", "a failure behind the success", saml.CodeXMLInvalid, changed(func(s Scene, r *Response) {
			r.More = []XML{`<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/></samlp:Status>`}
		})},
		{"elements-in-nameid", "an element inside of the address", saml.CodeNameIDMissing, changed(func(s Scene, r *Response) {
			r.BeforeSigning = func(x string) string { return replace(x, Email, Victim+"<x/>.evil.example") }
		})},
	}
}

// protocols are other messages of SAML, signed by the Identity Provider for
// another purpose.
func protocols() []Attack {
	renamed := func(name, version string) func(Scene) string {
		return func(s Scene) string {
			r := s.onlyResponse()
			r.Version = version
			r.BeforeSigning = func(x string) string {
				return replace(replace(x, "<samlp:Response ", "<samlp:"+name+" "), "</samlp:Response>", "</samlp:"+name+">")
			}
			return r.String()
		}
	}
	list := []Attack{
		{"logout-response", "", "", renamed("LogoutResponse", "2.0")},
		{"artifact-response", "", "", renamed("ArtifactResponse", "2.0")},
		{"authn-request", "", "", renamed("AuthnRequest", "2.0")},
		{"version-1.1", "", "", renamed("Response", "1.1")},
		{"version-missing", "", "", renamed("Response", "")},
		{"foreign-namespace", "", "", func(s Scene) string {
			r := s.onlyResponse()
			r.BeforeSigning = func(x string) string { return replace(x, nsProtocol, "urn:oasis:names:tc:SAML:1.0:protocol") }
			return r.String()
		}},
		{"assertion-version", "", "", func(s Scene) string {
			r := s.onlyResponse()
			r.Assertion.Version = "1.1"
			return r.String()
		}},
	}
	for i := range list {
		list[i].About, list[i].Code = "another message, or another version: "+list[i].Name, saml.CodeUnsupportedMessage
	}
	return list
}
