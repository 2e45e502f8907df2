package samltest

import (
	"strings"

	"sallyport/saml"
)

// references are signatures that cover something else than what they stand in,
// or are made of parts that a verifier may read differently from another.
func references() []Attack {
	const invalid, algorithm = saml.CodeSignatureInvalid, saml.CodeSignatureAlgorithm
	return []Attack{
		{"empty-uri", "the reference is to the document, not to an ID", invalid, editedResponse(`URI="#_response1"`, `URI=""`)},
		{"no-uri", "the reference has no URI", invalid, editedResponse(` URI="#_response1"`, "")},
		{"xpointer", "the reference is an XPointer", invalid, editedResponse(`URI="#_response1"`, `URI="#xpointer(id('_response1'))"`)},
		{"external-uri", "the reference is to another host", invalid, editedResponse(`URI="#_response1"`, `URI="https://evil.example/"`)},
		{"other-element", "the response carries a signature over its assertion", invalid, otherElement},
		{"parent-element", "the assertion carries a signature over the response", invalid, parentElement},
		{"two-references", "a second reference behind the good one", invalid, editedResponse("</ds:Reference>",
			`</ds:Reference><ds:Reference URI="#_assertion1"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>`+
				`<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>AAAA</ds:DigestValue></ds:Reference>`)},
		{"manifest", "a Manifest in an Object", invalid, afterValue(`<ds:Object><ds:Manifest><ds:Reference URI="#_assertion1"/></ds:Manifest></ds:Object>`)},
		{"object", "an Object in the signature", invalid, afterValue("<ds:Object>nothing</ds:Object>")},
		{"two-signed-infos", "a forged SignedInfo before the signed one (xml-crypto, 2025)", saml.CodeXMLInvalid, twoSignedInfos(true)},
		{"two-signed-infos-behind", "a forged SignedInfo behind the signed one", saml.CodeXMLInvalid, twoSignedInfos(false)},
		{"signed-info-in-object", "the signed SignedInfo in an Object, a forged one in its place", invalid, signedInfoInObject},
		{"comment-in-digest", "the forged digest stands before a comment (xml-crypto, 2025)", saml.CodeXMLInvalid, commentInDigest},
		{"element-in-digest", "the digest stands in an element of its own", invalid, edited(func(sig string) string {
			return replace(sig, "</ds:DigestValue>", "<x>AAAA</x></ds:DigestValue>")
		})},
		{"element-in-signature-value", "the signature value holds an element", invalid, func(s Scene) string {
			return replace(s.onlyAssertion().String(), "</ds:SignatureValue>", "<x/></ds:SignatureValue>")
		}},
		{"two-digests", "two DigestValues in the reference", invalid, edited(func(sig string) string {
			digest := element(sig, "ds:DigestValue")
			return replace(sig, digest, "<ds:DigestValue>"+emptyDigest+"</ds:DigestValue>"+digest)
		})},
		{"xslt-transform", "an XSLT transform that runs before anything is verified", algorithm, transform(
			`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"><xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">` +
				`<xsl:template match="/"><xsl:value-of select="document('https://evil.example/')"/></xsl:template></xsl:stylesheet></ds:Transform>`)},
		{"xpath-transform", "an XPath transform that leaves the assertion out", algorithm, transform(
			`<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>not(ancestor-or-self::saml:Assertion)</ds:XPath></ds:Transform>`)},
		{"xpath-filter-transform", "an XPath filter that leaves the subject out", algorithm, transform(
			`<ds:Transform Algorithm="http://www.w3.org/2002/06/xmldsig-filter2"><f:XPath xmlns:f="http://www.w3.org/2002/06/xmldsig-filter2" Filter="subtract">//saml:Subject</f:XPath></ds:Transform>`)},
		{"base64-transform", "a base64 transform", algorithm, transform(`<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/>`)},
		{"first-transform-canonical", "canonicalization before the enveloped-signature transform", algorithm, edited(func(sig string) string {
			enveloped := `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>`
			return replace(without(sig, enveloped), "</ds:Transforms>", enveloped+"</ds:Transforms>")
		})},
		{"no-enveloped-transform", "no enveloped-signature transform", algorithm, edited(func(sig string) string {
			return without(sig, `<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform>`)
		})},
		{"three-transforms", "two canonicalizations", invalid, edited(func(sig string) string {
			return replace(sig, "</ds:Transforms>", `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transforms>`)
		})},
		{"no-transforms", "no transforms at all", invalid, edited(func(sig string) string {
			return without(sig, element(sig, "ds:Transforms"))
		})},
		{"unknown-canonicalization", "a canonicalization that nobody knows", algorithm, edited(func(sig string) string {
			return replace(sig, `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">`,
				`<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2000/09/xmldsig#minimal">`)
		})},
		{"signature-in-subject", "the signature stands in the Subject", saml.CodeSignatureInvalid, moved("<saml:Subject>")},
		{"signature-in-extensions", "the signature stands in the Extensions", saml.CodeSignatureInvalid, func(s Scene) string {
			text, signature, rest := signedResponse(s)
			_ = text
			return behindIssuer(rest, "<samlp:Extensions>"+signature+"</samlp:Extensions>")
		}},
		{"stray-signature", "a second signature, good for nothing, in an attribute", saml.CodeSignatureInvalid, func(s Scene) string {
			r := s.onlyAssertion()
			r.Assertion.Attributes[0].More = `<saml:AttributeValue><ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/></saml:AttributeValue>`
			return r.String()
		}},
		{"two-signatures", "two signatures in the assertion", saml.CodeXMLInvalid, func(s Scene) string {
			text, _, signature, _ := signedAssertion(s)
			return replace(text, signature, signature+signature)
		}},
	}
}

