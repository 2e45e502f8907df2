// Package b64 reads base64 as XML documents and forms carry it: the standard
// alphabet with its padding, broken by white space anywhere, and nothing else.
package b64

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
)

// ErrInvalid is returned for anything that is not base64.
var ErrInvalid = errors.New("not base64")

var strict = base64.StdEncoding.Strict()

// Append decodes src and appends the octets to dst. Blanks, tabs and line ends
// are skipped; an octet outside the alphabet, a missing or superfluous
// padding, and padding bits other than zero are [ErrInvalid].
func Append(dst, src []byte) ([]byte, error) {
	out, err := strict.AppendDecode(dst, src)
	if err != nil && bytes.ContainsAny(src, " \t") {
		out, err = strict.AppendDecode(dst, squeeze(src))
	}
	if err != nil {
		return dst, ErrInvalid
	}
	return out, nil
}

// squeeze removes blanks and tabs, which the decoder does not skip.
func squeeze(src []byte) []byte {
	out := make([]byte, 0, len(src))
	for _, c := range src {
		if c != ' ' && c != '\t' {
			out = append(out, c)
		}
	}
	return out
}

// Exceeds reports whether src decodes to more than limit octets, or is padded
// with white space beyond all measure. It takes no memory.
func Exceeds(src string, limit int) bool {
	if len(src)/4*3 <= limit {
		return false
	}
	if len(src)/4 > limit {
		return true
	}
	digits := len(src)
	for _, skipped := range []string{" ", "\t", "\r", "\n", "="} {
		digits -= strings.Count(src, skipped)
	}
	return digits*3/4 > limit
}
