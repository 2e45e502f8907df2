package help

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
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
		if p.Code != code || p.Cause == "" || p.Side == "" || p.Fix == "" {
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

// TestNoTwoPagesAreAlike compares causes and fixes with those of all other
// pages, paragraph by paragraph: each code is there because it has its own.
func TestNoTwoPagesAreAlike(t *testing.T) {
	seen := map[string]string{}
	for _, code := range names(t) {
		p, _ := Error(code)
		for _, b := range append(p.Paragraphs(p.Cause), p.Paragraphs(p.Fix)...) {
			text := strings.ToLower(strings.Join(strings.Fields(b.Text+" "+strings.Join(b.Items, " ")), " "))
			if text == "" {
				t.Errorf("%s has an empty paragraph", code)
			}
			if other, twice := seen[text]; twice {
				t.Errorf("%s and %s both say: %s", other, code, text)
			}
			seen[text] = code
		}
	}
}

func TestParseRefusesAPageWithoutAHeading(t *testing.T) {
	for _, text := range []string{"", "Cause:\na\n\nFix:\nb\n", "Cause: a\n\nSide:\nb\n\nFix:\nc\n"} {
		if p, err := parse("x", text); err == nil {
			t.Errorf("%q became %+v", text, p)
		}
	}
}

func TestParagraphs(t *testing.T) {
	got := ErrorPage{}.Paragraphs("One\nline.\n\n- a\n- b\n\nThen\n- c")
	want := []Block{{Text: "One line."}, {Items: []string{"a", "b"}}, {Text: "Then"}, {Items: []string{"c"}}}
	if !slices.EqualFunc(got, want, func(a, b Block) bool { return a.Text == b.Text && slices.Equal(a.Items, b.Items) }) {
		t.Errorf("%+v", got)
	}
}
