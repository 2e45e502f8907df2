package dsig

import (
	"bytes"
	"crypto"

	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
)

// A signature is the parsed form of a ds:Signature, all of it checked against
// the policy, nothing of it verified yet.
type signature struct {
	info      xmltree.Element // SignedInfo
	infoC14N  c14n.Method
	method    method
	methodURI string      // as the policy has it
	reference c14n.Method // canonical form of the signed element
	digest    crypto.Hash
	digestURI string
	expected  []byte // text of DigestValue
	value     []byte // text of SignatureValue
	keyInfo   xmltree.Element
}

// children reads the children of an element against three names, in that order,
// each of which may stand once. The optional ones at the end may be missing.
func children(parent xmltree.Element, required int, names [3]string) (found [3]xmltree.Element, err *Error) {
	i := 0
	for c := parent.First(); !c.IsZero(); c = c.Next() {
		for i < len(names) && i >= required && !c.Is(xmltree.DSig, names[i]) {
			i++
		}
		if i >= len(names) || !c.Is(xmltree.DSig, names[i]) {
			return found, invalid("%s holds %s, which is not expected there", parent.Name(), c.Name())
		}
		found[i] = c
		i++
	}
	if i < required {
		return found, invalid("%s lacks %s", parent.Name(), names[i])
	}
	if parent.HasText() {
		return found, invalid("%s holds text", parent.Name())
	}
	return found, nil
}

// parse reads a ds:Signature that stands in parent.
func (s *signature) parse(el, parent xmltree.Element, p *Policy) *Error {
	parts, err := children(el, 2, [3]string{"SignedInfo", "SignatureValue", "KeyInfo"})
	if err != nil {
		return err
	}
	if el.HasMarkup() {
		return invalid("%s holds a comment or a CDATA section", el.Name())
	}
	s.info, s.keyInfo = parts[0], parts[2]
	var ok bool
	if s.value, ok = parts[1].Text(); !ok {
		return invalid("SignatureValue holds elements")
	}
	parts, err = children(s.info, 3, [3]string{"CanonicalizationMethod", "SignatureMethod", "Reference"})
	if err != nil {
		return err
	}
	if s.infoC14N, err = canonicalization(parts[0], p); err != nil {
		return err
	}
	if err = s.parseMethod(parts[1], p); err != nil {
		return err
	}
	return s.parseReference(parts[2], parent, p)
}

func (s *signature) parseMethod(el xmltree.Element, p *Policy) *Error {
	uri, _ := el.Attr("Algorithm")
	var ok bool
	if s.methodURI, s.method, ok = p.method(uri); !ok {
		return badAlgorithm("a signature method", uri)
	}
	if s.methodURI == PSS {
		return s.parsePSS(el)
	}
	if !el.First().IsZero() {
		return invalid("SignatureMethod has parameters")
	}
	return nil
}

// parseReference reads the one Reference: URI, transforms and digest.
func (s *signature) parseReference(el, parent xmltree.Element, p *Policy) *Error {
	uri, _ := el.Attr("URI")
	id, ok := parent.Attr("ID")
	if !ok || len(id) == 0 {
		return invalid("%s is signed but has no ID", parent.Name())
	}
	if len(uri) < 2 || uri[0] != '#' || !bytes.Equal(uri[1:], id) {
		return &Error{Kind: Invalid, Reason: "the signature refers to something else than the element it stands in",
			Expected: "#" + clip(id), Found: clip(uri)}
	}
	parts, err := children(el, 3, [3]string{"Transforms", "DigestMethod", "DigestValue"})
	if err != nil {
		return err
	}
	if err = s.parseTransforms(parts[0], p); err != nil {
		return err
	}
	s.reference.Comments = commentsByID
	digest, _ := parts[1].Attr("Algorithm")
	if s.digestURI, s.digest, ok = p.digest(digest); !ok {
		return badAlgorithm("a digest method", digest)
	}
	if s.expected, ok = parts[2].Text(); !ok {
		return invalid("DigestValue holds elements")
	}
	return nil
}

// commentsByID: a reference to an ID leaves comments out, whatever the
// canonicalization behind it would do with them (XML Signature 1.1, section
// 4.4.3.3).
const commentsByID = false

// parseTransforms wants the enveloped-signature transform, and takes one
// canonicalization behind it. Without one the form is inclusive Canonical XML
// 1.0 (XML Signature 1.1, section 4.4.3.2).
func (s *signature) parseTransforms(el xmltree.Element, p *Policy) *Error {
	first := el.First()
	if !first.Is(xmltree.DSig, "Transform") {
		return invalid("no transforms")
	}
	if uri, _ := first.Attr("Algorithm"); string(uri) != Enveloped {
		return badAlgorithm("a first transform", uri)
	}
	if !first.First().IsZero() {
		return invalid("the enveloped-signature transform has parameters")
	}
	second := first.Next()
	if second.IsZero() {
		m, ok := p.canonicalization([]byte(C14N10))
		if !ok {
			return badAlgorithm("a canonicalization", []byte(C14N10))
		}
		s.reference = m
		return nil
	}
	if !second.Is(xmltree.DSig, "Transform") {
		return invalid("%s holds %s, which is not expected there", el.Name(), second.Name())
	}
	var err *Error
	if s.reference, err = canonicalization(second, p); err != nil {
		return err
	}
	if !second.Next().IsZero() {
		return invalid("more than two transforms")
	}
	return nil
}

// maxPrefixes bounds a PrefixList, for each declaration is held against all of
// it. No element has more declarations in scope.
const maxPrefixes = 64

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// canonicalization reads the method and the PrefixList of an element with an
// Algorithm.
func canonicalization(el xmltree.Element, p *Policy) (c14n.Method, *Error) {
	uri, _ := el.Attr("Algorithm")
	m, ok := p.canonicalization(uri)
	if !ok {
		return m, badAlgorithm("a canonicalization", uri)
	}
	list := el.First()
	if list.IsZero() {
		return m, nil
	}
	if !m.Exclusive || !list.Is(xmltree.ExcC14N, "InclusiveNamespaces") || !list.Next().IsZero() {
		return m, invalid("%s has parameters that are not expected there", el.Name())
	}
	prefixes, _ := list.Attr("PrefixList")
	for prefix := range bytes.FieldsFuncSeq(prefixes, isSpace) {
		if len(m.Prefixes) == maxPrefixes {
			return m, invalid("%s lists more than %d prefixes", el.Name(), maxPrefixes)
		}
		if string(prefix) == "#default" {
			prefix = nil
		}
		m.Prefixes = append(m.Prefixes, string(prefix))
	}
	return m, nil
}
