package c14n

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sallyport/saml/internal/xmltree"
)

func tree(t testing.TB, text string) xmltree.Element {
	t.Helper()
	var p xmltree.Parser
	doc, err := p.Parse([]byte(text), xmltree.Options{Markup: true})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return doc.Root()
}

// below returns the element that a path of local names leads to.
func below(e xmltree.Element, path string) xmltree.Element {
	for _, name := range strings.Fields(path) {
		c := e.First()
		for !c.IsZero() && string(c.Local()) != name {
			c = c.Next()
		}
		e = c
	}
	return e
}

func canonical(t testing.TB, e, except xmltree.Element, m Method) string {
	t.Helper()
	var w Writer
	var b bytes.Buffer
	if err := w.Write(&b, e, except, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTheSpecifications holds examples of Canonical XML 1.0, section 3, as far
// as they need no DOCTYPE or processing instruction.
func TestTheSpecifications(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"3.2 white space": {
			"<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n   <mixed>\n      A\n      <clean>   </clean>\n      B\n   </mixed>\n</doc>",
			"<doc>\n   <clean>   </clean>\n   <dirty>   A   B   </dirty>\n   <mixed>\n      A\n      <clean>   </clean>\n      B\n   </mixed>\n</doc>"},
		"3.3 start and end tags": {
			`<doc><e1   /><e2   ></e2><e3   name = "elem3"   id="elem3"   /><e4   name="elem4"   id="elem4"   ></e4>` +
				`<e5 a:attr="out" b:attr="sorted" attr2="all" attr="I'm" xmlns:b="http://www.ietf.org" xmlns:a="http://www.w3.org" xmlns="http://example.org"/>` +
				`<e6 xmlns="" xmlns:a="http://www.w3.org"><e7 xmlns="http://www.ietf.org"><e8 xmlns="" xmlns:a="http://www.w3.org"><e9 xmlns="" xmlns:a="http://www.ietf.org"/></e8></e7></e6></doc>`,
			`<doc><e1></e1><e2></e2><e3 id="elem3" name="elem3"></e3><e4 id="elem4" name="elem4"></e4>` +
				`<e5 xmlns="http://example.org" xmlns:a="http://www.w3.org" xmlns:b="http://www.ietf.org" attr="I'm" attr2="all" b:attr="sorted" a:attr="out"></e5>` +
				`<e6 xmlns:a="http://www.w3.org"><e7 xmlns="http://www.ietf.org"><e8 xmlns=""><e9 xmlns:a="http://www.ietf.org"></e9></e8></e7></e6></doc>`},
		"3.4 references": {
			"<doc><text>First line&#x0d;&#10;Second line</text><value>&#x32;</value><compute><![CDATA[value>\"0\" && value<\"10\" ?\"valid\":\"error\"]]></compute>" +
				`<compute expr='value>"0" &amp;&amp; value&lt;"10" ?"valid":"error"'>valid</compute><norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/></doc>`,
			"<doc><text>First line&#xD;\nSecond line</text><value>2</value><compute>value&gt;\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"</compute>" +
				`<compute expr="value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;">valid</compute><norm attr=" '    &#xD;&#xA;&#x9;   ' "></norm></doc>`},
		"3.6 UTF-8": {"<doc>&#169;</doc>", "<doc>©</doc>"},
		"line ends": {"<a b='x\r\ny'>\r\n<![CDATA[\r]]>\r</a>", "<a b=\"x y\">\n\n\n</a>"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, m := range []Method{{}, {Comments: true}, {V11: true}} {
				if got := canonical(t, tree(t, c.in), xmltree.Element{}, m); got != c.want {
					t.Errorf("got\n%s\nwant\n%s", got, c.want)
				}
			}
		})
	}
}

