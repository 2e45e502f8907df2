package samltest

import (
	"encoding/base64"
	"encoding/xml"
	"strings"
)

const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
	nsXS        = "http://www.w3.org/2001/XMLSchema"
	nsXSI       = "http://www.w3.org/2001/XMLSchema-instance"
)

// A Style says how a message is written; what it says stays the same.
type Style struct {
	// Protocol, Assertion and Signature are prefixes. The empty one makes a
	// namespace the default.
	Protocol, Assertion, Signature string
	// Indent is put before each element, once per level, behind a line feed;
	// without it there is no white space.
	Indent string
	// Declaration starts with an XML declaration.
	Declaration bool
	// Outer declares all namespaces at the Response.
	Outer bool
	// Sorted puts attributes into alphabetical order, as Java's writers do.
	Sorted bool
}

// A writer writes elements by their qualified names and keeps count of what is
// open.
type writer struct {
	strings.Builder
	style  Style
	stack  []string
	scope  []map[string]string // namespace declarations by prefix, per open element
	parent bool                // the last thing written was an end tag
}

func newWriter(s Style) *writer {
	w := &writer{style: s}
	if s.Declaration {
		w.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
		w.newline()
	}
	return w
}

func (w *writer) newline() {
	if w.style.Indent != "" && w.Len() > 0 {
		w.WriteString("\n" + strings.Repeat(w.style.Indent, len(w.stack)))
	}
}

// open writes a start tag. Attributes come in pairs; those with an empty value
// are left out.
func (w *writer) open(name string, attrs ...string) {
	if len(w.stack) > 0 {
		w.newline()
	}
	w.WriteString("<" + name)
	declared := make(map[string]string)
	for i := 0; i < len(attrs); i += 2 {
		if prefix, ok := strings.CutPrefix(attrs[i], "xmlns"); ok {
			declared[strings.TrimPrefix(prefix, ":")] = attrs[i+1]
		}
		if attrs[i+1] != "" {
			w.WriteString(" " + attrs[i] + `="` + Escape(attrs[i+1]) + `"`)
		}
	}
	w.WriteString(">")
	w.stack, w.scope, w.parent = append(w.stack, name), append(w.scope, declared), false
}

func (w *writer) close() {
	name := w.stack[len(w.stack)-1]
	w.stack, w.scope = w.stack[:len(w.stack)-1], w.scope[:len(w.scope)-1]
	if w.parent {
		w.newline()
	}
	w.WriteString("</" + name + ">")
	w.parent = true
}

// leaf writes an element with text.
func (w *writer) leaf(name, text string, attrs ...string) {
	w.open(name, attrs...)
	w.WriteString(Escape(text))
	w.close()
}

func (w *writer) raw(x XML) {
	if x != "" {
		w.newline()
		w.WriteString(string(x))
		w.parent = true
	}
}

// declares returns the declaration of a prefix as a pair of open, and nothing
// where it is in scope.
func (w *writer) declares(prefix, ns string) []string {
	for i := len(w.scope) - 1; i >= 0; i-- {
		if found, ok := w.scope[i][prefix]; ok {
			if found == ns {
				return nil
			}
			break
		}
	}
	if prefix == "" {
		return []string{"xmlns", ns}
	}
	return []string{"xmlns:" + prefix, ns}
}

// saml opens an element of the assertion namespace, samlp one of the protocol.
func (w *writer) saml(local string, attrs ...string) {
	w.in(w.style.Assertion, nsAssertion, local, attrs)
}
func (w *writer) samlp(local string, attrs ...string) {
	w.in(w.style.Protocol, nsProtocol, local, attrs)
}

func (w *writer) in(prefix, ns, local string, attrs []string) {
	if prefix != "" {
		local = prefix + ":" + local
	}
	w.open(local, append(attrs, w.declares(prefix, ns)...)...)
}

// text writes an element of the assertion namespace with text.
func (w *writer) text(local, text string, attrs ...string) {
	w.saml(local, attrs...)
	w.WriteString(Escape(text))
	w.close()
}

// Escape writes text as it may stand in an element or an attribute.
func Escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}

// unsigned writes the response without signatures.
func (r *Response) unsigned() string {
	w := newWriter(r.Style)
	attrs := []string{"ID", r.ID, "Version", r.Version, "IssueInstant", r.IssueInstant,
		"Destination", r.Destination, "Consent", r.Consent, "InResponseTo", r.InResponseTo}
	if r.Style.Sorted {
		attrs = []string{"Consent", r.Consent, "Destination", r.Destination, "ID", r.ID,
			"InResponseTo", r.InResponseTo, "IssueInstant", r.IssueInstant, "Version", r.Version}
	}
	if r.Style.Outer {
		attrs = append(attrs, w.declares(r.Style.Assertion, nsAssertion)...)
		attrs = append(attrs, "xmlns:xs", nsXS, "xmlns:xsi", nsXSI)
	}
	w.samlp("Response", attrs...)
	w.issuer(r.Issuer)
	if len(r.Extensions) > 0 {
		w.samlp("Extensions")
		for _, x := range r.Extensions {
			w.raw(x)
		}
		w.close()
	}
	w.status(r.Status)
	if r.Assertion != nil {
		w.assertion(r.Assertion)
	}
	for _, x := range r.More {
		w.raw(x)
	}
	w.close()
	return w.String()
}

