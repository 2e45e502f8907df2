package c14n

import (
	"bytes"
	"strings"
	"testing"

	"sallyport/saml/internal/xmltree"
)

// FuzzCanonical canonicalizes a subtree: its exclusive form does not depend on
// where it stands, and is the exclusive form of its inclusive form too.
func FuzzCanonical(f *testing.F) {
	f.Add([]byte(`<a xmlns="urn:a" xmlns:p="urn:p" xml:lang="de"><p:b c="&#13;" p:d=""><e xmlns=""/>x<!-- y --></p:b></a>`), byte(1), "p xs", true)
	f.Add([]byte(`<a xmlns:p="urn:1"><b><p:c xmlns:p="urn:2"><d xmlns:p="urn:1" p:x="1"/></p:c></b></a>`), byte(2), "", false)
	f.Add([]byte(`<a xml:base="http://h/x/"><b xml:base="../y"/></a>`), byte(1), "#default", false)
	f.Fuzz(func(t *testing.T, text []byte, which byte, prefixes string, comments bool) {
		var p xmltree.Parser
		doc, err := p.Parse(text, xmltree.Options{Markup: true})
		if err != nil {
			return
		}
		apex := doc.Root()
		doc.Root().Descendants(func(e xmltree.Element) bool {
			apex = e
			which--
			return which != 255
		})
		form := func(e xmltree.Element, m Method) ([]byte, bool) {
			var b bytes.Buffer
			var w Writer
			m.Comments = comments
			err := w.Write(&b, e, xmltree.Element{}, m)
			return b.Bytes(), err == nil
		}
		exclusive, ok := form(apex, Method{Exclusive: true})
		if !ok {
			return
		}
		for _, m := range []Method{{Exclusive: true}, {Exclusive: true, Prefixes: strings.Fields(prefixes)}, {}} {
			once, ok := form(apex, m)
			m.Comments = comments
			sameStepByStep(t, apex, m, once, ok)
			if !ok {
				continue // a relative namespace of the ancestors
			}
			var q xmltree.Parser
			moved, err := q.Parse(once, xmltree.Options{Markup: true, Limits: xmltree.Limits{Attributes: 1000}})
			if err != nil {
				t.Fatalf("%v: %q", err, once)
			}
			got, ok := form(moved.Root(), Method{Exclusive: true})
			if inherits := !m.Exclusive && bytes.Contains(text, []byte("xml:")); !inherits && (!ok || !bytes.Equal(got, exclusive)) {
				t.Fatalf("%q became %q by way of %q", exclusive, got, once)
			}
		}
		eleven, ok := form(apex, Method{V11: true})
		sameStepByStep(t, apex, Method{V11: true, Comments: comments}, eleven, ok)
	})
}

// sameStepByStep wants the same form without the short cuts.
func sameStepByStep(t *testing.T, apex xmltree.Element, m Method, want []byte, ok bool) {
	t.Helper()
	w := Writer{stepwise: true}
	var b bytes.Buffer
	if err := w.Write(&b, apex, xmltree.Element{}, m); (err == nil) != ok || ok && !bytes.Equal(b.Bytes(), want) {
		t.Fatalf("%q, and step by step %q, %v", want, b.Bytes(), err)
	}
}
