package samltest

import "sallyport/saml"

// wrappings are the eight permutations of XML signature wrapping (Somorovsky
// and others, On Breaking SAML, 2012): the signed element is moved to where it
// is not looked for, and a forged one put where it was.
func wrappings() []Attack {
	return []Attack{
		{"xsw1", "a forged response whose signature encloses the signed response", saml.CodeMultipleAssertions, xsw1},
		{"xsw2", "a forged response with the signed response before a detached signature", saml.CodeMultipleAssertions, xsw2},
		{"xsw3", "a forged assertion before the signed one", saml.CodeMultipleAssertions, xsw3},
		{"xsw4", "a forged assertion around the signed one", saml.CodeMultipleAssertions, xsw4},
		{"xsw5", "a forged assertion with the signature; the signed one behind it", saml.CodeMultipleAssertions, xsw5},
		{"xsw6", "a forged assertion whose signature encloses the signed one", saml.CodeMultipleAssertions, xsw6},
		{"xsw7", "a forged assertion in the extensions, before the signed one", saml.CodeMultipleAssertions, xsw7},
		{"xsw8", "a forged assertion whose signature has the signed one in an Object", saml.CodeMultipleAssertions, xsw8},
		{"xsw-same-id", "a forged assertion with the ID of the signed one", saml.CodeXMLInvalid, xswSameID},
		{"xsw-response-in-extensions", "a forged response that keeps the signed one in its extensions", saml.CodeMultipleAssertions, xswExtensions},
		{"xsw-assertion-as-root", "the signed assertion is the document, the forged one its child", saml.CodeUnsupportedMessage, xswRoot},
		{"xsw-nested-not-direct", "the signed assertion alone, but not as a child of the response", saml.CodeSignatureInvalid, xswNested},
	}
}

// signedResponse returns a message of which the response is signed: the text,
// its Signature and the text without it.
func signedResponse(s Scene) (text, signature, rest string) {
	text = s.onlyResponse().String()
	signature = element(text, "ds:Signature")
	return text, signature, without(text, signature)
}

// signedAssertion returns a message of which the assertion is signed: the text,
// the assertion, its Signature, and the assertion without it.
func signedAssertion(s Scene) (text, assertion, signature, rest string) {
	text = s.onlyAssertion().String()
	assertion = element(text, "saml:Assertion")
	signature = element(text, "ds:Signature")
	return text, assertion, signature, without(assertion, signature)
}

func behindIssuer(text, more string) string {
	return replace(text, "</saml:Issuer>", "</saml:Issuer>"+more)
}

// evil is the assertion with the victim's address. Its ID is another one.
func evil(assertion string) string { return forged(assertion, "_assertion1") }

func xsw1(s Scene) string {
	_, signature, rest := signedResponse(s)
	return behindIssuer(evilIDs(rest), inside(signature, rest))
}

func xsw2(s Scene) string {
	_, signature, rest := signedResponse(s)
	return behindIssuer(evilIDs(rest), rest+signature)
}

// evilIDs forges a response and gives both of its elements new IDs.
func evilIDs(response string) string {
	return replace(forged(response, "_response1"), `ID="_assertion1"`, `ID="_forged2"`)
}

func xsw3(s Scene) string {
	text, assertion, _, rest := signedAssertion(s)
	return replace(text, assertion, evil(rest)+assertion)
}

func xsw4(s Scene) string {
	text, assertion, _, rest := signedAssertion(s)
	return replace(text, assertion, inside(evil(rest), assertion))
}

func xsw5(s Scene) string {
	text, assertion, signature, rest := signedAssertion(s)
	return replace(text, assertion, behindIssuer(evil(rest), signature)+rest)
}

func xsw6(s Scene) string {
	text, assertion, signature, rest := signedAssertion(s)
	return replace(text, assertion, behindIssuer(evil(rest), inside(signature, rest)))
}

func xsw7(s Scene) string {
	text, assertion, _, rest := signedAssertion(s)
	return replace(text, assertion, "<samlp:Extensions>"+evil(rest)+"</samlp:Extensions>"+assertion)
}

func xsw8(s Scene) string {
	text, assertion, signature, rest := signedAssertion(s)
	object := inside(signature, "<ds:Object>"+rest+"</ds:Object>")
	return replace(text, assertion, behindIssuer(evil(rest), object))
}

func xswSameID(s Scene) string {
	text, assertion, _, rest := signedAssertion(s)
	return replace(text, assertion, replace(rest, Email, Victim)+assertion)
}

func xswExtensions(s Scene) string {
	text, _, rest := signedResponse(s)
	return behindIssuer(evilIDs(rest), "<samlp:Extensions>"+text+"</samlp:Extensions>")
}

func xswRoot(s Scene) string {
	_, assertion, _, rest := signedAssertion(s)
	return inside(assertion, evil(rest))
}

func xswNested(s Scene) string {
	text, assertion, _, _ := signedAssertion(s)
	return replace(text, assertion, "<samlp:Extensions>"+assertion+"</samlp:Extensions>")
}
