package help

import (
	"fmt"
	"strings"
	"unicode"
)

// A Kind says how a [Span] is shown.
type Kind string

const (
	Plain Kind = ""
	Field Kind = "field" // the name of a field, menu or button in somebody else's product
	Code  Kind = "code"  // what is typed, or stands in a file
	Link  Kind = "link"  // to another page of /help
)

// A Span is a piece of a line.
type Span struct {
	Kind Kind
	Text string
	URL  string // of a link: a path
}

// A Line is a paragraph, or an item of a list.
type Line []Span

// String is the line without its marks.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.Text)
	}
	return b.String()
}

// A Part is a piece of a section: exactly one of its fields is filled.
type Part struct {
	Text   Line
	Items  []Line // a list
	Steps  []Line // a list in its order
	Code   string // lines to be taken as they are
	Rows   []Row
	Errors []ErrorNote
}

// An ErrorNote says what an error code means in a certain place.
type ErrorNote struct {
	Code string
	Text Line
}

// parts reads the paragraphs of a section:
//
//	A paragraph. Its lines
//	are joined.
//
//	- an item of a list
//	  that goes on
//
//	1. a step
//
//	    what is indented by four spaces stays as it is
//
//	| field there | value | note
//
//	! error_code: what it means here
func parts(text string) ([]Part, error) {
	var all []Part
	var open string // the mark of the paragraph that is being read
	var pending []string
	var err error
	flush := func() {
		if len(pending) > 0 && err == nil {
			all, err = add(all, open, pending)
		}
		open, pending = "", nil
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRightFunc(line, unicode.IsSpace)
		mark, rest := marked(line)
		switch {
		case line == "" && open == codeMark:
			pending = append(pending, "")
		case line == "":
			flush()
		case mark == codeMark && open != "" && open != codeMark, mark == "" && open != codeMark && open != "":
			pending[len(pending)-1] += " " + strings.TrimSpace(line)
		case mark == codeMark && open == codeMark:
			pending = append(pending, rest)
		default:
			flush()
			open, pending = mark, []string{rest}
			if mark == "" {
				open = textMark
			}
		}
	}
	flush()
	return all, err
}

// The marks that begin a line. A line without one is text.
const (
	textMark  = "text"
	codeMark  = "    "
	itemMark  = "- "
	stepMark  = "1. "
	rowMark   = "| "
	errorMark = "! "
)

func marked(line string) (mark, rest string) {
	for _, mark := range []string{codeMark, itemMark, stepMark, rowMark, errorMark} {
		if rest, ok := strings.CutPrefix(line, mark); ok {
			return mark, rest
		}
	}
	return "", strings.TrimSpace(line)
}

// add appends a paragraph; an item goes to the list before it.
func add(all []Part, mark string, lines []string) ([]Part, error) {
	last := &Part{}
	if len(all) > 0 {
		last = &all[len(all)-1]
	}
	if mark == codeMark {
		return append(all, Part{Code: strings.TrimRight(strings.Join(lines, "\n"), "\n")}), nil
	}
	text := strings.Join(lines, " ")
	if mark == rowMark {
		row, err := readRow(text)
		if err != nil {
			return nil, err
		}
		if last.Rows == nil {
			all = append(all, Part{})
			last = &all[len(all)-1]
		}
		last.Rows = append(last.Rows, row)
		return all, nil
	}
	code := ""
	if mark == errorMark {
		var ok bool
		if code, text, ok = strings.Cut(text, ": "); !ok {
			return nil, fmt.Errorf("%q has no error code", text)
		}
	}
	line, err := spans(text)
	if err != nil {
		return nil, err
	}
	switch {
	case mark == textMark:
		return append(all, Part{Text: line}), nil
	case mark == itemMark && last.Items != nil:
		last.Items = append(last.Items, line)
	case mark == itemMark:
		all = append(all, Part{Items: []Line{line}})
	case mark == stepMark && last.Steps != nil:
		last.Steps = append(last.Steps, line)
	case mark == stepMark:
		all = append(all, Part{Steps: []Line{line}})
	case last.Errors != nil:
		last.Errors = append(last.Errors, ErrorNote{code, line})
	default:
		all = append(all, Part{Errors: []ErrorNote{{code, line}}})
	}
	return all, nil
}

// spans reads the marks within a line: "field", `code`, [words](/path).
func spans(text string) (Line, error) {
	var line Line
	for text != "" {
		i := strings.IndexAny(text, "\"`[")
		if i < 0 {
			return append(line, Span{Text: text}), nil
		}
		if i > 0 {
			line = append(line, Span{Text: text[:i]})
		}
		mark, rest := text[i], text[i+1:]
		span, after, err := span(mark, rest)
		if err != nil {
			return nil, err
		}
		line, text = append(line, span), after
	}
	return line, nil
}

// span reads one marked piece, of which the opening mark is read.
func span(mark byte, rest string) (s Span, after string, err error) {
	end := map[byte]string{'"': `"`, '`': "`", '[': "]("}[mark]
	inner, after, ok := strings.Cut(rest, end)
	if !ok || inner == "" {
		return s, "", fmt.Errorf("%c is not closed: %q", mark, rest)
	}
	switch mark {
	case '"':
		return Span{Kind: Field, Text: inner}, after, nil
	case '`':
		return Span{Kind: Code, Text: inner}, after, nil
	}
	target, after, ok := strings.Cut(after, ")")
	if !ok || !strings.HasPrefix(target, "/help/") {
		return s, "", fmt.Errorf("the link of %q leads to no page of /help", inner)
	}
	return Span{Kind: Link, Text: inner, URL: target}, after, nil
}
