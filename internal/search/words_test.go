package search

import (
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ name, local, want string }{
		{"", "user", "user@"},
		{"Ada Lovelace", "ada.lovelace", "ada.lovelace@ lovelace@"},
		{"Ada Lovelace", "al1815", "ada al1815@ lovelace"},
		{"  Anne-Marie\tO'Neil ", "x", "anne-marie marie neil o'neil x@"},
		{"Jürgen Groß", "jg", "gross jg@ jurgen"},
		{"Ωmega ÅNGSTRÖM", "a_b+c", "angstrom a_b+c@ b+c@ c@ ωmega"},
		{"(100%) Sure_Thing", "-x", "100%) sure_thing thing x@"},
		{"王小明", "wang", "wang@ 王小明"},
		{"नमस्ते", "n", "n@ नमसत"},
		{"--- !!!", "user", "user@"},
	} {
		got := Words(c.name, c.local)
		want := strings.Fields(c.want)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%q, %q: %q, not %q", c.name, c.local, got, want)
		}
	}
}

func TestWordsAreCut(t *testing.T) {
	for _, w := range Words(strings.Repeat("ä", 300), strings.Repeat("b", 64)) {
		if n := len([]rune(w)); n > maxWord {
			t.Errorf("%d characters", n)
		}
	}
}

func TestTerms(t *testing.T) {
	for _, c := range []struct {
		text string
		want []term
	}{
		{"", nil},
		{" \t ", nil},
		{"AD  Löv", []term{{word: "lov"}, {word: "ad"}}},
		{"ada@", []term{{word: "ada@", at: true}}},
		{"Ada@Acme.te", []term{{word: "ada@", domain: "acme.te", at: true}}},
		{"@acme", []term{{domain: "acme", at: true}}},
		{strings.Repeat("x", 100), []term{{word: strings.Repeat("x", maxWord)}}},
	} {
		if got, ok := terms(c.text); !ok || !slices.Equal(got, c.want) {
			t.Errorf("%q: %+v, %v", c.text, got, ok)
		}
	}
	if _, ok := terms("1 2 3 4 5 6 7 8 9"); ok {
		t.Error("nine terms")
	}
}

func TestWhatADomainTells(t *testing.T) {
	for _, c := range []struct {
		text, domain string
		no, all      bool
	}{
		{"acme", "acme.test", false, true},
		{"acme.te", "acme.test", false, true},
		{"acme", "mail.acme.test", false, true},
		{"test", "acme.test", false, false}, // the last label says nothing
		{"cme", "acme.test", false, false},
		{"acme.test.x", "acme.test", false, false},
		{"@acme", "acme.test", false, true},
		{"@mail", "acme.test", true, false},
		{"@acme", "mail.acme.test", true, false},
		{"user@acme", "acme.test", false, false},
		{"user@home", "acme.test", true, false},
	} {
		list, _ := terms(c.text)
		if no, all := list[0].matches(c.domain); no != c.no || all != c.all {
			t.Errorf("%q at %s: %v, %v", c.text, c.domain, no, all)
		}
	}
}

func FuzzWords(f *testing.F) {
	f.Add("Anne-Marie O'Neil", "anne.marie", "ann")
	f.Add("İstanbul ẞ", "ı", "i")
	f.Fuzz(func(t *testing.T, name, local, text string) {
		for _, w := range Words(name, local) {
			if w == "" || strings.ContainsAny(w, " \t\n") || len([]rune(w)) > maxWord {
				t.Errorf("%q, %q: %q", name, local, w)
			}
		}
		// Whoever types the name as it is finds it.
		if list, ok := terms(name); ok {
			words := Words(name, local)
			for _, field := range list {
				if starts := Words(field.word, "x"); !field.at && len(starts) > 1 && strings.HasPrefix(field.word, starts[0]) &&
					!slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, field.word) }) {
					t.Errorf("%q is not found by %q", name, field.word)
				}
			}
		}
	})
}
