package samltest

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/url"
	"time"

	"sallyport/saml"
)

// What the service provider and the request of the examples are called, and
// when they happen.
const (
	SPEntityID = "https://app.example/saml/acme/metadata"
	ACSURL     = "https://app.example/saml/acme/acs"
	RequestID  = "_request1"
	Email      = "user@acme.test"
)

// Now returns the instant at which examples happen.
func Now() time.Time { return time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC) }

// An IdP is an Identity Provider in process.
type IdP struct {
	EntityID string
	SSOURL   string // for HTTP-Redirect and HTTP-POST
	SLOURL   string // for both, too; empty for no Single Logout
	Key      *Key
}

// NewIdP returns an Identity Provider with the key [RSA2048] and without Single
// Logout.
func NewIdP() *IdP {
	return &IdP{EntityID: "https://idp.example/metadata", SSOURL: "https://idp.example/sso", Key: NamedKey(RSA2048)}
}

// Provider returns what a service provider knows of it.
func (p *IdP) Provider() saml.IdentityProvider {
	return saml.IdentityProvider{
		EntityID:     p.EntityID,
		SSO:          endpoints(p.SSOURL),
		SLO:          endpoints(p.SLOURL),
		Certificates: []*x509.Certificate{p.Key.Certificate},
	}
}

// endpoints are one URL with both bindings.
func endpoints(location string) (list []saml.Endpoint) {
	if location == "" {
		return nil
	}
	for _, binding := range []saml.Binding{saml.HTTPRedirect, saml.HTTPPost} {
		list = append(list, saml.Endpoint{Binding: binding, Location: location})
	}
	return list
}

// Config returns the configuration of a service provider that trusts it.
func (p *IdP) Config() saml.Config {
	return saml.Config{EntityID: SPEntityID, ACSURL: ACSURL, IdP: p.Provider()}
}

// Metadata returns its SAML metadata.
func (p *IdP) Metadata() []byte {
	w := newWriter(Style{Indent: "  ", Declaration: true})
	w.open("md:EntityDescriptor", "xmlns:md", nsMetadata, "entityID", p.EntityID)
	w.open("md:IDPSSODescriptor", "WantAuthnRequestsSigned", "false", "protocolSupportEnumeration", nsProtocol)
	w.open("md:KeyDescriptor", "use", "signing")
	w.open("ds:KeyInfo", "xmlns:ds", nsSignature)
	w.open("ds:X509Data")
	w.leaf("ds:X509Certificate", base64.StdEncoding.EncodeToString(p.Key.Certificate.Raw))
	w.close()
	w.close()
	w.close()
	for _, ep := range endpoints(p.SLOURL) {
		w.open("md:SingleLogoutService", "Binding", string(ep.Binding), "Location", ep.Location)
		w.close()
	}
	w.leaf("md:NameIDFormat", FormatEmail)
	for _, ep := range endpoints(p.SSOURL) {
		w.open("md:SingleSignOnService", "Binding", string(ep.Binding), "Location", ep.Location)
		w.close()
	}
	w.close()
	w.close()
	return []byte(w.String() + "\n")
}

// A Request is an authentication request that has arrived at the [IdP].
type Request struct {
	ID, Issuer, ACSURL, Destination string
	ForceAuthn                      bool
	RelayState                      string
}

// ReadRequest reads the request from the URL that a browser was sent to with
// the HTTP-Redirect binding.
func ReadRequest(redirect string) (*Request, error) {
	u, err := url.Parse(redirect)
	if err != nil {
		return nil, err
	}
	text, err := inflate(u.Query().Get("SAMLRequest"))
	if err != nil {
		return nil, fmt.Errorf("samltest: SAMLRequest: %w", err)
	}
	req, err := parseRequest(text)
	if err != nil {
		return nil, err
	}
	req.RelayState = u.Query().Get("RelayState")
	return req, nil
}

// ReadPostedRequest reads the request from the value of the form field
// SAMLRequest with the HTTP-POST binding.
func ReadPostedRequest(value string) (*Request, error) {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("samltest: SAMLRequest: %w", err)
	}
	return parseRequest(text)
}

func parseRequest(text []byte) (*Request, error) {
	var r struct {
		XMLName     xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:protocol AuthnRequest"`
		ID          string   `xml:",attr"`
		Destination string   `xml:",attr"`
		ACSURL      string   `xml:"AssertionConsumerServiceURL,attr"`
		ForceAuthn  bool     `xml:",attr"`
		Issuer      string   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	}
	if err := xml.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("samltest: SAMLRequest: %w", err)
	}
	return &Request{ID: r.ID, Issuer: r.Issuer, ACSURL: r.ACSURL, Destination: r.Destination, ForceAuthn: r.ForceAuthn}, nil
}
