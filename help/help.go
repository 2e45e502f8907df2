// Package help holds the texts of /help: what each error code means and what to
// do about it. They are embedded and need no network.
package help

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"sync"
)

//go:embed errors/*.txt
var files embed.FS

// An ErrorPage explains one error code.
type ErrorPage struct {
	Code  string
	Cause string // what has happened
	Side  string // on whose side the fault usually lies
	Fix   string // what to do, and who does it
}

// A Block is a paragraph or a list.
type Block struct {
	Text  string
	Items []string
}

// Paragraphs splits a text at its empty lines; lines that start with a dash are
// the items of a list.
func (ErrorPage) Paragraphs(text string) []Block {
	var blocks []Block
	var plain []string
	flush := func() {
		if len(plain) > 0 {
			blocks = append(blocks, Block{Text: strings.Join(plain, " ")})
			plain = nil
		}
	}
	for line := range strings.Lines(text + "\n\n") {
		line = strings.TrimSpace(line)
		item, isItem := strings.CutPrefix(line, "- ")
		switch {
		case isItem && len(plain) == 0 && len(blocks) > 0 && blocks[len(blocks)-1].Items != nil:
			last := &blocks[len(blocks)-1]
			last.Items = append(last.Items, item)
		case isItem:
			flush()
			blocks = append(blocks, Block{Items: []string{item}})
		case line == "":
			flush()
		default:
			plain = append(plain, line)
		}
	}
	return blocks
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

// parse reads a page: three paragraphs, each behind its heading on a line of
// its own.
func parse(code, text string) (ErrorPage, error) {
	p := ErrorPage{Code: code}
	for heading, to := range map[string]*string{"Cause": &p.Cause, "Side": &p.Side, "Fix": &p.Fix} {
		_, rest, ok := strings.Cut("\n"+text, "\n"+heading+":\n")
		if !ok {
			return p, fmt.Errorf("help: errors/%s.txt has no %s", code, heading)
		}
		for _, next := range []string{"\nCause:\n", "\nSide:\n", "\nFix:\n"} {
			rest, _, _ = strings.Cut(rest, next)
		}
		*to = strings.TrimSpace(rest)
	}
	return p, nil
}
