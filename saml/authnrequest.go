package saml

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"net/url"
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
type AuthnRequest struct {
	ID string
	// Binding and Destination are where it goes: the first endpoint of the
	// Identity Provider with HTTP-Redirect, else with HTTP-POST.
	Binding     Binding
	Destination string
	XML         []byte
}

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
	return &AuthnRequest{ID: o.ID, Binding: ep.Binding, Destination: ep.Location,
		XML: sp.authnRequestXML(o, ep)}, nil
}

func preferred(endpoints []Endpoint) (Endpoint, bool) {
	for _, binding := range []Binding{HTTPRedirect, HTTPPost} {
		for _, ep := range endpoints {
			if ep.Binding == binding {
				return ep, true
			}
		}
	}
	return Endpoint{}, false
}

func (sp *ServiceProvider) authnRequestXML(o RequestOptions, ep Endpoint) []byte {
	var b bytes.Buffer
	attr := func(name, value string) {
		b.WriteString(" " + name + `="`)
		xml.EscapeText(&b, []byte(value)) // a bytes.Buffer takes everything
		b.WriteByte('"')
	}
	b.WriteString(`<samlp:AuthnRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`)
	attr("ID", o.ID)
	attr("Version", "2.0")
	attr("IssueInstant", formatInstant(o.Now))
	attr("Destination", ep.Location)
	attr("AssertionConsumerServiceURL", sp.cfg.ACSURL)
	attr("ProtocolBinding", string(HTTPPost))
	if o.ForceAuthn || sp.cfg.ForceAuthn {
		attr("ForceAuthn", "true")
	}
	b.WriteString("><saml:Issuer>")
	xml.EscapeText(&b, []byte(sp.cfg.EntityID))
	b.WriteString("</saml:Issuer>")
	if sp.cfg.NameIDPolicy != NameIDNone {
		b.WriteString("<samlp:NameIDPolicy")
		attr("Format", nameIDFormatPrefix+string(sp.cfg.NameIDPolicy))
		attr("AllowCreate", "true")
		b.WriteString("/>")
	}
	if sp.cfg.AuthnContext != "" {
		b.WriteString(`<samlp:RequestedAuthnContext Comparison="exact"><saml:AuthnContextClassRef>`)
		xml.EscapeText(&b, []byte(sp.cfg.AuthnContext))
		b.WriteString("</saml:AuthnContextClassRef></samlp:RequestedAuthnContext>")
	}
	b.WriteString("</samlp:AuthnRequest>")
	return b.Bytes()
}

// RedirectURL returns the URL to send the browser to with the HTTP-Redirect
// binding (SAML bindings, section 3.4).
func (r *AuthnRequest) RedirectURL(relayState string) (string, error) {
	u, err := url.Parse(r.Destination)
	if err != nil {
		return "", err
	}
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err = w.Write(r.XML); err != nil {
		return "", err
	}
	if err = w.Close(); err != nil {
		return "", err
	}
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated.Bytes()))
	if relayState != "" {
		query += "&RelayState=" + url.QueryEscape(relayState)
	}
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery, u.Fragment = query, ""
	return u.String(), nil
}

// PostValue returns the value of the form field SAMLRequest with the HTTP-POST
// binding (SAML bindings, section 3.5).
func (r *AuthnRequest) PostValue() string { return base64.StdEncoding.EncodeToString(r.XML) }
