package search

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Limits of what is compared: longer words count by their beginning, and what
// is typed behind the last term would not make a difference.
const (
	maxWord  = 64 // characters
	maxTerms = 8
)

// Words returns the words under which a name and the local part of an address
// are found. A word goes on to the next white space, and one begins wherever a
// letter or number follows something else: "Anne-Marie O'Neil" is found by
// "anne-m", "marie" and "neil". A local part ends with an @, so that "neil@"
// finds one that is whole.
func Words(name, local string) []string {
	var all []string
	for field := range strings.FieldsSeq(fold(name)) {
		all = append(all, starts(field)...)
	}
	all = append(all, starts(fold(local)+"@")...)
	slices.Sort(all)
	// What another word begins with is found by that one.
	var words []string
	for i, w := range all {
		if i+1 == len(all) || !strings.HasPrefix(all[i+1], w) {
			words = append(words, w)
		}
	}
	return words
}

// starts returns what is left of a field from each beginning of a word in it.
func starts(field string) (all []string) {
	before := false
	for i, r := range field {
		inside := unicode.In(r, unicode.L, unicode.N, unicode.M)
		if inside && !before {
			all = append(all, cut(field[i:]))
		}
		before = inside
	}
	return all
}

func cut(word string) string {
	n := 0
	for i := range word {
		if n++; n > maxWord {
			return word[:i]
		}
	}
	return word
}

// fold brings a text into the form in which it is compared: without case and
// without marks, so that "muller" finds Müller.
func fold(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if s, ok := plain[r]; ok {
			b.WriteString(s)
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// plain are letters that people type in another way and that Unicode does not
// take apart. It is never changed.
var plain = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'ø': "o", 'Ø': "o", 'ł': "l", 'Ł': "l", 'đ': "d", 'Đ': "d",
	'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ı': "i",
}

// A term is one word of what is searched for.
type term struct {
	word   string // beginning of a word; empty: every entry has it
	domain string // beginning of the domain, behind an @
	at     bool   // there is an @
}

// terms takes a search apart. ok is false if there are too many of them.
func terms(text string) (list []term, ok bool) {
	for field := range strings.FieldsSeq(fold(text)) {
		if len(list) == maxTerms {
			return nil, false
		}
		t := term{word: field}
		if i := strings.LastIndexByte(field, '@'); i >= 0 {
			t = term{word: field[:i+1], domain: field[i+1:], at: true}
			if t.word == "@" {
				t.word = ""
			}
		}
		t.word = cut(t.word)
		list = append(list, t)
	}
	// The longest first: it is the rarest, mostly.
	slices.SortStableFunc(list, func(a, b term) int { return cmp.Compare(len(b.word), len(a.word)) })
	return list, true
}

// matches says what a domain tells about its entries: no is that none of them
// has the term, all that every one has it; otherwise their words decide.
func (t term) matches(domain string) (no, all bool) {
	if t.at {
		no = !strings.HasPrefix(domain, t.domain)
		return no, !no && t.word == ""
	}
	// From each label on but the last, which many domains share.
	for rest := domain; strings.Contains(rest, "."); {
		if strings.HasPrefix(rest, t.word) {
			return false, true
		}
		_, rest, _ = strings.Cut(rest, ".")
	}
	return false, false
}

// bounds are the least and, exclusively, the greatest word that the term
// begins, in octets.
func (t term) bounds() (from, to string) {
	return t.word, t.word + string(utf8.MaxRune)
}
