package metadata

import (
	"fmt"
	"strings"

	"sallyport/saml/internal/xmltree"
)

// A Code names what is wrong with a metadata document, for those who say it in
// words of their own. The values are stable; [Codes] lists them.
type Code string

const (
	// What is no metadata at all.
	CodeEmpty           Code = "empty"
	CodeHTML            Code = "html"
	CodeUTF16           Code = "utf16"
	CodeCertificate     Code = "certificate"
	CodeAddress         Code = "address"
	CodeJSON            Code = "json"
	CodeNotXML          Code = "not_xml"
	CodeNotMetadata     Code = "not_metadata"     // details: the document element
	CodeServiceProvider Code = "service_provider" // of the wrong side
	CodeNoIdP           Code = "no_idp"

	// The document as a whole.
	CodeTooLarge        Code = "too_large" // details: the limit
	CodeTooManyElements Code = "too_many_elements"
	CodeTooDeep         Code = "too_deep"
	CodeDoctype         Code = "doctype"
	CodeEncoding        Code = "encoding"
	CodeNotWellFormed   Code = "not_well_formed" // details: where the parser gave up, in English
	CodeBehind          Code = "behind"
	CodeTextBetween     Code = "text_between"
	CodeMarkupBetween   Code = "markup_between"
	CodeForeign         Code = "foreign" // details: the element
	CodeValidUntil      Code = "valid_until"
	CodeCacheDuration   Code = "cache_duration" // details of both: what stands there
	CodeExpired         Code = "expired"        // details: the instant
	CodeUnsigned        Code = "unsigned"
	CodeSignature       Code = "signature" // details: why it does not hold, in English

	// Which of its entities.
	CodeSeveral      Code = "several" // details: how many, and the first of them
	CodeNoneOf       Code = "none_of"
	CodeNoSuchEntity Code = "no_such_entity"
	CodeTwice        Code = "twice"

	// One Identity Provider.
	CodeNoEntityID          Code = "no_entity_id"
	CodeNoEndpoint          Code = "no_endpoint"
	CodeNoCertificate       Code = "no_certificate"
	CodeTooManyCertificates Code = "too_many_certificates" // details of these: the entity ID, the limit
	CodeNotBase64           Code = "not_base64"
	CodeUnreadable          Code = "unreadable" // details: why, in English
	CodeWeak                Code = "weak"       // details: the subject, the key
	CodeLocationMissing     Code = "location_missing"
	CodeLocationLong        Code = "location_long"
	CodeScheme              Code = "scheme"
	CodeNotAbsolute         Code = "not_absolute" // details of these: which Location, the scheme
)

// reasons holds the words of each code. Each %s is the place of a detail.
var reasons = []struct {
	code  Code
	words string
	// plain are words without a place for what the document holds; empty: the
	// words, with gaps.
	plain string
}{
	{CodeEmpty, "the document is empty", ""},
	{CodeHTML, "this is a web page (HTML), not metadata: the address may lead to a sign-in page", ""},
	{CodeUTF16, "this is text in UTF-16; save it as UTF-8", ""},
	{CodeCertificate, "this is a certificate, not metadata", ""},
	{CodeAddress, "this is an address, not metadata: give it as the metadata URL", ""},
	{CodeJSON, "this is JSON, not metadata", ""},
	{CodeNotXML, "this is not XML", ""},
	{CodeNotMetadata, "the document element is %s, not an EntityDescriptor or EntitiesDescriptor of SAML 2.0 metadata", ""},
	{CodeServiceProvider, "this is the metadata of a service provider, not of an Identity Provider", ""},
	{CodeNoIdP, "there is no Identity Provider for SAML 2.0 (IDPSSODescriptor) in this document", ""},
	{CodeTooLarge, "the document is larger than %s", "the document is too large"},
	{CodeTooManyElements, "the document has too many elements", ""},
	{CodeTooDeep, "EntitiesDescriptors are nested too deeply", ""},
	{CodeDoctype, "this is not well-formed XML: a document type declaration (DOCTYPE)", ""},
	{CodeEncoding, "this is not well-formed XML: an encoding other than UTF-8", ""},
	{CodeNotWellFormed, "this is not well-formed XML: %s", "this is not well-formed XML"},
	{CodeBehind, "something stands behind the document element", ""},
	{CodeTextBetween, "there is text between the entities", ""},
	{CodeMarkupBetween, "there is markup between the entities that is not allowed there", ""},
	{CodeForeign, "the element %s is not one of SAML 2.0 metadata", "there is an EntitiesDescriptor that is not one of SAML 2.0 metadata"},
	{CodeValidUntil, "validUntil is not an instant: %s", ""},
	{CodeCacheDuration, "cacheDuration is not a duration: %s", ""},
	{CodeExpired, "the signed document was valid until %s", "the signed document is not valid any more"},
	{CodeUnsigned, "the metadata is not signed, although a certificate is pinned", ""},
	{CodeSignature, "the signature of the metadata does not hold: %s", "the signature of the metadata does not hold"},
	{CodeSeveral, "the document holds %s Identity Providers; name one as entity_id: %s", "the document holds several Identity Providers"},
	{CodeNoneOf, "the document holds several Identity Providers, and none with this entity ID", ""},
	{CodeNoSuchEntity, "the document holds no Identity Provider with this entity ID", ""},
	{CodeTwice, "the document holds this entity ID more than once", ""},
	{CodeNoEntityID, "the EntityDescriptor has no entityID, or one of more than 1,024 characters", ""},
	{CodeNoEndpoint, "the Identity Provider %s has no SingleSignOnService for HTTP-Redirect or HTTP-POST", ""},
	{CodeNoCertificate, "the Identity Provider %s has no signing certificate", ""},
	{CodeTooManyCertificates, "the Identity Provider %s has more than %s signing certificates", ""},
	{CodeNotBase64, "the certificate is not base64", ""},
	{CodeUnreadable, "the certificate can't be read: %s", ""},
	{CodeWeak, "the certificate %s has %s", "a certificate has a key that is too weak"},
	{CodeLocationMissing, "the %s is missing", noURL},
	{CodeLocationLong, "the %s is longer than 2,048 characters", noURL},
	{CodeScheme, "the %s has the scheme %s; https is expected", noURL},
	{CodeNotAbsolute, "the %s is not an absolute URL", noURL},
}

