package help

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
)

//go:embed guides/*.txt
var guideFiles embed.FS

// maxText bounds the file of a guide or concept, in octets: what takes longer to
// read nobody reads.
const maxText = 16 << 10

// guides parses the files, once. A file that can't be parsed is a mistake in
// this package, found by its test.
var guides = sync.OnceValue(func() []Guide {
	var all []Guide
	for _, slug := range order {
		raw, err := fs.ReadFile(guideFiles, "guides/"+slug+".txt")
		if err != nil {
			panic(err)
		}
		g, err := parseGuide(slug, string(raw))
		if err != nil {
			panic(err)
		}
		all = append(all, g)
	}
	return all
})

// headings are those of a guide's file: each on a line of its own, in this order,
// behind the header.
var headings = []struct {
	text string
	key  SectionKey
}{
	{"Before you begin", "before"},
	{"Our values", "values"},
	{"NameID", "nameid"},
	{"Users", "users"},
	{"Metadata", "metadata"},
	{"Test", "test"},
	{"Usual errors", "errors"},
	{"Certificate", "certificate"},
}

// parseGuide reads a file: a header of lines "Word: value", then the sections.
// docs/guides.md describes it.
func parseGuide(slug, text string) (Guide, error) {
	g := Guide{Slug: slug, fields: make(map[string][]string)}
	if len(text) > maxText {
		return g, fmt.Errorf("help: guides/%s.txt has %d octets, more than %d", slug, len(text), maxText)
	}
	for i, h := range headings {
		before, rest, ok := strings.Cut("\n"+text, "\n"+h.text+":\n")
		if !ok {
			return g, fmt.Errorf("help: guides/%s.txt has no %q after what stands before", slug, h.text)
		}
		if err := g.take(i-1, before); err != nil {
			return g, fmt.Errorf("help: guides/%s.txt: %w", slug, err)
		}
		text = rest
	}
	if err := g.take(len(headings)-1, text); err != nil {
		return g, fmt.Errorf("help: guides/%s.txt: %w", slug, err)
	}
	return g, g.complete()
}

// take reads the text of a section; that before the first is the header.
func (g *Guide) take(section int, text string) error {
	if section < 0 {
		return g.header(text)
	}
	p, err := parts(text)
	if err != nil {
		return fmt.Errorf("%s: %w", headings[section].text, err)
	}
	if len(p) == 0 {
		return fmt.Errorf("%s is empty", headings[section].text)
	}
	for _, part := range p {
		for _, row := range part.Rows {
			if row.Ours != "" && !row.Described {
				g.fields[row.Ours] = append(g.fields[row.Ours], row.Field)
			}
		}
	}
	g.sections = append(g.sections, Section{headings[section].key, p})
	return nil
}

// purposes are those of a header's lines.
var purposes = []string{
	NameIDField, NameIDFormatField, UsersField, SigningField, AlgorithmField, EncryptionField, RelayStateField,
	RecipientField, IssuerField, CertificateField, MetadataField,
}

func (g *Guide) header(text string) error {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		word, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case !ok:
			return fmt.Errorf("the header has the line %q", line)
		case word == "Name" && g.Name == "":
			g.Name = value
		case word == "Not taken" && g.notTaken == nil:
			g.notTaken = strings.Split(value, ", ")
		case slices.Contains(purposes, word):
			g.fields[word] = append(g.fields[word], value)
		default:
			return fmt.Errorf("the header has an unknown or a second %q", word)
		}
	}
	return nil
}

// complete holds that a guide has a name, says of each of our values where it
// goes or that it goes nowhere, and names the three usual errors where they
// belong.
func (g *Guide) complete() error {
	if g.Name == "" {
		return fmt.Errorf("help: guides/%s.txt has no name", g.Slug)
	}
	taken, usual := map[string]bool{}, 0
	for _, s := range g.sections {
		for _, p := range s.Parts {
			if (p.Rows != nil && s.Key != "values") || (p.Errors != nil && s.Key != "errors") {
				return fmt.Errorf("help: guides/%s.txt: %s holds what belongs elsewhere", g.Slug, s.Key)
			}
			usual += len(p.Errors)
			for _, r := range p.Rows {
				taken[r.Ours] = true
			}
		}
	}
	if usual != 3 {
		return fmt.Errorf("help: guides/%s.txt has %d usual errors, not 3", g.Slug, usual)
	}
	for _, name := range ValueNames() {
		if taken[name] == slices.Contains(g.notTaken, name) {
			return fmt.Errorf("help: guides/%s.txt: {%s} has to be either in the table or not taken", g.Slug, name)
		}
	}
	for _, name := range g.notTaken {
		if !slices.Contains(ValueNames(), name) {
			return fmt.Errorf("help: guides/%s.txt: %q is none of our values", g.Slug, name)
		}
	}
	return nil
}

// readRow reads a row of the table: field | value | note. A field in parentheses
// is described, not named.
func readRow(text string) (Row, error) {
	cells := strings.Split(text, " | ")
	if len(cells) < 2 || len(cells) > 3 {
		return Row{}, fmt.Errorf("the row %q has %d cells", text, len(cells))
	}
	row := Row{Field: cells[0], Value: cells[1]}
	if inner, ok := strings.CutPrefix(row.Field, "("); ok && strings.HasSuffix(inner, ")") {
		row.Field, row.Described = strings.TrimSuffix(inner, ")"), true
	}
	for _, name := range ValueNames() {
		if row.Value == "{"+name+"}" {
			row.Ours = name
		}
	}
	if row.Ours == "" && strings.Contains(row.Value, "{") {
		return Row{}, fmt.Errorf("the row %q mixes a value with other text", text)
	}
	if len(cells) == 3 {
		var err error
		if row.Note, err = spans(cells[2]); err != nil {
			return Row{}, err
		}
	}
	return row, nil
}
