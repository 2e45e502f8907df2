package xmltree

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func parse(t testing.TB, text string, opt Options) *Document {
	t.Helper()
	var p Parser
	doc, err := p.Parse([]byte(text), opt)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return doc
}

// goAccepts reports whether encoding/xml takes a document.
func goAccepts(text []byte) error {
	d := xml.NewDecoder(strings.NewReader(string(text)))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func TestDocumentsThatAreAccepted(t *testing.T) {
	for name, text := range map[string]string{
		"an empty element":           `<a/>`,
		"blanks in tags":             "<a \n></a\t>",
		"a declaration":              `<?xml version="1.0"?><a/>`,
		"a full declaration":         "<?xml version = '1.0'\tencoding='utf-8'\nstandalone=\"no\" ?>\r\n<a/>\n",
		"a byte order mark":          "\xEF\xBB\xBF<a/>",
		"single quotes":              `<a b='"'/>`,
		"references":                 `<a b="&#x41;&amp;">&lt;&gt;&quot;&apos;&#10;&#x10FFFF;</a>`,
		"leading zeros":              `<a>&#x000000000041;</a>`,
		"]] in text":                 `<a>]] ]&gt; ]]</a>`,
		"]]> in a value":             `<a b="]]>"/>`,
		"> in text and value":        `<a b=">">></a>`,
		"delete and C1 controls":     "<a>\x7f\u0080\u009f</a>",
		"supplementary characters":   "<a>\U0001F600\U000E0001</a>",
		"names beyond ASCII":         "<\u00e4\u4e2d b\u00b7\u0301=\"\"></\u00e4\u4e2d>",
		"names with dots and digits": `<a.-_9 _x="1" x.y="2"/>`,
		"namespaces":                 `<p:a xmlns:p="urn:p" xmlns="urn:d" p:b="" b=""><c xmlns=""/></p:a>`,
		"the prefix xml":             `<a xml:lang="de" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`,
		"prefixes that start so":     `<xmlish:a xmlns:xmlish="urn:x"/>`,
		"a declaration behind use":   `<a p:b="" xmlns:p="urn:p"/>`,
		"same local, other names":    `<a xmlns:p="urn:p" xmlns:q="urn:q" b="" p:b="" q:b=""/>`,
		"IDs that differ":            `<a ID="1"><b ID="2"/><c ID="1 "/></a>`,
	} {
		t.Run(name, func(t *testing.T) {
			parse(t, text, Options{})
			if err := goAccepts([]byte(text)); err != nil && !strings.Contains(text, "\xEF\xBB\xBF") {
				t.Errorf("encoding/xml refuses it: %v", err)
			}
		})
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, reason string }{
		"nothing":                         {"", "no element"},
		"white space":                     {" \n", "no element"},
		"text":                            {"x", "text outside"},
		"text before":                     {"x<a/>", "text outside"},
		"text behind":                     {"<a/>x", "behind the document element"},
		"a second element":                {"<a/><b/>", "behind the document element"},
		"an end tag behind":               {"<a/></a>", "end tag without"},
		"an end tag alone":                {"</a>", "end tag without"},
		"an open element":                 {"<a><b></b>", "end of the document"},
		"text without an end":             {"<a>x", "end of the document"},
		"crossed tags":                    {"<a><b></a></b>", "does not match"},
		"an end tag that is longer":       {"<a></ab>", "does not match"},
		"an end tag with another prefix":  {`<p:a xmlns:p="u:p" xmlns:q="u:p"></q:a>`, "does not match"},
		"an end tag with an attribute":    {`<a></a b="">`, "does not match"},
		"a tag cut short":                 {"<a b='1'", "inside of a tag"},
		"a tag cut shorter":               {"<", "bad name"},
		"an end tag cut short":            {"<a></a", "does not match"},
		"a blank before the name":         {"< a/>", "bad name"},
		"a / in a tag":                    {"<a / >", "a / inside"},
		"an attribute without value":      {"<a b/>", "without a value"},
		"an attribute without quotes":     {"<a b=c/>", "without quotes"},
		"an open value":                   {`<a b="c/>`, "without an end"},
		"attributes without a blank":      {`<a b=""c=""/>`, "white space"},
		"a < in a value":                  {`<a b="<"/>`, "a < in"},
		"a bare &":                        {"<a>a & b</a>", "entity"},
		"a & in a value":                  {`<a b="a & b"/>`, "entity"},
		"an HTML entity":                  {"<a>&nbsp;</a>", "entity"},
		"an entity without semicolon":     {"<a>&amp </a>", "entity"},
		"an empty entity":                 {"<a>&;</a>", "entity"},
		"an empty reference":              {"<a>&#;</a>", "entity"},
		"an empty hex reference":          {"<a>&#x;</a>", "entity"},
		"a capital X":                     {"<a>&#X41;</a>", "entity"},
		"hex digits in a decimal":         {"<a>&#4A;</a>", "entity"},
		"a sign in a reference":           {"<a>&#-1;</a>", "entity"},
		"a reference to NUL":              {"<a>&#0;</a>", "entity"},
		"a reference to a control":        {"<a>&#x1F;</a>", "entity"},
		"a reference to a surrogate":      {"<a>&#xD800;</a>", "entity"},
		"a reference to U+FFFE":           {"<a>&#xFFFE;</a>", "entity"},
		"a reference beyond Unicode":      {"<a>&#x110000;</a>", "entity"},
		"a reference that overflows":      {"<a>&#x100000041;</a>", "entity"},
		"a reference without end":         {"<a>&#" + strings.Repeat("0", 100) + "65;</a>", "entity"},
		"]]> in text":                     {"<a>]]></a>", "]]>"},
		"a NUL":                           {"<a>\x00</a>", "control"},
		"a control":                       {"<a>\x1f</a>", "control"},
		"a control among letters":         {"<a>aaaaaaaaaaaaaaa\x0baaaaaaaaaaaaaaaa</a>", "control"},
		"a control behind umlauts":        {"<a>üüüüü\x01üüüü</a>", "control"},
		"invalid UTF-8":                   {"<a>\xff</a>", "not UTF-8"},
		"an overlong sequence":            {"<a>\xC0\x80</a>", "not UTF-8"},
		"a surrogate":                     {"<a>\xED\xA0\x80</a>", "not UTF-8"},
		"beyond Unicode":                  {"<a>\xF4\x90\x80\x80</a>", "not UTF-8"},
		"a sequence cut short":            {"<a>\xE2\x82</a>", "not UTF-8"},
		"U+FFFE":                          {"<a>\uFFFE</a>", "does not allow"},
		"U+FFFF":                          {"<a>\uFFFD\uFFFF</a>", "does not allow"},
		"a name that starts with a digit": {"<1a/>", "bad name"},
		"a name that starts with a dash":  {"<-a/>", "bad name"},
		"a name with a multiplication":    {"<a\u00d7/>", "white space"},
		"a name of a combining mark":      {"<\u0301/>", "bad name"},
		"a DOCTYPE":                       {"<!DOCTYPE a><a/>", "DOCTYPE"},
		"a DOCTYPE inside":                {"<a><!DOCTYPE a></a>", "DOCTYPE"},
		"a DOCTYPE behind":                {"<a/><!DOCTYPE a>", "DOCTYPE"},
		"an instruction before":           {"<?x?><a/>", "processing instruction"},
		"an instruction inside":           {"<a><?x y?></a>", "processing instruction"},
		"an instruction behind":           {"<a/><?x?>", "processing instruction"},
		"a declaration inside":            {`<a><?xml version="1.0"?></a>`, "not stand at the start"},
		"a declaration behind a blank":    {` <?xml version="1.0"?><a/>`, "not stand at the start"},
		"an instruction named xmlish":     {`<?xmlish?><a/>`, "processing instruction"},
		"a comment":                       {"<a><!----></a>", "a comment"},
		"a CDATA section":                 {"<a><![CDATA[x]]></a>", "CDATA"},
		"a CDATA section outside":         {"<![CDATA[x]]><a/>", "markup that is not"},
		"an ELEMENT declaration":          {"<!ELEMENT a ANY><a/>", "markup that is not"},
		"a declaration without version":   {`<?xml encoding="UTF-8"?><a/>`, "version"},
		"a version of nothing":            {`<?xml version?><a/>`, "version"},
		"a version without quotes":        {`<?xml version=1.0?><a/>`, "version"},
		"a version with one quote":        {`<?xml version="1.0?><a/>`, "version"},
		"version 1.1":                     {`<?xml version="1.1"?><a/>`, "version"},
		"no blank before the encoding":    {`<?xml version="1.0"encoding="UTF-8"?><a/>`, "bad XML declaration"},
		"UTF-16":                          {`<?xml version="1.0" encoding="UTF-16"?><a/>`, "encoding"},
		"an empty encoding":               {`<?xml version="1.0" encoding=""?><a/>`, "encoding"},
		"standalone maybe":                {`<?xml version="1.0" standalone="maybe"?><a/>`, "bad XML declaration"},
		"standalone before encoding":      {`<?xml version="1.0" standalone="yes" encoding="UTF-8"?><a/>`, "bad XML declaration"},
		"something else":                  {`<?xml version="1.0" x="y"?><a/>`, "bad XML declaration"},
		"an open declaration":             {`<?xml version="1.0"`, "without an end"},
		"an undeclared prefix":            {"<p:a/>", "not declared"},
		"an undeclared attribute prefix":  {`<a p:b=""/>`, "not declared"},
		"a prefix of a sibling":           {`<a><b xmlns:p="u:p"/><p:c/></a>`, "not declared"},
		"an undeclaration of a prefix":    {`<a xmlns:p="u:p"><b xmlns:p=""/></a>`, "no namespace"},
		"xml bound anew":                  {`<a xmlns:xml="u:x"/>`, "xml"},
		"another prefix for xml":          {`<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, "xml"},
		"xml as the default":              {`<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, "xml"},
		"xmlns bound":                     {`<a xmlns:xmlns="u:x"/>`, "xmlns"},
		"a prefix for xmlns":              {`<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, "xmlns"},
		"xmlns as the default":            {`<a xmlns="http://www.w3.org/2000/xmlns/"/>`, "xmlns"},
		"xmlns as a prefix":               {`<xmlns:a/>`, "not declared"},
		"a prefix declared twice":         {`<a xmlns:p="u:p" xmlns:p="u:q"/>`, "declared twice"},
		"the default declared twice":      {`<a xmlns="u:p" xmlns="u:p"/>`, "declared twice"},
		"an attribute twice":              {`<a b="" b=""/>`, "stands twice"},
		"an attribute twice by prefixes":  {`<a xmlns:p="u:p" xmlns:q="u:p" p:b="" q:b=""/>`, "stands twice"},
		"two colons":                      {`<a:b:c xmlns:a="u:a"/>`, "two colons"},
		"a colon first":                   {`<:a/>`, "bad name"},
		"a colon last":                    {`<a: xmlns:a="u:a"/>`, "bad name"},
		"a colon and a digit":             {`<a:1 xmlns:a="u:a"/>`, "bad name"},
		"an empty prefix declared":        {`<a xmlns:=""/>`, "bad name"},
		"an ID twice":                     {`<a ID="1"><b ID="1"/></a>`, "ID that stands twice"},
		"an ID twice by references":       {`<a ID="1"><b ID="&#49;"/></a>`, "ID that stands twice"},
	} {
		t.Run(name, func(t *testing.T) {
			var p Parser
			_, err := p.Parse([]byte(c.text), Options{})
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(syntax.Reason, c.reason) || syntax.Line < 1 || syntax.Column < 1 {
				t.Errorf("got %v, want %q", err, c.reason)
			}
		})
	}
}

func TestMarkupWhereItIsAllowed(t *testing.T) {
	opt := Options{Markup: true}
	for _, text := range []string{
		"<!-- x --><a/><!----> \n<!-- y -->",
		"<a><!-- & < ]]> <b> --></a>",
		"<a><![CDATA[ <b> & ]] > ]]></a>",
		"<a>]]<![CDATA[>]]></a>",
		"<a><!--\r\n--></a>",
	} {
		parse(t, text, opt)
	}
	for _, text := range []string{
		"<a><!-- -- --></a>", "<a><!--x---></a>", "<a><!-- x</a>", "<a><!-- x--", "<a><!-></a>", "<a><!- x --></a>", "<a><!></a>",
		"<a><![CDATA[x]]</a>", "<a><![cdata[x]]></a>", "<![CDATA[x]]><a/>", "<a/><![CDATA[x]]>", "<a><![CDATA [x]]></a>",
		"<a b=\"<!---->\"/>", "<a><!--\x00--></a>", "<!DOCTYPE a><a/>", "<?x?><a/>",
	} {
		var p Parser
		if _, err := p.Parse([]byte(text), opt); err == nil {
			t.Errorf("%s: accepted", text)
		}
	}
}

func TestValuesAreNormalised(t *testing.T) {
	for text, want := range map[string]string{
		`<a b="x  y"/>`:           "x  y",
		"<a b=\"x\ty\nz\"/>":      "x y z",
		"<a b=\"x\r\ny\rz\"/>":    "x y z",
		`<a b="&#9;&#10;&#13;"/>`: "\t\n\r",
		`<a b="&lt;&#38;#38;"/>`:  "<&#38;",
		`<a b="&#x1F600;ü"/>`:     "\U0001F600ü",
		"<a b=\"&#13;\n\r\n\"/>":  "\r  ",
	} {
		if got, ok := parse(t, text, Options{}).Root().Attr("b"); !ok || string(got) != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"<a/>":                        "",
		"<a>x\r\ny\rz\n</a>":          "x\ny\nz\n",
		"<a>&#13;&#10;\r</a>":         "\r\n\n",
		"<a>&amp;amp;</a>":            "&amp;",
		"<a>ad<!-- -->min</a>":        "admin",
		"<a>a<![CDATA[<\r\n&]]>b</a>": "a<\n&b",
		"<a><!----><![CDATA[]]></a>":  "",
		"<a>1<!---->2<!---->3</a>":    "123",
	} {
		if got, ok := parse(t, text, Options{Markup: true}).Root().Text(); !ok || string(got) != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, ok, want)
		}
	}
	if _, ok := parse(t, "<a>x<b/></a>", Options{}).Root().Text(); ok {
		t.Error("text around an element was taken for all there is")
	}
}

func TestLimits(t *testing.T) {
	many := func(n int, f func(int) string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(f(i))
		}
		return b.String()
	}
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	flat := func(n int) string { return "<r>" + strings.Repeat("<a/>", n-1) + "</r>" }
	attrs := func(n int) string {
		return "<a" + many(n, func(i int) string { return fmt.Sprintf(" a%d=''", i) }) + "/>"
	}
	decls := func(n int) string {
		return many(n, func(i int) string { return fmt.Sprintf(" xmlns:n%d='u:%d'", i, i) })
	}
	name := func(n int) string { return "<" + strings.Repeat("a", n) + "/>" }
	for what, c := range map[string]struct {
		limit int
		text  func(int) string
	}{
		"depth":      {64, nested},
		"elements":   {20_000, flat},
		"attributes": {128, attrs},
		"namespaces": {64, func(n int) string { return "<a" + decls(n) + "/>" }},
		"namespaces in scope": {64, func(n int) string {
			return "<a" + decls(60) + "><b" + strings.ReplaceAll(decls(n-60), ":n", ":m") + "/></a>"
		}},
		"names":           {1024, name},
		"attribute names": {1024, func(n int) string { return "<a " + strings.Repeat("b", n) + "=''/>" }},
		"qualified names": {1024, func(n int) string { return "<a xmlns:p='u:p'><p:" + strings.Repeat("b", n-2) + "/></a>" }},
	} {
		var p Parser
		if _, err := p.Parse([]byte(c.text(c.limit)), Options{}); err != nil {
			t.Errorf("%s: %d refused: %v", what, c.limit, err)
		}
		if _, err := p.Parse([]byte(c.text(c.limit+1)), Options{}); err == nil {
			t.Errorf("%s: %d accepted", what, c.limit+1)
		}
	}
	// Declarations of siblings are not in scope together.
	parse(t, "<r>"+strings.Repeat("<a"+decls(64)+"/>", 3)+"</r>", Options{})
	// More than a plain list of names and IDs is kept for.
	parse(t, "<r>"+many(100, func(i int) string { return fmt.Sprintf("<a xmlns='u:%d' ID='i%d'/>", i, i) })+"</r>", Options{})
	var p Parser
	if _, err := p.Parse([]byte("<r>"+many(100, func(i int) string { return fmt.Sprintf("<a ID='i%d'/>", i%99) })+"</r>"), Options{}); err == nil {
		t.Error("the hundredth ID stands twice")
	}
}

func TestWhereADocumentIsWrong(t *testing.T) {
	for text, want := range map[string][2]int{
		"<a>\n  <b>\n</a>":       {3, 1},
		"<a>\n\n  &x;</a>":       {3, 3},
		"<a>\n<b c='1'\n c=''/>": {3, 2},
		"<a>\n<p:b/></a>":        {2, 1},
		"<a>\n\x01":              {2, 1},
	} {
		var p Parser
		_, err := p.Parse([]byte(text), Options{})
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Line != want[0] || syntax.Column != want[1] {
			t.Errorf("%q: %v, want line %d, column %d", text, err, want[0], want[1])
		}
	}
}

func TestAParserForgets(t *testing.T) {
	var p Parser
	for range 3 {
		for _, text := range []string{`<a xmlns:p="u:p" ID="1"/>`, `<a><b`, `<p:a xmlns:p="u:q" ID="1"/>`} {
			_, err := p.Parse([]byte(text), Options{})
			if (err == nil) != (text != `<a><b`) {
				t.Errorf("%s: %v", text, err)
			}
		}
		if _, err := p.Parse([]byte(`<p:a/>`), Options{}); err == nil {
			t.Error("a prefix of the document before")
		}
	}
}
