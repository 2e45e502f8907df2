package saml

import (
	"time"

	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
)

// decryptAssertion puts the text of the EncryptedAssertion in its place.
//
// With a signature over the response the ciphertext is the sender's own, and
// what is wrong with it is told as ever. Without one, nobody may learn from our
// answer what the ciphertext of others holds: until a signature inside has
// held, every failure is the same one, in text and time.
func (v *validation) decryptAssertion() {
	if v.failed != "" {
		return // what is refused already does not get a private key to work on
	}
	if v.responseSigned {
		v.openAssertion()
		return
	}
	v.oracle = true
	outer := v.recorder
	v.recorder = recorder{recording: outer.recording}
	v.openAssertion()
	inner := v.recorder
	v.recorder = outer
	if inner.failed == "" {
		v.checks = append(v.checks, inner.checks...)
		v.oracle = false
		return
	}
	v.assertion, v.assertionSigned = xmltree.Element{}, false
	v.fail(ruleDecryption, "an assertion that is encrypted for us, and signed", nil, inner.reason())
}

// reason is what failed first, for the administrator's record alone.
func (r *recorder) reason() string {
	for _, c := range r.checks {
		if c.Status == Failed {
			return string(c.Code) + ": " + c.Expected + " " + c.Note
		}
	}
	return ""
}

// openAssertion decrypts, and judges the text as if it had come in clear.
func (v *validation) openAssertion() {
	policy := v.sp.encryption
	policy.Authentic = v.responseSigned
	texts, err := xenc.Decrypt(v.encryptedElement, v.sp.keys, &policy)
	if err != nil {
		v.fail(ruleDecryption, "an assertion that is encrypted for us", nil, err.Error())
		return
	}
	doc, err := v.parseClear(&v.clear, v.encryptedElement, texts)
	if err != nil {
		v.fail(ruleDecryption, "an assertion that is encrypted for us", nil, err.Error())
		return
	}
	v.pass(ruleDecryption, "", nil)
	if v.assertion = doc.Root(); !v.assertion.Is(xmltree.Assertion, "Assertion") {
		v.fail(ruleMessage, "an Assertion", []byte(v.assertion.Name()), "what was encrypted is something else")
		v.assertion = xmltree.Element{}
		return
	}
	v.placeAssertion()
	v.assertions, v.stray = 0, 0
	if !v.onceEach(v.assertion) || !v.wellFormed() || !v.assertionsRule() || !v.newIDs() {
		v.assertion = xmltree.Element{}
		return
	}
	v.noStray()
	v.assertionSigned = v.verify(v.assertionSignature, v.assertion)
	v.signedAtAll()
}

// parseClear parses the first of the texts that is well-formed, in the
// namespace context of the place that it was encrypted at.
func (v *validation) parseClear(p *xmltree.Parser, place xmltree.Element, texts func(func([]byte) bool)) (doc *xmltree.Document, err error) {
	err = xenc.ErrDecryption
	texts(func(text []byte) bool {
		doc, err = p.Parse(text, xmltree.Options{Scope: place.Bindings()})
		return err != nil
	})
	return doc, err
}

// newIDs wants the IDs in the clear text to differ from those around it.
func (v *validation) newIDs() bool {
	outer := v.response.Document()
	twice := false
	v.assertion.Descendants(func(el xmltree.Element) bool {
		id, ok := el.Attr("ID")
		twice = twice || ok && outer.HasID(id)
		return !twice
	})
	if twice {
		v.fail(ruleXML, "an ID that is used once", nil, "an ID of the encrypted assertion stands outside of it too")
	}
	return !twice
}

// decryptNameID reads an EncryptedID. It stands in an assertion that a
// signature covers: its ciphertext is the sender's.
func (v *validation) decryptNameID(el xmltree.Element) {
	if v.failed != "" {
		return
	}
	policy := v.sp.encryption
	policy.Authentic = true
	texts, err := xenc.Decrypt(el, v.sp.keys, &policy)
	var doc *xmltree.Document
	if err == nil {
		doc, err = v.parseClear(&v.clearID, el, texts)
	}
	if err != nil {
		v.fail(ruleDecryption, "a NameID that is encrypted for us", nil, err.Error())
		return
	}
	v.pass(ruleDecryption, "", nil)
	if root := doc.Root(); root.Is(xmltree.Assertion, "NameID") {
		v.nameIDElement = root
	}
}

// bluntTo is the grid of times at which refusals are told that could tell of a
// ciphertext: far above what decrypting, parsing and verifying take.
const bluntTo = 50 * time.Millisecond

// blunt waits until the time that has passed since an instant is a multiple of
// bluntTo.
func blunt(began time.Time) {
	time.Sleep(bluntTo - time.Since(began)%bluntTo)
}
