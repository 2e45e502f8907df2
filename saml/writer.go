package saml

import (
	"bytes"
	"encoding/xml"
)

const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
)

// A writer writes the XML of our own messages: elements, attributes and text,
// escaped.
type writer struct {
	b       bytes.Buffer
	names   []string // of open elements
	inStart bool     // the start tag of the innermost one is not complete
}

func (w *writer) open(name string) *writer {
	w.endStart()
	w.b.WriteString("<" + name)
	w.names, w.inStart = append(w.names, name), true
	return w
}

func (w *writer) endStart() {
	if w.inStart {
		w.b.WriteByte('>')
	}
	w.inStart = false
}

// attr adds an attribute to the element opened last.
func (w *writer) attr(name, value string) *writer {
	w.b.WriteString(" " + name + `="`)
	xml.EscapeText(&w.b, []byte(value)) // a bytes.Buffer takes everything
	w.b.WriteByte('"')
	return w
}

// close ends the innermost element.
func (w *writer) close() *writer {
	name := w.names[len(w.names)-1]
	w.names = w.names[:len(w.names)-1]
	if w.inStart {
		w.b.WriteString("/>")
		w.inStart = false
		return w
	}
	w.b.WriteString("</" + name + ">")
	return w
}

// element writes an element that holds nothing but text.
func (w *writer) element(name, text string) *writer {
	return w.open(name).text(text).close()
}

// text writes character data into the innermost element.
func (w *writer) text(text string) *writer {
	w.endStart()
	xml.EscapeText(&w.b, []byte(text)) // a bytes.Buffer takes everything
	return w
}

func (w *writer) bytes() []byte { return w.b.Bytes() }
