package saml

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
)

// RequestOptions are what one request asks for beyond the configuration.
type RequestOptions struct {
	// ID is made at random if empty. It has to be an NCName that nobody can
	// guess.
	ID string
	// ForceAuthn asks for a new authentication, whatever the configuration
	// says.
	ForceAuthn bool
	// Now is the instant of issue; the system's if zero.
	Now time.Time
}

// An AuthnRequest is a request for authentication, on its way to the Identity
// Provider (SAML core, section 3.4).
type AuthnRequest struct{ Outgoing }

// ErrNoEndpoint is returned where the Identity Provider has no endpoint for a
// binding that we speak.
var ErrNoEndpoint = errors.New("saml: the Identity Provider has no endpoint for HTTP-Redirect or HTTP-POST")

// NewID returns an identifier for a message: 160 random bits, starting with a
// letter or underscore as an xs:ID must.
func NewID() string { return "_" + strings.ToLower(rand.Text()+rand.Text()[:6]) }

// AuthnRequest makes a request for authentication. Only the value of ID ties
// the response to it: remember it, for this browser, until it is answered.
func (sp *ServiceProvider) AuthnRequest(o RequestOptions) (*AuthnRequest, error) {
	ep, ok := preferred(sp.cfg.IdP.SSO)
	if !ok {
		return nil, ErrNoEndpoint
	}
	if o.ID == "" {
		o.ID = NewID()
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	out, err := sp.outgoing("SAMLRequest", o.ID, ep, sp.authnRequestXML(o, ep), sp.cfg.SignRequests)
	return &AuthnRequest{out}, err
}

func (sp *ServiceProvider) authnRequestXML(o RequestOptions, ep Endpoint) []byte {
	var w writer
	w.open("samlp:AuthnRequest").attr("xmlns:samlp", nsProtocol).attr("xmlns:saml", nsAssertion)
	w.attr("ID", o.ID).attr("Version", "2.0").attr("IssueInstant", formatInstant(o.Now))
	w.attr("Destination", ep.Location).attr("AssertionConsumerServiceURL", sp.cfg.ACSURL)
	w.attr("ProtocolBinding", string(HTTPPost))
	if o.ForceAuthn || sp.cfg.ForceAuthn {
		w.attr("ForceAuthn", "true")
	}
	w.element("saml:Issuer", sp.cfg.EntityID)
	if sp.cfg.NameIDPolicy != NameIDNone {
		w.open("samlp:NameIDPolicy").attr("Format", nameIDFormatPrefix+string(sp.cfg.NameIDPolicy)).attr("AllowCreate", "true").close()
	}
	if sp.cfg.AuthnContext != "" {
		w.open("samlp:RequestedAuthnContext").attr("Comparison", "exact")
		w.element("saml:AuthnContextClassRef", sp.cfg.AuthnContext).close()
	}
	return w.close().bytes()
}
