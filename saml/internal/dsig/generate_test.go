package dsig_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A generator writes random, well-formed elements with all that a canonical
// form has to care for: prefixes declared anew, shadowed and undeclared,
// attributes out of order, references, line ends, comments, CDATA sections.
type generator struct {
	*rand.Rand
	strings.Builder
	scope []map[string]string // prefixes in scope, per open element
	// plain leaves out what goxmldsig gets wrong: attributes of two namespaces
	// in one element are in the order of their prefixes then, xml: counts as
	// none, and xmlns="" is written where nothing needs it.
	plain bool
	// budget is the number of elements that may still be written.
	budget int
}

var (
	prefixPool = []string{"", "a", "b", "c", "xs", "saml", "ds"}
	uriPool    = []string{"urn:one", "urn:two", "http://three.example/x", "urn:four?x=y", "urn:oasis:names:tc:SAML:2.0:assertion"}
	textPool   = []string{"text", " ", "\n  ", "&lt;b&gt;", "&amp;", ">", "]] ", "\"'", "&#13;", "&#x9;", "\t", "ümläut \U0001F600", "&#xFC;", "&quot;&apos;", "&#10;"}
	valuePool  = []string{"v", "", "a b", "&lt;", "&amp;amp;", ">", "&quot;", "'", "&#9;x&#10;y&#13;", "ü\U0001F600", "  two  "}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (g *generator) lookup(prefix string) (string, bool) {
	for i := len(g.scope) - 1; i >= 0; i-- {
		if uri, ok := g.scope[i][prefix]; ok {
			return uri, uri != "" || prefix == ""
		}
	}
	return "", prefix == ""
}

// element writes one element with what is below it.
func (g *generator) element(depth int) {
	g.budget--
	declared := make(map[string]string)
	g.scope = append(g.scope, declared)
	var decls []string
	for range g.IntN(3) {
		prefix, uri := pick(g.Rand, prefixPool), pick(g.Rand, uriPool)
		if _, ok := declared[prefix]; ok {
			continue
		}
		if prefix == "" && g.IntN(3) == 0 && !g.plain {
			uri = ""
		}
		declared[prefix] = uri
		name := "xmlns:" + prefix
		if prefix == "" {
			name = "xmlns"
		}
		decls = append(decls, name+g.quoted(uri))
	}
	name := g.name("")
	g.WriteString("<" + name)
	g.attributes(decls)
	if g.IntN(6) == 0 {
		g.WriteString("/>")
	} else {
		g.WriteString(">")
		g.content(depth)
		g.WriteString("</" + name + strings.Repeat(" ", g.IntN(2)) + ">")
	}
	g.scope = g.scope[:len(g.scope)-1]
}

// name returns a qualified name with a prefix that is in scope.
func (g *generator) name(local string) string {
	if local == "" {
		local = pick(g.Rand, []string{"x", "y", "Z", "long-name.1"})
	}
	if prefix := pick(g.Rand, prefixPool); prefix != "" {
		if _, ok := g.lookup(prefix); ok {
			return prefix + ":" + local
		}
	}
	return local
}

func (g *generator) quoted(value string) string {
	if g.IntN(3) == 0 && !strings.Contains(value, "'") {
		return " = '" + value + "'"
	}
	return `="` + value + `"`
}

func (g *generator) attributes(all []string) {
	seen, only := make(map[string]bool), ""
	for range g.IntN(5) {
		name := g.name(pick(g.Rand, []string{"p", "q", "r", "A"}))
		if g.IntN(6) == 0 && !g.plain {
			name = pick(g.Rand, []string{"xml:lang", "xml:space", "xml:foo"})
		}
		prefix, local, ok := strings.Cut(name, ":")
		if !ok {
			prefix, local = "", name
		}
		uri, _ := g.lookup(prefix)
		if prefix == "" {
			uri = ""
		}
		if prefix == "xml" {
			uri = "xml"
		}
		if g.plain && prefix != "" && only != "" && prefix != only {
			continue
		}
		only += prefix
		if key := uri + " " + local; !seen[key] {
			seen[key] = true
			all = append(all, name+g.quoted(pick(g.Rand, valuePool)))
		}
	}
	g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, a := range all {
		g.WriteString(pick(g.Rand, []string{" ", " ", "\n   ", "\t"}) + a)
	}
}

func (g *generator) content(depth int) {
	for range g.IntN(5) {
		switch k := g.IntN(12); {
		case k < 5 && depth > 0 && g.budget > 0:
			g.element(depth - 1)
		case k == 10:
			g.WriteString(pick(g.Rand, []string{"<!-- c -->", "<!---->", "<!-- & < \n -->"}))
		case k == 11 && !g.plain:
			g.WriteString(pick(g.Rand, []string{"<![CDATA[<x>&]]>", "<![CDATA[]]>", "<![CDATA[ \r\n ]]>"}))
		case k == 9 && !g.plain:
			g.WriteString(pick(g.Rand, []string{"\r\n", "\r", "a\r\rb"}))
		default:
			g.WriteString(pick(g.Rand, textPool))
		}
	}
}

// randomElement returns a random element. In the scope around it stands
// nothing.
func randomElement(r *rand.Rand, plain bool) string {
	g := &generator{Rand: r, plain: plain, budget: 60}
	g.element(6)
	return g.String()
}

// randomMessage returns a document with two elements that can be signed, with
// the IDs outer and inner.
func randomMessage(r *rand.Rand, plain bool) string {
	var decls strings.Builder
	g := &generator{Rand: r, budget: 40, plain: plain}
	scope := make(map[string]string)
	for i, p := range prefixPool[1:] {
		if r.IntN(2) == 0 {
			scope[p] = uriPool[i%len(uriPool)]
			fmt.Fprintf(&decls, ` xmlns:%s="%s"`, p, scope[p])
		}
	}
	g.scope = append(g.scope, scope)
	for _, a := range []string{` xml:lang="de"`, ` xml:space="preserve"`, ` xml:foo="x"`} {
		if r.IntN(3) == 0 && !plain {
			decls.WriteString(a)
		}
	}
	g.element(4)
	first := g.String()
	g.Reset()
	g.budget = 40
	g.element(4)
	lang := ` xml:lang="en"`
	if plain {
		lang = ""
	}
	return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="outer"` + decls.String() + ">" + first +
		`<n:Assertion xmlns:n="urn:oasis:names:tc:SAML:2.0:assertion" ID="inner"` + lang + ">" + g.String() + "</n:Assertion></samlp:Response>"
}
