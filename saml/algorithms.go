package saml

import "sallyport/saml/internal/dsig"

// Algorithms lists, by URI, what a signature may use.
type Algorithms struct {
	Signatures        []string
	Digests           []string
	Canonicalizations []string
}

// Signature methods that are accepted by default: RSA PKCS #1 v1.5, RSA-PSS and
// ECDSA, with SHA-256 or more.
var defaultSignatures = []string{
	dsig.RSASHA256, dsig.RSASHA384, dsig.RSASHA512,
	dsig.PSS, dsig.PSSSHA256, dsig.PSSSHA384, dsig.PSSSHA512,
	dsig.ECDSASHA256, dsig.ECDSASHA384, dsig.ECDSASHA512,
}

// insecureSignatures rest on SHA-1, for which collisions can be made.
var insecureSignatures = []string{dsig.RSASHA1, dsig.ECDSASHA1}

var defaultDigests = []string{dsig.SHA256, dsig.SHA384, dsig.SHA512}

var insecureDigests = []string{dsig.SHA1}

var defaultCanonicalizations = []string{
	dsig.ExcC14N, dsig.ExcC14NComments,
	dsig.C14N10, dsig.C14N10Comments,
	dsig.C14N11, dsig.C14N11Comments,
}

// DefaultAlgorithms returns what is accepted where a configuration says
// nothing.
func DefaultAlgorithms() Algorithms {
	return Algorithms{
		Signatures:        append([]string(nil), defaultSignatures...),
		Digests:           append([]string(nil), defaultDigests...),
		Canonicalizations: append([]string(nil), defaultCanonicalizations...),
	}
}

// InsecureAlgorithms returns what can be accepted although it is broken or
// about to be, for an Identity Provider that can do no better. Each use is a
// warning. HMAC, DSA, MD5, XPath, XSLT and the like are accepted never.
func InsecureAlgorithms() Algorithms {
	return Algorithms{
		Signatures: append([]string(nil), insecureSignatures...),
		Digests:    append([]string(nil), insecureDigests...),
	}
}

// With returns the union of both lists.
func (a Algorithms) With(b Algorithms) Algorithms {
	return Algorithms{
		Signatures:        append(append([]string(nil), a.Signatures...), b.Signatures...),
		Digests:           append(append([]string(nil), a.Digests...), b.Digests...),
		Canonicalizations: append(append([]string(nil), a.Canonicalizations...), b.Canonicalizations...),
	}
}

func (a Algorithms) isZero() bool {
	return len(a.Signatures) == 0 && len(a.Digests) == 0 && len(a.Canonicalizations) == 0
}
