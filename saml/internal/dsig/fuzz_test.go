package dsig_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// FuzzVerify wants of any document: what verifies has the canonical form, by
// some method, of something that was signed, and xmlsec1 verifies the same
// signature over the same element.
func FuzzVerify(f *testing.F) {
	needXMLSec(f)
	signed := make(map[string]bool)
	for _, text := range signedSeeds(f) {
		f.Add(text)
		for _, form := range forms(text) {
			signed[form] = true
		}
	}
	keys := []string{samltest.RSA2048, samltest.EC256}
	list, dir := certs(keys...), f.TempDir()
	for _, name := range keys {
		keyFile(f, dir, name)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p xmltree.Parser
		doc, err := p.Parse(text, xmltree.Options{Markup: true})
		if err != nil {
			return
		}
		var v dsig.Verifier
		n := 0
		doc.Root().Descendants(func(parent xmltree.Element) bool {
			sig := parent.Child(xmltree.DSig, "Signature")
			if sig.IsZero() {
				return true
			}
			if res, err := v.Verify(sig, parent, list, &all); err == nil {
				known := false
				for _, form := range formsOf(parent, sig) {
					known = known || signed[form]
				}
				if !known {
					t.Errorf("verifies, and was never signed: %q", text)
				}
				asXMLSecSays(t, dir, keys[res.Key], text, sig)
			}
			n++
			return n < 20
		})
	})
}

// asXMLSecSays wants xmlsec1 to verify a signature too. A process takes long:
// only one document in eight is given to it.
func asXMLSecSays(t *testing.T, dir, key string, text []byte, sig xmltree.Element) {
	t.Helper()
	h := fnv.New32a()
	h.Write(text)
	parent := sig.Parent()
	known := parent.Is(xmltree.Protocol, "Response") || parent.Is(xmltree.Assertion, "Assertion")
	if !known || h.Sum32()%8 != 0 {
		return // xmlsec1 has to be told which attributes are IDs
	}
	n := 0
	sig.Document().Root().Descendants(func(el xmltree.Element) bool {
		if el.Is(xmltree.DSig, "Signature") {
			n++
		}
		return el != sig
	})
	path := filepath.Join(t.TempDir(), "document")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	place := fmt.Sprintf("(//*[local-name()='Signature' and namespace-uri()='http://www.w3.org/2000/09/xmldsig#'])[%d]", n)
	if err := xmlsec(filepath.Join(dir, key+".pem"), "--node-xpath", place, path); err != nil && !mindsMore(err) {
		t.Errorf("xmlsec1: %v\n%q", err, text)
	}
}

func signedSeeds(f *testing.F) (list [][]byte) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 12 {
		key := []string{samltest.RSA2048, samltest.EC256}[i%2]
		o := options(key)
		o.Transform, o.Info = randomForm(r), randomForm(r)
		text, err := dsig.Sign([]byte(randomMessage(r, false)), pick(r, []string{"outer", "inner"}), o)
		if err != nil {
			f.Fatal(err)
		}
		list = append(list, text)
	}
	for _, id := range []string{"a", "r"} {
		text, err := dsig.Sign([]byte(document), id, options(samltest.EC256))
		if err != nil {
			f.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

// forms are the canonical forms of all that is signed in a document.
func forms(text []byte) (all []string) {
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{Markup: true})
	if err != nil {
		panic(err)
	}
	doc.Root().Descendants(func(parent xmltree.Element) bool {
		if sig := parent.Child(xmltree.DSig, "Signature"); !sig.IsZero() {
			all = append(all, formsOf(parent, sig)...)
		}
		return true
	})
	return all
}

func formsOf(parent, sig xmltree.Element) (all []string) {
	for _, m := range []c14n.Method{{}, {V11: true}, {Exclusive: true}, {Exclusive: true, Prefixes: prefixPool}} {
		var b bytes.Buffer
		var w c14n.Writer
		if w.Write(&b, parent, sig, m) == nil {
			all = append(all, b.String())
		}
	}
	return all
}
