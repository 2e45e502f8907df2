package tutorial

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A step is one thing that the reader of the tutorial does or sees.
type step struct {
	line int
	way  string // of several, under whose heading it stands; empty: everybody does it
	text string
	do   func(*reader, []string)
	with []string
}

// sentences are all that an item of a list in the tutorial may say. What follows
// up to the end of the sentence is for people.
var sentences = []struct {
	form *regexp.Regexp
	do   func(*reader, []string)
}{
	{sentence("Open <(.+?)> in a private window"), (*reader).openPrivate},
	{sentence("Open <(.+?)> in another tab"), (*reader).openBeside},
	{sentence("Open <(.+?)>"), (*reader).open},
	{sentence("Go (?:back )?to the (first|second) tab"), (*reader).turnTo},
	{sentence("Type `(.+?)` into " + label), (*reader).typeInto},
	{sentence("Make up a password, and type it into " + label + " and " + label), (*reader).makeUp},
	{sentence("Type the password into " + label), (*reader).typePassword},
	{sentence("Click " + label + " once more: a new tab opens"), (*reader).clickAway},
	{sentence(`Click \*\*Copy: ([^*]+)\*\*`), (*reader).pressCopy},
	{sentence("(?:Click|Choose) " + label), (*reader).click},
	{sentence("Copy " + label), (*reader).copyFrom},
	{sentence("Paste into " + label), (*reader).paste},
	{sentence("Download " + label), (*reader).download},
	{sentence("Give the file to " + label), (*reader).giveFile},
	{sentence(`You see \*([^*]+?)\*`), (*reader).see},
}

const label = `\*\*([^*]+)\*\*`

func sentence(form string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + form + `)(?:[ ,][^.*<` + "`" + `]*)?(?:\.|$)\s*`)
}

// readScript takes the steps out of a tutorial: what its lists say. Below a
// heading of the third level stands one of several ways.
func readScript(text string) (steps []step, err error) {
	item, at, way := "", 0, ""
	finish := func() error {
		more, err := readItem(item, at, way)
		steps, item = append(steps, more...), ""
		return err
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		if item != "" && strings.HasPrefix(line, "  ") {
			item += " " + strings.TrimSpace(line)
			continue
		}
		if err := finish(); err != nil {
			return nil, err
		}
		switch {
		case strings.HasPrefix(line, "### "):
			way = strings.TrimPrefix(line, "### ")
		case strings.HasPrefix(line, "#"):
			way = ""
		case strings.HasPrefix(line, "- "):
			item, at = strings.TrimPrefix(line, "- "), n
		}
	}
	return steps, finish()
}

func readItem(item string, line int, way string) (steps []step, err error) {
	for rest := strings.TrimSpace(item); rest != ""; {
		i := slices.IndexFunc(sentences, func(s struct {
			form *regexp.Regexp
			do   func(*reader, []string)
		}) bool {
			return s.form.MatchString(rest)
		})
		if i < 0 {
			return nil, fmt.Errorf("line %d: no step that a test can take: %s", line, rest)
		}
		found := sentences[i].form.FindStringSubmatch(rest)
		steps = append(steps, step{line, way, strings.TrimSpace(found[0]), sentences[i].do, found[1:]})
		rest = rest[len(found[0]):]
	}
	return steps, nil
}

// script is the tutorial as it stands in docs.
func script(t *testing.T) []step {
	t.Helper()
	raw, err := os.ReadFile("../../docs/tutorial.md")
	if err != nil {
		t.Fatal(err)
	}
	steps, err := readScript(string(raw))
	if err != nil {
		t.Fatalf("docs/tutorial.md: %v", err)
	}
	return steps
}

// ways are the headings of which one is followed.
func ways(steps []step) (list []string) {
	for _, s := range steps {
		if s.way != "" && !slices.Contains(list, s.way) {
			list = append(list, s.way)
		}
	}
	return list
}

func TestReadScript(t *testing.T) {
	steps, err := readScript("# A\n\n- Open <http://localhost:1/>. Click **B**.\n- Type `c` into\n  **D**, slowly.\n\nWords.\n\n### E\n\n- Copy **F**.\n\n## G\n\n- You see *H* and more.\n")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range steps {
		got = append(got, fmt.Sprint(s.line, s.way, s.with))
	}
	want := []string{"3[http://localhost:1/]", "3[B]", "4[c D]", "11E[F]", "15[H]"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, wrong := range []string{"- Press **A**.", "- Click **A**. Then wait.", "- Click A.", "- Type `a` into the field."} {
		if steps, err := readScript(wrong); err == nil {
			t.Errorf("%q is %+v", wrong, steps)
		}
	}
}
