package saml

import (
	"slices"
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
	if v.recording {
		v.decrypted = &Decrypted{Assertion: true}
	}
	if v.responseSigned {
		v.openAssertion()
		return
	}
	if v.sp.cfg.RequireSignedResponse {
		v.fail(ruleSignature, "a signed response", []byte("the response is not signed"), "")
		return
	}
	v.oracle, v.opened = true, time.Now()
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
	v.telling += time.Since(v.opened)
}

// reason is what failed first, for the administrator's record alone.
func (r *recorder) reason() string {
	for _, c := range r.checks {
		if c.Status == Failed && c.Note != "" {
			return string(c.Code) + ": " + c.Note
		}
		if c.Status == Failed {
			return string(c.Code) + ": not " + c.Expected
		}
	}
	return ""
}

// openAssertion decrypts, and judges the text as if it had come in clear.
func (v *validation) openAssertion() {
	clear, err := v.decrypt(&v.opener, v.encryptedElement, v.responseSigned)
	if err != nil {
		v.fail(ruleDecryption, "an assertion that is encrypted for us", nil, err.Error())
		return
	}
	doc, err := v.parseClear(&v.clear, v.encryptedElement, clear)
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

// decrypt opens the content keys of an element. The ciphertext is authentic
// where a signature has held over it.
func (v *validation) decrypt(d *xenc.Decrypter, el xmltree.Element, authentic bool) (*xenc.Clear, error) {
	policy := v.sp.encryption
	policy.Authentic = authentic
	clear, err := d.Decrypt(el, v.sp.keys, &policy)
	v.opened = time.Now()
	if err != nil {
		return nil, err
	}
	if !authentic && slices.Contains(insecureContentEncryption, clear.Content) {
		v.warn(ruleDecryption, xenc.AES256GCM, []byte(clear.Content), "nothing notices changes of this ciphertext; have the Identity Provider sign the response, or encrypt with AES-GCM")
	}
	for _, transport := range clear.Transport {
		if slices.Contains(insecureKeyTransport, transport) {
			v.warn(ruleDecryption, xenc.OAEPMGF1P, []byte(transport), "this key transport has been broken often; have the Identity Provider use RSA-OAEP")
		}
	}
	return clear, nil
}

// parseClear parses the first of the texts that is well-formed, in the
// namespace context of the place that it was encrypted at.
func (v *validation) parseClear(p *xmltree.Parser, place xmltree.Element, clear *xenc.Clear) (doc *xmltree.Document, err error) {
	err = xenc.ErrDecryption
	for text := range clear.Texts {
		if doc, err = p.Parse(text, xmltree.Options{Scope: place.Bindings()}); err == nil {
			break
		}
	}
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
	if v.recording {
		if v.decrypted == nil {
			v.decrypted = new(Decrypted)
		}
		v.decrypted.NameID = true
	}
	var doc *xmltree.Document
	clear, err := v.decrypt(&v.openerID, el, true)
	if err == nil {
		doc, err = v.parseClear(&v.clearID, el, clear)
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

// noteDecrypted notes what an assertion that was decrypted says of itself.
func (v *validation) noteDecrypted() {
	if v.decrypted == nil || !v.decrypted.Assertion {
		return
	}
	issuer, _ := v.assertionIssuer.Text()
	v.decrypted.Issuer, v.decrypted.InResponseTo = string(issuer), string(v.confirmation.inResponseTo)
}

// bluntTo is the grid of times at which refusals are told that could tell of a
// ciphertext, for each bluntPer octets of the message: far above what it takes
// to decrypt, parse and verify those, twice.
const (
	bluntTo  = 50 * time.Millisecond
	bluntPer = 64 << 10
)

// blunting returns how long to wait so that all that was done with a text, from
// the moment when its key was there, seems to have taken a multiple of the
// grid. What was done before depends on nothing but what the sender knows. It
// is not counted: otherwise a sender could have it end right before a point of
// the grid, and learn on which side the rest ends.
func (v *validation) blunting() time.Duration {
	grid := bluntTo * time.Duration(1+len(v.raw)/bluntPer)
	return grid - v.telling%grid
}
