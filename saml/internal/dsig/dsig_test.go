package dsig_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"

	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

const document = `<r xmlns="urn:x" ID="r"><a ID="a" b="c"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">i</Issuer>text</a></r>`

var policy = dsig.Policy{
	Signatures:        []string{dsig.RSASHA256, dsig.ECDSASHA256, dsig.PSS, dsig.RSASHA1, "urn:unknown"},
	Digests:           []string{dsig.SHA256, dsig.SHA1, "urn:unknown"},
	Canonicalizations: []string{dsig.ExcC14N, dsig.C14N10, "urn:unknown"},
}

func options(key string) dsig.SignOptions {
	return dsig.SignOptions{Key: samltest.NamedKey(key).Private, Prefix: "ds"}
}

func certs(names ...string) (list []*x509.Certificate) {
	for _, n := range names {
		list = append(list, samltest.NamedKey(n).Certificate)
	}
	return list
}

// verify verifies the Signature of the element with this ID.
func verify(t testing.TB, text []byte, id string, markup bool, list []*x509.Certificate) (dsig.Result, error) {
	t.Helper()
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{Markup: markup})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var parent xmltree.Element
	doc.Root().Descendants(func(e xmltree.Element) bool {
		if value, _ := e.Attr("ID"); string(value) == id {
			parent = e
		}
		return true
	})
	var v dsig.Verifier
	return v.Verify(parent.Child(xmltree.DSig, "Signature"), parent, list, &policy)
}

func TestWhatIsSignedVerifies(t *testing.T) {
	for _, id := range []string{"a", "r"} {
		for _, key := range []string{samltest.RSA2048, samltest.EC256} {
			for _, place := range []dsig.Place{dsig.BehindIssuer, dsig.First, dsig.Last} {
				o := options(key)
				o.Place, o.Wrap, o.Certificates = place, "\n", certs(key)
				text, err := dsig.Sign([]byte(document), id, o)
				if err != nil {
					t.Fatal(err)
				}
				res, err := verify(t, text, id, false, certs(samltest.EC384, key))
				if err != nil || res.Key != 1 || res.UsesSHA1() {
					t.Errorf("%v, %v\n%s", res, err, text)
				}
				if without := text[:strings.Index(string(text), "<ds:Signature")]; !strings.HasPrefix(document, string(without)) {
					t.Errorf("the document was changed: %s", text)
				}
			}
		}
	}
}

func TestAnElementIsSignedTwiceOver(t *testing.T) {
	inner, err := dsig.Sign([]byte(document), "a", options(samltest.RSA2048))
	if err != nil {
		t.Fatal(err)
	}
	both, err := dsig.Sign(inner, "r", options(samltest.EC521))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, both, "a", false, certs(samltest.RSA2048)); err != nil {
		t.Error(err)
	}
	if _, err := verify(t, both, "r", false, certs(samltest.EC521)); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	fails := errors.New("no")
	for name, c := range map[string]struct {
		text, id string
		change   func(*dsig.SignOptions)
	}{
		"no such ID":             {document, "z", func(*dsig.SignOptions) {}},
		"no XML":                 {"<a", "a", func(*dsig.SignOptions) {}},
		"an empty-element tag":   {`<r><a ID="a"/></r>`, "a", func(*dsig.SignOptions) {}},
		"an unknown method":      {document, "a", func(o *dsig.SignOptions) { o.Method = "urn:x" }},
		"an unknown digest":      {document, "a", func(o *dsig.SignOptions) { o.Digest = "urn:x" }},
		"an unknown transform":   {document, "a", func(o *dsig.SignOptions) { o.Transform.URI = "urn:x" }},
		"an unknown form":        {document, "a", func(o *dsig.SignOptions) { o.Info.URI = "urn:x" }},
		"a relative namespace":   {`<a xmlns="rel" ID="a"></a>`, "a", func(*dsig.SignOptions) {}},
		"one of SignedInfo":      {`<b xmlns:p="rel"><a xmlns="urn:a" ID="a"></a></b>`, "a", func(o *dsig.SignOptions) { o.Info.URI = dsig.C14N10 }},
		"a key that fails":       {document, "a", func(o *dsig.SignOptions) { o.Key = failingKey{o.Key, fails} }},
		"an EC key that fails":   {document, "a", func(o *dsig.SignOptions) { o.Key = failingKey{samltest.NamedKey(samltest.EC256).Private, fails} }},
		"an EC key that babbles": {document, "a", func(o *dsig.SignOptions) { o.Key = failingKey{samltest.NamedKey(samltest.EC256).Private, nil} }},
		"a key of another kind":  {document, "a", func(o *dsig.SignOptions) { o.Key = strangeKey{} }},
		"an edit that breaks it": {document, "a", func(o *dsig.SignOptions) {
			o.Edit = func(s string) string { return strings.ReplaceAll(s, "SignatureValue", "Value") }
		}},
	} {
		o := options(samltest.RSA2048)
		c.change(&o)
		if text, err := dsig.Sign([]byte(c.text), c.id, o); err == nil {
			t.Errorf("%s: signed:\n%s", name, text)
		}
	}
}

