package saml

import (
	"iter"
	"slices"

	"sallyport/saml/internal/xmltree"
)

// An Attribute is one attribute of the subject.
type Attribute struct {
	Name, FriendlyName, NameFormat string
	Values                         []string
}

// Attributes are what the Identity Provider says of the subject besides. They
// are kept as one text and read from it when they are asked for.
type Attributes struct {
	text string
	// spans holds, attribute by attribute, its number of values, and where in
	// the text its three names and its values end: each starts where the one
	// before has ended.
	spans []uint32
}

// Len returns the number of attributes.
func (a Attributes) Len() (n int) {
	for range a.All() {
		n++
	}
	return n
}

// All returns the attributes in the order of the message. A value that holds
// elements has no text to show, and is left out.
func (a Attributes) All() iter.Seq[Attribute] {
	return func(yield func(Attribute) bool) {
		rest, start := a.spans, uint32(0)
		next := func() string {
			s := a.text[start:rest[0]]
			start, rest = rest[0], rest[1:]
			return s
		}
		for len(rest) > 0 {
			values := int(rest[0])
			rest = rest[1:]
			one := Attribute{Name: next(), FriendlyName: next(), NameFormat: next()}
			for range values {
				one.Values = append(one.Values, next())
			}
			if !yield(one) {
				return
			}
		}
	}
}

// complement fills in what no rule looks at.
func (v *validation) complement(a *Assertion) {
	a.Issuer = v.sp.cfg.IdP.EntityID
	a.ResponseSigned, a.AssertionSigned, a.Certificate = v.responseSigned, v.assertionSigned, v.certificate
	v.text, v.spans = v.text[:0], v.spans[:0]
	for c := v.assertion.First(); !c.IsZero(); c = c.Next() {
		if c.Is(xmltree.Assertion, "AttributeStatement") {
			v.attributes(c)
		}
	}
	if len(v.spans) > 0 {
		a.Attributes = Attributes{string(v.text), append([]uint32(nil), v.spans...)}
	}
}

// attributes reads an AttributeStatement.
func (v *validation) attributes(statement xmltree.Element) {
	for el := statement.First(); !el.IsZero(); el = el.Next() {
		switch {
		case el.Is(xmltree.Assertion, "Attribute"):
			count := len(v.spans)
			v.spans = append(v.spans, 0)
			var name, friendly, format []byte
			el.Attributes(func(local, value []byte) {
				switch string(local) {
				case "Name":
					name = value
				case "FriendlyName":
					friendly = value
				case "NameFormat":
					format = value
				}
			})
			v.span(name)
			v.span(friendly)
			v.span(format)
			for c := el.First(); !c.IsZero(); c = c.Next() {
				if text, ok := c.Text(); ok && c.Is(xmltree.Assertion, "AttributeValue") {
					v.span(text)
					v.spans[count]++
				}
			}
		case el.Is(xmltree.Assertion, "EncryptedAttribute"):
			v.warn(ruleDecryption, "", nil, "an encrypted attribute was left out")
		}
	}
}

// span adds a text and notes where it ends.
func (v *validation) span(b []byte) {
	v.text = append(v.text, b...)
	v.spans = append(v.spans, uint32(len(v.text)))
}

// Equal reports whether both hold the same attributes in the same order.
func (a Attributes) Equal(b Attributes) bool {
	next, stop := iter.Pull(b.All())
	defer stop()
	for x := range a.All() {
		y, ok := next()
		if !ok || x.Name != y.Name || x.FriendlyName != y.FriendlyName || x.NameFormat != y.NameFormat || !slices.Equal(x.Values, y.Values) {
			return false
		}
	}
	_, more := next()
	return !more
}
