package parts

import (
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"

	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

// A Document is what somebody gives as the metadata of an Identity Provider, and
// what has to be said of it.
type Document struct {
	Name, Text string
	Line       int    // the line that is named; 0: none
	Says       string // among the words of the refusal; empty: it is taken
	Code       metadata.Code
	Warns      string // the code of a warning about what is taken
	Several    int    // Identity Providers to choose from, where there are several
}

// Documents are bad metadata documents, and those that look bad and are not.
func Documents() []Document {
	good := string(samltest.NewIdP().Metadata())
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	signedBy := func(key string) string {
		idp := samltest.NewIdP()
		idp.Key = samltest.NamedKey(key)
		return string(idp.Metadata())
	}
	cut := func(from, to string) string { // without what stands between
		i := strings.Index(good, from)
		j := strings.LastIndex(good, to) + len(to)
		return good[:i] + good[j:]
	}
	der := base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.RSA2048).Certificate.Raw)
	ours := metadata.ServiceProvider{EntityID: "https://app.example/metadata", ACSURL: "https://app.example/acs"}.XML()
	entity := good[strings.Index(good, "<md:EntityDescriptor"):]
	two := "<md:EntitiesDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\">\n" + entity +
		strings.Replace(entity, "https://idp.example/metadata", "https://idp.example/second", 1) + "</md:EntitiesDescriptor>"
	return []Document{
		{Name: "nothing", Text: " \n", Says: "the document is empty", Code: metadata.CodeEmpty},
		{Name: "HTML login page", Text: "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><form></form></body></html>", Says: "web page (HTML)", Code: metadata.CodeHTML},
		{Name: "HTML in capitals", Text: "\n\n<HTML lang=en><BODY>Session expired</BODY></HTML>", Says: "web page (HTML)", Code: metadata.CodeHTML},
		{Name: "an error in JSON", Text: `{"error":"access_denied"}`, Says: "this is JSON", Code: metadata.CodeJSON},
		{Name: "the address instead of the document", Text: "https://idp.example/metadata", Says: "this is an address", Code: metadata.CodeAddress},
		{Name: "a certificate instead of the document", Text: PEM(samltest.RSA2048), Says: "this is a certificate", Code: metadata.CodeCertificate},
		{Name: "words", Text: "see attachment", Says: "this is not XML", Code: metadata.CodeNotXML},
		{Name: "metadata of a service provider", Text: string(ours), Line: 2, Says: "metadata of a service provider", Code: metadata.CodeServiceProvider},
		{Name: "truncated", Text: good[:len(good)-30], Line: 14, Says: "not well-formed XML", Code: metadata.CodeNotWellFormed},
		{Name: "truncated within a certificate", Text: good[:strings.Index(good, der)+300], Line: 7, Says: "not well-formed XML", Code: metadata.CodeNotWellFormed},
		{Name: "an end tag too many", Text: good + "</md:EntityDescriptor>", Line: 16, Says: "something stands behind", Code: metadata.CodeBehind},
		{Name: "a DOCTYPE", Text: change("<md:EntityDescriptor", "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>\n<md:EntityDescriptor"), Line: 2, Says: "DOCTYPE", Code: metadata.CodeDoctype},
		{Name: "an entity of its own", Text: change("https://idp.example/sso", "&sso;"), Line: 12, Says: "entity", Code: metadata.CodeNotWellFormed},
		{Name: "another namespace", Text: change("SAML:2.0:metadata", "SAML:2.1:metadata"), Line: 2, Says: "not an EntityDescriptor or EntitiesDescriptor", Code: metadata.CodeNotMetadata},
		{Name: "no namespace", Text: "\n<EntityDescriptor entityID=\"https://idp.example/metadata\"/>", Line: 2, Says: "not an EntityDescriptor or EntitiesDescriptor", Code: metadata.CodeNotMetadata},
		{Name: "WS-Federation alone", Text: string(adfs(1, "")), Line: 1, Says: "no Identity Provider for SAML 2.0", Code: metadata.CodeNoIdP},
		{Name: "SAML 1.1", Text: change("SAML:2.0:protocol", "SAML:1.1:protocol"), Line: 2, Says: "no Identity Provider for SAML 2.0", Code: metadata.CodeNoIdP},
		{Name: "no entity ID", Text: change("entityID", "id"), Line: 2, Says: "no entityID", Code: metadata.CodeNoEntityID},
		{Name: "no endpoint", Text: cut("<md:SingleSignOnService", "Location=\"https://idp.example/sso\"></md:SingleSignOnService>"), Line: 3, Says: "no SingleSignOnService", Code: metadata.CodeNoEndpoint},
		{Name: "no endpoint but SOAP", Text: strings.NewReplacer("HTTP-Redirect", "SOAP", "HTTP-POST", "SOAP").Replace(good), Line: 3, Says: "no SingleSignOnService", Code: metadata.CodeNoEndpoint},
		{Name: "a javascript: endpoint", Text: change(`Location="https://idp.example/sso"`, `Location="javascript:alert(1)"`), Line: 12, Says: "has the scheme javascript", Code: metadata.CodeScheme},
		{Name: "an endpoint without a host", Text: change(`Location="https://idp.example/sso"`, `Location="/sso"`), Line: 12, Says: "not an absolute URL", Code: metadata.CodeNotAbsolute},
		{Name: "no certificate", Text: change(`use="signing"`, `use="encryption"`), Line: 3, Says: "no signing certificate", Code: metadata.CodeNoCertificate},
		{Name: "a weak certificate", Text: signedBy(samltest.RSA1024), Line: 7, Says: "RSA key of 1024 bits", Code: metadata.CodeWeak},
		{Name: "a certificate that is none", Text: change(der, der[:200]), Line: 7, Says: "the certificate can't be read", Code: metadata.CodeUnreadable},
		{Name: "a certificate in PEM", Text: change(der, PEM(samltest.RSA2048)), Line: 7, Says: "the certificate is not base64", Code: metadata.CodeNotBase64},
		{Name: "UTF-16 without a mark", Text: wide(good), Says: "UTF-16", Code: metadata.CodeUTF16},
		{Name: "UTF-16 by its declaration", Text: change(`"UTF-8"`, `"UTF-16"`), Line: 1, Says: "encoding other than UTF-8", Code: metadata.CodeEncoding},
		{Name: "more than 5 MiB", Text: strings.Repeat(" ", metadata.MaxSize) + good, Says: "larger than 5 MiB", Code: metadata.CodeTooLarge},

		{Name: "an expired certificate", Text: signedBy(samltest.RSA2048Expired), Warns: "certificate_expired"},
		{Name: "an endpoint of http", Text: change(`Location="https://idp.example/sso"`, `Location="http://idp.example/sso"`), Warns: "endpoint_not_https"},
		{Name: "5 MB of AD FS with WS-Fed roles", Text: string(adfs(1600, entity))},
		{Name: "two Identity Providers", Text: two, Several: 2},
	}
}