// editedResponse changes the response's Signature before it is signed.
func editedResponse(old, with string) func(Scene) string {
	return func(s Scene) string {
		r := s.onlyResponse()
		r.ResponseSigning.Edit = func(sig string) string { return replace(sig, old, with) }
		return r.String()
	}
}

// transform puts a transform before the canonicalization.
func transform(text string) func(Scene) string {
	return edited(func(sig string) string {
		return replace(sig, `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">`,
			text+`<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#">`)
	})
}

func afterValue(more string) func(Scene) string {
	return func(s Scene) string {
		return replace(s.onlyAssertion().String(), "</ds:SignatureValue>", "</ds:SignatureValue>"+more)
	}
}

// moved puts the assertion's signature behind a start tag.
func moved(tag string) func(Scene) string {
	return func(s Scene) string {
		text, _, signature, _ := signedAssertion(s)
		return replace(without(text, signature), tag, tag+signature)
	}
}

// otherElement moves the assertion's signature into the response: what it
// refers to is signed, and is not what it stands in.
func otherElement(s Scene) string {
	text, _, signature, _ := signedAssertion(s)
	return behindIssuer(without(text, signature), signature)
}

func parentElement(s Scene) string {
	text, signature, rest := signedResponse(s)
	_ = text
	at := strings.Index(rest, "<saml:Assertion")
	return rest[:at] + behindIssuer(rest[at:], signature)
}

func twoSignedInfos(forgedFirst bool) func(Scene) string {
	return func(s Scene) string {
		text := replace(s.onlyAssertion().String(), Email, Victim)
		info := element(text, "ds:SignedInfo")
		fake := replace(info, element(info, "ds:DigestValue"), "<ds:DigestValue>"+emptyDigest+"</ds:DigestValue>")
		if forgedFirst {
			return replace(text, info, fake+info)
		}
		return replace(text, info, info+fake)
	}
}

func signedInfoInObject(s Scene) string {
	text := replace(s.onlyAssertion().String(), Email, Victim)
	info := element(text, "ds:SignedInfo")
	fake := replace(info, element(info, "ds:DigestValue"), "<ds:DigestValue>"+emptyDigest+"</ds:DigestValue>")
	return replace(replace(text, info, fake), "</ds:KeyInfo>", "</ds:KeyInfo><ds:Object>"+info+"</ds:Object>")
}

func commentInDigest(s Scene) string {
	text := replace(s.onlyAssertion().String(), Email, Victim)
	return replace(text, "<ds:DigestValue>", "<ds:DigestValue><!--"+emptyDigest+"-->")
}
