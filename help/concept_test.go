package help

import (
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestEveryConceptParses(t *testing.T) {
	found, err := fs.Glob(conceptFiles, "concepts/*")
	if err != nil || len(found) != len(conceptOrder) {
		t.Errorf("%d files for %d concepts, %v", len(found), len(conceptOrder), err)
	}
	for _, name := range found {
		slug := strings.TrimSuffix(path.Base(name), ".txt")
		raw, err := fs.ReadFile(conceptFiles, name)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(conceptOrder, slug) {
			t.Errorf("%s is in no order", slug)
		}
		if _, err := parseConcept(slug, string(raw)); err != nil {
			t.Error(err)
		}
	}
	if _, ok := ConceptFor("none"); ok {
		t.Error("a concept out of nothing")
	}
}

func TestParseConceptRefuses(t *testing.T) {
	for what, text := range map[string]string{
		"nothing":         "",
		"no summary":      "Title: A\n\nText.\n",
		"no title":        "Summary: A\n\nText.\n",
		"no text":         "Title: A\nSummary: B.\n",
		"an empty one":    "Title: A\nSummary: B.\n\nText.\n\n# C\n\n# D\nText.\n",
		"a table":         "Title: A\nSummary: B.\n\n| a | b\n",
		"an open mark":    "Title: A\nSummary: B.\n\nSome `code.\n",
		"three headlines": "Title: A\nSummary: B.\nMore: C.\n\nText.\n",
	} {
		if c, err := parseConcept("x", text); err == nil {
			t.Errorf("%s: %+v", what, c)
		}
	}
}

// TestLinksLeadToPages follows every link of guides, concepts and error codes.
func TestLinksLeadToPages(t *testing.T) {
	there := map[string]bool{"/help": true, "/help/guides": true, "/help/errors": true}
	for _, d := range index() {
		there[d.URL] = true
	}
	links := 0
	follow := func(where string, parts []Part) {
		for _, p := range parts {
			lines := append(append([]Line{p.Text}, p.Items...), p.Steps...)
			for _, r := range p.Rows {
				lines = append(lines, r.Note)
			}
			for _, e := range p.Errors {
				lines = append(lines, e.Text)
			}
			for _, l := range lines {
				for _, s := range l {
					if s.Kind != Link {
						continue
					}
					links++
					page, _, _ := strings.Cut(s.URL, "#")
					if !there[page] {
						t.Errorf("%s links to %s", where, s.URL)
					}
				}
			}
		}
	}
	for _, c := range Concepts() {
		for _, s := range c.Sections {
			follow(c.Slug, s.Parts)
		}
	}
	for _, g := range Guides() {
		for _, s := range g.sections {
			follow(g.Slug, s.Parts)
		}
	}
	for code, p := range pages() {
		follow(code, slices.Concat(p.Cause, p.Side, p.Fix))
	}
	if links == 0 {
		t.Error("no link at all")
	}
}