func TestSubtrees(t *testing.T) {
	// Exclusive XML Canonicalization 1.0, section 2.2.
	const enveloped = `<n0:local xmlns:n0="foo:bar" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>`
	const moved = `<n2:pdu xmlns:n1="http://example.com" xmlns:n2="http://foo.example" xml:lang="fr" xml:space="retain"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n2:pdu>`
	const scoped = `<a xmlns="u:d" xmlns:p="u:p" xmlns:q="u:q" xmlns:xs="u:xs"><p:b q:x="1"><c xmlns=""><p:d><e xmlns="u:d"/></p:d></c></p:b></a>`
	const listed = `<a xmlns:p="u:1"><b><c xmlns:p="u:2"><d xmlns:p="u:2"><e xmlns:p="u:1"/></d></c></b></a>`
	const commented = `<a><b><!-- x -->y<!----></b></a>`
	const inherited = `<a xml:lang="de" xml:space="preserve" xml:id="i" xml:base="http://h/x/" xml:foo="1"><b xml:base="y/"><c xml:lang="en"/></b></a>`
	for name, c := range map[string]struct {
		in, path string
		m        Method
		want     string
	}{
		"exclusive, one place": {enveloped, "elem2", Method{Exclusive: true},
			`<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>`},
		"exclusive, another place": {moved, "elem2", Method{Exclusive: true},
			`<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>`},
		"inclusive, one place": {enveloped, "elem2", Method{},
			`<n1:elem2 xmlns:n0="foo:bar" xmlns:n1="http://example.net" xmlns:n3="ftp://example.org" xml:lang="en"><n3:stuff></n3:stuff></n1:elem2>`},
		"inclusive, another place": {moved, "elem2", Method{},
			`<n1:elem2 xmlns:n1="http://example.net" xmlns:n2="http://foo.example" xml:lang="en" xml:space="retain"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>`},
		"exclusive, defaults": {scoped, "b", Method{Exclusive: true},
			`<p:b xmlns:p="u:p" xmlns:q="u:q" q:x="1"><c><p:d><e xmlns="u:d"></e></p:d></c></p:b>`},
		"inclusive, defaults": {scoped, "b", Method{},
			`<p:b xmlns="u:d" xmlns:p="u:p" xmlns:q="u:q" xmlns:xs="u:xs" q:x="1"><c xmlns=""><p:d><e xmlns="u:d"></e></p:d></c></p:b>`},
		"inclusive, no default at the apex": {scoped, "b c", Method{},
			`<c xmlns:p="u:p" xmlns:q="u:q" xmlns:xs="u:xs"><p:d><e xmlns="u:d"></e></p:d></c>`},
		"PrefixList with a prefix": {scoped, "b", Method{Exclusive: true, Prefixes: []string{"xs", "none", "xs"}},
			`<p:b xmlns:p="u:p" xmlns:q="u:q" xmlns:xs="u:xs" q:x="1"><c><p:d><e xmlns="u:d"></e></p:d></c></p:b>`},
		"PrefixList with the default": {scoped, "b", Method{Exclusive: true, Prefixes: []string{""}},
			`<p:b xmlns="u:d" xmlns:p="u:p" xmlns:q="u:q" q:x="1"><c xmlns=""><p:d><e xmlns="u:d"></e></p:d></c></p:b>`},
		"PrefixList of what changes": {listed, "b", Method{Exclusive: true, Prefixes: []string{"p"}},
			`<b xmlns:p="u:1"><c xmlns:p="u:2"><d><e xmlns:p="u:1"></e></d></c></b>`},
		"PrefixList with xml": {`<a xml:lang="x"/>`, "", Method{Exclusive: true, Prefixes: []string{"xml"}}, `<a xml:lang="x"></a>`},
		"without comments":    {commented, "b", Method{Exclusive: true}, `<b>y</b>`},
		"with comments":       {commented, "b", Method{Exclusive: true, Comments: true}, `<b><!-- x -->y<!----></b>`},
		"1.0 inherits all":    {inherited, "b c", Method{}, `<c xml:base="y/" xml:foo="1" xml:id="i" xml:lang="en" xml:space="preserve"></c>`},
		"1.1 inherits two":    {inherited, "b c", Method{V11: true}, `<c xml:base="http://h/x/y/" xml:lang="en" xml:space="preserve"></c>`},
		"1.1 joins at the apex": {inherited, "b", Method{V11: true},
			`<b xml:base="http://h/x/y/" xml:lang="de" xml:space="preserve"><c xml:lang="en"></c></b>`},
		"exclusive inherits nothing":             {inherited, "b c", Method{Exclusive: true}, `<c xml:lang="en"></c>`},
		"1.1 keeps an empty base":                {`<a><b xml:base=""/></a>`, "b", Method{V11: true}, `<b xml:base=""></b>`},
		"1.1 drops a base that joins to nothing": {`<a xml:base=""><b xml:base=""/></a>`, "b", Method{V11: true}, `<b></b>`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := canonical(t, below(tree(t, c.in), c.path), xmltree.Element{}, c.m); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestTheSignatureIsLeftOut(t *testing.T) {
	root := tree(t, "<a>x<s><t/></s>y<b/></a>")
	for path, want := range map[string]string{"s": "<a>xy<b></b></a>", "s t": "<a>x<s></s>y<b></b></a>", "b": "<a>x<s><t></t></s>y</a>"} {
		if got := canonical(t, root, below(root, path), Method{}); got != want {
			t.Errorf("without %s: %s", path, got)
		}
	}
}

func TestRelativeNamespacesHaveNoForm(t *testing.T) {
	for text, refused := range map[string]bool{
		`<a xmlns="rel"/>`: true, `<a xmlns="./rel"/>`: true, `<a xmlns="#f"/>`: true, `<a xmlns="1:x"/>`: true, `<a xmlns=":x"/>`: true,
		`<a xmlns="//host/x"/>`: true, `<a xmlns="a_b:x"/>`: true,
		`<a xmlns="urn:x"/>`: false, `<a xmlns="x:"/>`: false, `<a xmlns="h323+a.b-c:x"/>`: false, `<a xmlns="HTTP://x"/>`: false,
		`<a xmlns:p="rel"/>`: true, `<a><b xmlns="rel"/></a>`: true, `<p:a xmlns:p="rel"/>`: true, `<a xmlns:p="rel" p:b=""/>`: true,
	} {
		var w Writer
		err := w.Write(&bytes.Buffer{}, tree(t, text), xmltree.Element{}, Method{Exclusive: true})
		if errors.Is(err, ErrRelativeNamespace) != refused {
			t.Errorf("%s: %v", text, err)
		}
	}
	// What the ancestors declare counts where it would be written.
	var w Writer
	b := tree(t, `<a xmlns:p="rel"><b/></a>`).First()
	if err := w.Write(&bytes.Buffer{}, b, xmltree.Element{}, Method{}); err == nil {
		t.Error("the inclusive form writes what is not used, too")
	}
	if err := w.Write(&bytes.Buffer{}, b, xmltree.Element{}, Method{Exclusive: true}); err != nil {
		t.Error(err)
	}
}

// failing takes some octets and no more.
type failing struct{ room int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestAWriterThatFails(t *testing.T) {
	big := "<a>" + strings.Repeat("<b>text &amp; text</b>", 2000) + strings.Repeat("x", 10_000) + strings.Repeat("&lt;", 10_000) + "</a>"
	root := tree(t, big)
	size := len(canonical(t, root, xmltree.Element{}, Method{}))
	for room := 0; room < size; room += 997 {
		var w Writer
		if err := w.Write(&failing{room}, root, xmltree.Element{}, Method{}); !errors.Is(err, errFull) {
			t.Fatalf("with room for %d: %v", room, err)
		}
	}
}

func TestLongTextsAreWrittenWhole(t *testing.T) {
	for _, piece := range []string{"x", "ü", "&amp;", "\r\n", ">", "a<!-- c -->"} {
		text := strings.Repeat(piece, 5000)
		got := canonical(t, tree(t, "<a>"+text+"</a>"), xmltree.Element{}, Method{Exclusive: true})
		want := strings.NewReplacer("\r\n", "\n", ">", "&gt;", "<!-- c -->", "").Replace(text)
		if got != "<a>"+want+"</a>" {
			t.Errorf("%q: %d octets, want %d", piece, len(got), len(want)+7)
		}
	}
}

func TestJoinedURIs(t *testing.T) {
	for _, c := range [][3]string{
		{"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
		{"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
		{"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
		{"http://a/b/c/d;p?q", "/g", "http://a/g"},
		{"http://a/b/c/d;p?q", "//g", "http://g"},
		{"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
		{"http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"},
		{"http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q"},
		{"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
		{"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
		{"http://a/b/c/d;p?q", "..", "http://a/b/"},
		{"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
		{"http://a/b/c/d;p?q", "../../g", "http://a/g"},
		{"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
		{"http://a/b/c/d;p?q", "g:h", "g:h"},
		{"http://a", "g", "http://a/g"},
		{"foo/bar", "x", "foo/x"},
		{"foo/bar/", "../x", "foo/x"},
		{"..", "x", "../x"},
		{"../", "..", "../../"},
		{"a", "../../x", "../../x"},
		{"http://a//b//", "c", "http://a/b/c"},
	} {
		if got := joinURI(c[0], c[1]); got != c[2] {
			t.Errorf("%s and %s: %s, want %s", c[0], c[1], got, c[2])
		}
	}
}
