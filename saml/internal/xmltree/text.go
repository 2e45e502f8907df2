package xmltree

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// Text returns the character data of an element that may hold nothing else.
// It reports false if the element has child elements. Comments are skipped and
// what stands on both sides of one is joined, so that no comment can cut a
// value short; where a reader must not meet any, the parser refuses them.
//
// The value is a view of the input wherever it stands there as it is.
func (e Element) Text() (value []byte, ok bool) {
	if e.d == nil {
		return nil, false
	}
	var joined []byte
	pieces := 0
	for i, end := e.i+1, e.d.nodes[e.i].end; i < end; i++ {
		switch n := &e.d.nodes[i]; n.kind {
		case elementNode:
			return nil, false
		case textNode:
			piece := e.d.text(n)
			if pieces++; pieces == 1 {
				value = piece
				continue
			}
			if pieces == 2 {
				joined = bytes.Clone(value)
			}
			joined = append(joined, piece...)
			value = joined
		}
	}
	return value, true
}

func (d *Document) text(n *node) []byte {
	raw := d.src[n.start:n.stop]
	switch {
	case n.flags&cooked == 0:
		return raw
	case n.flags&cdata != 0:
		return lineEnds(raw)
	default:
		return decode(raw, false)
	}
}

// HasText reports whether e holds character data other than white space
// directly, beside or without child elements.
func (e Element) HasText() bool {
	if e.d == nil {
		return false
	}
	for i, end := e.i+1, e.d.nodes[e.i].end; i < end; i = e.d.nodes[i].end {
		if n := &e.d.nodes[i]; n.kind == textNode && len(TrimSpace(e.d.text(n))) > 0 {
			return true
		}
	}
	return false
}

// TrimSpace cuts XML white space off both ends: blanks, tabs, line feeds and
// carriage returns, and nothing that Unicode also calls a space.
func TrimSpace(b []byte) []byte {
	for len(b) > 0 && class[b[0]]&space != 0 {
		b = b[1:]
	}
	for len(b) > 0 && class[b[len(b)-1]]&space != 0 {
		b = b[:len(b)-1]
	}
	return b
}

// Clip returns at most the first limit octets of what a stranger sent, as text
// that any program can keep: valid UTF-8 without NUL.
func Clip(b []byte, limit int) string {
	more := ""
	if len(b) > limit {
		b, more = b[:limit], "…"
		if i := lastRune(b); !utf8.FullRune(b[i:]) {
			b = b[:i]
		}
	}
	s := strings.ToValidUTF8(string(b), "\uFFFD")
	return strings.ReplaceAll(s, "\x00", "\uFFFD") + more
}

// lastRune returns the offset of the last octet of b that can start a
// character.
func lastRune(b []byte) int {
	i := len(b) - 1
	for i > 0 && len(b)-i < utf8.UTFMax && !utf8.RuneStart(b[i]) {
		i--
	}
	return i
}

// decode resolves references and normalises line ends, and white space in an
// attribute value (XML 1.0, sections 2.11 and 3.3.3). The parser has checked
// every reference.
func decode(raw []byte, inAttr bool) []byte {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == '&':
			r, n := reference(raw[i:])
			out = append(out, string(r)...)
			i += n
			continue
		case c == '\r':
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
			out = append(out, newline(inAttr))
		case inAttr && (c == '\n' || c == '\t'):
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
		i++
	}
	return out
}

func newline(inAttr bool) byte {
	if inAttr {
		return ' '
	}
	return '\n'
}

// lineEnds normalises the line ends of a CDATA section.
func lineEnds(raw []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// reference reads the entity or character reference that b starts with. It
// returns the character and the length of the reference, 0 if there is none
// that XML allows here.
func reference(b []byte) (rune, int) {
	// The longest is &#x0010FFFF; with any number of leading zeros; those
	// are bounded so that the search for the semicolon is.
	end := bytes.IndexByte(b[:min(len(b), 32)], ';')
	if end < 2 {
		return 0, 0
	}
	name := b[1:end]
	if name[0] == '#' {
		r, ok := charReference(name[1:])
		if !ok {
			return 0, 0
		}
		return r, end + 1
	}
	switch string(name) {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	}
	return 0, 0
}

func charReference(digits []byte) (rune, bool) {
	base := rune(10)
	if len(digits) > 0 && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	if len(digits) == 0 {
		return 0, false
	}
	var r rune
	for _, c := range digits {
		var v rune
		switch {
		case c >= '0' && c <= '9':
			v = rune(c - '0')
		case base == 16 && c >= 'a' && c <= 'f':
			v = rune(c-'a') + 10
		case base == 16 && c >= 'A' && c <= 'F':
			v = rune(c-'A') + 10
		default:
			return 0, false
		}
		if r = r*base + v; r > 0x10FFFF {
			return 0, false
		}
	}
	return r, isChar(r)
}
