package dsig

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
)

// A Place is where a Signature goes among the children of what it signs.
type Place int

const (
	// BehindIssuer is right behind the Issuer, as the schemas of messages and
	// assertions have it; without an Issuer it is First.
	BehindIssuer Place = iota
	First
	Last
)

// SignOptions say how an element is signed. Key has to be set; the zero value
// of everything else is a good one.
type SignOptions struct {
	// Key is an RSA or ECDSA key. ECDSA signatures are deterministic (RFC
	// 6979).
	Key crypto.Signer
	// Method and Digest are URIs: SHA-256 with what fits the key by default.
	Method, Digest string
	// Transform is the canonicalization of the element, Info that of
	// SignedInfo; exclusive by default.
	Transform, Info Canonicalization
	// Prefix is that of the Signature's names; empty makes theirs the default
	// namespace.
	Prefix string
	// Certificates are named in KeyInfo; without any there is no KeyInfo.
	Certificates []*x509.Certificate
	Place        Place
	// Wrap is put into base64 after each 76 characters; nothing if empty.
	Wrap string
	// PSSHash is written into the parameters of the method PSS; without it
	// there are none, and the hash is SHA-256.
	PSSHash crypto.Hash
	// Rand is the source of salts; that of crypto/rand if nil.
	Rand io.Reader
	// Edit may change the Signature's text, in which all but SignatureValue
	// stands, before SignedInfo is signed.
	Edit func(signature string) string
}

// A Canonicalization is a URI with its PrefixList, in which "#default" is the
// default namespace.
type Canonicalization struct {
	URI      string
	Prefixes []string
}

func (c Canonicalization) method() (c14n.Method, error) {
	m, ok := canonicalizationOf([]byte(c.URI))
	if !ok {
		return m, fmt.Errorf("dsig: unknown canonicalization %q", c.URI)
	}
	for _, p := range c.Prefixes {
		if p == "#default" {
			p = ""
		}
		m.Prefixes = append(m.Prefixes, p)
	}
	return m, nil
}

// Sign returns a document with a Signature in the element that has this ID.
// Everything else of the document stays as it is.
func Sign(src []byte, id string, o SignOptions) ([]byte, error) {
	o, m, err := o.complete()
	if err != nil {
		return nil, err
	}
	_, el, err := find(src, id)
	if err != nil {
		return nil, err
	}
	digest, err := o.digest(el)
	if err != nil {
		return nil, err
	}
	signature := o.template(id, digest)
	if o.Edit != nil {
		signature = o.Edit(signature)
	}
	at := el.Offset() + place(el, o.Place)
	src = el.Document().Source()
	return o.fill(string(src[:at])+signature+string(src[at:]), id, m)
}

// complete sets what was left out.
func (o SignOptions) complete() (SignOptions, method, error) {
	set := func(v *string, def string) {
		if *v == "" {
			*v = def
		}
	}
	set(&o.Method, RSASHA256)
	if _, ok := o.Key.Public().(*ecdsa.PublicKey); ok && o.Method == RSASHA256 {
		o.Method = ECDSASHA256
	}
	set(&o.Digest, SHA256)
	set(&o.Transform.URI, ExcC14N)
	set(&o.Info.URI, ExcC14N)
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	m, ok := methodOf([]byte(o.Method))
	if !ok {
		return o, m, fmt.Errorf("dsig: unknown signature method %q", o.Method)
	}
	if o.Method == PSS && o.PSSHash != 0 {
		m.hash = o.PSSHash
	}
	return o, m, nil
}

// find parses a document and returns the element with this ID.
func find(src []byte, id string) (*xmltree.Document, xmltree.Element, error) {
	var p xmltree.Parser
	doc, err := p.Parse(src, xmltree.Options{Markup: true, Limits: xmltree.Limits{Elements: 2_000_000, Depth: 1000}})
	if err != nil {
		return nil, xmltree.Element{}, err
	}
	var found xmltree.Element
	doc.Root().Descendants(func(el xmltree.Element) bool {
		if value, ok := el.Attr("ID"); ok && string(value) == id {
			found = el
		}
		return found.IsZero()
	})
	if found.IsZero() {
		return nil, found, fmt.Errorf("dsig: no element has the ID %q", id)
	}
	return doc, found, nil
}

func (o *SignOptions) digest(el xmltree.Element) (string, error) {
	m, err := o.Transform.method()
	if err != nil {
		return "", err
	}
	m.Comments = commentsByID
	h, ok := hashOf([]byte(o.Digest))
	if !ok {
		return "", fmt.Errorf("dsig: unknown digest %q", o.Digest)
	}
	sum := newHash(h)
	var w c14n.Writer
	if err := w.Write(sum, el, xmltree.Element{}, m); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sum.Sum(nil)), nil
}

