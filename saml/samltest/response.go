package samltest

import (
	"time"

	"sallyport/saml"
)

// URIs that descriptions need.
const (
	Bearer            = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	Success           = "urn:oasis:names:tc:SAML:2.0:status:Success"
	FormatEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	FormatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	FormatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	FormatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	FormatEntity      = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
	PasswordTransport = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
)

// A Response describes a samlp:Response. Strings that are attributes or whole
// elements are left out where they are empty; fields called XML hold markup
// that is written as it is.
type Response struct {
	ID, Version, IssueInstant          string
	Destination, InResponseTo, Consent string
	Issuer                             Issuer
	Extensions                         []XML // what samlp:Extensions holds
	Status                             Status
	Assertion                          *Assertion
	// More stands behind the assertion.
	More []XML

	Style Style
	// ResponseSigning and AssertionSigning say how each is signed; nil for
	// not at all. The assertion is signed first.
	ResponseSigning, AssertionSigning *Signing
	// NameIDEncryption and AssertionEncryption say how each is encrypted; nil
	// for not at all. The NameID is encrypted before the assertion is signed,
	// the assertion before the response is.
	NameIDEncryption, AssertionEncryption *Encryption
	// BeforeSigning and AfterSigning may change the text.
	BeforeSigning, AfterSigning func(xml string) string
}

// XML is markup.
type XML string

// An Issuer is left out where its Value is empty.
type Issuer struct{ Value, Format string }

// A Status is left out where its Code is empty.
type Status struct {
	Code, SubCode, Message string
	Detail                 XML
}

// An Assertion describes a saml:Assertion.
type Assertion struct {
	ID, Version, IssueInstant string
	Issuer                    Issuer
	// Subject is left out if NoSubject is set.
	NoSubject     bool
	NameID        NameID
	Confirmations []Confirmation
	Conditions    *Conditions
	Advice        XML
	Statements    []AuthnStatement
	Attributes    []Attribute
	// AttributesFirst puts them before the statements on the authentication.
	AttributesFirst bool
	More            XML // stands last
}

// A NameID is left out where its Value is empty.
type NameID struct{ Value, Format, NameQualifier, SPNameQualifier string }

// A Confirmation describes a SubjectConfirmation. Its data is left out where
// all of it is empty.
type Confirmation struct {
	Method, Recipient, InResponseTo, NotBefore, NotOnOrAfter, Address string
}

// Conditions describe saml:Conditions. Each element of Audiences becomes an
// AudienceRestriction.
type Conditions struct {
	NotBefore, NotOnOrAfter string
	Audiences               [][]string
	OneTimeUse              bool
	More                    XML
}

// An AuthnStatement describes one; its context has no class where Class is
// empty.
type AuthnStatement struct {
	AuthnInstant, SessionIndex, SessionNotOnOrAfter string
	Locality, Class, Authority                      string
}

// An Attribute describes a saml:Attribute. Type is put into xsi:type of each
// value.
type Attribute struct {
	Name, FriendlyName, NameFormat, Type string
	Values                               []string
	More                                 XML
}

// Instant writes an instant as messages have it, to the millisecond.
func Instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// Response returns a good answer of p to a request, or to none if requestID is
// empty, in which the response and the assertion are both signed.
func (p *IdP) Response(sp saml.Config, requestID string, now time.Time) *Response {
	return &Response{
		ID: "_response1", Version: "2.0", IssueInstant: Instant(now),
		Destination: sp.ACSURL, InResponseTo: requestID,
		Issuer:    Issuer{Value: p.EntityID},
		Status:    Status{Code: Success},
		Assertion: p.assertion(sp, requestID, now),
		Style:     Style{Protocol: "samlp", Assertion: "saml", Signature: "ds"},

		ResponseSigning:  &Signing{Key: p.Key},
		AssertionSigning: &Signing{Key: p.Key},
	}
}

func (p *IdP) assertion(sp saml.Config, requestID string, now time.Time) *Assertion {
	soon := Instant(now.Add(5 * time.Minute))
	return &Assertion{
		ID: "_assertion1", Version: "2.0", IssueInstant: Instant(now),
		Issuer:        Issuer{Value: p.EntityID},
		NameID:        NameID{Value: Email, Format: FormatEmail},
		Confirmations: []Confirmation{{Method: Bearer, Recipient: sp.ACSURL, InResponseTo: requestID, NotOnOrAfter: soon}},
		Conditions: &Conditions{NotBefore: Instant(now.Add(-5 * time.Minute)), NotOnOrAfter: soon,
			Audiences: [][]string{{sp.EntityID}}},
		Statements: []AuthnStatement{{AuthnInstant: Instant(now.Add(-time.Minute)), SessionIndex: "_session1", Class: PasswordTransport}},
		Attributes: []Attribute{
			{Name: "email", Values: []string{Email}},
			{Name: "displayName", Values: []string{"Test User"}},
		},
	}
}

// Confirmation returns the first SubjectConfirmation, to change it.
func (r *Response) Confirmation() *Confirmation { return &r.Assertion.Confirmations[0] }

// Statement returns the first AuthnStatement, to change it.
func (r *Response) Statement() *AuthnStatement { return &r.Assertion.Statements[0] }
