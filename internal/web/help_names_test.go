package web

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/help"
	"sallyport/internal/fault"
)

// names are what a guide calls fields, menus, buttons and values, and what this
// product does: the labels of its pages, without regard to capitals.
type names struct {
	there map[string]map[string]bool // by the guide's slug
	here  map[string]bool
}

func allNames(t *testing.T) names {
	n := names{make(map[string]map[string]bool), make(map[string]bool)}
	for _, text := range loaded(t).catalog[defaultLanguage] {
		n.here[strings.ToLower(text)] = true
	}
	for _, g := range help.Guides() {
		set := make(map[string]bool)
		for _, name := range g.Fields() {
			set[name] = true
		}
		for _, s := range g.Blocks(help.Placeholders("https://sp.test")) {
			for _, p := range s.Parts {
				for _, r := range p.Rows {
					set[r.Field] = true
				}
				for _, m := range quoted.FindAllStringSubmatch(p.Code, -1) {
					set[m[1]] = true
				}
				for _, l := range lines(p) {
					for _, s := range l {
						set[s.Text] = s.Kind == help.Field || s.Kind == help.Code || set[s.Text]
					}
				}
			}
		}
		n.there[g.Slug] = set
	}
	return n
}

func lines(p help.Part) []help.Line {
	all := slices.Concat([]help.Line{p.Text}, p.Items, p.Steps)
	for _, r := range p.Rows {
		all = append(all, r.Note)
	}
	for _, e := range p.Errors {
		all = append(all, e.Text)
	}
	return all
}

// calledShort are products that a text calls by a part of their names.
var calledShort = map[string]string{"entra": "Entra", "google": "Google", "duo": "Duo", "cyberark": "CyberArk"}

// products returns the slugs of those that a text names: in what follows the end
// of its last sentence, or before.
func products(text string) []string {
	for _, part := range []string{text[strings.LastIndex(text, ". ")+1:], text} {
		var found []string
		for _, g := range help.Guides() {
			name := g.Name
			if short := calledShort[g.Slug]; short != "" {
				name = short
			}
			if regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(part) {
				found = append(found, g.Slug)
			}
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// TestErrorPagesNameWhatThereIs: what the page of an error code puts into quotes
// is called so in the guide for that product, or on our pages.
func TestErrorPagesNameWhatThereIs(t *testing.T) {
	n, checked := allNames(t), 0
	for _, code := range help.ErrorCodes() {
		page, _ := help.Error(code)
		for _, part := range slices.Concat(page.Cause, page.Side, page.Fix) {
			for _, line := range lines(part) {
				var about []string
				for _, s := range line {
					if s.Kind == help.Plain {
						if found := products(s.Text); found != nil {
							about = found
						}
						continue
					}
					if s.Kind != help.Field {
						continue
					}
					checked++
					strange := len(about) == 0 || slices.ContainsFunc(about, func(slug string) bool { return !n.there[slug][s.Text] })
					if strange && !n.here[strings.ToLower(s.Text)] {
						t.Errorf("%s: nothing is called %q, here or at %q", code, s.Text, about)
					}
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("%d names", checked)
	}
}

var quoted = regexp.MustCompile(`"([^"]+)"`)

// TestAdviceNamesWhatThereIs is the same for what the diagnosis says.
func TestAdviceNamesWhatThereIs(t *testing.T) {
	n, checked := allNames(t), 0
	for _, code := range fault.Codes() {
		for _, finding := range append(help.Findings(string(code)), "") {
			for _, g := range help.Guides() {
				for _, m := range quoted.FindAllStringSubmatch(help.AdviseOn(string(code), finding, g.Slug).Fix, -1) {
					if checked++; !n.there[g.Slug][m[1]] && !n.here[strings.ToLower(m[1])] {
						t.Errorf("%s/%s, %s: nothing is called %q", code, finding, g.Slug, m[1])
					}
				}
			}
		}
	}
	if checked < 1000 {
		t.Errorf("%d names", checked)
	}
}
