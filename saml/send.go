package saml

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/url"

	"sallyport/saml/internal/dsig"
)

// An Outgoing message goes to the Identity Provider through the browser, by one
// of two bindings.
type Outgoing struct {
	ID string
	// Binding and Destination are where it goes: the first endpoint with
	// HTTP-Redirect, else with HTTP-POST.
	Binding     Binding
	Destination string
	// XML is the message; with HTTP-POST signed, where it is to be.
	XML []byte
	// Field is the name of the query parameter or form field that carries it:
	// SAMLRequest or SAMLResponse.
	Field string
	// signer makes the detached signature of HTTP-Redirect; nil for none.
	signer *rsa.PrivateKey
}

// preferred returns the endpoint to send to. Some bindings may come before the
// usual order.
func preferred(endpoints []Endpoint, first ...Binding) (Endpoint, bool) {
	for _, binding := range append(first, HTTPRedirect, HTTPPost) {
		for _, ep := range endpoints {
			if ep.Binding == binding {
				return ep, true
			}
		}
	}
	return Endpoint{}, false
}

// outgoing makes a message ready to be sent to an endpoint.
func (sp *ServiceProvider) outgoing(field, id string, ep Endpoint, text []byte, sign bool) (out Outgoing, err error) {
	out = Outgoing{ID: id, Binding: ep.Binding, Destination: ep.Location, XML: text, Field: field}
	if !sign || len(sp.cfg.Keys) == 0 {
		return out, nil
	}
	key := sp.cfg.Keys[0]
	if ep.Binding == HTTPRedirect {
		out.signer = key.Private
		return out, nil
	}
	out.XML, err = SignElement(text, id, key)
	return out, err
}

// SignElement signs the element of a document that has an ID: with RSA-SHA256,
// enveloped, behind the Issuer, or first where there is none.
func SignElement(doc []byte, id string, key KeyPair) ([]byte, error) {
	return dsig.Sign(doc, id, dsig.SignOptions{Key: key.Private, Prefix: "ds", Certificates: []*x509.Certificate{key.Certificate}})
}

// RedirectURL returns the URL to send the browser to with the HTTP-Redirect
// binding (SAML bindings, section 3.4).
func (m *Outgoing) RedirectURL(relayState string) (string, error) {
	u, err := url.Parse(m.Destination)
	if err != nil {
		return "", err
	}
	deflated, err := deflate(m.XML)
	if err != nil {
		return "", err
	}
	query := m.Field + "=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated))
	if relayState != "" {
		query += "&RelayState=" + url.QueryEscape(relayState)
	}
	if m.signer != nil {
		// The signature is over these octets, in this order (section 3.4.4.1).
		query += "&SigAlg=" + url.QueryEscape(dsig.RSASHA256)
		digest := sha256.Sum256([]byte(query))
		signature, err := m.signer.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			return "", err
		}
		query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	}
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery, u.Fragment = query, ""
	return u.String(), nil
}

func deflate(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(text); err != nil {
		return nil, err
	}
	if err = w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// PostValue returns the value of the form field that carries the message with
// the HTTP-POST binding (SAML bindings, section 3.5).
func (m *Outgoing) PostValue() string { return base64.StdEncoding.EncodeToString(m.XML) }
