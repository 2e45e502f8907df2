package password

import (
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
		return weak("The password holds something that is not text.")
	case n < MinLength:
		return weak("A password has at least 12 characters. Three or four words in a row are easy to remember.")
	case n > MaxLength:
		return weak("A password has at most 256 characters.")
	}
	low := strings.ToLower(password)
	local, _, _ := strings.Cut(email, "@")
	for _, word := range append([]string{email, local}, names...) {
		if word = strings.ToLower(norm.NFC.String(strings.TrimSpace(word))); contains(low, word) {
			return weak("The password contains your address or a name that others would try first.")
		}
	}
	if common(low) {
		return weak("The password is one of those that are tried first. Three or four words in a row are better.")
	}
	return nil
}

// contains reports whether a password is made of a well-known word. Words of
// fewer than three characters stand in passwords by chance.
func contains(password, word string) bool {
	return utf8.RuneCountInString(word) >= 3 && strings.Contains(password, word)
}

// common recognises passwords without any secret in them: few different
// characters, or a run along the alphabet, the digits or the keyboard.
func common(low string) bool {
	different := make(map[rune]bool)
	for _, r := range low {
		different[r] = true
	}
	if len(different) < 5 {
		return true
	}
	for _, run := range [...]string{"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm"} {
		if strings.Contains(run+run, low) {
			return true
		}
	}
	for _, word := range [...]string{"password", "passwort", "letmein", "welcome", "changeme", "iloveyou", "qwerty", "123456"} {
		if rest := strings.ReplaceAll(low, word, ""); rest != low && utf8.RuneCountInString(rest) < 5 {
			return true
		}
	}
	return false
}

func weak(detail string) error {
	e := fault.New(fault.PasswordWeak, detail)
	e.Fields = []fault.Field{{Name: "password", Message: detail}}
	return e
}
