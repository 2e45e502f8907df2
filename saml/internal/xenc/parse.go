package xenc

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/xmltree"
)

// A message is the parsed form of what is to be decrypted. Nothing in it
// depends on a key yet.
type message struct {
	method cipherMethod
	cipher []byte // the octets of the content's CipherValue
	keys   []encryptedKey
}

// An encryptedKey is the content key, encrypted for one recipient.
type encryptedKey struct {
	method       string
	digest, mask crypto.Hash
	label        []byte
	cipher       []byte
	certificates [][]byte // DER, for whom it is: a hint, never more
}

// maxKeys is how many encrypted keys are looked at.
const maxKeys = 8

// parse reads an element that holds one EncryptedData, with the encrypted keys
// in its KeyInfo or beside it.
func parse(el xmltree.Element, p *Policy) (*message, error) {
	data := el.Child(xmltree.XEnc, "EncryptedData")
	if data.IsZero() || !alone(el, data) {
		return nil, errors.New("there is not exactly one EncryptedData")
	}
	uri, _ := data.Child(xmltree.XEnc, "EncryptionMethod").Attr("Algorithm")
	m := &message{}
	var ok bool
	if m.method, ok = p.content(uri); !ok {
		return nil, fmt.Errorf("content encryption %s is not accepted here", clip(uri))
	}
	var err error
	if m.cipher, err = cipherValue(data); err != nil {
		return nil, err
	}
	for _, key := range keysOf(el, data) {
		k, err := parseKey(key, p)
		if err != nil {
			return nil, err
		}
		m.keys = append(m.keys, k)
	}
	if len(m.keys) == 0 {
		return nil, errors.New("there is no EncryptedKey")
	}
	return m, nil
}

// alone reports whether child is the only one of its name below parent.
func alone(parent, child xmltree.Element) bool {
	for c := parent.First(); !c.IsZero(); c = c.Next() {
		if c != child && c.Namespace() == child.Namespace() && bytes.Equal(c.Local(), child.Local()) {
			return false
		}
	}
	return true
}

// keysOf finds the EncryptedKeys: in the KeyInfo of the data, where a
// RetrievalMethod may also point to one, and beside the data. A
// RetrievalMethod only ever names an EncryptedKey of the same element, and
// those are all looked at.
func keysOf(el, data xmltree.Element) []xmltree.Element {
	var found []xmltree.Element
	for _, parent := range []xmltree.Element{data.Child(xmltree.DSig, "KeyInfo"), el} {
		for c := parent.First(); !c.IsZero(); c = c.Next() {
			if c.Is(xmltree.XEnc, "EncryptedKey") && len(found) < maxKeys {
				found = append(found, c)
			}
		}
	}
	return found
}

func parseKey(el xmltree.Element, p *Policy) (k encryptedKey, err error) {
	method := el.Child(xmltree.XEnc, "EncryptionMethod")
	uri, _ := method.Attr("Algorithm")
	if !p.transport(uri) {
		return k, fmt.Errorf("key transport %s is not accepted here", clip(uri))
	}
	k.method = string(uri)
	digest, _ := method.Child(xmltree.DSig, "DigestMethod").Attr("Algorithm")
	mask, _ := method.Child(xmltree.XEnc11, "MGF").Attr("Algorithm")
	var known1, known2 bool
	k.digest, known1 = digestMethod(string(digest))
	k.mask, known2 = maskMethod(string(mask))
	if k.method == OAEPMGF1P {
		k.mask, known2 = crypto.SHA1, true
	}
	if !known1 || !known2 {
		return k, fmt.Errorf("a hash of the key transport is not accepted: %s %s", clip(digest), clip(mask))
	}
	if label := method.Child(xmltree.XEnc, "OAEPparams"); !label.IsZero() {
		text, _ := label.Text()
		if k.label, err = b64.Append(nil, text); err != nil {
			return k, errors.New("OAEPparams is not base64")
		}
	}
	k.cipher, err = cipherValue(el)
	k.certificates = recipients(el)
	return k, err
}

// cipherValue reads CipherData with a CipherValue. A CipherReference would have
// us fetch something, or read it elsewhere in the document.
func cipherValue(el xmltree.Element) ([]byte, error) {
	data := el.Child(xmltree.XEnc, "CipherData")
	value := data.First()
	if !value.Is(xmltree.XEnc, "CipherValue") || !value.Next().IsZero() || !alone(el, data) {
		return nil, errors.New("CipherData does not hold exactly one CipherValue")
	}
	text, ok := value.Text()
	octets, err := b64.Append(nil, text)
	if !ok || err != nil {
		return nil, errors.New("CipherValue is not base64")
	}
	return octets, nil
}

// recipients reads the certificates that an EncryptedKey names.
func recipients(el xmltree.Element) [][]byte {
	var ders [][]byte
	el.Child(xmltree.DSig, "KeyInfo").Descendants(func(c xmltree.Element) bool {
		if c.Is(xmltree.DSig, "X509Certificate") && len(ders) < maxKeys {
			text, _ := c.Text()
			if der, err := b64.Append(nil, text); err == nil {
				ders = append(ders, der)
			}
		}
		return true
	})
	return ders
}

func clip(b []byte) string {
	if len(b) > 100 {
		return string(b[:100]) + "…"
	}
	return string(b)
}
