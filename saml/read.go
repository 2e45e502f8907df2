package saml

import (
	"bytes"
	"strings"

	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/xmltree"
)

// parts are the elements of a response, each by its place: the children of the
// Response, and those of the one Assertion that is its direct child. Every
// rule works on these, and so does the result.
type parts struct {
	response          xmltree.Element
	responseIssuer    xmltree.Element
	responseSignature xmltree.Element
	status            xmltree.Element
	encryptedElement  xmltree.Element // the EncryptedAssertion

	assertion          xmltree.Element
	assertionIssuer    xmltree.Element
	assertionSignature xmltree.Element
	subjectElement     xmltree.Element
	conditionsElement  xmltree.Element
	nameIDElement      xmltree.Element

	assertions int // Assertion and EncryptedAssertion elements anywhere
	encrypted  int // of which encrypted
	stray      int // Signature elements where none may stand
}

// read decodes the message and parses it: rules on size, base64 and XML.
func (v *validation) read() bool {
	if len(v.msg.Values) != 1 || strings.TrimSpace(v.msg.Values[0]) == "" {
		found := "several"
		if len(v.msg.Values) < 2 {
			found = "nothing"
		}
		v.fail(ruleResponse, "the field SAMLResponse, once", []byte(found), "")
		return false
	}
	v.pass(ruleResponse, "", nil)
	if b64.Exceeds(v.msg.Values[0], MaxMessage) {
		v.fail(ruleSize, "at most 1 MiB", nil, "")
		return false
	}
	v.pass(ruleSize, "", nil)
	v.wire = append(v.wire[:0], v.msg.Values[0]...)
	var err error
	if v.raw, err = b64.Append(v.raw[:0], v.wire); err != nil {
		v.fail(ruleBase64, "base64", v.wire[:min(len(v.wire), 64)], "")
		return false
	}
	v.pass(ruleBase64, "", nil)
	doc, err := v.parser.Parse(v.raw, xmltree.Options{})
	if err != nil {
		v.fail(ruleXML, "well-formed XML", nil, err.Error())
		return false
	}
	v.response = doc.Root()
	return true
}

// envelope reads the parts and checks what can be said of a message before its
// signature: what it is, that no part stands twice, and its status.
func (v *validation) envelope() bool {
	version, _ := v.response.Attr("Version")
	if !v.response.Is(xmltree.Protocol, "Response") || string(version) != "2.0" {
		v.pass(ruleXML, "", nil)
		v.fail(ruleMessage, "a samlp:Response of version 2.0", []byte(v.response.Name()+" "+string(version)), "")
		return false
	}
	v.place()
	if !v.onceEach(v.response) {
		return false
	}
	if !v.wellFormed() {
		return false
	}
	v.pass(ruleMessage, "a samlp:Response of version 2.0", nil)
	return v.statusRule()
}

// onceEach surveys a tree and refuses what stands twice in it.
func (v *validation) onceEach(root xmltree.Element) bool {
	twice := v.survey(root)
	if !twice.IsZero() {
		v.fail(ruleXML, "at most one "+twice.Name(), nil, twice.Name()+" stands twice")
	}
	return twice.IsZero()
}

// wellFormed checks what every assertion has.
func (v *validation) wellFormed() bool {
	if v.assertion.IsZero() {
		v.pass(ruleXML, "", nil)
		return true
	}
	// A signed assertion without an ID is told by its signature's reference.
	if id, _ := v.assertion.Attr("ID"); len(id) == 0 && v.assertionSignature.IsZero() || len(id) > maxID {
		v.fail(ruleXML, "an ID of the Assertion", id, "")
		return false
	}
	v.pass(ruleXML, "", nil)
	version, _ := v.assertion.Attr("Version")
	if string(version) != "2.0" {
		v.fail(ruleMessage, "an Assertion of version 2.0", version, "")
		return false
	}
	return true
}

// maxID is the length of an ID that is looked up or remembered, in octets.
const maxID = 256

