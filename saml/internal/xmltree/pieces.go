package xmltree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Pieces cuts a document that is too large to be parsed at once into tags and
// what stands between them, and whole elements, for a [Parser] to judge. It
// knows just enough of XML to find their ends, and keeps no more than one
// piece in memory.
type Pieces struct {
	r    io.Reader
	most int // octets of one piece
	buf  []byte
	at   int // where the piece under work starts in buf
	end  int // of what was read
	line int // at buf[at]
	eof  bool
}

// NewPieces reads from r. A piece is at most so many octets long.
func NewPieces(r io.Reader, most int) *Pieces {
	return &Pieces{r: r, most: most, line: 1}
}

// A PieceKind is what a piece is.
type PieceKind int

const (
	PieceText        PieceKind = iota // up to the next tag
	PieceStart                        // a start tag
	PieceEmpty                        // an empty-element tag
	PieceEnd                          // an end tag
	PieceComment                      // a comment
	PieceCDATA                        // a CDATA section
	PieceDeclaration                  // the XML declaration
)

// Line is the line that the next piece starts in, from 1.
func (p *Pieces) Line() int { return p.line }

// Peek returns up to n octets of what comes next, without taking them.
func (p *Pieces) Peek(n int) ([]byte, error) {
	for p.end-p.at < n && !p.eof {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	return p.buf[p.at:min(p.end, p.at+n)], nil
}

// errCut is an end of the document inside of markup. It is not that of io, which a
// reader returns where its source breaks off.
var errCut = errors.New("xmltree: cut short")

// Next returns the next piece, which is valid until the next call; io.EOF at
// the end. Its other errors are of type [*SyntaxError], or the reader's.
func (p *Pieces) Next() (PieceKind, []byte, error) {
	kind, n, err := p.token(0)
	if err == errCut {
		err = p.fault("the end of the document inside of markup")
	}
	if err != nil {
		return 0, nil, err
	}
	return kind, p.take(n), nil
}

// Skip takes n octets that [Pieces.Peek] has shown.
func (p *Pieces) Skip(n int) { p.take(n) }

// Element returns the whole element whose start tag comes next, with all below
// it. Of an element that the end of the document cuts short it returns what is
// there, for a parser to say what is missing.
func (p *Pieces) Element() ([]byte, error) {
	depth, length := 0, 0
	for {
		kind, n, err := p.token(length)
		if err == io.EOF || err == errCut {
			return p.take(p.end - p.at), nil
		}
		if err != nil {
			return nil, err
		}
		length += n
		switch kind {
		case PieceStart:
			depth++
		case PieceEnd:
			depth--
		}
		if depth <= 0 {
			return p.take(length), nil
		}
	}
}

// take hands a piece out and goes on behind it.
func (p *Pieces) take(n int) []byte {
	piece := p.buf[p.at : p.at+n : p.at+n]
	p.line += bytes.Count(piece, []byte("\n"))
	p.at += n
	return piece
}

func (p *Pieces) fault(reason string) error {
	return &SyntaxError{Line: p.line, Column: 1, Reason: reason}
}

// token finds the end of the piece that starts so many octets behind p.at.
func (p *Pieces) token(from int) (PieceKind, int, error) {
	c, err := p.octet(from)
	if err != nil {
		return 0, 0, err
	}
	if c != '<' {
		n, err := p.until(from, "<")
		if err == io.EOF {
			return PieceText, p.end - p.at - from, nil
		}
		return PieceText, n - 1, err
	}
	// Both may be cut short by the end; then no prefix fits.
	head, err := p.ahead(from, len("<![CDATA["))
	if err != nil {
		return 0, 0, err
	}
	for _, m := range []struct {
		start, end string
		kind       PieceKind
	}{
		{"<!--", "-->", PieceComment}, {"<![CDATA[", "]]>", PieceCDATA}, {"<?xml", "?>", PieceDeclaration}, {"</", ">", PieceEnd},
	} {
		if bytes.HasPrefix(head, []byte(m.start)) {
			n, err := p.until(from+len(m.start), m.end)
			return m.kind, len(m.start) + n, cut(err)
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("<!DOCTYPE")):
		return 0, 0, p.fault(ReasonDoctype)
	case bytes.HasPrefix(head, []byte("<?")):
		return 0, 0, p.fault("a processing instruction")
	case bytes.HasPrefix(head, []byte("<!")):
		return 0, 0, p.fault("markup that is not allowed here")
	}
	return p.tag(from)
}

// tag finds the end of a start tag: a > outside of quotes.
func (p *Pieces) tag(from int) (PieceKind, int, error) {
	quote := byte(0)
	for i := from + 1; ; i++ {
		c, err := p.octet(i)
		if err != nil {
			return 0, 0, cut(err)
		}
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			if p.buf[p.at+i-1] == '/' {
				return PieceEmpty, i + 1 - from, nil
			}
			return PieceStart, i + 1 - from, nil
		}
	}
}

// cut tells an end inside of markup from one between.
func cut(err error) error {
	if err == io.EOF {
		return errCut
	}
	return err
}

// octet returns one octet, relative to p.at.
func (p *Pieces) octet(i int) (byte, error) {
	for p.at+i >= p.end {
		if p.eof {
			return 0, io.EOF
		}
		if err := p.fill(); err != nil {
			return 0, err
		}
	}
	return p.buf[p.at+i], nil
}

func (p *Pieces) ahead(from, n int) ([]byte, error) {
	for p.end-p.at-from < n && !p.eof {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	return p.buf[p.at+from : min(p.end, p.at+from+n)], nil
}

// until returns the length up to and with the next mark.
func (p *Pieces) until(from int, mark string) (int, error) {
	seen := from
	for {
		if n := bytes.Index(p.buf[min(p.at+seen, p.end):p.end], []byte(mark)); n >= 0 {
			return seen + n + len(mark) - from, nil
		}
		// The mark may stand across the border of what was read.
		seen = max(from, p.end-p.at-len(mark)+1)
		if p.eof {
			return 0, io.EOF
		}
		if err := p.fill(); err != nil {
			return 0, err
		}
	}
}

// fill reads more. What was taken makes room first.
func (p *Pieces) fill() error {
	if p.end == len(p.buf) {
		if p.at > 0 && p.at >= len(p.buf)/2 {
			copy(p.buf, p.buf[p.at:p.end])
			p.end -= p.at
			p.at = 0
		} else {
			p.buf = append(make([]byte, 0, max(64<<10, 2*len(p.buf))), p.buf[p.at:p.end]...)
			p.end -= p.at
			p.at = 0
			p.buf = p.buf[:cap(p.buf)]
		}
	}
	if p.end-p.at > p.most {
		return p.fault(fmt.Sprintf("an element, or something between two, of more than %d octets", p.most))
	}
	n, err := p.r.Read(p.buf[p.end:])
	p.end += n
	if errors.Is(err, io.EOF) {
		p.eof = true
		return nil
	}
	return err
}
