package xmltree

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// Classes of octets, for names and white space.
const (
	nameStart = 1 << iota
	nameChar
	space
)

// class tells for each ASCII octet what it may be part of. The colon is left
// out of names: a qualified name is two names around it.
var class = func() (t [256]uint8) {
	for c := 'a'; c <= 'z'; c++ {
		t[c] = nameStart | nameChar
		t[c-'a'+'A'] = nameStart | nameChar
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = nameChar
	}
	t['_'] = nameStart | nameChar
	t['-'], t['.'] = nameChar, nameChar
	t[' '], t['\t'], t['\n'], t['\r'] = space, space, space, space
	return t
}()

// checkChars returns the offset of the first octet that is not part of a
// well-formed UTF-8 encoding of an XML 1.0 Char, or -1, and the reason.
func checkChars(src []byte) (int, string) {
	ascii := true
	i := 0
	// Most documents are plain from end to end: see below.
	for ; i+32 <= len(src); i += 32 {
		a, b := binary.LittleEndian.Uint64(src[i:]), binary.LittleEndian.Uint64(src[i+8:])
		c, d := binary.LittleEndian.Uint64(src[i+16:]), binary.LittleEndian.Uint64(src[i+24:])
		if ((a-0x20*ones)|a|(b-0x20*ones)|b|(c-0x20*ones)|c|(d-0x20*ones)|d)&high != 0 {
			break
		}
	}
	for ; i+8 <= len(src); i += 8 {
		w := binary.LittleEndian.Uint64(src[i:])
		if w&high != 0 {
			ascii = false
		}
		// An octet below 0x20 borrows from its high bit here. An octet of
		// 0x80 or more can hide one, so those words are looked at singly too.
		if ((w-0x20*ones)|w)&high != 0 {
			if at := firstControl(src[i : i+8]); at >= 0 {
				return i + at, "a control character that XML does not allow"
			}
		}
	}
	for ; i < len(src); i++ {
		if src[i] >= utf8.RuneSelf {
			ascii = false
		}
		if firstControl(src[i:i+1]) >= 0 {
			return i, "a control character that XML does not allow"
		}
	}
	if ascii {
		return -1, ""
	}
	return checkUnicode(src)
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

func firstControl(b []byte) int {
	for i, c := range b {
		if c < 0x20 && c != '\n' && c != '\t' && c != '\r' {
			return i
		}
	}
	return -1
}

func checkUnicode(src []byte) (int, string) {
	if !utf8.Valid(src) {
		for i := 0; i < len(src); {
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				return i, "text that is not UTF-8"
			}
			i += n
		}
	}
	// U+FFFE and U+FFFF are the only characters that UTF-8 can hold and XML
	// can't, apart from controls (surrogates are not valid UTF-8).
	for i := 0; ; {
		at := bytes.Index(src[i:], []byte{0xEF, 0xBF})
		if at < 0 {
			return -1, ""
		}
		if i += at; src[i+2] >= 0xBE {
			return i, "a character that XML does not allow"
		}
		i += 3
	}
}

// isChar reports whether r is an XML 1.0 Char (production 2).
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xD7FF ||
		r >= 0xE000 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0x10FFFF
}

// isNameStart and isNameChar are productions 4 and 4a of XML 1.0, fifth
// edition, without the colon, for characters beyond ASCII.
func isNameStart(r rune) bool {
	return r >= 0xC0 && r <= 0x2FF && r != 0xD7 && r != 0xF7 ||
		r >= 0x370 && r <= 0x1FFF && r != 0x37E ||
		r >= 0x200C && r <= 0x200D ||
		r >= 0x2070 && r <= 0x218F ||
		r >= 0x2C00 && r <= 0x2FEF ||
		r >= 0x3001 && r <= 0xD7FF ||
		r >= 0xF900 && r <= 0xFDCF ||
		r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

func isNameChar(r rune) bool {
	return isNameStart(r) || r == 0xB7 ||
		r >= 0x300 && r <= 0x36F ||
		r >= 0x203F && r <= 0x2040
}
