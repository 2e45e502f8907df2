package record

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"sallyport/internal/fault"
	"sallyport/saml"
)

// Limits of what is kept.
const (
	MaxMessage    = 256 << 10 // octets of a message
	maxAttributes = 100
	maxValues     = 20
	maxValue      = 1024 // octets of a name or value
)

// maxField bounds what is looked at of a field: base64, in short lines at most.
const maxField = 2 * MaxMessage * 4 / 3

// A Message is what was posted as a SAMLResponse.
type Message struct {
	// Fields is how many fields of the name were posted.
	Fields int
	// Text is the decoded message; where it is no base64, the field as it is.
	Text  []byte
	Plain bool // it is no base64
	Cut   bool // it was longer
}

// ReadMessage keeps what was posted, as far as that is of use.
func ReadMessage(fields []string) Message {
	m := Message{Fields: len(fields)}
	if len(fields) == 0 {
		return m
	}
	field := fields[0]
	if len(field) > maxField {
		field, m.Cut = field[:maxField], true
	}
	m.Text, m.Plain = decode(field, m.Cut)
	if len(m.Text) > MaxMessage {
		m.Text, m.Cut = m.Text[:MaxMessage], true
	}
	return m
}

// decode undoes base64, or returns the field where it is something else. What
// was cut need not end well.
func decode(field string, wasCut bool) (text []byte, plain bool) {
	packed := strings.Map(func(r rune) rune {
		if r == ' ' || r == '\t' || r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, field)
	text = make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Strict().Decode(text, []byte(packed))
	if err != nil && !(wasCut && n > 0) {
		return []byte(field), true
	}
	return text[:n], false
}

// Posted returns the fields as they were, to be judged again; false if not all
// of the message was kept.
func (m Message) Posted() (fields []string, ok bool) {
	if m.Cut {
		return nil, false
	}
	field := string(m.Text)
	if !m.Plain {
		field = base64.StdEncoding.EncodeToString(m.Text)
	}
	for range m.Fields {
		fields = append(fields, field)
	}
	return fields, true
}

// Readable returns the message as text.
func (m Message) Readable() string {
	return strings.ToValidUTF8(string(bytes.ReplaceAll(m.Text, []byte{0}, []byte{' '})), "\uFFFD")
}

// Checks takes over what package saml found.
func Checks(from []saml.Check) []Check {
	checks := make([]Check, len(from), len(from)+2)
	for i, c := range from {
		checks[i] = Check{c.Name, fault.Code(c.Code), c.Status, c.Expected, c.Found, c.Note}
	}
	return checks
}

// Attributes takes over what a message says of its subject, as far as that is
// of use.
func Attributes(from saml.Attributes) (kept []Attribute) {
	for a := range from.All() {
		if len(kept) == maxAttributes {
			break
		}
		one := Attribute{Name: cut(a.Name)}
		for _, v := range a.Values[:min(len(a.Values), maxValues)] {
			one.Values = append(one.Values, cut(v))
		}
		kept = append(kept, one)
	}
	return kept
}

func cut(s string) string {
	if len(s) <= maxValue {
		return s
	}
	s = s[:maxValue]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
