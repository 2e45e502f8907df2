package dsig

import (
	"crypto"
	"strconv"

	"sallyport/saml/internal/xmltree"
)

// parsePSS reads RSAPSSParams (RFC 6931, section 2.3.9). Missing parameters
// have the defaults of that section. Accepted is what the fixed methods mean
// too: one hash for message and mask, a salt as long as the hash.
func (s *signature) parsePSS(el xmltree.Element) *Error {
	hash, mask, salt := crypto.SHA256, crypto.SHA256, 0
	params := el.First()
	if !params.IsZero() && (!params.Is(xmltree.DSigMore, "RSAPSSParams") || !params.Next().IsZero()) {
		return invalid("SignatureMethod has parameters that are not expected there")
	}
	for c := params.First(); !c.IsZero(); c = c.Next() {
		uri, _ := c.Attr("Algorithm")
		ok := true
		switch {
		case c.Is(xmltree.DSig, "DigestMethod"):
			hash, ok = hashOf(uri)
		case c.Is(xmltree.DSigMore, "MaskGenerationFunction"):
			mask, ok = maskHash(c, uri)
		case c.Is(xmltree.DSigMore, "SaltLength"):
			text, _ := c.Text()
			n, err := strconv.Atoi(string(xmltree.TrimSpace(text)))
			salt, ok = n, err == nil
		case c.Is(xmltree.DSigMore, "TrailerField"):
			text, _ := c.Text()
			ok = string(xmltree.TrimSpace(text)) == "1"
		default:
			ok = false
		}
		if !ok {
			return badAlgorithm("a parameter of RSA-PSS", []byte(c.Name()))
		}
	}
	if hash == crypto.SHA1 || mask != hash || salt != 0 && salt != hash.Size() {
		return badAlgorithm("a combination of RSA-PSS parameters", []byte(hash.String()+" with MGF1 "+mask.String()))
	}
	s.method.hash = hash
	return nil
}

func maskHash(el xmltree.Element, uri []byte) (crypto.Hash, bool) {
	if string(uri) != mgf1 {
		return 0, false
	}
	digest := el.First()
	if digest.IsZero() {
		return crypto.SHA256, true
	}
	inner, _ := digest.Attr("Algorithm")
	hash, ok := hashOf(inner)
	return hash, ok && digest.Is(xmltree.DSig, "DigestMethod")
}
