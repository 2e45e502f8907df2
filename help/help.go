// Package help holds the texts of /help: what each error code means and what to
// do about it. They are embedded and need no network.
package help

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed errors/*.txt
var files embed.FS

// An ErrorPage explains one error code, in English.
type ErrorPage struct {
	Code  string
	Cause []Part // what has happened
	Side  []Part // on whose side the fault usually lies
	Fix   []Part // what to do, and who does it
}

// PlainText is a text without its marks, in one line.
func PlainText(text []Part) string {
	var lines []string
	for _, p := range text {
		for _, l := range slices.Concat([]Line{p.Text}, p.Items, p.Steps) {
			if len(l) > 0 {
				lines = append(lines, l.String())
			}
		}
	}
	return strings.Join(lines, " ")
}

// Error returns the page of an error code.
func Error(code string) (ErrorPage, bool) {
	p, ok := pages()[code]
	return p, ok
}

// ErrorCodes returns the codes that have a page.
func ErrorCodes() []string {
	var codes []string
	for code := range pages() {
		codes = append(codes, code)
	}
	return codes
}

// pages parses the files, once. A file that can't be parsed is a mistake in
// this package, found by its test.
var pages = sync.OnceValue(func() map[string]ErrorPage {
	all := make(map[string]ErrorPage)
	names, err := fs.Glob(files, "errors/*.txt")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		p, err := parse(strings.TrimSuffix(path.Base(name), ".txt"), string(raw))
		if err != nil {
			panic(err)
		}
		all[p.Code] = p
	}
	return all
})

// parse reads a page: three texts, with the marks that guides have, each behind
// its heading on a line of its own.
func parse(code, text string) (ErrorPage, error) {
	p := ErrorPage{Code: code}
	for heading, to := range map[string]*[]Part{"Cause": &p.Cause, "Side": &p.Side, "Fix": &p.Fix} {
		_, rest, ok := strings.Cut("\n"+text, "\n"+heading+":\n")
		if !ok {
			return p, fmt.Errorf("help: errors/%s.txt has no %s", code, heading)
		}
		for _, next := range []string{"\nCause:\n", "\nSide:\n", "\nFix:\n"} {
			rest, _, _ = strings.Cut(rest, next)
		}
		var err error
		if *to, err = parts(rest); err != nil {
			return p, fmt.Errorf("help: errors/%s.txt: %w", code, err)
		}
	}
	return p, nil
}
