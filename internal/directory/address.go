package directory

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// An Address is an e-mail address in the form in which addresses are compared.
type Address struct {
	Typed  string // as it was typed, without white space around it
	Key    string // equal for two spellings of one address
	Domain string // the domain of Key: an IDNA A-label in lower case
}

// maxAddress is the length of an address in octets (RFC 5321, section
// 4.5.3.1.3, less the angle brackets); maxLocal that of its local part.
const (
	maxAddress = 254
	maxLocal   = 64
)

var errAddress = errors.New("not an e-mail address")

// ParseAddress reads one address. Quoted local parts and address literals are
// not taken, nor are characters that nobody can see.
func ParseAddress(typed string) (Address, error) {
	typed = strings.Trim(typed, " \t\r\n")
	if len(typed) > maxAddress || !utf8.ValidString(typed) {
		return Address{}, errAddress
	}
	at := strings.LastIndexByte(typed, '@')
	if at < 1 || at > maxLocal {
		return Address{}, errAddress
	}
	local, ok := foldLocal(typed[:at])
	if !ok || strings.ContainsFunc(typed[at+1:], unseen) {
		return Address{}, errAddress
	}
	domain, err := ParseDomainName(typed[at+1:])
	if err != nil {
		return Address{}, errAddress
	}
	return Address{Typed: typed, Key: local + "@" + domain, Domain: domain}, nil
}

// foldLocal brings a local part into the form for comparison: ASCII in lower
// case; other letters composed (NFC) and folded by Unicode's simple folding,
// but never onto ASCII, so that no look-alike becomes somebody else.
func foldLocal(local string) (string, bool) {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" {
			return "", false
		}
	}
	var b strings.Builder
	for _, r := range local {
		if !localRune(r) {
			return "", false
		}
		if r >= utf8.RuneSelf && norm.NFC.String(string(r))[0] < utf8.RuneSelf {
			return "", false // such as the Kelvin sign, which composes to K
		}
		b.WriteRune(r)
	}
	var folded strings.Builder
	for _, r := range norm.NFC.String(b.String()) {
		folded.WriteRune(fold(r))
	}
	return norm.NFC.String(folded.String()), true
}

func localRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
	}
	return unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// unseen reports whether a character of a domain does not show. Names are
// compared without such characters, but shown and written to as they were typed.
// The joiners are left to IDNA: some scripts need them.
func unseen(r rune) bool {
	return r <= ' ' || r >= utf8.RuneSelf && r != '\u200c' && r != '\u200d' && !localRune(r)
}

// fold returns one representative of all letters that differ from r in case
// only: the smallest beyond ASCII, or the lower-case letter within. The iota
// that is written below a letter counts as an iota, never the other way round:
// as a mark it would make one letter of two.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		return unicode.ToLower(r)
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f >= utf8.RuneSelf && !unicode.Is(unicode.M, f) && (f < least || unicode.Is(unicode.M, least)) {
			least = f
		}
	}
	return least
}

// profile is IDNA 2008 as browsers and mail programs look names up.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseDomainName returns a domain name as an A-label in lower case. It has at
// least two labels, the last of which is not a number: an IP address is none.
func ParseDomainName(typed string) (string, error) {
	if len(typed) > 1024 || !utf8.ValidString(typed) {
		return "", errors.New("not a domain name")
	}
	name, err := profile.ToASCII(strings.TrimSuffix(strings.Trim(typed, " \t\r\n"), "."))
	if err != nil {
		return "", errors.New("not a domain name")
	}
	name = strings.ToLower(name)
	labels := strings.Split(name, ".")
	last := labels[len(labels)-1]
	if len(labels) < 2 || last == "localhost" || strings.Trim(last, "0123456789") == "" {
		return "", errors.New("not a domain name")
	}
	return name, nil
}
