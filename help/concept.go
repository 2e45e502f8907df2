package help

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

//go:embed concepts/*.txt
var conceptFiles embed.FS

// A Concept explains one idea that the guides build on. Texts are in English.
type Concept struct {
	Slug     string
	Title    string
	Summary  string // one sentence
	Sections []Chapter
}

// A Chapter is a part of a concept. The first one has no heading.
type Chapter struct {
	Heading string
	Parts   []Part
}

// conceptOrder is that in which a newcomer reads.
var conceptOrder = []string{
	"sso", "setting-up", "domains", "managed-users", "who-signs-in-how", "exemptions", "metadata", "rollover", "tiles", "why-refused", "locked-out", "legacy",
}

// Concepts returns all concepts, in the order in which a newcomer reads them.
func Concepts() []Concept { return slices.Clone(concepts()) }

// ConceptFor returns the concept of a name; false if there is none.
func ConceptFor(slug string) (Concept, bool) {
	i := slices.IndexFunc(concepts(), func(c Concept) bool { return c.Slug == slug })
	if i < 0 {
		return Concept{}, false
	}
	return concepts()[i], true
}

var concepts = sync.OnceValue(func() []Concept {
	var all []Concept
	for _, slug := range conceptOrder {
		raw, err := fs.ReadFile(conceptFiles, "concepts/"+slug+".txt")
		if err != nil {
			panic(err)
		}
		c, err := parseConcept(slug, string(raw))
		if err != nil {
			panic(err)
		}
		all = append(all, c)
	}
	return all
})

// parseConcept reads a file: the lines Title and Summary, an empty line, then
// text with headings behind "# ".
func parseConcept(slug, text string) (Concept, error) {
	c := Concept{Slug: slug}
	head, body, ok := strings.Cut(text, "\n\n")
	title, summary, two := strings.Cut(head, "\n")
	c.Title, c.Summary = strings.TrimPrefix(title, "Title: "), strings.TrimPrefix(summary, "Summary: ")
	if !ok || !two || c.Title == title || c.Summary == summary || strings.Contains(c.Summary, "\n") || len(text) > maxText {
		return c, fmt.Errorf("help: concepts/%s.txt is too long, or does not begin with a title and a summary", slug)
	}
	for i, chapter := range strings.Split("\n"+body, "\n# ") {
		heading := ""
		if i > 0 {
			heading, chapter, _ = strings.Cut(chapter, "\n")
		}
		p, err := parts(chapter)
		if err != nil {
			return c, fmt.Errorf("help: concepts/%s.txt: %w", slug, err)
		}
		if len(p) == 0 || (i > 0 && heading == "") || slices.ContainsFunc(p, func(p Part) bool { return p.Rows != nil || p.Errors != nil }) {
			return c, fmt.Errorf("help: concepts/%s.txt: %q is empty or holds a table", slug, heading)
		}
		c.Sections = append(c.Sections, Chapter{heading, p})
	}
	return c, nil
}
