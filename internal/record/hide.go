package record

import (
	"bytes"
	"encoding/xml"
	"slices"
	"strings"
)

// hiddenText stands for what is hidden.
const hiddenText = "•••"

// What is shown of a message whose attributes' values are hidden is listed, not
// what is hidden: an Identity Provider can put a value into an extension, a
// comment, or an XML attribute as well. The texts of these elements are shown,
// where they stand in nothing but those of [structure].
var texts = words(`Issuer NameID Audience StatusMessage AuthnContextClassRef AuthnContextDeclRef AuthenticatingAuthority SessionIndex
	DigestValue SignatureValue CipherValue X509Certificate X509SubjectName X509IssuerName X509SerialNumber X509SKI KeyName Modulus Exponent`)

// structure are the elements of SAML's messages that hold no text of their own.
var structure = words(`Response Assertion Status StatusCode Subject SubjectConfirmation SubjectConfirmationData Conditions AudienceRestriction
	OneTimeUse ProxyRestriction AuthnStatement AuthnContext SubjectLocality AttributeStatement
	EncryptedAssertion EncryptedID EncryptedAttribute EncryptedData EncryptedKey EncryptionMethod CipherData MGF ReferenceList DataReference RetrievalMethod
	Signature SignedInfo CanonicalizationMethod SignatureMethod Reference Transforms Transform InclusiveNamespaces DigestMethod
	KeyInfo KeyValue RSAKeyValue X509Data X509IssuerSerial
	AuthnRequest NameIDPolicy RequestedAuthnContext LogoutRequest LogoutResponse ArtifactResponse`)

// shownAttributes are the XML attributes whose values are shown, on every element
// but AttributeValue.
var shownAttributes = words(`ID Id Version IssueInstant Destination InResponseTo Consent Recipient NotBefore NotOnOrAfter Format NameQualifier SPNameQualifier
	SPProvidedID Method AuthnInstant SessionIndex SessionNotOnOrAfter Address DNSName Count Algorithm URI Type PrefixList Encoding MimeType
	AssertionConsumerServiceURL ProtocolBinding ForceAuthn IsPassive AllowCreate Comparison Reason`)

func words(list string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(list) {
		all[w] = true
	}
	return all
}

// hidden returns the message without the values of attributes, and without all
// that could hold some. Where it is not well-formed nobody knows where such values
// stand: from there on all is hidden.
func (m Message) hidden() Message {
	h := hider{text: m.Text}
	if m.Plain || !h.all() {
		h.hide(len(m.Text))
	}
	m.Text = h.out.Bytes()
	return m
}

// A hider copies what may be shown of a message.
type hider struct {
	text []byte
	done int // up to where it was copied or hidden
	out  bytes.Buffer
	open []element
}

type element struct {
	name   xml.Name
	opaque bool // no text in it is shown
	value  bool // nor anything else
}

func (h *hider) show(to int) {
	h.out.Write(h.text[h.done:to])
	h.done = to
}

func (h *hider) hide(to int) {
	if to > h.done {
		h.out.WriteString(hiddenText)
	}
	h.done = to
}

// all goes through the message, and reports whether that is well-formed.
func (h *hider) all() bool {
	d := xml.NewDecoder(bytes.NewReader(h.text))
	for {
		token, err := d.RawToken()
		if err != nil {
			return h.done == len(h.text)
		}
		if end, ok := token.(xml.EndElement); ok {
			if !h.end(end.Name, int(d.InputOffset())) {
				return false
			}
			continue
		}
		if h.inValue() {
			if start, ok := token.(xml.StartElement); ok {
				h.open = append(h.open, element{start.Name, true, true})
			}
			continue
		}
		h.token(token, int(d.InputOffset()))
	}
}

func (h *hider) top() element {
	if len(h.open) == 0 {
		return element{}
	}
	return h.open[len(h.open)-1]
}

func (h *hider) inValue() bool { return h.top().value }

// end closes an element: only the one that is open. The hidden text stands before
// the end of a value.
func (h *hider) end(name xml.Name, to int) bool {
	top := h.top()
	if len(h.open) == 0 || top.name != name {
		return false
	}
	h.open = h.open[:len(h.open)-1]
	switch {
	case h.inValue(): // still
	case !top.value:
		h.show(to)
	default:
		if tag := bytes.LastIndexByte(h.text[:to], '<'); tag >= h.done {
			h.hide(tag)
		}
		h.show(to)
	}
	return true
}

// token copies or hides what is no end and stands in no value.
func (h *hider) token(token xml.Token, to int) {
	switch t := token.(type) {
	case xml.StartElement:
		h.start(t, to)
	case xml.CharData:
		if top := h.top(); len(bytes.TrimSpace(t)) == 0 || texts[top.name.Local] && !top.opaque {
			h.show(to)
		} else {
			h.hide(to)
		}
	case xml.ProcInst:
		if t.Target == "xml" {
			h.show(to)
		} else {
			h.out.WriteString("<?" + hiddenText + "?>")
			h.done = to
		}
	case xml.Comment:
		h.out.WriteString("<!--" + hiddenText + "-->")
		h.done = to
	case xml.Directive:
		h.out.WriteString("<!" + hiddenText + ">")
		h.done = to
	}
}

// start copies a tag without the values of what is not known to hold none.
func (h *hider) start(t xml.StartElement, to int) {
	name := t.Name.Local
	known := texts[name] || structure[name]
	h.open = append(h.open, element{t.Name, h.top().opaque || !known, name == "AttributeValue"})
	shown := func(a xml.Attr) bool {
		switch {
		case a.Name.Space == "xmlns", a.Name.Space == "" && a.Name.Local == "xmlns", a.Name.Space != "" && (a.Name.Local == "type" || a.Name.Local == "nil"):
			return true
		case name == "AttributeValue":
			return false
		case name == "Attribute":
			return a.Name.Space == "" && (a.Name.Local == "Name" || a.Name.Local == "NameFormat" || a.Name.Local == "FriendlyName")
		}
		return known && a.Name.Space == "" && (shownAttributes[a.Name.Local] || name == "StatusCode" && a.Name.Local == "Value")
	}
	if !slices.ContainsFunc(t.Attr, func(a xml.Attr) bool { return !shown(a) }) {
		h.show(to)
		return
	}
	h.out.WriteString("<" + prefixed(t.Name))
	for _, a := range t.Attr {
		h.out.WriteString(" " + prefixed(a.Name) + `="`)
		if shown(a) {
			xml.EscapeText(&h.out, []byte(a.Value))
		} else {
			h.out.WriteString(hiddenText)
		}
		h.out.WriteByte('"')
	}
	if bytes.HasSuffix(h.text[:to], []byte("/>")) {
		h.out.WriteByte('/')
	}
	h.out.WriteByte('>')
	h.done = to
}

func prefixed(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}