const noURL = "the Location of an endpoint is not an absolute URL with https"

// Codes returns every code of an [Error].
func Codes() []Code {
	list := make([]Code, len(reasons))
	for i, r := range reasons {
		list[i] = r.code
	}
	return list
}

// Words returns what a code says in English, with %s in the place of each detail.
func (c Code) Words() string {
	words, _ := c.both()
	return words
}

func (c Code) both() (words, plain string) {
	for _, r := range reasons {
		if r.code == c {
			if plain = r.plain; plain == "" {
				plain = Fill(r.words, nil)
			}
			return r.words, plain
		}
	}
	return string(c), string(c)
}

// Fill puts details in the places of a text, each %s. Places without a detail
// become gaps; details without a place are left out.
func Fill(text string, details []string) string {
	parts := strings.Split(text, "%s")
	var b strings.Builder
	for i, part := range parts {
		b.WriteString(part)
		switch {
		case i == len(parts)-1:
		case i < len(details):
			b.WriteString(details[i])
		default:
			b.WriteString("…")
		}
	}
	return b.String()
}

// An Error says what is wrong with a metadata document.
type Error struct {
	Line int // from 1; 0 if it is not about a line
	Code Code
	// Details are what the words of the code have places for. They may hold any
	// text of the document.
	Details []string
	// Reason is the code in English, with the details.
	Reason string
	// Plain is the reason without a word of the document, for somebody who
	// may not see what it holds.
	Plain string
}

// Wrong returns the error of a code at a line; 0 for none.
func Wrong(code Code, line int, details ...string) *Error {
	words, plain := code.both()
	return &Error{Line: line, Code: code, Details: details, Reason: Fill(words, details), Plain: plain}
}

// Unquoted is the error without a word of the document.
func (e *Error) Unquoted() *Error {
	return &Error{Line: e.Line, Code: e.Code, Reason: e.Plain, Plain: e.Plain}
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

// shifted is the error, of a piece of a document that begins at a line.
func (e *Error) shifted(line int) *Error {
	moved := *e
	moved.Line += line - 1
	return &moved
}

func at(el xmltree.Element, code Code, details ...string) *Error {
	return Wrong(code, el.Line(), details...)
}

// notWellFormed is what the parser of XML says.
func notWellFormed(err *xmltree.SyntaxError) *Error {
	switch err.Reason {
	case xmltree.ReasonDoctype:
		return Wrong(CodeDoctype, err.Line)
	case xmltree.ReasonEncoding:
		return Wrong(CodeEncoding, err.Line)
	}
	return Wrong(CodeNotWellFormed, err.Line, err.Reason)
}
