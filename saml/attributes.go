package saml

import "sallyport/saml/internal/xmltree"

// complement fills in what no rule looks at.
func (v *validation) complement(a *Assertion) {
	a.Issuer = v.sp.cfg.IdP.EntityID
	a.ResponseSigned, a.AssertionSigned, a.Certificate = v.responseSigned, v.assertionSigned, v.certificate
	for c := v.assertion.First(); !c.IsZero(); c = c.Next() {
		if c.Is(xmltree.Assertion, "AttributeStatement") {
			a.Attributes = append(a.Attributes, v.attributes(c)...)
		}
	}
}

// attributes reads an AttributeStatement. The statement is copied once; what is
// read are parts of the copy.
func (v *validation) attributes(statement xmltree.Element) []Attribute {
	attributes, values := 0, 0
	for el := statement.First(); !el.IsZero(); el = el.Next() {
		attributes++
		for c := el.First(); !c.IsZero(); c = c.Next() {
			values++
		}
	}
	list, texts := make([]Attribute, 0, attributes), make([]string, 0, values)
	from := newCopier(statement.Source())
	for el := statement.First(); !el.IsZero(); el = el.Next() {
		switch {
		case el.Is(xmltree.Assertion, "Attribute"):
			first := len(texts)
			for c := el.First(); !c.IsZero(); c = c.Next() {
				// A value with elements in it has no text to show.
				if text, ok := c.Text(); ok && c.Is(xmltree.Assertion, "AttributeValue") {
					texts = append(texts, from.copy(text))
				}
			}
			a := Attribute{Name: from.attr(el, "Name"), FriendlyName: from.attr(el, "FriendlyName"), NameFormat: from.attr(el, "NameFormat")}
			if len(texts) > first {
				a.Values = texts[first:len(texts):len(texts)]
			}
			list = append(list, a)
		case el.Is(xmltree.Assertion, "EncryptedAttribute"):
			v.warn(ruleDecryption, "", nil, "an encrypted attribute was left out")
		}
	}
	return list
}

// A copier makes strings of views of one region with a single copy of it.
type copier struct {
	region []byte
	text   string
}

func newCopier(region []byte) copier { return copier{region, string(region)} }

// copy returns a view as a string: as a part of the copy, if it is a view of
// the region.
func (c *copier) copy(view []byte) string {
	// A view that was cut from the region's array ends where the array does.
	at := cap(c.region) - cap(view)
	if len(view) > 0 && at >= 0 && at+len(view) <= len(c.region) && &c.region[at] == &view[0] {
		return c.text[at : at+len(view)]
	}
	return string(view)
}

func (c *copier) attr(el xmltree.Element, name string) string {
	value, _ := el.Attr(name)
	return c.copy(value)
}
