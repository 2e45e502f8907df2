package dsig_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// FuzzVerify wants of any document: what verifies has the canonical form, by
// some method, of something that was signed.
func FuzzVerify(f *testing.F) {
	signed := make(map[string]bool)
	for _, text := range signedSeeds(f) {
		f.Add(text)
		for _, form := range forms(text) {
			signed[form] = true
		}
	}
	list := certs(samltest.RSA2048, samltest.EC256)
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
			if _, err := v.Verify(sig, parent, list, &all); err == nil {
				known := false
				for _, form := range formsOf(parent, sig) {
					known = known || signed[form]
				}
				if !known {
					t.Errorf("verifies, and was never signed: %q", text)
				}
			}
			n++
			return n < 20
		})
	})
}

func signedSeeds(f *testing.F) (list [][]byte) {
	r := rand.New(rand.NewPCG(7, 8))
	for i := range 12 {
		key := []string{samltest.RSA2048, samltest.EC256}[i%2]
		o := options(key)
		o.Transform, o.Info = randomForm(r), randomForm(r)
		text, err := dsig.Sign([]byte(randomMessage(r)), pick(r, []string{"outer", "inner"}), o)
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
