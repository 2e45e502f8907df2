package xenc

import (
	"crypto"
	"errors"
	"fmt"
	"slices"

	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/xmltree"
)

// A message is the parsed form of what is to be decrypted. Nothing in it
// depends on a key yet.
type message struct {
	method cipherMethod
	uri    string // of the method
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

// maxKeys is how many encrypted keys, and certificates in each, there may be.
const maxKeys = 8

// parse reads an element that holds one EncryptedData, with the encrypted keys
// in its KeyInfo or beside it. The octets of the content go behind buf.
func parse(el xmltree.Element, p *Policy, buf []byte) (*message, error) {
	data, ok := once(el, xmltree.XEnc, "EncryptedData")
	if !ok || data.IsZero() {
		return nil, errors.New("there is not exactly one EncryptedData")
	}
	method, ok := once(data, xmltree.XEnc, "EncryptionMethod")
	uri, _ := method.Attr("Algorithm")
	m := &message{uri: string(uri)}
	known := false
	if m.method, known = p.content(uri); !ok || !known {
		return nil, fmt.Errorf("content encryption %s is not accepted here", clip(uri))
	}
	var err error
	if m.cipher, err = cipherValue(data, buf); err != nil {
		return nil, err
	}
	keys, err := keysOf(el, data)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		k, err := parseKey(key, p)
		if err != nil {
			return nil, err
		}
		m.keys = append(m.keys, k)
	}
	return m, nil
}

// once returns the child with this name, the zero Element if there is none. It
// reports false if there are several.
func once(parent xmltree.Element, ns xmltree.Namespace, local string) (xmltree.Element, bool) {
	found := parent.Child(ns, local)
	for c := found.Next(); !c.IsZero(); c = c.Next() {
		if c.Is(ns, local) {
			return found, false
		}
	}
	return found, true
}

// keysOf finds the EncryptedKeys: in the KeyInfo of the data and beside the
// data. All of them are tried, whatever a KeyName says.
func keysOf(el, data xmltree.Element) ([]xmltree.Element, error) {
	info, ok := once(data, xmltree.DSig, "KeyInfo")
	if !ok {
		return nil, errors.New("the EncryptedData has several KeyInfos")
	}
	var found []xmltree.Element
	for _, parent := range []xmltree.Element{info, el} {
		for c := parent.First(); !c.IsZero(); c = c.Next() {
			if c.Is(xmltree.XEnc, "EncryptedKey") {
				found = append(found, c)
			}
		}
	}
	switch {
	case len(found) == 0:
		return nil, errors.New("there is no EncryptedKey")
	case len(found) > maxKeys:
		return nil, fmt.Errorf("there are more than %d EncryptedKeys", maxKeys)
	}
	return found, retrieved(info, found)
}

// retrieved wants each RetrievalMethod to name one of the EncryptedKeys: nothing
// is fetched, and nothing looked for elsewhere in the document.
func retrieved(info xmltree.Element, keys []xmltree.Element) error {
	for c := info.First(); !c.IsZero(); c = c.Next() {
		if !c.Is(xmltree.DSig, "RetrievalMethod") {
			continue
		}
		uri, _ := c.Attr("URI")
		named := slices.ContainsFunc(keys, func(k xmltree.Element) bool {
			id, ok := k.Attr("Id")
			return ok && len(id) > 0 && string(uri) == "#"+string(id)
		})
		if !named {
			return fmt.Errorf("a RetrievalMethod names %s, which is no EncryptedKey beside the data", clip(uri))
		}
	}
	return nil
}

func parseKey(el xmltree.Element, p *Policy) (k encryptedKey, err error) {
	method, ok := once(el, xmltree.XEnc, "EncryptionMethod")
	uri, _ := method.Attr("Algorithm")
	if !ok || !p.transport(uri) {
		return k, fmt.Errorf("key transport %s is not accepted here", clip(uri))
	}
	k.method = string(uri)
	digestMethod, ok1 := once(method, xmltree.DSig, "DigestMethod")
	mgf, ok2 := once(method, xmltree.XEnc11, "MGF")
	label, ok3 := once(method, xmltree.XEnc, "OAEPparams")
	if !ok1 || !ok2 || !ok3 {
		return k, errors.New("a parameter of the key transport stands there twice")
	}
	if err = k.hashes(digestMethod, mgf); err != nil {
		return k, err
	}
	if !label.IsZero() {
		text, plain := label.Text()
		if k.label, err = b64.Append(nil, text); err != nil || !plain {
			return k, errors.New("OAEPparams is not base64")
		}
	}
	k.cipher, err = cipherValue(el, nil)
	k.certificates = recipients(el)
	return k, err
}

// hashes reads the hash of RSA-OAEP and that of its mask (XML Encryption 1.1,
// section 5.5.2).
func (k *encryptedKey) hashes(method, mgf xmltree.Element) error {
	digest, _ := method.Attr("Algorithm")
	mask, _ := mgf.Attr("Algorithm")
	var known1, known2 bool
	k.digest, known1 = digestHash(string(digest))
	k.mask, known2 = maskHash(string(mask))
	if k.method == OAEPMGF1P {
		k.mask, known2 = crypto.SHA1, true
	}
	if !known1 || !known2 {
		return fmt.Errorf("a hash of the key transport is not accepted: %s %s", clip(digest), clip(mask))
	}
	return nil
}

// cipherValue reads CipherData with a CipherValue. A CipherReference would have
// us fetch something, or read it elsewhere in the document.
func cipherValue(el xmltree.Element, buf []byte) ([]byte, error) {
	data, ok := once(el, xmltree.XEnc, "CipherData")
	value := data.First()
	if !ok || !value.Is(xmltree.XEnc, "CipherValue") || !value.Next().IsZero() {
		return nil, errors.New("CipherData does not hold exactly one CipherValue")
	}
	text, ok := value.Text()
	octets, err := b64.Append(buf, text)
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

// clip shortens what stands in a message to what a person can read.
func clip(b []byte) string { return xmltree.Clip(b, 100) }
