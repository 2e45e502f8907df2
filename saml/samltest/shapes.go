package samltest

import (
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"time"

	"sallyport/saml"
)

// A Scene is what a message is about: who sends it to whom, when, and which
// request it answers (none if RequestID is empty).
type Scene struct {
	IdP       *IdP
	SP        saml.Config
	RequestID string
	Now       time.Time
}

// NewScene returns the scene that the examples of this package share.
func NewScene() Scene {
	idp := NewIdP()
	return Scene{idp, idp.Config(), RequestID, Now()}
}

// NewLogoutScene returns it with Single Logout on both sides, and with the
// key [SP].
func NewLogoutScene() Scene {
	idp := NewIdP()
	idp.SLOURL = "https://idp.example/slo"
	cfg := idp.Config()
	cfg.SLOURL, cfg.Keys = SLOURL, SPKeys(SP)
	return Scene{idp, cfg, RequestID, Now()}
}

// Response returns a good answer, to change it.
func (s Scene) Response() *Response { return s.IdP.Response(s.SP, s.RequestID, s.Now) }

// A Shape is how one make of Identity Provider writes a response: prefixes,
// order, white space, attributes and algorithms. Which parts it signs is left
// to the caller; both are signed to begin with.
type Shape struct {
	Name     string
	Response func(Scene) *Response
}

// Shapes returns those that are known here.
func Shapes() []Shape {
	return []Shape{
		{"entra", entra}, {"adfs", adfs}, {"okta", okta}, {"onelogin", oneLogin}, {"google", google},
		{"ping", ping}, {"jumpcloud", jumpCloud}, {"keycloak", keycloak}, {"shibboleth", shibboleth},
		{"simplesamlphp", simpleSAMLphp}, {"auth0", auth0},
	}
}

const (
	claims     = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
	formatURI  = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
	formatName = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
)

// signings changes how both parts are signed.
func (r *Response) signings(f func(*Signing)) {
	f(r.ResponseSigning)
	f(r.AssertionSigning)
}

func entra(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "samlp"}
	r.ID, r.Assertion.ID = "_6b1c8d0e-3f3d-4e2b-9d7e-2f0a5f6f2c11", "_f2c9a1b4-77c1-4d2f-8a52-9d3d4d1b5a00"
	a := r.Assertion
	a.AttributesFirst = true
	a.Confirmations[0].NotOnOrAfter = Instant(s.Now.Add(time.Hour))
	a.Conditions.NotOnOrAfter = Instant(s.Now.Add(time.Hour))
	a.Statements[0] = AuthnStatement{AuthnInstant: Instant(s.Now.Add(-5 * time.Hour)), SessionIndex: a.ID,
		Class: "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"}
	a.Attributes = []Attribute{
		{Name: "http://schemas.microsoft.com/identity/claims/tenantid", Values: []string{"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"}},
		{Name: "http://schemas.microsoft.com/identity/claims/objectidentifier", Values: []string{"a3c1f1b0-8d6e-4b7f-9a4d-1f2e3d4c5b6a"}},
		{Name: "http://schemas.microsoft.com/identity/claims/displayname", Values: []string{"Test User"}},
		{Name: "http://schemas.microsoft.com/claims/authnmethodsreferences", Values: []string{
			"http://schemas.microsoft.com/ws/2008/06/identity/authenticationmethod/password",
			"http://schemas.microsoft.com/claims/multipleauthn"}},
		{Name: claims + "givenname", Values: []string{"User"}},
		{Name: claims + "surname", Values: []string{"Surname"}},
		{Name: claims + "emailaddress", Values: []string{Email}},
		{Name: claims + "name", Values: []string{Email}},
	}
	return r
}

func adfs(s Scene) *Response {
	r := entra(s)
	r.Consent = "urn:oasis:names:tc:SAML:2.0:consent:unspecified"
	r.Style = Style{Protocol: "samlp", Signature: "ds"}
	a := r.Assertion
	a.NameID.Format = FormatEmail
	a.Conditions.NotBefore = Instant(s.Now)
	a.Statements[0].Class = PasswordTransport
	a.Attributes = []Attribute{
		{Name: claims + "emailaddress", Values: []string{Email}},
		{Name: claims + "upn", Values: []string{"user@corp.acme.test"}},
		{Name: "http://schemas.xmlsoap.org/claims/Group", Values: []string{"Domain Users", "Staff & friends"}},
	}
	return r
}