// place finds the parts. That none stands twice, survey makes sure.
func (v *validation) place() {
	for c := v.response.First(); !c.IsZero(); c = c.Next() {
		switch {
		case c.Is(xmltree.Assertion, "Issuer"):
			v.responseIssuer = c
		case c.Is(xmltree.DSig, "Signature"):
			v.responseSignature = c
		case c.Is(xmltree.Protocol, "Status"):
			v.status = c
		case c.Is(xmltree.Assertion, "Assertion"):
			v.assertion = c
		case c.Is(xmltree.Assertion, "EncryptedAssertion"):
			v.encryptedElement = c
		}
	}
	v.placeAssertion()
}

// placeAssertion finds the parts of the assertion.
func (v *validation) placeAssertion() {
	for c := v.assertion.First(); !c.IsZero(); c = c.Next() {
		switch {
		case c.Is(xmltree.Assertion, "Issuer"):
			v.assertionIssuer = c
		case c.Is(xmltree.DSig, "Signature"):
			v.assertionSignature = c
		case c.Is(xmltree.Assertion, "Subject"):
			v.subjectElement = c
		case c.Is(xmltree.Assertion, "Conditions"):
			v.conditionsElement = c
		}
	}
}

// survey looks at every element of a tree, so that nothing hides where the
// rules do not look. It returns an element that stands twice where the schemas
// of SAML allow it once.
func (v *validation) survey(root xmltree.Element) (twice xmltree.Element) {
	root.Descendants(func(el xmltree.Element) bool {
		switch el.Namespace() {
		case xmltree.Assertion:
			switch string(el.Local()) {
			case "Assertion":
				v.assertions++
			case "EncryptedAssertion":
				v.assertions++
				v.encrypted++
			}
		case xmltree.DSig:
			if el.Is(xmltree.DSig, "Signature") && el != v.responseSignature && el != v.assertionSignature {
				v.stray++
			}
		}
		if standsOnce(el) && repeated(el) {
			twice = el
			return false
		}
		return true
	})
	return twice
}

// standsOnce reports whether the schemas allow an element once at the most
// below its parent, whichever that is.
func standsOnce(el xmltree.Element) bool {
	switch el.Namespace() {
	case xmltree.Assertion:
		switch string(el.Local()) {
		case "Issuer", "Subject", "Conditions", "Advice", "NameID", "BaseID", "EncryptedID",
			"SubjectConfirmationData", "OneTimeUse", "ProxyRestriction", "SubjectLocality",
			"AuthnContext", "AuthnContextClassRef", "AuthnContextDecl", "AuthnContextDeclRef":
			return true
		}
	case xmltree.Protocol:
		switch string(el.Local()) {
		case "Extensions", "Status", "StatusCode", "StatusMessage", "StatusDetail":
			return true
		}
	case xmltree.DSig:
		switch string(el.Local()) {
		case "Signature", "SignedInfo", "SignatureValue", "KeyInfo":
			return true
		}
	}
	return false
}

// repeated reports whether a sibling behind el has the same name.
func repeated(el xmltree.Element) bool {
	for c := el.Next(); !c.IsZero(); c = c.Next() {
		if c.Namespace() == el.Namespace() && bytes.Equal(c.Local(), el.Local()) {
			return true
		}
	}
	return false
}

const statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

// statusRule wants Success (SAML core, section 3.2.2). What the Identity
// Provider says instead is for its administrator.
func (v *validation) statusRule() bool {
	code := v.status.Child(xmltree.Protocol, "StatusCode")
	value, _ := code.Attr("Value")
	if string(value) == statusSuccess {
		v.pass(ruleStatus, statusSuccess, value)
		return true
	}
	found := bytes.Clone(value)
	if nested, ok := code.Child(xmltree.Protocol, "StatusCode").Attr("Value"); ok {
		found = append(append(found, " / "...), nested...)
	}
	note := ""
	if text, ok := v.status.Child(xmltree.Protocol, "StatusMessage").Text(); ok {
		note = clip(xmltree.TrimSpace(text))
	}
	v.fail(ruleStatus, statusSuccess, found, note)
	return false
}

// assertionsRule wants no more than one assertion, wherever others may hide.
func (v *validation) assertionsRule() bool {
	if v.assertions > 1 {
		v.fail(ruleAssertions, "one assertion", []byte("more than one"), "")
		return false
	}
	v.pass(ruleAssertions, "one assertion", nil)
	return true
}