type failingKey struct {
	crypto.Signer
	err error
}

func (k failingKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return []byte("no DER"), k.err
}

type strangeKey struct{}

func (strangeKey) Public() crypto.PublicKey                                  { return nil }
func (strangeKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, nil }

// TestShapesOfSignatures edits a Signature that then is signed: only its shape
// is wrong.
func TestShapesOfSignatures(t *testing.T) {
	swap := func(old, with string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				t.Fatalf("nothing to replace: %s", old)
			}
			return strings.Replace(s, old, with, 1)
		}
	}
	exc := `<ds:Transform Algorithm="` + dsig.ExcC14N + `">`
	for name, c := range map[string]struct {
		edit func(string) string
		kind dsig.Kind
	}{
		"text in Signature":               {swap("<ds:SignedInfo>", "x<ds:SignedInfo>"), dsig.Invalid},
		"text in SignedInfo":              {swap("<ds:Reference", "x<ds:Reference"), dsig.Invalid},
		"a comment":                       {swap("<ds:DigestValue>", "<ds:DigestValue><!---->"), dsig.Invalid},
		"a CDATA section":                 {swap("</ds:DigestValue>", "<![CDATA[]]></ds:DigestValue>"), dsig.Invalid},
		"no canonicalization method":      {swap(`<ds:CanonicalizationMethod Algorithm="`+dsig.ExcC14N+`"></ds:CanonicalizationMethod>`, ""), dsig.Invalid},
		"a method before its time":        {swap("<ds:CanonicalizationMethod", "<ds:SignatureMethod/><ds:CanonicalizationMethod"), dsig.Invalid},
		"an element of another namespace": {swap("<ds:DigestMethod", "<x/><ds:DigestMethod"), dsig.Invalid},
		"no digest": {func(s string) string {
			return s[:strings.Index(s, "<ds:DigestValue")] + s[strings.Index(s, "</ds:Reference"):]
		}, dsig.Invalid},
		"a digest that is no base64":      {swap("<ds:DigestValue>", "<ds:DigestValue>!"), dsig.Invalid},
		"two KeyInfos":                    {swap("</ds:SignatureValue>", "</ds:SignatureValue><ds:KeyInfo/><ds:KeyInfo/>"), dsig.Invalid},
		"a known URI without code":        {swap(dsig.SHA256, "urn:unknown"), dsig.Algorithm},
		"an unknown method":               {swap(dsig.RSASHA256, "urn:unknown"), dsig.Algorithm},
		"an unknown canonicalization":     {swap(exc, `<ds:Transform Algorithm="urn:unknown">`), dsig.Algorithm},
		"a transform of another kind":     {swap(exc+"</ds:Transform>", "<x/>"), dsig.Invalid},
		"parameters of the enveloped one": {swap("</ds:Transform>", "<x/></ds:Transform>"), dsig.Invalid},
		"parameters of another kind":      {swap(exc, exc+"<x/>"), dsig.Invalid},
		"two PrefixLists":                 {swap(exc, exc+strings.Repeat(`<ec:InclusiveNamespaces xmlns:ec="`+dsig.ExcC14N+`" PrefixList="a"/>`, 2)), dsig.Invalid},
		"empty transforms": {func(s string) string {
			return s[:strings.Index(s, "<ds:Transforms>")] + "<ds:Transforms/>" + s[strings.Index(s, "<ds:DigestMethod"):]
		}, dsig.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(samltest.RSA2048)
			o.Edit = c.edit
			text, err := dsig.Sign([]byte(document), "a", o)
			if err != nil {
				t.Fatal(err)
			}
			var e *dsig.Error
			if _, err = verify(t, text, "a", true, certs(samltest.RSA2048)); !errors.As(err, &e) || e.Kind != c.kind || e.Error() == "" {
				t.Errorf("got %v\n%s", err, text)
			}
		})
	}
}

func TestARelativeNamespaceInSignedInfo(t *testing.T) {
	text, err := dsig.Sign([]byte(document), "a", options(samltest.RSA2048))
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "<ds:SignedInfo>", `<ds:SignedInfo xmlns:p="rel">`, 1))
	if _, err := verify(t, text, "a", false, certs(samltest.RSA2048)); err == nil || !strings.Contains(err.Error(), "canonicalized") {
		t.Errorf("got %v", err)
	}
}

