package dsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math/big"

	"sallyport/saml/internal/c14n"
)

// Signature methods, digest methods and transforms by the URIs of XML
// Signature 1.1, RFC 6931 and RFC 9231.
const (
	RSASHA1   = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	RSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	RSASHA384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	RSASHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"

	PSS       = "http://www.w3.org/2007/05/xmldsig-more#rsa-pss"
	PSSSHA256 = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
	PSSSHA384 = "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1"
	PSSSHA512 = "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"

	ECDSASHA1   = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1"
	ECDSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	ECDSASHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
	ECDSASHA512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"

	SHA1   = "http://www.w3.org/2000/09/xmldsig#sha1"
	SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
	SHA384 = "http://www.w3.org/2001/04/xmldsig-more#sha384"
	SHA512 = "http://www.w3.org/2001/04/xmlenc#sha512"

	Enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

	ExcC14N           = "http://www.w3.org/2001/10/xml-exc-c14n#"
	ExcC14NComments   = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
	C14N10            = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	C14N10Comments    = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
	C14N11            = "http://www.w3.org/2006/12/xml-c14n11"
	C14N11Comments    = "http://www.w3.org/2006/12/xml-c14n11#WithComments"
	mgf1              = "http://www.w3.org/2007/05/xmldsig-more#MGF1"
	largestECDSAField = 66 // octets of a coordinate of P-521
)

// Key sizes in bits: smaller RSA keys can be broken, larger ones only cost
// time.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// A Policy lists, by URI, the algorithms that are accepted.
type Policy struct {
	Signatures        []string
	Digests           []string
	Canonicalizations []string
}

// A method is how a signature value is made.
type method struct {
	hash   crypto.Hash
	verify func(key crypto.PublicKey, h crypto.Hash, digest, sig []byte) bool
	fits   func(key crypto.PublicKey) bool
}

func (p *Policy) method(uri []byte) (name string, m method, ok bool) {
	if name, ok = listed(p.Signatures, uri); ok {
		m, ok = methodOf(uri)
	}
	return name, m, ok
}

func methodOf(uri []byte) (method, bool) {
	switch string(uri) {
	case RSASHA1:
		return method{crypto.SHA1, verifyPKCS1v15, fitsRSA}, true
	case RSASHA256:
		return method{crypto.SHA256, verifyPKCS1v15, fitsRSA}, true
	case RSASHA384:
		return method{crypto.SHA384, verifyPKCS1v15, fitsRSA}, true
	case RSASHA512:
		return method{crypto.SHA512, verifyPKCS1v15, fitsRSA}, true
	case PSS, PSSSHA256:
		return method{crypto.SHA256, verifyPSS, fitsRSA}, true
	case PSSSHA384:
		return method{crypto.SHA384, verifyPSS, fitsRSA}, true
	case PSSSHA512:
		return method{crypto.SHA512, verifyPSS, fitsRSA}, true
	case ECDSASHA1:
		return method{crypto.SHA1, verifyECDSA, fitsECDSA}, true
	case ECDSASHA256:
		return method{crypto.SHA256, verifyECDSA, fitsECDSA}, true
	case ECDSASHA384:
		return method{crypto.SHA384, verifyECDSA, fitsECDSA}, true
	case ECDSASHA512:
		return method{crypto.SHA512, verifyECDSA, fitsECDSA}, true
	}
	return method{}, false
}

func (p *Policy) digest(uri []byte) (name string, h crypto.Hash, ok bool) {
	if name, ok = listed(p.Digests, uri); ok {
		h, ok = hashOf(uri)
	}
	return name, h, ok
}

func hashOf(uri []byte) (crypto.Hash, bool) {
	switch string(uri) {
	case SHA1:
		return crypto.SHA1, true
	case SHA256:
		return crypto.SHA256, true
	case SHA384:
		return crypto.SHA384, true
	case SHA512:
		return crypto.SHA512, true
	}
	return 0, false
}

func (p *Policy) canonicalization(uri []byte) (c14n.Method, bool) {
	if _, ok := listed(p.Canonicalizations, uri); !ok {
		return c14n.Method{}, false
	}
	return canonicalizationOf(uri)
}

func canonicalizationOf(uri []byte) (c14n.Method, bool) {
	switch string(uri) {
	case ExcC14N:
		return c14n.Method{Exclusive: true}, true
	case ExcC14NComments:
		return c14n.Method{Exclusive: true, Comments: true}, true
	case C14N10:
		return c14n.Method{}, true
	case C14N10Comments:
		return c14n.Method{Comments: true}, true
	case C14N11:
		return c14n.Method{V11: true}, true
	case C14N11Comments:
		return c14n.Method{V11: true, Comments: true}, true
	}
	return c14n.Method{}, false
}

// listed returns the entry of a list that a URI is.
func listed(list []string, uri []byte) (string, bool) {
	for _, entry := range list {
		if entry == string(uri) {
			return entry, true
		}
	}
	return "", false
}

func newHash(h crypto.Hash) hash.Hash {
	switch h {
	case crypto.SHA1:
		return sha1.New()
	case crypto.SHA384:
		return sha512.New384()
	case crypto.SHA512:
		return sha512.New()
	}
	return sha256.New()
}

func fitsRSA(key crypto.PublicKey) bool {
	k, ok := key.(*rsa.PublicKey)
	return ok && k.N.BitLen() >= minRSABits && k.N.BitLen() <= maxRSABits
}

func fitsECDSA(key crypto.PublicKey) bool {
	k, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return false
	}
	switch k.Curve.Params().BitSize {
	case 256, 384, 521:
		return true
	}
	return false
}

func verifyPKCS1v15(key crypto.PublicKey, h crypto.Hash, digest, sig []byte) bool {
	return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), h, digest, sig) == nil
}

func verifyPSS(key crypto.PublicKey, h crypto.Hash, digest, sig []byte) bool {
	opt := rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
	return rsa.VerifyPSS(key.(*rsa.PublicKey), h, digest, sig, &opt) == nil
}

// verifyECDSA takes r and s one behind the other, each of the length of the
// field (XML Signature 1.1, section 6.4.3), never in DER.
func verifyECDSA(key crypto.PublicKey, _ crypto.Hash, digest, sig []byte) bool {
	k := key.(*ecdsa.PublicKey)
	size := (k.Curve.Params().BitSize + 7) / 8
	if len(sig) != 2*size || size > largestECDSAField {
		return false
	}
	r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
	return ecdsa.Verify(k, digest, r, s)
}