// place returns the offset, from the start of el, where the Signature goes.
func place(el xmltree.Element, p Place) int {
	src := el.Source()
	if p == Last {
		return strings.LastIndex(string(src), "</")
	}
	if issuer := el.Child(xmltree.Assertion, "Issuer"); p == BehindIssuer && !issuer.IsZero() {
		return issuer.Offset() - el.Offset() + len(issuer.Source())
	}
	quote := byte(0)
	for i, c := range src {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(src)
}

// template writes a Signature without its value.
func (o *SignOptions) template(id, digest string) string {
	p, xmlns := "", ` xmlns="`+dsigNamespace+`"`
	if o.Prefix != "" {
		p, xmlns = o.Prefix+":", " xmlns:"+o.Prefix+`="`+dsigNamespace+`"`
	}
	var b strings.Builder
	b.WriteString("<" + p + "Signature" + xmlns + "><" + p + "SignedInfo>")
	o.Info.write(&b, p+"CanonicalizationMethod")
	b.WriteString("<" + p + `SignatureMethod Algorithm="` + o.Method + `">` + o.pssParams(p) + "</" + p + "SignatureMethod>")
	b.WriteString("<" + p + `Reference URI="#` + id + `"><` + p + "Transforms><" + p + `Transform Algorithm="` + Enveloped + `"></` + p + "Transform>")
	o.Transform.write(&b, p+"Transform")
	b.WriteString("</" + p + "Transforms><" + p + `DigestMethod Algorithm="` + o.Digest + `"></` + p + "DigestMethod>")
	b.WriteString("<" + p + "DigestValue>" + digest + "</" + p + "DigestValue></" + p + "Reference></" + p + "SignedInfo>")
	b.WriteString("<" + p + "SignatureValue></" + p + "SignatureValue>")
	if len(o.Certificates) > 0 {
		b.WriteString("<" + p + "KeyInfo><" + p + "X509Data>")
		for _, c := range o.Certificates {
			b.WriteString("<" + p + "X509Certificate>" + o.base64(c.Raw) + "</" + p + "X509Certificate>")
		}
		b.WriteString("</" + p + "X509Data></" + p + "KeyInfo>")
	}
	b.WriteString("</" + p + "Signature>")
	return b.String()
}

const dsigNamespace = "http://www.w3.org/2000/09/xmldsig#"

func (c Canonicalization) write(b *strings.Builder, name string) {
	b.WriteString("<" + name + ` Algorithm="` + c.URI + `">`)
	if len(c.Prefixes) > 0 {
		b.WriteString(`<ec:InclusiveNamespaces xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="` +
			strings.Join(c.Prefixes, " ") + `"></ec:InclusiveNamespaces>`)
	}
	b.WriteString("</" + name + ">")
}

func (o *SignOptions) pssParams(p string) string {
	uri, ok := map[crypto.Hash]string{crypto.SHA1: SHA1, crypto.SHA256: SHA256, crypto.SHA384: SHA384, crypto.SHA512: SHA512}[o.PSSHash]
	if o.Method != PSS || !ok {
		return ""
	}
	digest := "<" + p + `DigestMethod Algorithm="` + uri + `"></` + p + "DigestMethod>"
	return `<pss:RSAPSSParams xmlns:pss="http://www.w3.org/2007/05/xmldsig-more#">` + digest +
		`<pss:MaskGenerationFunction Algorithm="` + mgf1 + `">` + digest + "</pss:MaskGenerationFunction>" +
		fmt.Sprintf("<pss:SaltLength>%d</pss:SaltLength><pss:TrailerField>1</pss:TrailerField></pss:RSAPSSParams>", o.PSSHash.Size())
}

func (o *SignOptions) base64(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	if o.Wrap == "" {
		return text
	}
	var lines strings.Builder
	for len(text) > 76 {
		lines.WriteString(text[:76] + o.Wrap)
		text = text[76:]
	}
	return lines.String() + text
}

// fill signs the SignedInfo of the Signature that was put into the element with
// this ID, and writes its value.
func (o *SignOptions) fill(text, id string, m method) ([]byte, error) {
	_, el, err := find([]byte(text), id)
	if err != nil {
		return nil, err
	}
	for sig := el.First(); !sig.IsZero(); sig = sig.Next() {
		info, value := sig.Child(xmltree.DSig, "SignedInfo"), sig.Child(xmltree.DSig, "SignatureValue")
		if t, _ := value.Text(); !sig.Is(xmltree.DSig, "Signature") || info.IsZero() || value.IsZero() || len(t) > 0 {
			continue
		}
		signed, err := o.sign(info, m)
		if err != nil {
			return nil, err
		}
		at := value.Offset() + place(value, First)
		return []byte(text[:at] + o.base64(signed) + text[at:]), nil
	}
	return nil, errors.New("dsig: no Signature to fill in")
}

// sign returns the signature value of a SignedInfo.
func (o *SignOptions) sign(info xmltree.Element, m method) ([]byte, error) {
	canonical, err := o.Info.method()
	if err != nil {
		return nil, err
	}
	h := newHash(m.hash)
	var w c14n.Writer
	if err := w.Write(h, info, xmltree.Element{}, canonical); err != nil {
		return nil, err
	}
	return o.signSum(h.Sum(nil), m)
}

// signSum returns the signature value of a digest.
func (o *SignOptions) signSum(sum []byte, m method) ([]byte, error) {
	switch key := o.Key.Public().(type) {
	case *rsa.PublicKey:
		var opts crypto.SignerOpts = m.hash
		switch o.Method {
		case PSS, PSSSHA256, PSSSHA384, PSSSHA512:
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: m.hash}
		}
		return o.Key.Sign(o.Rand, sum, opts)
	case *ecdsa.PublicKey:
		return signECDSA(o.Key, key, sum, m.hash)
	}
	return nil, fmt.Errorf("dsig: a key of kind %T", o.Key)
}

// signECDSA returns r and s one behind the other (XML Signature 1.1, section
// 6.4.3).
func signECDSA(key crypto.Signer, public *ecdsa.PublicKey, sum []byte, h crypto.Hash) ([]byte, error) {
	der, err := key.Sign(nil, sum, h)
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	size := (public.Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*size)
	rs.R.FillBytes(out[:size])
	rs.S.FillBytes(out[size:])
	return out, nil
}
