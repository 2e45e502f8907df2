package metadata

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"

	"sallyport/saml"
)

// A ServiceProvider is what an Identity Provider has to know of us.
type ServiceProvider struct {
	// ID is that of the EntityDescriptor: an NCName, needed to sign it; left
	// out if empty.
	ID       string
	EntityID string
	ACSURL   string
	SLOURL   string // empty for none
	// SigningCertificates verify what we sign, newest use first.
	SigningCertificates []*x509.Certificate
	// EncryptionCertificates are offered for encryption. Some Identity
	// Providers encrypt as soon as they see one.
	EncryptionCertificates []*x509.Certificate
	// AuthnRequestsSigned says that requests will be signed.
	AuthnRequestsSigned bool
}

// XML writes the metadata (SAML metadata, section 2.4.4).
func (sp ServiceProvider) XML() []byte {
	var b bytes.Buffer
	attr := func(name, value string) {
		b.WriteString(" " + name + `="`)
		xml.EscapeText(&b, []byte(value)) // a bytes.Buffer takes everything
		b.WriteByte('"')
	}
	flag := func(name string, on bool) {
		value := "false"
		if on {
			value = "true"
		}
		attr(name, value)
	}
	b.WriteString(xml.Header)
	b.WriteString(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"`)
	if sp.ID != "" {
		attr("ID", sp.ID)
	}
	attr("entityID", sp.EntityID)
	b.WriteString(">\n  <md:SPSSODescriptor")
	flag("AuthnRequestsSigned", sp.AuthnRequestsSigned)
	flag("WantAssertionsSigned", true)
	attr("protocolSupportEnumeration", saml2Protocol)
	b.WriteString(">\n")
	keys(&b, "signing", sp.SigningCertificates)
	keys(&b, "encryption", sp.EncryptionCertificates)
	if sp.SLOURL != "" {
		for _, binding := range []string{"HTTP-Redirect", "HTTP-POST"} {
			b.WriteString("    <md:SingleLogoutService")
			attr("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:"+binding)
			attr("Location", sp.SLOURL)
			b.WriteString("/>\n")
		}
	}
	b.WriteString("    <md:NameIDFormat>urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress</md:NameIDFormat>\n")
	b.WriteString("    <md:AssertionConsumerService")
	attr("Binding", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST")
	attr("Location", sp.ACSURL)
	attr("index", "0")
	attr("isDefault", "true")
	b.WriteString("/>\n  </md:SPSSODescriptor>\n</md:EntityDescriptor>\n")
	return b.Bytes()
}

// Signed writes the metadata signed with a key (SAML metadata, section 3). An ID
// has to be set.
func (sp ServiceProvider) Signed(key saml.KeyPair) ([]byte, error) {
	return saml.SignElement(sp.XML(), sp.ID, key)
}

func keys(b *bytes.Buffer, use string, certs []*x509.Certificate) {
	for _, c := range certs {
		b.WriteString(`    <md:KeyDescriptor use="` + use + `"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` +
			"<ds:X509Data><ds:X509Certificate>" + base64.StdEncoding.EncodeToString(c.Raw) +
			"</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>\n")
	}
}