func TestCommentsAreNotSigned(t *testing.T) {
	// A reference to an ID leaves them out even where the canonicalization
	// would keep them; what is signed does not change with them.
	o := options(samltest.RSA2048)
	o.Transform.URI = dsig.C14N10Comments
	text, err := dsig.Sign([]byte(document), "a", o)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "text</a>", "te<!-- x -->xt</a>", 1))
	withComments := policy
	withComments.Canonicalizations = []string{dsig.ExcC14N, dsig.C14N10Comments}
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{Markup: true})
	if err != nil {
		t.Fatal(err)
	}
	a := doc.Root().First()
	var v dsig.Verifier
	if _, err := v.Verify(a.Child(xmltree.DSig, "Signature"), a, certs(samltest.RSA2048), &withComments); err != nil {
		t.Error(err)
	}
}

func TestSignatureValues(t *testing.T) {
	for _, key := range []string{samltest.RSA2048, samltest.EC256} {
		text, err := dsig.Sign([]byte(document), "a", options(key))
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(text), "<ds:SignatureValue>")
		value, tail, _ := strings.Cut(rest, "</ds:SignatureValue>")
		for name, other := range map[string]string{
			"nothing": "", "no base64": "!!", "cut": value[4:], "longer": "AAAA" + value, "another": "AAAA" + value[4:],
			"DER":   "MEUCIQDdwBOFlJ1mJYx5Vo2Wm3Q8pC2l8z5H6D4u3xJ5T9Z1WQIgYk1m2v3b4n5c6x7z8a9s0d1f2g3h4j5k6l7q8w9e0r1",
			"zeros": strings.Repeat("A", 86) + "==",
		} {
			if _, err := verify(t, []byte(head+"<ds:SignatureValue>"+other+"</ds:SignatureValue>"+tail), "a", false, certs(key)); err == nil {
				t.Errorf("%s: %s accepted", key, name)
			}
		}
		if _, err := verify(t, []byte(head+"<ds:SignatureValue>"+value[:9]+" \n\t&#13;"+value[9:]+"</ds:SignatureValue>"+tail), "a", false, certs(key)); err != nil {
			t.Errorf("white space in the value: %v", err)
		}
	}
}

// saltKey makes RSA-PSS signatures with a salt of another length.
type saltKey struct {
	crypto.Signer
	length int
}

func (k saltKey) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.Signer.Sign(r, digest, &rsa.PSSOptions{SaltLength: k.length, Hash: opts.HashFunc()})
}

func TestSaltsAreAsLongAsTheHash(t *testing.T) {
	for _, length := range []int{0, 20, 31, 32, 33, 64} {
		o := options(samltest.RSA2048)
		o.Method, o.Key = dsig.PSS, saltKey{o.Key, length}
		text, err := dsig.Sign([]byte(document), "a", o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(t, text, "a", false, certs(samltest.RSA2048)); (err == nil) != (length == 32) {
			t.Errorf("a salt of %d octets: %v", length, err)
		}
	}
}

func TestASignatureIsAChildOfWhatItSigns(t *testing.T) {
	text, err := dsig.Sign([]byte(document), "r", options(samltest.RSA2048))
	if err != nil {
		t.Fatal(err)
	}
	start, end := strings.Index(string(text), "<ds:Signature "), strings.Index(string(text), "</ds:Signature>")+len("</ds:Signature>")
	signature := string(text[start:end])
	moved := strings.Replace(string(text[:start])+string(text[end:]), "text</a>", "text"+signature+"</a>", 1)
	var p xmltree.Parser
	doc, err := p.Parse([]byte(moved), xmltree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var v dsig.Verifier
	root := doc.Root()
	if _, err := v.Verify(root.First().Child(xmltree.DSig, "Signature"), root, certs(samltest.RSA2048), &policy); err == nil {
		t.Error("accepted from further down")
	}
}

func TestASignatureOfSomethingElse(t *testing.T) {
	text, err := dsig.Sign([]byte(document), "a", options(samltest.RSA2048))
	if err != nil {
		t.Fatal(err)
	}
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := doc.Root().First()
	sig := a.Child(xmltree.DSig, "Signature")
	var v dsig.Verifier
	for _, c := range [][2]xmltree.Element{{sig, doc.Root()}, {a, doc.Root()}, {sig, sig}, {{}, a}} {
		if _, err := v.Verify(c[0], c[1], certs(samltest.RSA2048), &policy); err == nil {
			t.Errorf("%s in %s: accepted", c[0].Name(), c[1].Name())
		}
	}
	if _, err := v.Verify(sig, a, certs(samltest.RSA1024, samltest.EC256), &policy); err == nil {
		t.Error("accepted by keys that do not fit")
	}
	if _, err := v.Verify(sig, a, certs(samltest.RSA2048), &dsig.Policy{}); err == nil {
		t.Error("accepted by an empty policy")
	}
}
