package xenc

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"iter"

	"sallyport/saml/internal/xmltree"
)

// ErrDecryption is the error of everything that depends on a key.
var ErrDecryption = errors.New("it can't be decrypted with our keys")

// A Key is one of ours.
type Key struct {
	Private     *rsa.PrivateKey
	Certificate *x509.Certificate
}

// A Clear is what an element may hold in clear.
type Clear struct {
	// Texts are one for each content key that may be the right one, mostly a
	// single one. With the key transport RSA 1.5, and with CBC, a text may be
	// noise: whether it is the right one only its reader can tell, and must
	// not tell the sender.
	Texts iter.Seq[[]byte]
	// Content and Transport are the URIs of the methods, that of each key in
	// turn.
	Content   string
	Transport []string
}

// A Decrypter decrypts elements one after another and keeps its memory for the
// next. The zero Decrypter is ready. It is not safe for concurrent use.
type Decrypter struct {
	octets []byte // of the content
}

// Decrypt decrypts the content keys of an element with all of our keys, and
// returns the texts, which are decrypted as they are asked for: once, and valid
// until the next call of Decrypt. An error says what is wrong with the element,
// before any key was tried.
func (d *Decrypter) Decrypt(el xmltree.Element, keys []Key, p *Policy) (*Clear, error) {
	m, err := parse(el, p, d.octets[:0])
	if err != nil {
		return nil, err
	}
	d.octets = m.cipher
	if len(keys) == 0 {
		return nil, errors.New("we have no key to decrypt with")
	}
	c := &Clear{Content: m.uri}
	for _, key := range m.keys {
		c.Transport = append(c.Transport, key.method)
	}
	contentKeys := m.contentKeys(keys)
	c.Texts = func(yield func([]byte) bool) {
		for i, key := range contentKeys {
			// The last one may have the memory of the ciphertext.
			if clear, ok := m.open(key, i == len(contentKeys)-1); ok && !yield(clear) {
				return
			}
		}
	}
	return c, nil
}

// contentKeys returns the keys that the content may be encrypted with. If no
// transport gives one, a random key stands in, so that it takes as long.
func (m *message) contentKeys(keys []Key) [][]byte {
	var found [][]byte
	for _, encrypted := range m.keys {
		for _, key := range encrypted.order(keys) {
			if content, ok := encrypted.unwrap(key.Private, m.method.keySize); ok {
				found = append(found, content)
			}
		}
	}
	if found == nil {
		found = append(found, random(m.method.keySize))
	}
	return found
}

// order puts the key that the KeyInfo names first.
func (k *encryptedKey) order(keys []Key) []Key {
	for i, key := range keys {
		for _, der := range k.certificates {
			if key.Certificate != nil && bytes.Equal(key.Certificate.Raw, der) {
				ordered := append([]Key{key}, keys[:i]...)
				return append(ordered, keys[i+1:]...)
			}
		}
	}
	return keys
}

// unwrap decrypts a content key of a known size.
func (k *encryptedKey) unwrap(private *rsa.PrivateKey, size int) ([]byte, bool) {
	if k.method == RSA15 {
		// In constant time it stays random unless all is as it should be.
		key := random(size)
		//lint:ignore SA1019 only where a profile asks for it, and with the random key
		err := rsa.DecryptPKCS1v15SessionKey(nil, private, k.cipher, key)
		return key, err == nil
	}
	key, err := private.Decrypt(nil, k.cipher, &rsa.OAEPOptions{Hash: k.digest, MGFHash: k.mask, Label: k.label})
	return key, err == nil && len(key) == size
}

func random(size int) []byte {
	key := make([]byte, size)
	rand.Read(key)
	return key
}

// open decrypts the content with a key; in place, if nobody needs it afterwards.
func (m *message) open(key []byte, inPlace bool) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	if m.method.gcm {
		return openGCM(block, m.cipher, inPlace)
	}
	return openCBC(block, m.cipher, inPlace)
}

// openGCM decrypts AES-GCM (XML Encryption 1.1, section 5.2.4): a nonce of 96
// bits, the ciphertext, a tag of 128 bits.
func openGCM(block cipher.Block, sealed []byte, inPlace bool) ([]byte, bool) {
	gcm, err := cipher.NewGCM(block)
	if err != nil || len(sealed) < gcm.NonceSize()+gcm.Overhead() {
		return nil, false
	}
	nonce, body := sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():]
	var clear []byte
	if inPlace {
		clear = body[:0]
	}
	clear, err = gcm.Open(clear, nonce, body, nil)
	return clear, err == nil
}

// openCBC decrypts AES-CBC (XML Encryption 1.1, section 5.2.1): a block of
// initialisation vector, then the ciphertext, the last octet of whose text says
// how many were added. What those hold is not defined.
func openCBC(block cipher.Block, sealed []byte, inPlace bool) ([]byte, bool) {
	if len(sealed) < 2*aes.BlockSize || len(sealed)%aes.BlockSize != 0 {
		return nil, false
	}
	clear := sealed[aes.BlockSize:]
	if !inPlace {
		clear = make([]byte, len(clear))
	}
	cipher.NewCBCDecrypter(block, sealed[:aes.BlockSize]).CryptBlocks(clear, sealed[aes.BlockSize:])
	padding := int(clear[len(clear)-1])
	ok := subtle.ConstantTimeLessOrEq(1, padding) & subtle.ConstantTimeLessOrEq(padding, aes.BlockSize)
	return clear[:len(clear)-padding*ok], ok == 1
}
