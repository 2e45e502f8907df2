package xmltree

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `<p:a xmlns:p="urn:p" xmlns="urn:d" x="1" p:x="2">text<b/>
  <c xmlns="" xmlns:q="urn:q"><q:d ID="i">inner</q:d></c>tail</p:a>`

func TestTheTree(t *testing.T) {
	doc := parse(t, sample, Options{})
	root := doc.Root()
	b := root.First()
	c := b.Next()
	d := c.First()
	if root.Name() != "p:a" || string(root.Local()) != "a" || string(doc.URI(root.Namespace())) != "urn:p" {
		t.Error("the root is", root.Name())
	}
	if string(doc.URI(b.Namespace())) != "urn:d" || c.Namespace() != NoNamespace || string(doc.URI(d.Namespace())) != "urn:q" {
		t.Error("namespaces")
	}
	if !c.Next().IsZero() || !d.First().IsZero() || d.Parent() != c || c.Parent() != root || !root.Parent().IsZero() || !root.Next().IsZero() {
		t.Error("ways through the tree")
	}
	if !root.Contains(d) || !root.Contains(root) || b.Contains(d) || d.Contains(root) {
		t.Error("containment")
	}
	if x, _ := root.Attr("x"); string(x) != "1" {
		t.Error("x is", string(x))
	}
	if x, _ := root.AttrNS(root.Namespace(), "x"); string(x) != "2" {
		t.Error("p:x is", string(x))
	}
	if _, ok := root.Attr("y"); ok {
		t.Error("y is there")
	}
	if string(d.Source()) != `<q:d ID="i">inner</q:d>` || d.Line() != 2 || d.Offset() != strings.Index(sample, "<q:d") || d.Document() != doc {
		t.Error("the source of d is", string(d.Source()), d.Line())
	}
	if !root.HasText() || c.HasText() || !d.HasText() || b.HasText() {
		t.Error("text")
	}
	if string(doc.Source()) != sample || root.Child(b.Namespace(), "b") != b || !root.Child(NoNamespace, "b").IsZero() {
		t.Error("source or child")
	}
	var names []string
	root.Descendants(func(e Element) bool { names = append(names, e.Name()); return e.Name() != "c" })
	if diff := cmp.Diff([]string{"p:a", "b", "c"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestBindings(t *testing.T) {
	d := parse(t, sample, Options{Scope: []Binding{{"o", "urn:o"}, {"p", "urn:hidden"}}}).Root().First().Next().First()
	want := []Binding{{"", ""}, {"q", "urn:q"}, {"p", "urn:p"}, {"o", "urn:o"}}
	if diff := cmp.Diff(want, d.Bindings()); diff != "" {
		t.Error(diff)
	}
	for prefix, want := range map[string]string{"": "", "q": "urn:q", "p": "urn:p", "o": "urn:o", "xml": string(wellKnownNames[XML])} {
		if ns, ok := d.Resolve(prefix); !ok || string(d.Document().URI(ns)) != want {
			t.Errorf("%q stands for %q, %v", prefix, d.Document().URI(ns), ok)
		}
	}
	for _, prefix := range []string{"r", "xmlns"} {
		if _, ok := d.Resolve(prefix); ok {
			t.Errorf("%q stands for something", prefix)
		}
	}
	// A fragment reads as it did in its place.
	again := parse(t, string(d.Source()), Options{Scope: d.Bindings()}).Root()
	if string(again.Document().URI(again.Namespace())) != "urn:q" {
		t.Error("a fragment has another namespace")
	}
	again.Outside(func(prefix []byte, ns Namespace) {
		if uri := string(again.Document().URI(ns)); string(prefix) == "p" && uri != "urn:p" {
			t.Errorf("outside, p stands for %s", uri)
		}
	})
}

func TestNoElementAnswersNothing(t *testing.T) {
	var e Element
	_, attr := e.Attr("x")
	_, text := e.Text()
	_, prefix := e.Resolve("")
	e.Descendants(func(Element) bool { t.Error("a descendant"); return true })
	if !e.IsZero() || e.Is(NoNamespace, "") || attr || text || prefix || e.Name() != "" || e.Local() != nil || e.Source() != nil ||
		e.Line() != 0 || e.Offset() != 0 || e.HasText() || e.HasMarkup() || e.Bindings() != nil || e.Namespace() != NoNamespace || e.Document() != nil ||
		!e.First().IsZero() || !e.Next().IsZero() || !e.Parent().IsZero() || !e.Child(NoNamespace, "a").IsZero() || e.Contains(e) {
		t.Error("the zero element answers")
	}
}

func TestMarkupIsFound(t *testing.T) {
	root := parse(t, "<a><b>x</b><c><![CDATA[x]]></c><d><e><!-- --></e></d></a>", Options{Markup: true}).Root()
	b := root.First()
	if !root.HasMarkup() || b.HasMarkup() || !b.Next().HasMarkup() || !b.Next().Next().HasMarkup() {
		t.Error("comments and CDATA sections")
	}
}

func TestClip(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "abcd": "abcd", "abcde": "abcd…", "abcü": "abc…", "abü": "abü", "a\x00b": "a\uFFFDb", "\xffb": "\uFFFDb",
		"a\U0001F600b": "a…", "\x80\x80\x80\x80\x80": "\uFFFD…", "abcdü": "abcd…",
	} {
		if got := Clip([]byte(in), 4); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