func okta(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Declaration: true, Sorted: true}
	r.ID, r.Assertion.ID = "id12345678901234567890123456", "id98765432109876543210987654"
	r.Issuer.Format, r.Assertion.Issuer.Format = FormatEntity, FormatEntity
	r.Assertion.Statements[0].SessionIndex = s.RequestID
	r.Assertion.Attributes = []Attribute{
		{Name: "email", NameFormat: formatName, Type: "xs:string", Values: []string{Email}},
		{Name: "firstName", NameFormat: formatName, Type: "xs:string", Values: []string{"User"}},
		{Name: "lastName", NameFormat: formatName, Type: "xs:string", Values: []string{"Surname"}},
		{Name: "department", NameFormat: formatName, Type: "xs:string", Values: []string{"Research & Development"}},
		{Name: "groups", NameFormat: formatName, Type: "xs:string", Values: []string{"Everyone", "Engineering"}},
	}
	r.signings(func(s *Signing) { s.Prefixes, s.Wrap = []string{"xs"}, "\n" })
	return r
}

func oneLogin(s Scene) *Response {
	r := s.Response()
	r.ID, r.Assertion.ID = "pfx3b6f1d2c-5a4e-47d8-90c1-1b2a3c4d5e6f", "pfx0c7a9e31-2b4d-4f80-8c6e-9a8b7c6d5e4f"
	r.Style.Outer = true
	r.Assertion.Statements[0].SessionNotOnOrAfter = Instant(s.Now.Add(24 * time.Hour))
	r.Assertion.Attributes = []Attribute{
		{Name: "User.email", NameFormat: formatName, Type: "xs:string", Values: []string{Email}},
		{Name: "memberOf", NameFormat: formatName, Type: "xs:string", Values: []string{""}},
	}
	return r
}

func google(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Declaration: true, Sorted: true}
	r.ID, r.Assertion.ID = "_0a1b2c3d4e5f60718293a4b5c6d7e8f9", "_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
	r.Assertion.NameID.Format = FormatUnspecified
	r.Assertion.Statements[0].Class = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	r.Assertion.Attributes = []Attribute{{Name: "department", Values: []string{"Wonderland"}}}
	cert := base64.StdEncoding.EncodeToString(s.IdP.Key.Certificate.Raw)
	r.signings(func(x *Signing) {
		x.Wrap = "\n"
		x.KeyInfo = XML("<ds:X509Data><ds:X509SubjectName>ST=California,C=US,OU=Google For Work,CN=Google</ds:X509SubjectName>" +
			"<ds:X509Certificate>" + cert + "</ds:X509Certificate></ds:X509Data>")
	})
	return r
}

func ping(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "samlp", Assertion: "saml", Signature: "ds", Sorted: true}
	r.ID, r.Assertion.ID = "yVtNbCmR0z.qJ0k3eXoY6yH2pVw", "E1sD9uY-n5Gk3Q.pL7hB2wX0tRz"
	r.Assertion.NameID.Format = FormatUnspecified
	r.Assertion.Statements[0].SessionIndex = r.Assertion.ID
	r.Assertion.Statements[0].Class = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	r.signings(func(s *Signing) { s.NoKeyInfo, s.Wrap = true, "\n" })
	return r
}

func jumpCloud(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Declaration: true, Sorted: true}
	r.ID, r.Assertion.ID = "HXQ2M9S1J0KZ7V3R5B8T", "G4W8N2C6Y1D5F9P3L7A0"
	r.Assertion.NameID.Format = FormatUnspecified
	r.Assertion.Attributes = []Attribute{{Name: "email", Type: "xs:string", Values: []string{Email}}}
	r.signings(func(s *Signing) { s.Prefixes = []string{"xs"} })
	return r
}

