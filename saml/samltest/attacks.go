package samltest

import (
	"strings"

	"sallyport/saml"
)

// Victim is whom an attack tries to sign in as: somebody else than [Email],
// whom the Identity Provider has vouched for.
const Victim = "admin@acme.test"

// An Attack is a message that must never sign anybody in, whatever service
// provider reads it.
type Attack struct {
	Name  string // of letters, digits and dashes
	About string // one sentence: what it rests on
	// Code is what package saml refuses it with.
	Code saml.Code
	// Message writes it.
	Message func(Scene) string
}

// Attacks returns every published class, and what is near to them.
func Attacks() []Attack {
	var all []Attack
	for _, list := range [][]Attack{wrappings(), markups(), forgeries(), references(), hidings(), confusions(), protocols()} {
		all = append(all, list...)
	}
	return all
}

// element returns the text of the first element with this qualified name. None
// of its name may stand inside of it.
func element(text, name string) string {
	start := strings.Index(text, "<"+name+" ")
	if at := strings.Index(text, "<"+name+">"); start < 0 || at >= 0 && at < start {
		start = at
	}
	end := "</" + name + ">"
	return text[start : start+strings.Index(text[start:], end)+len(end)]
}

// replace replaces the first occurrence of old, which has to be there.
func replace(text, old, with string) string {
	if !strings.Contains(text, old) {
		panic("samltest: nothing to replace: " + old)
	}
	return strings.Replace(text, old, with, 1)
}

// without removes the first occurrence of part.
func without(text, part string) string { return replace(text, part, "") }

// inside puts more before the last end tag of a text.
func inside(text, more string) string {
	at := strings.LastIndex(text, "</")
	return text[:at] + more + text[at:]
}

// onlyAssertion is a good message of which the assertion alone is signed;
// onlyResponse one of which the response alone is.
func (s Scene) onlyAssertion() *Response {
	r := s.Response()
	r.ResponseSigning = nil
	return r
}

func (s Scene) onlyResponse() *Response {
	r := s.Response()
	r.AssertionSigning = nil
	return r
}

// forged changes the address in an assertion or response, and its ID.
func forged(text, id string) string {
	return replace(strings.ReplaceAll(text, Email, Victim), `ID="`+id+`"`, `ID="_forged"`)
}
