package help

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var (
	codeName = regexp.MustCompile(`^[a-z0-9_]+$`)
	heading  = regexp.MustCompile(`(?m)^[A-Z][a-z]+:$`)
)

// names returns the codes that have a file, sorted.
func names(t *testing.T) []string {
	t.Helper()
	found, err := fs.Glob(files, "errors/*.txt")
	if err != nil || len(found) == 0 {
		t.Fatalf("%d files, %v", len(found), err)
	}
	for i, name := range found {
		found[i] = strings.TrimSuffix(path.Base(name), ".txt")
	}
	return found
}

// TestEveryPageParses reads the files one by one, so that a bad one is named
// and does not panic in the others' tests.
func TestEveryPageParses(t *testing.T) {
	for _, code := range names(t) {
		if !codeName.MatchString(code) {
			t.Errorf("%q is no code", code)
		}
		raw, err := fs.ReadFile(files, "errors/"+code+".txt")
		if err != nil {
			t.Fatal(err)
		}
		p, err := parse(code, string(raw))
		if err != nil {
			t.Error(err)
			continue
		}
		if p.Code != code || len(p.Cause) == 0 || len(p.Side) == 0 || len(p.Fix) == 0 {
			t.Errorf("%s: a part is empty: %+v", code, p)
		}
		// parse goes by headings and would leave out what stands elsewhere.
		if got, want := heading.FindAllString(string(raw), -1), []string{"Cause:", "Side:", "Fix:"}; !slices.Equal(got, want) {
			t.Errorf("%s: headings %q, not %q", code, got, want)
		}
		if !strings.HasPrefix(string(raw), "Cause:\n") {
			t.Errorf("%s does not begin with its cause", code)
		}
	}
}

func TestErrorFindsEveryPage(t *testing.T) {
	codes := ErrorCodes()
	slices.Sort(codes)
	if want := names(t); !slices.Equal(codes, want) {
		t.Errorf("pages %q, files %q", codes, want)
	}
	for _, code := range codes {
		if p, ok := Error(code); !ok || p.Code != code {
			t.Errorf("%s: %v, page of %q", code, ok, p.Code)
		}
	}
	if _, ok := Error("no_such_code"); ok {
		t.Error("a page out of nothing")
	}
}

// lines are the paragraphs and items of a text, without their marks.
func lines(text []Part) (all []string) {
	for _, p := range text {
		for _, l := range slices.Concat([]Line{p.Text}, p.Items, p.Steps) {
			if len(l) > 0 {
				all = append(all, l.String())
			}
		}
	}
	return all
}

// TestEveryPageSaysEnough: a cause that explains, a side that says whose it is,
// and a fix that says what to do; short sentences, and nothing but text.
func TestEveryPageSaysEnough(t *testing.T) {
	for _, code := range names(t) {
		p, _ := Error(code)
		for name, part := range map[string]struct {
			text  []Part
			words int
		}{"cause": {p.Cause, 20}, "side": {p.Side, 5}, "fix": {p.Fix, 30}} {
			if n := len(wordsOf(PlainText(part.text))); n < part.words {
				t.Errorf("%s: a %s of %d words", code, name, n)
			}
			for _, piece := range part.text {
				if piece.Rows != nil || piece.Errors != nil || piece.Code != "" {
					t.Errorf("%s: its %s has what no page of a code shows: %+v", code, name, piece)
				}
			}
			for _, l := range lines(part.text) {
				if !strings.ContainsAny(l[len(l)-1:], ".:?") {
					t.Errorf("%s: the %s has no end: %s", code, name, l)
				}
			}
		}
	}
}

// essence is what is left of a text without blanks, marks, capitals and the name
// of the code.
func essence(text, code string) string {
	kept := func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}
	return strings.ReplaceAll(strings.Map(kept, text), strings.Map(kept, code), "")
}

// TestNoTwoPagesAreAlike compares each paragraph and item with those of all other
// pages, and each page with each other: a code is there because it has its own
// cause and fix.
func TestNoTwoPagesAreAlike(t *testing.T) {
	seen, phrases := map[string]string{}, map[string]map[string]bool{}
	for _, code := range names(t) {
		p, _ := Error(code)
		for _, text := range [][]Part{p.Cause, p.Side, p.Fix} {
			for _, line := range lines(text) {
				key := essence(line, code)
				if other, twice := seen[key]; twice && (len(key) > 60 || other == code) {
					t.Errorf("%s and %s both say: %s", other, code, line)
				}
				seen[key] = code
			}
		}
		phrases[code] = phrasesOf(PlainText(slices.Concat(p.Cause, p.Side, p.Fix)))
	}
	for a, mine := range phrases {
		for b, others := range phrases {
			common := 0
			for phrase := range mine {
				if others[phrase] {
					common++
				}
			}
			if a != b && common*5 > len(mine) {
				t.Errorf("of %d phrases of %s %d are in %s too", len(mine), a, common, b)
			}
		}
	}
}

// phrasesOf returns the runs of three words of a text.
func phrasesOf(text string) map[string]bool {
	words, all := wordsOf(text), make(map[string]bool)
	for i := range len(words) - 2 {
		all[strings.Join(words[i:i+3], " ")] = true
	}
	return all
}

func TestParseRefusesAPageWithoutAHeading(t *testing.T) {
	for _, text := range []string{"", "Cause:\na\n\nFix:\nb\n", "Cause: a\n\nSide:\nb\n\nFix:\nc\n"} {
		if p, err := parse("x", text); err == nil {
			t.Errorf("%q became %+v", text, p)
		}
	}
}

func TestParseRefusesABadMark(t *testing.T) {
	if p, err := parse("x", "Cause:\na\n\nSide:\nb\n\nFix:\nIt is \"open.\n"); err == nil {
		t.Errorf("%+v", p)
	}
}

func TestPlainText(t *testing.T) {
	p, err := parse("x", "Cause:\nOne\nline.\n\n- \"a\" = `b`\n- c\n\nSide:\nb\n\nFix:\n[Go](/help/errors/invalid) there.\n")
	if err != nil || PlainText(p.Cause) != "One line. a = b c" || PlainText(p.Fix) != "Go there." || PlainText(nil) != "" {
		t.Errorf("%+v, %v", p, err)
	}
}
