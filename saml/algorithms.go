package saml

import (
	"fmt"
	"slices"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xenc"
)

// Algorithms lists, by URI, what a message may use, for one relation
// ([Config.Algorithms]). What is in no list here is accepted never: HMAC, DSA,
// MD5, XPath, XSLT, Triple DES and the like; [New] refuses to be asked for it.
//
// There are two kinds: those of [DefaultAlgorithms], and those of
// [InsecureAlgorithms], each of which has to be asked for by a name that says
// so. [SupportedAlgorithms] are both. The hashes inside of RSA-OAEP are not
// listed: its security does not rest on them, not even with SHA-1.
type Algorithms struct {
	Signatures        []string // signature methods, detached ones too
	Digests           []string // of references
	Canonicalizations []string // of references and of SignedInfo
	ContentEncryption []string // of assertions and NameIDs
	KeyTransport      []string // of their content keys
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

// Content encryption that notices every change.
var defaultContentEncryption = []string{xenc.AES128GCM, xenc.AES192GCM, xenc.AES256GCM}

// insecureContentEncryption does not notice changes. Behind a signature over
// the response it is accepted all the same; without one, who can send us
// altered ciphertexts could learn the text from our answers.
var insecureContentEncryption = []string{xenc.AES128CBC, xenc.AES192CBC, xenc.AES256CBC}

var defaultKeyTransport = []string{xenc.OAEPMGF1P, xenc.OAEP}

// insecureKeyTransport is open to Bleichenbacher's attack wherever an answer
// differs.
var insecureKeyTransport = []string{xenc.RSA15}

// DefaultAlgorithms returns what is accepted where a configuration says
// nothing.
func DefaultAlgorithms() Algorithms {
	return Algorithms{
		defaultSignatures, defaultDigests, defaultCanonicalizations, defaultContentEncryption, defaultKeyTransport,
	}.clone()
}

// SupportedAlgorithms returns everything that is implemented: what is accepted by
// default, and what is insecure.
func SupportedAlgorithms() Algorithms { return DefaultAlgorithms().With(InsecureAlgorithms()) }

// InsecureAlgorithms returns what can be accepted besides, although it is broken
// or easily used wrongly, for an Identity Provider that can do no better: the
// union of [InsecureSHA1], [InsecureCBC] and [InsecureRSA15], which are better
// asked for one by one. Each use is a warning.
func InsecureAlgorithms() Algorithms { return InsecureSHA1().With(InsecureCBC()).With(InsecureRSA15()) }

// InsecureSHA1 is signatures and digests with SHA-1.
func InsecureSHA1() Algorithms {
	return Algorithms{Signatures: insecureSignatures, Digests: insecureDigests}.clone()
}

// InsecureCBC is AES-CBC where nothing but the text itself is signed.
func InsecureCBC() Algorithms {
	return Algorithms{ContentEncryption: insecureContentEncryption}.clone()
}

// InsecureRSA15 is key transport with RSA PKCS #1 v1.5.
func InsecureRSA15() Algorithms {
	return Algorithms{KeyTransport: insecureKeyTransport}.clone()
}

// With returns the union of both lists.
func (a Algorithms) With(b Algorithms) Algorithms {
	return Algorithms{
		append(a.clone().Signatures, b.Signatures...),
		append(a.clone().Digests, b.Digests...),
		append(a.clone().Canonicalizations, b.Canonicalizations...),
		append(a.clone().ContentEncryption, b.ContentEncryption...),
		append(a.clone().KeyTransport, b.KeyTransport...),
	}
}

func (a Algorithms) clone() Algorithms {
	copied := func(list []string) []string { return append([]string(nil), list...) }
	return Algorithms{
		copied(a.Signatures), copied(a.Digests), copied(a.Canonicalizations),
		copied(a.ContentEncryption), copied(a.KeyTransport),
	}
}

func (a Algorithms) isZero() bool {
	return len(a.Signatures)+len(a.Digests)+len(a.Canonicalizations)+len(a.ContentEncryption)+len(a.KeyTransport) == 0
}

// check reports an entry that is not supported.
func (a Algorithms) check() error {
	known := SupportedAlgorithms()
	for _, pair := range [][2][]string{
		{a.Signatures, known.Signatures}, {a.Digests, known.Digests}, {a.Canonicalizations, known.Canonicalizations},
		{a.ContentEncryption, known.ContentEncryption}, {a.KeyTransport, known.KeyTransport},
	} {
		for _, uri := range pair[0] {
			if !slices.Contains(pair[1], uri) {
				return fmt.Errorf("saml: the algorithm %q is not supported for this", uri)
			}
		}
	}
	return nil
}
