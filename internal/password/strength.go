package password

import (
	"slices"
	"strings"
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

// known are words that stand in passwords as they are tried first, the longest
// first where one begins with another.
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
// characters, or fewer than five beside well-known words and runs.
func common(low string) bool {
	different := make(map[rune]bool)
	for _, r := range low {
		different[r] = true
	}
	return len(different) < 5 || remainder(low) < 5 || remainder(leet.Replace(low)) < 5
}

// remainder counts the characters that belong to no well-known word and to no
// run of three or more.
func remainder(low string) (n int) {
	for _, word := range known {
		low = strings.ReplaceAll(low, word, " ")
	}
	for low != "" {
		if run := longestRun(low); run >= 3 {
			low = low[run:]
			continue
		}
		r, size := utf8.DecodeRuneInString(low)
		if low = low[size:]; r != ' ' {
			n++
		}
	}
	return n
}

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
