package metadata

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/xmltree"
)

// An Entity is one entity of a metadata document.
type Entity struct {
	ID string
	// DisplayName is what the entity calls itself, if it does.
	DisplayName string
	// IdP is set where the entity is an Identity Provider for SAML 2.0.
	IdP *saml.IdentityProvider
	// WantAuthnRequestsSigned is what the Identity Provider asks for.
	WantAuthnRequestsSigned bool
	// IsSP is set where the entity is a service provider.
	IsSP bool
	// ValidUntil is when the metadata ends to be valid, CacheDuration how long
	// it may be kept before it is looked for again; zero if not said.
	ValidUntil    time.Time
	CacheDuration time.Duration
	// Fault says why the entity's Identity Provider can't be used; IdP is nil
	// then.
	Fault *Error
	Line  int
}

// An Error says what is wrong with a metadata document.
type Error struct {
	Line   int // from 1; 0 if it is not about a line
	Reason string
	// Plain is the reason without a word of the document, for somebody who
	// may not see what it holds.
	Plain string
}

// Unquoted is the error without a word of the document.
func (e *Error) Unquoted() *Error {
	plain := e.Plain
	if plain == "" {
		plain = e.Reason
	}
	return &Error{Line: e.Line, Reason: plain}
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Reason
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Reason)
}

func at(el xmltree.Element, format string, args ...any) *Error {
	plain := make([]any, len(args))
	for i := range plain {
		plain[i] = "…"
	}
	return &Error{Line: el.Line(), Reason: fmt.Sprintf(format, args...), Plain: fmt.Sprintf(unquote.Replace(format), plain...)}
}

// unquote makes a format write anything as it is.
var unquote = strings.NewReplacer("%q", "%v", "%s", "%v", "%d", "%v")

// MaxSize is the greatest length of a document for [Parse], in octets.
const MaxSize = 5 << 20

const saml2Protocol = "urn:oasis:names:tc:SAML:2.0:protocol"

