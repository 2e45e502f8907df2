package dsig

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"

	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
)

// A Verifier verifies signatures one after another and keeps its memory for
// the next. The zero Verifier is ready. It is not safe for concurrent use.
type Verifier struct {
	canonical c14n.Writer
	hashes    [4]hash.Hash
	sum       []byte
	value     []byte
}

// A Result says how a signature was made that holds.
type Result struct {
	Method, Digest string // URIs
	// Key is the index of the certificate whose key verifies it.
	Key int
}

// UsesSHA1 reports whether the signature or its digest rests on SHA-1.
func (r Result) UsesSHA1() bool {
	return r.Method == RSASHA1 || r.Method == ECDSASHA1 || r.Digest == SHA1
}

// Verify checks that el is a ds:Signature child of parent, that it signs
// parent, all of it but el itself, and that the key of one of the certificates
// made it. The validity dates of certificates are not looked at. An error is
// an [*Error].
func (v *Verifier) Verify(el, parent xmltree.Element, certs []*x509.Certificate, p *Policy) (Result, error) {
	if !el.Is(xmltree.DSig, "Signature") || el.Parent() != parent {
		return Result{}, invalid("not a signature of %s", parent.Name())
	}
	var s signature
	if err := s.parse(el, parent, p); err != nil {
		return Result{}, err
	}
	if err := v.digest(&s, el, parent); err != nil {
		return Result{}, err
	}
	key, err := v.key(&s, certs)
	if err != nil {
		return Result{}, err
	}
	return Result{s.methodURI, s.digestURI, key}, nil
}

// digest compares the digest of the signed element with DigestValue.
func (v *Verifier) digest(s *signature, el, parent xmltree.Element) *Error {
	h := v.hash(s.digest)
	if err := v.canonical.Write(h, parent, el, s.reference); err != nil {
		return invalid("%s can't be canonicalized: %v", parent.Name(), err)
	}
	v.sum = h.Sum(v.sum[:0])
	return v.compare(s.expected)
}

// compare holds the digest that was computed against a DigestValue.
func (v *Verifier) compare(expected []byte) *Error {
	var err error
	if v.value, err = b64.Append(v.value[:0], expected); err != nil {
		return invalid("DigestValue is not base64")
	}
	if !bytes.Equal(v.sum, v.value) {
		return &Error{Kind: Invalid, Reason: "the signed element was changed after it was signed, or its digest is wrong",
			Expected: "digest " + clip(xmltree.TrimSpace(expected)), Found: "digest " + base64.StdEncoding.EncodeToString(v.sum)}
	}
	return nil
}

// key finds the certificate whose key made the signature: each one that fits
// the method is tried once.
func (v *Verifier) key(s *signature, certs []*x509.Certificate) (int, *Error) {
	h := v.hash(s.method.hash)
	if err := v.canonical.Write(h, s.info, xmltree.Element{}, s.infoC14N); err != nil {
		return 0, invalid("SignedInfo can't be canonicalized: %v", err)
	}
	v.sum = h.Sum(v.sum[:0])
	var err error
	if v.value, err = b64.Append(v.value[:0], s.value); err != nil {
		return 0, invalid("SignatureValue is not base64")
	}
	for i, c := range certs {
		if s.method.fits(c.PublicKey) && s.method.verify(c.PublicKey, s.method.hash, v.sum, v.value) {
			return i, nil
		}
	}
	return 0, s.noKey(certs)
}

func (v *Verifier) hash(h crypto.Hash) hash.Hash {
	i := slot(h)
	if v.hashes[i] == nil {
		v.hashes[i] = newHash(h)
	}
	v.hashes[i].Reset()
	return v.hashes[i]
}

func slot(h crypto.Hash) int {
	switch h {
	case crypto.SHA1:
		return 0
	case crypto.SHA384:
		return 2
	case crypto.SHA512:
		return 3
	}
	return 1
}

// noKey tells a certificate that is not configured from a signature that is
// wrong.
func (s *signature) noKey(certs []*x509.Certificate) *Error {
	stranger := ""
	for _, c := range s.certificates() {
		known := false
		for _, k := range certs {
			known = known || bytes.Equal(k.Raw, c.Raw)
		}
		if !known {
			stranger = describe(c)
		}
	}
	if stranger == "" {
		return invalid("no configured certificate verifies the signature")
	}
	e := &Error{Kind: UnknownKey, Reason: "signed by another certificate", Found: stranger}
	for i, c := range certs {
		if i > 0 {
			e.Expected += "; "
		}
		e.Expected += describe(c)
	}
	return e
}

// maxKeyInfoCertificates bounds what is parsed for a message to a person.
const maxKeyInfoCertificates = 8

// certificates returns those that KeyInfo holds and that can be parsed.
func (s *signature) certificates() []*x509.Certificate {
	var found []*x509.Certificate
	s.keyInfo.Descendants(func(el xmltree.Element) bool {
		if !el.Is(xmltree.DSig, "X509Certificate") {
			return true
		}
		text, _ := el.Text()
		if der, err := b64.Append(nil, text); err == nil {
			if c, err := x509.ParseCertificate(der); err == nil {
				found = append(found, c)
			}
		}
		return len(found) < maxKeyInfoCertificates
	})
	return found
}

func describe(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return fmt.Sprintf("%s, SHA-256 %s", clip([]byte(c.Subject.String())), hex.EncodeToString(sum[:]))
}