func keycloak(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "samlp", Assertion: "saml", Signature: "dsig", Sorted: true}
	r.ID, r.Assertion.ID = "ID_5f0c1f0e-6a0b-4a1f-bd1e-0d3c2b1a4f5e", "ID_1c2d3e4f-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
	r.Assertion.Statements[0].SessionNotOnOrAfter = Instant(s.Now.Add(10 * time.Hour))
	r.Assertion.Statements[0].SessionIndex = "b8f7c0e1-2d3a-4b5c::0a1b2c3d"
	r.Assertion.Statements[0].Class = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
	r.Assertion.Attributes = []Attribute{
		{Name: "Role", NameFormat: formatName, Type: "xs:string", Values: []string{"offline_access"}},
		{Name: "Role", NameFormat: formatName, Type: "xs:string", Values: []string{"uma_authorization"}},
	}
	cert, modulus := base64.StdEncoding.EncodeToString(s.IdP.Key.Certificate.Raw), "AQAB"
	if public, ok := s.IdP.Key.Certificate.PublicKey.(*rsa.PublicKey); ok {
		modulus = base64.StdEncoding.EncodeToString(public.N.Bytes())
	}
	r.signings(func(x *Signing) {
		x.KeyInfo = XML("<dsig:KeyName>FJ86GcF3jTbNLOco4NvZkUCIUmfYCqoqtOQeMfbhNlE</dsig:KeyName><dsig:X509Data><dsig:X509Certificate>" +
			cert + "</dsig:X509Certificate></dsig:X509Data><dsig:KeyValue><dsig:RSAKeyValue><dsig:Modulus>" + modulus + "</dsig:Modulus>" +
			"<dsig:Exponent>AQAB</dsig:Exponent></dsig:RSAKeyValue></dsig:KeyValue>")
	})
	return r
}

func shibboleth(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "saml2p", Assertion: "saml2", Signature: "ds", Declaration: true, Sorted: true, Indent: "    "}
	r.ID, r.Assertion.ID = "_2f1e0d9c8b7a69584736251403f2e1d0", "_d0e1f2031425364758697a8b9c0d1e2f"
	a := r.Assertion
	a.NameID.NameQualifier, a.NameID.SPNameQualifier = s.IdP.EntityID, s.SP.EntityID
	a.Confirmations[0].Address = "192.0.2.7"
	a.Statements[0].Locality = "192.0.2.7"
	a.Attributes = []Attribute{
		{Name: "urn:oid:0.9.2342.19200300.100.1.3", FriendlyName: "mail", NameFormat: formatURI, Values: []string{Email}},
		{Name: "urn:oid:1.3.6.1.4.1.5923.1.1.1.10", FriendlyName: "eduPersonTargetedID", NameFormat: formatURI,
			More: XML(`<saml2:AttributeValue><saml2:NameID Format="` + FormatPersistent + `">+Y2FyZWZ1bA==</saml2:NameID></saml2:AttributeValue>`)},
	}
	r.signings(func(s *Signing) { s.Wrap = "&#13;\n" })
	return r
}

func simpleSAMLphp(s Scene) *Response {
	r := s.Response()
	r.ID, r.Assertion.ID = "_8e8dc5f69a98cc4c1ff3427e5ce34606fd672f91e6", "_d71a3a8e9fcc45c9e9d248ef7049393fc8f04e5f75"
	a := r.Assertion
	a.NameID.SPNameQualifier = s.SP.EntityID
	a.Statements[0].SessionNotOnOrAfter = Instant(s.Now.Add(8 * time.Hour))
	a.Statements[0].Authority = "https://upstream.example/metadata"
	for _, p := range []*string{&r.IssueInstant, &a.IssueInstant, &a.Confirmations[0].NotOnOrAfter, &a.Conditions.NotBefore,
		&a.Conditions.NotOnOrAfter, &a.Statements[0].AuthnInstant, &a.Statements[0].SessionNotOnOrAfter} {
		*p = strings.Replace(*p, ".000Z", "Z", 1)
	}
	a.Attributes = []Attribute{
		{Name: "uid", NameFormat: formatName, Type: "xs:string", Values: []string{"user"}},
		{Name: "eduPersonAffiliation", NameFormat: formatName, Type: "xs:string", Values: []string{"users", "examplerole1"}},
	}
	return r
}

func auth0(s Scene) *Response {
	r := s.Response()
	r.Style = Style{Protocol: "samlp", Assertion: "saml"}
	r.ID, r.Assertion.ID = "_7b0a4a2f8d1c3e5f6071", "_Kc3mP0xWq9vTzR5yN1bJ7dH2fL8gS4aE"
	r.Assertion.NameID.Format = FormatUnspecified
	r.Assertion.Attributes = []Attribute{
		{Name: claims + "emailaddress", NameFormat: formatURI, Type: "xs:string", Values: []string{Email}},
		{Name: "http://schemas.auth0.com/email_verified", NameFormat: formatURI, Type: "xs:boolean", Values: []string{"true"}},
	}
	return r
}