// Parse reads a document with one EntityDescriptor, or an EntitiesDescriptor
// with any number of them. It returns those that are Identity Providers for
// SAML 2.0, at least one; those of several that can't be used have a Fault.
// Certificates are pins: one of them has to have signed the document, all of it
// or each of its entities; without any, signatures are not looked at. An error
// is an [*Error].
func Parse(doc []byte, pins ...*x509.Certificate) ([]Entity, error) {
	if len(doc) > MaxSize {
		return nil, &Error{Reason: "the document is larger than 5 MiB"}
	}
	if reason := notMetadata(doc); reason != "" {
		return nil, &Error{Reason: reason}
	}
	var found []Entity
	sp, line := false, 1
	err := Each(bytes.NewReader(doc), Options{Pins: pins}, func(e Entity) error {
		sp, line = sp || e.IsSP, e.Line
		if e.IdP != nil || e.Fault != nil {
			found = append(found, e)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 1 && found[0].Fault != nil:
		return nil, found[0].Fault
	case len(found) > 0:
		return found, nil
	case sp:
		return nil, &Error{Line: line, Reason: "this is the metadata of a service provider, not of an Identity Provider"}
	}
	return nil, &Error{Line: line, Reason: "there is no Identity Provider for SAML 2.0 (IDPSSODescriptor) in this document"}
}

// notMetadata recognises what is often pasted or fetched by mistake.
func notMetadata(doc []byte) string {
	head := xmltree.TrimSpace(bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF")))
	head = bytes.ToLower(head[:min(len(head), 32)])
	switch {
	case bytes.HasPrefix(doc, []byte("\xff\xfe")), bytes.HasPrefix(doc, []byte("\xfe\xff")), bytes.HasPrefix(doc, []byte("<\x00")):
		return "this is text in UTF-16; save it as UTF-8"
	case len(head) == 0:
		return "the document is empty"
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html>")), bytes.HasPrefix(head, []byte("<html ")):
		return "this is a web page (HTML), not metadata: the address may lead to a sign-in page"
	case bytes.HasPrefix(head, []byte("-----begin")):
		return "this is a certificate, not metadata"
	case bytes.HasPrefix(head, []byte("http://")), bytes.HasPrefix(head, []byte("https://")):
		return "this is an address, not metadata: give it as the metadata URL"
	case bytes.HasPrefix(head, []byte("{")), bytes.HasPrefix(head, []byte("[")):
		return "this is JSON, not metadata"
	case head[0] != '<':
		return "this is not XML"
	}
	return ""
}

// entity reads an EntityDescriptor. A fault that keeps an Identity Provider
// from being used is the entity's own; an error is one of the document.
func entity(el xmltree.Element) (Entity, error) {
	id, _ := el.Attr("entityID")
	e := Entity{ID: string(id)}
	if e.ID == "" || len(e.ID) > 1024 {
		return e, at(el, "the EntityDescriptor has no entityID, or one of more than 1,024 characters")
	}
	if err := e.validity(el); err != nil {
		return e, err
	}
	for c := el.First(); !c.IsZero(); c = c.Next() {
		switch {
		case c.Is(xmltree.Metadata, "SPSSODescriptor"):
			e.IsSP = true
		case c.Is(xmltree.Metadata, "Organization") && e.DisplayName == "":
			name, _ := c.Child(xmltree.Metadata, "OrganizationDisplayName").Text()
			e.DisplayName = string(xmltree.TrimSpace(name))
		case c.Is(xmltree.Metadata, "IDPSSODescriptor") && e.IdP == nil && e.Fault == nil && speaksSAML2(c):
			idp, err := identityProvider(c, e.ID)
			if err != nil {
				errors.As(err, &e.Fault)
				continue
			}
			wants, _ := c.Attr("WantAuthnRequestsSigned")
			e.IdP, e.WantAuthnRequestsSigned = idp, isTrue(wants)
			if name := displayName(c); name != "" {
				e.DisplayName = name
			}
		}
	}
	return e, nil
}

func isTrue(b []byte) bool { return string(b) == "true" || string(b) == "1" }

// displayName is what the Identity Provider calls itself on the pages of others
// (SAML metadata extensions for login and discovery, section 2.1.2): in
// English, else in the first language.
func displayName(role xmltree.Element) (name string) {
	info := role.Child(xmltree.Metadata, "Extensions").Child(xmltree.MDUI, "UIInfo")
	for c := info.First(); !c.IsZero(); c = c.Next() {
		if !c.Is(xmltree.MDUI, "DisplayName") {
			continue
		}
		text, _ := c.Text()
		lang, _ := c.AttrNS(xmltree.XML, "lang")
		if name == "" || string(lang) == "en" {
			name = string(xmltree.TrimSpace(text))
		}
	}
	return name
}

func speaksSAML2(role xmltree.Element) bool {
	list, _ := role.Attr("protocolSupportEnumeration")
	for _, protocol := range bytes.Fields(list) {
		if string(protocol) == saml2Protocol {
			return true
		}
	}
	return false
}

func identityProvider(role xmltree.Element, id string) (*saml.IdentityProvider, error) {
	idp := &saml.IdentityProvider{EntityID: id}
	for c := role.First(); !c.IsZero(); c = c.Next() {
		var err error
		switch {
		case c.Is(xmltree.Metadata, "KeyDescriptor"):
			err = signingKey(c, idp)
		case c.Is(xmltree.Metadata, "SingleSignOnService"):
			idp.SSO, err = endpoint(idp.SSO, c)
		case c.Is(xmltree.Metadata, "SingleLogoutService"):
			idp.SLO, err = endpoint(idp.SLO, c)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case len(idp.SSO) == 0:
		return nil, at(role, "the Identity Provider %s has no SingleSignOnService for HTTP-Redirect or HTTP-POST", clip([]byte(id)))
	case len(idp.Certificates) == 0:
		return nil, at(role, "the Identity Provider %s has no signing certificate", clip([]byte(id)))
	case len(idp.Certificates) > saml.MaxCertificates:
		return nil, at(role, "the Identity Provider %s has more than %d signing certificates", clip([]byte(id)), saml.MaxCertificates)
	}
	return idp, nil
}

// signingKey adds the certificates of a KeyDescriptor that is for signing or
// says no use.
func signingKey(el xmltree.Element, idp *saml.IdentityProvider) error {
	if use, ok := el.Attr("use"); ok && string(use) != "signing" {
		return nil
	}
	var failure error
	el.Descendants(func(c xmltree.Element) bool {
		if !c.Is(xmltree.DSig, "X509Certificate") {
			return true
		}
		cert, err := certificate(c)
		if err != nil {
			failure = err
			return false
		}
		for _, known := range idp.Certificates {
			if known.Equal(cert) {
				return true
			}
		}
		idp.Certificates = append(idp.Certificates, cert)
		return len(idp.Certificates) <= saml.MaxCertificates
	})
	return failure
}

func certificate(el xmltree.Element) (*x509.Certificate, error) {
	text, ok := el.Text()
	der, err := b64.Append(nil, text)
	if !ok || err != nil {
		return nil, at(el, "the certificate is not base64")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, at(el, "the certificate can't be read: %s", strings.TrimPrefix(err.Error(), "x509: "))
	}
	if err := saml.CheckKey(cert); err != nil {
		weak := at(el, "the certificate %q has %s", cert.Subject, err)
		weak.Plain = "a certificate has " + err.Error() // which speaks of the key alone
		return nil, weak
	}
	return cert, nil
}

// endpoint adds an endpoint of a binding that we speak.
func endpoint(list []saml.Endpoint, el xmltree.Element) ([]saml.Endpoint, error) {
	binding, _ := el.Attr("Binding")
	switch saml.Binding(binding) {
	case saml.HTTPRedirect, saml.HTTPPost:
	default:
		return list, nil
	}
	location, _ := el.Attr("Location")
	if err := CheckLocation(string(location)); err != nil {
		return list, notThere(at(el, "the Location of %s %s", el.Name(), err))
	}
	response, ok := el.Attr("ResponseLocation")
	if ok {
		if err := CheckLocation(string(response)); err != nil {
			return list, notThere(at(el, "the ResponseLocation of %s %s", el.Name(), err))
		}
	}
	return append(list, saml.Endpoint{Binding: saml.Binding(binding), Location: string(location), ResponseLocation: string(response)}), nil
}

// notThere says of an endpoint, without its words, that no browser may be sent to it.
func notThere(e *Error) *Error {
	e.Plain = "the Location of an endpoint is not an absolute URL with https"
	return e
}

// CheckLocation reports whether a browser may be sent to a location: an
// absolute URL with https or http, of at most 2,048 characters.
func CheckLocation(location string) error {
	u, err := url.Parse(location)
	switch {
	case location == "":
		return errors.New("is missing")
	case len(location) > 2048:
		return errors.New("is longer than 2,048 characters")
	case err == nil && u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("has the scheme %s; https is expected", clip([]byte(u.Scheme)))
	case err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil:
		return errors.New("is not an absolute URL")
	}
	return nil
}

func clip(b []byte) string {
	return xmltree.Clip(b, 100)
}
