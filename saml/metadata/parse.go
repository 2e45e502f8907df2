package metadata

import (
	"bytes"
	"crypto/x509"
	"errors"
	"net/url"
	"strconv"
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
		return nil, Wrong(CodeTooLarge, 0, "5 MiB")
	}
	if code := notMetadata(doc); code != "" {
		return nil, Wrong(code, 0)
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
		return nil, Wrong(CodeServiceProvider, line)
	}
	return nil, Wrong(CodeNoIdP, line)
}

// notMetadata recognises what is often pasted or fetched by mistake.
func notMetadata(doc []byte) Code {
	head := xmltree.TrimSpace(bytes.TrimPrefix(doc, []byte("\xEF\xBB\xBF")))
	head = bytes.ToLower(head[:min(len(head), 32)])
	switch {
	case bytes.HasPrefix(doc, []byte("\xff\xfe")), bytes.HasPrefix(doc, []byte("\xfe\xff")), bytes.HasPrefix(doc, []byte("<\x00")):
		return CodeUTF16
	case len(head) == 0:
		return CodeEmpty
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.HasPrefix(head, []byte("<html>")), bytes.HasPrefix(head, []byte("<html ")):
		return CodeHTML
	case bytes.HasPrefix(head, []byte("-----begin")):
		return CodeCertificate
	case bytes.HasPrefix(head, []byte("http://")), bytes.HasPrefix(head, []byte("https://")):
		return CodeAddress
	case bytes.HasPrefix(head, []byte("{")), bytes.HasPrefix(head, []byte("[")):
		return CodeJSON
	case head[0] != '<':
		return CodeNotXML
	}
	return ""
}

// entity reads an EntityDescriptor. A fault that keeps an Identity Provider
// from being used is the entity's own; an error is one of the document.
func entity(el xmltree.Element) (Entity, error) {
	id, _ := el.Attr("entityID")
	e := Entity{ID: string(id)}
	if e.ID == "" || len(e.ID) > 1024 {
		return e, at(el, CodeNoEntityID)
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
		return nil, at(role, CodeNoEndpoint, clip([]byte(id)))
	case len(idp.Certificates) == 0:
		return nil, at(role, CodeNoCertificate, clip([]byte(id)))
	case len(idp.Certificates) > saml.MaxCertificates:
		return nil, at(role, CodeTooManyCertificates, clip([]byte(id)), strconv.Itoa(saml.MaxCertificates))
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
		return nil, at(el, CodeNotBase64)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, at(el, CodeUnreadable, strings.TrimPrefix(err.Error(), "x509: "))
	}
	if err := saml.CheckKey(cert); err != nil {
		weak := at(el, CodeWeak, strconv.Quote(cert.Subject.String()), err.Error())
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
	if code, scheme := checkLocation(string(location)); code != "" {
		return list, at(el, code, "Location of "+el.Name(), scheme)
	}
	response, ok := el.Attr("ResponseLocation")
	if ok {
		if code, scheme := checkLocation(string(response)); code != "" {
			return list, at(el, code, "ResponseLocation of "+el.Name(), scheme)
		}
	}
	return append(list, saml.Endpoint{Binding: saml.Binding(binding), Location: string(location), ResponseLocation: string(response)}), nil
}

// CheckLocation reports whether a browser may be sent to a location: an
// absolute URL with https or http, of at most 2,048 characters.
func CheckLocation(location string) error {
	code, scheme := checkLocation(location)
	if code == "" {
		return nil
	}
	_, what, _ := strings.Cut(code.Words(), "%s ")
	return errors.New(Fill(what, []string{scheme}))
}

// checkLocation is [CheckLocation] with what is wrong; empty: nothing.
func checkLocation(location string) (wrong Code, scheme string) {
	u, err := url.Parse(location)
	switch {
	case location == "":
		return CodeLocationMissing, ""
	case len(location) > 2048:
		return CodeLocationLong, ""
	case err == nil && u.Scheme != "" && u.Scheme != "https" && u.Scheme != "http":
		return CodeScheme, clip([]byte(u.Scheme))
	case err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil:
		return CodeNotAbsolute, ""
	}
	return "", ""
}

func clip(b []byte) string {
	return xmltree.Clip(b, 100)
}
