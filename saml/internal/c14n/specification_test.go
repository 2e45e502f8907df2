package c14n

import (
	"testing"

	"sallyport/saml/internal/xmltree"
)

// TestTheExamplesAsSubtrees has more of the specifications' examples. Theirs
// select nodes by XPath and declare attributes in a DOCTYPE; here the elements
// that they are about are the apex of a subtree.
func TestTheExamplesAsSubtrees(t *testing.T) {
	// Canonical XML 1.0, section 3.7, and 1.1, section 3.8.
	const subset = `<doc xmlns="http://www.ietf.org" xmlns:w3c="http://www.w3.org"><e1><e2 xmlns="" xml:space="preserve"><e3 id="E3"/></e2></e1></doc>`
	const based = `<doc xmlns="http://www.ietf.org" xmlns:w3c="http://www.w3.org" xml:base="something/else"><e1><e2 xmlns="" xml:id="abc" xml:base="../bar/"><e3 id="E3" xml:base="foo"/></e2></e1></doc>`
	// Exclusive XML Canonicalization 1.0, section 2.1: one message, enveloped
	// in two ways.
	const alone = `<n1:elem1 xmlns:n1="http://b.example">content</n1:elem1>`
	const enveloped = `<n0:pdu xmlns:n0="http://a.example"><n1:elem1 xmlns:n1="http://b.example">content</n1:elem1></n0:pdu>`
	for name, c := range map[string]struct {
		in, path string
		m        Method
		want     string
	}{
		"3.7, e1":               {subset, "e1", Method{}, `<e1 xmlns="http://www.ietf.org" xmlns:w3c="http://www.w3.org"><e2 xmlns="" xml:space="preserve"><e3 id="E3"></e3></e2></e1>`},
		"3.7, e3":               {subset, "e1 e2 e3", Method{}, `<e3 xmlns:w3c="http://www.w3.org" id="E3" xml:space="preserve"></e3>`},
		"3.7, e3 exclusive":     {subset, "e1 e2 e3", Method{Exclusive: true}, `<e3 id="E3"></e3>`},
		"3.8, e1":               {based, "e1", Method{V11: true}, `<e1 xmlns="http://www.ietf.org" xmlns:w3c="http://www.w3.org" xml:base="something/else"><e2 xmlns="" xml:base="../bar/" xml:id="abc"><e3 id="E3" xml:base="foo"></e3></e2></e1>`},
		"3.8, e2":               {based, "e1 e2", Method{V11: true}, `<e2 xmlns:w3c="http://www.w3.org" xml:base="bar/" xml:id="abc"><e3 id="E3" xml:base="foo"></e3></e2>`},
		"3.8, e3":               {based, "e1 e2 e3", Method{V11: true}, `<e3 xmlns:w3c="http://www.w3.org" id="E3" xml:base="bar/foo"></e3>`},
		"3.8, e3 by 1.0":        {based, "e1 e2 e3", Method{}, `<e3 xmlns:w3c="http://www.w3.org" id="E3" xml:base="foo" xml:id="abc"></e3>`},
		"exclusive 2.1, alone":  {alone, "", Method{Exclusive: true}, alone},
		"exclusive 2.1, inside": {enveloped, "elem1", Method{Exclusive: true}, alone},
		"inclusive 2.1, inside": {enveloped, "elem1", Method{}, `<n1:elem1 xmlns:n0="http://a.example" xmlns:n1="http://b.example">content</n1:elem1>`},
	} {
		if got := canonical(t, below(tree(t, c.in), c.path), xmltree.Element{}, c.m); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// TestDotSegments has the examples of Canonical XML 1.1, appendix A.
func TestDotSegments(t *testing.T) {
	for path, want := range map[string]string{
		"no/.././/pseudo-netpath/seg/file.ext":        "pseudo-netpath/seg/file.ext",
		"no/..//.///pseudo-netpath/seg/file.ext":      "pseudo-netpath/seg/file.ext",
		"yes/no//..//.///pseudo-netpath/seg/file.ext": "yes/pseudo-netpath/seg/file.ext",
		"no/../yes":       "yes",
		"no/../yes/":      "yes/",
		"no/../yes/no/..": "yes/",
		"../../no/../..":  "../../../",
		"no/../..":        "../",
		"no/..//..":       "../",
		"./no/../yes":     "yes",
		"/..":             "/",
		"/../":            "/",
		"/.":              "/",
		"/./":             "/",
		"/yes/no/..":      "/yes/",
		".":               "",
		"./":              "",
		"..":              "../",
		"../":             "../",
	} {
		if got := removeDots(path); got != want {
			t.Errorf("%s became %q, not %q", path, got, want)
		}
	}
}