// wide is a text in UTF-16, little-endian, without a mark.
func wide(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(unit))
		b.WriteByte(byte(unit >> 8))
	}
	return b.String()
}

// adfs is what AD FS exports: roles of WS-Federation, with a claim type each, in
// front of those of an entity.
func adfs(claims int, entity string) []byte {
	var b strings.Builder
	b.WriteString(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example/metadata">` +
		`<md:RoleDescriptor xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:fed="http://docs.oasis-open.org/wsfed/federation/200706" ` +
		`xsi:type="fed:ApplicationServiceType" protocolSupportEnumeration="http://docs.oasis-open.org/wsfed/federation/200706">`)
	for i := range claims {
		fmt.Fprintf(&b, "<auth:ClaimType xmlns:auth=\"http://docs.oasis-open.org/wsfed/authorization/200706\" Uri=\"http://schemas.example/claim/%d\">"+
			"<auth:Description>%s</auth:Description></auth:ClaimType>\n", i, strings.Repeat("what it is ", 270))
	}
	b.WriteString("</md:RoleDescriptor>")
	if i := strings.Index(entity, "<md:IDPSSODescriptor"); i >= 0 {
		b.WriteString(strings.TrimSuffix(strings.TrimSpace(entity[i:]), "</md:EntityDescriptor>"))
	}
	b.WriteString("</md:EntityDescriptor>\n")
	return []byte(b.String())
}
