package dsig

import (
	"bytes"
	"crypto/x509"
	"hash"

	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
)

// A Deferred is a signature that holds over a digest, while the element that
// the digest is of is still to be read.
type Deferred struct {
	v        *Verifier
	expected []byte
	// Method is the canonical form to write the element in, to Hash.
	Method c14n.Method
	Hash   hash.Hash
}

// Defer verifies a ds:Signature whose parent is known by nothing but its start
// tag. Its content has to be written to the Deferred, without the signature,
// and the digest checked in the end.
func (v *Verifier) Defer(el, parent xmltree.Element, certs []*x509.Certificate, p *Policy) (*Deferred, error) {
	var s signature
	if err := s.parse(el, parent, p); err != nil {
		return nil, err
	}
	if _, err := v.key(&s, certs); err != nil {
		return nil, err
	}
	return &Deferred{v: v, expected: bytes.Clone(s.expected), Method: s.reference, Hash: newHash(s.digest)}, nil
}

// Check compares the digest of what was written with the signed one.
func (d *Deferred) Check() error {
	d.v.sum = d.Hash.Sum(d.v.sum[:0])
	if err := d.v.compare(d.expected); err != nil {
		return err
	}
	return nil
}
