package xmltree

// A Namespace is a namespace name (URI) of one document. The constants are the
// same in every document; others are numbered as they appear.
type Namespace int32

const (
	NoNamespace Namespace = iota
	XML                   // the namespace of the prefix xml
	XMLNS                 // the namespace of the prefix xmlns, never usable
	Assertion
	Protocol
	Metadata
	DSig
	DSigMore
	XEnc
	XEnc11
	ExcC14N
	XSI
	MDRPI
	MDUI
	IDPDisco
	wellKnown // the number of constants
)

var wellKnownNames = [][]byte{
	NoNamespace: []byte(""),
	XML:         []byte("http://www.w3.org/XML/1998/namespace"),
	XMLNS:       []byte("http://www.w3.org/2000/xmlns/"),
	Assertion:   []byte("urn:oasis:names:tc:SAML:2.0:assertion"),
	Protocol:    []byte("urn:oasis:names:tc:SAML:2.0:protocol"),
	Metadata:    []byte("urn:oasis:names:tc:SAML:2.0:metadata"),
	DSig:        []byte("http://www.w3.org/2000/09/xmldsig#"),
	DSigMore:    []byte("http://www.w3.org/2007/05/xmldsig-more#"),
	XEnc:        []byte("http://www.w3.org/2001/04/xmlenc#"),
	XEnc11:      []byte("http://www.w3.org/2009/xmlenc11#"),
	ExcC14N:     []byte("http://www.w3.org/2001/10/xml-exc-c14n#"),
	XSI:         []byte("http://www.w3.org/2001/XMLSchema-instance"),
	MDRPI:       []byte("urn:oasis:names:tc:SAML:metadata:rpi"),
	MDUI:        []byte("urn:oasis:names:tc:SAML:metadata:ui"),
	IDPDisco:    []byte("urn:oasis:names:tc:SAML:profiles:SSO:idp-discovery-protocol"),
}

// A Binding is a namespace prefix and what it stands for. The default
// namespace has the empty prefix.
type Binding struct {
	Prefix, URI string
}

// internAfter is the number of distinct names up to which a plain comparison
// with each beats a map. Only hostile documents have more.
const internAfter = 32

// intern returns the number of a namespace name in this document.
func (d *Document) intern(uri []byte) Namespace {
	if len(d.uris) > internAfter {
		return d.internMap(uri)
	}
	for i, known := range d.uris {
		if string(known) == string(uri) {
			return Namespace(i)
		}
	}
	d.uris = append(d.uris, uri)
	return Namespace(len(d.uris) - 1)
}

func (d *Document) internMap(uri []byte) Namespace {
	if len(d.uriIndex) == 0 {
		if d.uriIndex == nil {
			d.uriIndex = make(map[string]Namespace)
		}
		for i, known := range d.uris {
			d.uriIndex[string(known)] = Namespace(i)
		}
	}
	if n, ok := d.uriIndex[string(uri)]; ok {
		return n
	}
	d.uris = append(d.uris, uri)
	n := Namespace(len(d.uris) - 1)
	d.uriIndex[string(uri)] = n
	return n
}

// URI returns the namespace name.
func (d *Document) URI(n Namespace) []byte { return d.uris[n] }
