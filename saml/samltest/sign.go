package samltest

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"io"
	"strings"

	"sallyport/saml/internal/dsig"
)

// A Position is where a Signature stands in what it signs.
type Position int

const (
	BehindIssuer Position = iota // where the schema has it
	First                        // before everything else
	Last                         // behind everything else
)

// A Signing says how an element is signed. Key has to be set. Algorithms are
// URIs; empty ones are SHA-256 and Exclusive XML Canonicalization.
type Signing struct {
	Key    *Key
	Method string
	Digest string
	// Transform is the canonicalization of the element, with its PrefixList;
	// Info and InfoPrefixes are those of SignedInfo.
	Transform    string
	Prefixes     []string
	Info         string
	InfoPrefixes []string
	Position     Position
	// KeyInfo is what KeyInfo holds; the key's certificate if it is empty.
	// NoKeyInfo leaves it out.
	KeyInfo   XML
	NoKeyInfo bool
	// Wrap is put into base64 after each 76 characters.
	Wrap string
	// PSSHash is for the method rsa-pss with parameters.
	PSSHash crypto.Hash
	// Edit may change the Signature, in which all but its value stands, before
	// SignedInfo is signed.
	Edit func(signature string) string
}

// String returns the message: written, encrypted, signed and changed as the
// description says.
func (r *Response) String() string {
	text := r.unsigned()
	if r.BeforeSigning != nil {
		text = r.BeforeSigning(text)
	}
	if r.NameIDEncryption != nil {
		text = r.Style.encrypt(text, "EncryptedID", r.NameIDEncryption, isNameID)
	}
	if r.AssertionSigning != nil {
		text = r.sign(text, r.Assertion.ID, r.AssertionSigning)
	}
	if r.AssertionEncryption != nil {
		text = r.Style.encrypt(text, "EncryptedAssertion", r.AssertionEncryption, hasID(r.Assertion.ID))
	}
	if r.ResponseSigning != nil {
		text = r.sign(text, r.ID, r.ResponseSigning)
	}
	if r.AfterSigning != nil {
		text = r.AfterSigning(text)
	}
	return text
}

// Encode returns the message in base64.
func (r *Response) Encode() string { return Encode(r.String()) }

// Sign signs the element with this ID in a document.
func Sign(text, id string, s Signing) string {
	return (&Response{Style: Style{Signature: "ds"}}).sign(text, id, &s)
}

func (r *Response) sign(text, id string, s *Signing) string {
	signed, err := dsig.Sign([]byte(text), id, s.options(r.Style.Signature, id))
	if err != nil {
		panic("samltest: " + err.Error())
	}
	return string(signed)
}

func (s *Signing) options(prefix, id string) dsig.SignOptions {
	o := dsig.SignOptions{
		Key: s.Key.Private, Method: s.Method, Digest: s.Digest, Prefix: prefix, Place: dsig.Place(s.Position),
		Transform: dsig.Canonicalization{URI: s.Transform, Prefixes: s.Prefixes},
		Info:      dsig.Canonicalization{URI: s.Info, Prefixes: s.InfoPrefixes},
		Wrap:      s.Wrap, PSSHash: s.PSSHash, Rand: salts(id), Edit: s.Edit,
	}
	if !s.NoKeyInfo {
		o.Certificates = []*x509.Certificate{s.Key.Certificate}
	}
	if s.KeyInfo != "" {
		o.Edit = func(signature string) string {
			signature = replaceKeyInfo(signature, prefix, string(s.KeyInfo))
			if s.Edit != nil {
				signature = s.Edit(signature)
			}
			return signature
		}
	}
	return o
}

func replaceKeyInfo(signature, prefix, content string) string {
	if prefix != "" {
		prefix += ":"
	}
	head, rest, _ := strings.Cut(signature, "<"+prefix+"KeyInfo>")
	_, tail, _ := strings.Cut(rest, "</"+prefix+"KeyInfo>")
	return head + "<" + prefix + "KeyInfo>" + content + "</" + prefix + "KeyInfo>" + tail
}

// salts returns octets that depend on nothing but the seed, so that PSS
// signatures can be made again.
func salts(seed string) io.Reader { return &counter{seed: seed} }

type counter struct {
	seed string
	n    byte
}

func (c *counter) Read(b []byte) (int, error) {
	sum := sha256.Sum256([]byte{c.n})
	sum = sha256.Sum256(append(sum[:], c.seed...))
	c.n++
	return copy(b, sum[:]), nil
}
