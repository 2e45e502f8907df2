package password

import (
	_ "embed"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sallyport/internal/fault"
)

// Bounds of a password's length in characters.
const (
	MinLength = 12
	MaxLength = 256
)

// Check refuses a password that may not be set, with fault.PasswordWeak: one
// that is too short or too long, that is the address, its local part, or a name
// that everybody knows, with little around it, or that repeats itself.
//
// There are no rules on kinds of characters and passwords never expire (NIST
// SP 800-63B, section 5.1.1.2).
func Check(password, email string, names ...string) error {
	password = norm.NFC.String(password)
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password):
		return weak("not_text", "The password holds something that is not text.")
	case n < MinLength:
		return weak("too_short", "A password has at least 12 characters. Three or four words in a row are easy to remember.")
	case n > MaxLength:
		return weak("too_long", "A password has at most 256 characters.")
	}
	low := strings.ToLower(password)
	local, _, _ := strings.Cut(email, "@")
	for _, word := range append([]string{email, local}, names...) {
		if word = strings.ToLower(norm.NFC.String(strings.TrimSpace(word))); contains(low, word) {
			return weak("personal", "The password contains your address or a name that others would try first.")
		}
	}
	if common(low) {
		return weak("common", "The password is one of those that are tried first. Three or four words in a row are better.")
	}
	return nil
}

// contains reports whether a password is made of a well-known word. Words of
// fewer than three characters stand in passwords by chance.
func contains(password, word string) bool {
	return utf8.RuneCountInString(word) >= 3 && strings.Contains(password, word)
}

// known are words that stand in passwords as they are tried first, as often as
// one likes.
var known = [...]string{
	"administrator", "password", "passwort", "kennwort", "iloveyou", "changeme", "football", "baseball", "sunshine",
	"princess", "superman", "trustno1", "starwars", "whatever", "letmein", "welcome", "dragon", "monkey", "master",
	"secret", "hello", "admin", "login",
}

// tracks are what fingers run along: the alphabet, the digits, keyboards by
// their rows and columns.
var tracks = [...]string{
	"abcdefghijklmnopqrstuvwxyzabc", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
	"azertyuiopqsdfghjklmwxcvbn", "1q2w3e4r5t6y7u8i9o0p", "1q2w3e4r5t6z7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "1a2b3c4d5e6f7g8h9i",
}

// leet reads what stands for letters in the passwords of those who heard that
// this helps.
var leet = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// common recognises passwords with hardly any secret in them: few different
// characters, or fewer than five beside what everybody knows.
func common(low string) bool {
	different := make(map[rune]bool)
	for _, r := range low {
		different[r] = true
	}
	return len(different) < 5 || remainder(low) < 5 || remainder(leet.Replace(low)) < 5
}

// remainder counts the characters that belong to no well-known word, no run of
// three or more, no year and no repetition, and not to one of the list of common
// passwords: several of these in a row make a good one.
func remainder(low string) int {
	least := beyond(low)
	for word := range listed(low) {
		least = min(least, beyond(strings.ReplaceAll(low, word, " ")))
	}
	return least
}

// listed returns the common passwords that stand in another one.
func listed(low string) map[string]bool {
	found := make(map[string]bool)
	for i := range low {
		for n := shortestListed; n <= min(longestListed, len(low)-i); n++ {
			if word := low[i : i+n]; commonPasswords()[word] {
				found[word] = true
			}
		}
	}
	return found
}

// beyond is [remainder] without the list.
func beyond(low string) int {
	least := make([]int, len(low)+1) // from each octet on
	for i := len(low) - 1; i >= 0; i-- {
		_, size := utf8.DecodeRuneInString(low[i:])
		least[i] = least[i+size] + cost(low, i)
		without := func(n int) { least[i] = min(least[i], least[i+n]) }
		for _, word := range known {
			if strings.HasPrefix(low[i:], word) {
				without(len(word))
			}
		}
		for n := longestRun(low[i:]); n >= 3; n-- {
			without(n)
		}
		if year.MatchString(low[i:]) {
			without(4)
		}
	}
	return least[0]
}

// cost is one for a character that says something: a space does not, nor does
// one that stands there again.
func cost(low string, i int) int {
	r, _ := utf8.DecodeRuneInString(low[i:])
	before, size := utf8.DecodeLastRuneInString(low[:i])
	if r == ' ' || size > 0 && r == before {
		return 0
	}
	return 1
}

var year = regexp.MustCompile(`^(?:19|20)\d\d`)

//go:embed common.txt
var commonText string

// Bounds of the length of a common password in the list, in octets.
const (
	shortestListed = 5
	longestListed  = 15
)

// commonPasswords is the list, read once: it never changes.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	list := make(map[string]bool)
	for line := range strings.Lines(commonText) {
		if !strings.HasPrefix(line, "#") {
			list[strings.TrimSpace(line)] = true
		}
	}
	return list
})

// longestRun returns how many octets at the beginning of low follow a track,
// forwards or backwards.
func longestRun(low string) (longest int) {
	for _, track := range tracks {
		for n := longest + 1; n <= min(len(low), len(track)); n++ {
			if !strings.Contains(track, low[:n]) && !strings.Contains(track, reversed(low[:n])) {
				break
			}
			longest = n
		}
	}
	return longest
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func weak(reason, detail string) error {
	e := fault.New(fault.PasswordWeak, detail)
	e.Fields = []fault.Field{{Name: "password", Message: detail, Reason: reason}}
	return e
}
