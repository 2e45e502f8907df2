package xmltree_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// FuzzParse wants of any octets: the parser ends, what it accepts encoding/xml
// accepts too, and canonical forms are documents whose canonical form they are.
func FuzzParse(f *testing.F) {
	for _, s := range seeds() {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, markup bool) {
		var p xmltree.Parser
		doc, err := p.Parse(text, xmltree.Options{Markup: markup})
		if err != nil {
			var syntax *xmltree.SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 || syntax.Reason == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		if err := otherParser(text); err != nil && !explained(err) {
			t.Errorf("encoding/xml refuses %q: %v", text, err)
		}
		walk(t, doc)
		for _, m := range []c14n.Method{{}, {Exclusive: true}, {Comments: true}, {Exclusive: true, Comments: true}} {
			again(t, doc, m)
		}
	})
}

func seeds() []string {
	list := []string{
		`<a/>`, `<?xml version="1.0" encoding="UTF-8"?><a b="c">d<e/></a>`, "\xEF\xBB\xBF<p:a xmlns:p='urn:p' p:b='&#x41;&lt;'>\r\n]]&gt;</p:a>",
		`<a xmlns="urn:a"><b xmlns="" ID="1"/><!-- x --><![CDATA[<&]]></a>`, `<a xml:lang="de" xmlns:x="rel" x:y=""/>`, "<ä·>\U0001F600</ä·>",
		`<!DOCTYPE a><a>&b;</a>`, `<a><?b c?></a>`, `<a b=c>`, `<a:b:c/>`, `<a>` + strings.Repeat("<b>", 70),
	}
	s := samltest.NewScene()
	for _, shape := range samltest.Shapes() {
		list = append(list, shape.Response(s).String())
	}
	return append(list, string(s.IdP.Metadata()))
}

func otherParser(text []byte) error {
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// explained is a refusal of encoding/xml for names of the fifth edition of XML
// 1.0: it knows those of the second.
func explained(err error) bool {
	for _, reason := range []string{"invalid XML name", "expected element name", "expected attribute name"} {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

// walk asks every element everything.
func walk(t *testing.T, doc *xmltree.Document) {
	n, last := 0, -1
	doc.Root().Descendants(func(e xmltree.Element) bool {
		n++
		if e.Offset() <= last {
			t.Fatal("elements out of order")
		}
		last = e.Offset()
		if !bytes.HasPrefix(e.Source(), []byte("<"+e.Name())) || !bytes.HasSuffix(e.Source(), []byte(">")) {
			t.Fatalf("the source of %s is %q", e.Name(), e.Source())
		}
		if p := e.Parent(); !p.IsZero() && (!p.Contains(e) || e.Contains(p)) {
			t.Fatal("parents")
		}
		for c := e.First(); !c.IsZero(); c = c.Next() {
			if c.Parent() != e {
				t.Fatal("children")
			}
		}
		e.Text()
		e.HasText()
		e.HasMarkup()
		e.Attr("ID")
		return n < 2000
	})
}

// again wants a canonical form of a canonical form to be that.
func again(t *testing.T, doc *xmltree.Document, m c14n.Method) {
	var first, second bytes.Buffer
	var w c14n.Writer
	if err := w.Write(&first, doc.Root(), xmltree.Element{}, m); err != nil {
		if !errors.Is(err, c14n.ErrRelativeNamespace) {
			t.Fatal(err)
		}
		return
	}
	var p xmltree.Parser
	reread, err := p.Parse(first.Bytes(), xmltree.Options{Markup: true})
	if err != nil {
		t.Fatalf("the canonical form %q of %q: %v", first.Bytes(), doc.Source(), err)
	}
	if err := w.Write(&second, reread.Root(), xmltree.Element{}, m); err != nil {
		t.Fatalf("the canonical form %q of %q: %v", first.Bytes(), doc.Source(), err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("%q became %q", first.Bytes(), second.Bytes())
	}
}
