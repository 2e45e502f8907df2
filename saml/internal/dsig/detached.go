package dsig

import "crypto/x509"

// VerifyDetached checks a signature over octets, as the HTTP-Redirect binding of
// SAML carries it (SAML bindings, section 3.4.4.1), and returns the index of the
// certificate whose key made it. An error is an [*Error].
func VerifyDetached(data []byte, method string, sig []byte, certs []*x509.Certificate, p *Policy) (key int, err error) {
	_, m, ok := p.method([]byte(method))
	if !ok {
		return 0, badAlgorithm("a signature method", []byte(method))
	}
	h := newHash(m.hash)
	h.Write(data)
	digest := h.Sum(nil)
	for i, c := range certs {
		if m.fits(c.PublicKey) && m.verify(c.PublicKey, m.hash, digest, sig) {
			return i, nil
		}
	}
	return 0, invalid("no configured certificate verifies the signature")
}

// SignDetached signs octets as [VerifyDetached] reads them. Key, Method and Rand
// of the options count.
func SignDetached(data []byte, o SignOptions) ([]byte, error) {
	o, m, err := o.complete()
	if err != nil {
		return nil, err
	}
	h := newHash(m.hash)
	h.Write(data)
	return o.signSum(h.Sum(nil), m)
}