func (w *writer) issuer(i Issuer) {
	if i.Value != "" {
		w.text("Issuer", i.Value, "Format", i.Format)
	}
}

func (w *writer) status(s Status) {
	if s.Code == "" {
		return
	}
	w.samlp("Status")
	w.samlp("StatusCode", "Value", s.Code)
	if s.SubCode != "" {
		w.samlp("StatusCode", "Value", s.SubCode)
		w.close()
	}
	w.close()
	if s.Message != "" {
		w.samlp("StatusMessage")
		w.WriteString(Escape(s.Message))
		w.close()
	}
	if s.Detail != "" {
		w.samlp("StatusDetail")
		w.raw(s.Detail)
		w.close()
	}
	w.close()
}

func (w *writer) assertion(a *Assertion) {
	attrs := []string{"ID", a.ID, "Version", a.Version, "IssueInstant", a.IssueInstant}
	if w.style.Sorted {
		attrs = []string{"ID", a.ID, "IssueInstant", a.IssueInstant, "Version", a.Version}
	}
	w.saml("Assertion", attrs...)
	w.issuer(a.Issuer)
	if !a.NoSubject {
		w.subject(a)
	}
	if a.Conditions != nil {
		w.conditions(a.Conditions)
	}
	if a.Advice != "" {
		w.saml("Advice")
		w.raw(a.Advice)
		w.close()
	}
	if a.AttributesFirst {
		w.attributes(a.Attributes)
	}
	for _, s := range a.Statements {
		w.statement(s)
	}
	if !a.AttributesFirst {
		w.attributes(a.Attributes)
	}
	w.raw(a.More)
	w.close()
}

func (w *writer) subject(a *Assertion) {
	w.saml("Subject")
	if n := a.NameID; n.Value != "" {
		w.text("NameID", n.Value, "Format", n.Format, "NameQualifier", n.NameQualifier, "SPNameQualifier", n.SPNameQualifier)
	}
	for _, c := range a.Confirmations {
		w.saml("SubjectConfirmation", "Method", c.Method)
		if c != (Confirmation{Method: c.Method}) {
			w.saml("SubjectConfirmationData", "Address", c.Address, "InResponseTo", c.InResponseTo,
				"NotBefore", c.NotBefore, "NotOnOrAfter", c.NotOnOrAfter, "Recipient", c.Recipient)
			w.close()
		}
		w.close()
	}
	w.close()
}

func (w *writer) conditions(c *Conditions) {
	w.saml("Conditions", "NotBefore", c.NotBefore, "NotOnOrAfter", c.NotOnOrAfter)
	for _, restriction := range c.Audiences {
		w.saml("AudienceRestriction")
		for _, audience := range restriction {
			w.text("Audience", audience)
		}
		w.close()
	}
	if c.OneTimeUse {
		w.saml("OneTimeUse")
		w.close()
	}
	w.raw(c.More)
	w.close()
}

func (w *writer) statement(s AuthnStatement) {
	w.saml("AuthnStatement", "AuthnInstant", s.AuthnInstant, "SessionIndex", s.SessionIndex, "SessionNotOnOrAfter", s.SessionNotOnOrAfter)
	if s.Locality != "" {
		w.saml("SubjectLocality", "Address", s.Locality)
		w.close()
	}
	w.saml("AuthnContext")
	if s.Class != "" {
		w.text("AuthnContextClassRef", s.Class)
	}
	if s.Authority != "" {
		w.text("AuthenticatingAuthority", s.Authority)
	}
	w.close()
	w.close()
}

func (w *writer) attributes(list []Attribute) {
	if len(list) == 0 {
		return
	}
	w.saml("AttributeStatement")
	for _, a := range list {
		w.saml("Attribute", "Name", a.Name, "FriendlyName", a.FriendlyName, "NameFormat", a.NameFormat)
		for _, v := range a.Values {
			var typed []string
			if a.Type != "" {
				typed = append(w.declares("xs", nsXS), w.declares("xsi", nsXSI)...)
				typed = append(typed, "xsi:type", a.Type)
			}
			w.text("AttributeValue", v, typed...)
		}
		w.raw(a.More)
		w.close()
	}
	w.close()
}

// Encode writes XML as the form field SAMLResponse carries it.
func Encode(xml string) string { return base64.StdEncoding.EncodeToString([]byte(xml)) }

// EncodeLines writes XML as base64 in lines of this many characters.
func EncodeLines(xml string, width int, lineEnd string) string {
	text := Encode(xml)
	var lines []string
	for len(text) > width {
		lines, text = append(lines, text[:width]), text[width:]
	}
	return strings.Join(append(lines, text), lineEnd)
}
