package xenc

import "sallyport/saml/internal/xmltree"

// ContentKeys returns what the content is tried with.
func ContentKeys(el xmltree.Element, keys []Key, p *Policy) ([][]byte, error) {
	m, err := parse(el, p, nil)
	if err != nil {
		return nil, err
	}
	return m.contentKeys(keys), nil
}
