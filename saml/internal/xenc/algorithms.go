package xenc

import (
	"crypto"
	_ "crypto/sha1" // for crypto.SHA1
	_ "crypto/sha256"
	_ "crypto/sha512"
	"slices"
)

// Algorithms by the URIs of XML Encryption 1.0 and 1.1.
const (
	AES128GCM = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	AES192GCM = "http://www.w3.org/2009/xmlenc11#aes192-gcm"
	AES256GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	AES128CBC = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"
	AES192CBC = "http://www.w3.org/2001/04/xmlenc#aes192-cbc"
	AES256CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"

	// OAEPMGF1P means MGF1 with SHA-1, whatever the digest is.
	OAEPMGF1P = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"
	OAEP      = "http://www.w3.org/2009/xmlenc11#rsa-oaep"
	RSA15     = "http://www.w3.org/2001/04/xmlenc#rsa-1_5"
)

// A Policy lists, by URI, the algorithms that are accepted.
type Policy struct {
	Content   []string
	Transport []string
	// Authentic is set where a signature has held over the ciphertext: then
	// CBC is accepted even if Content does not list it.
	Authentic bool
}

// A cipherMethod is how the content is encrypted.
type cipherMethod struct {
	keySize int // octets
	gcm     bool
}

func (p *Policy) content(uri []byte) (cipherMethod, bool) {
	m, known := map[string]cipherMethod{
		AES128GCM: {16, true}, AES192GCM: {24, true}, AES256GCM: {32, true},
		AES128CBC: {16, false}, AES192CBC: {24, false}, AES256CBC: {32, false},
	}[string(uri)]
	return m, known && (allowed(p.Content, uri) || !m.gcm && p.Authentic)
}

func (p *Policy) transport(uri []byte) bool { return allowed(p.Transport, uri) }

func allowed(list []string, uri []byte) bool {
	return slices.ContainsFunc(list, func(s string) bool { return s == string(uri) })
}

// digestHash and maskHash are the hashes of OAEP and of its mask.
func digestHash(uri string) (crypto.Hash, bool) {
	switch uri {
	case "", "http://www.w3.org/2000/09/xmldsig#sha1":
		return crypto.SHA1, true
	case "http://www.w3.org/2001/04/xmlenc#sha256":
		return crypto.SHA256, true
	case "http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2001/04/xmlenc#sha384":
		return crypto.SHA384, true
	case "http://www.w3.org/2001/04/xmlenc#sha512":
		return crypto.SHA512, true
	}
	return 0, false
}

func maskHash(uri string) (crypto.Hash, bool) {
	switch uri {
	case "", "http://www.w3.org/2009/xmlenc11#mgf1sha1":
		return crypto.SHA1, true
	case "http://www.w3.org/2009/xmlenc11#mgf1sha256":
		return crypto.SHA256, true
	case "http://www.w3.org/2009/xmlenc11#mgf1sha384":
		return crypto.SHA384, true
	case "http://www.w3.org/2009/xmlenc11#mgf1sha512":
		return crypto.SHA512, true
	}
	return 0, false
}
