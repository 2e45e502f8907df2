package password

import (
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/unicode/norm"

	"sallyport/internal/fault"
)

const (
	email        = "zoë.harper@acme.test"
	organization = "Acme Rockets"
	product      = "Sallyport"
)

func check(password string) error { return Check(password, email, product, organization) }

func TestGoodPasswordsAreTaken(t *testing.T) {
	for _, good := range []string{
		"three quiet harbours",
		"correct horse battery staple",
		"Tr0ub4dor&3 again",
		"fünf blaue Fahrräder",
		"пять синих велосипедов",
		"五台の青い自転車がある場所へ",
		"🚲🚲🚲🚲🚲🚗🚕🚙🚌🚎🏎️🚓🚑",
		"839201748362 or so",
		"my password is a long story",
		"passwords are tiresome",
		"horse, computer", // two of the list
		"summer in the harbour",
		"administrator of lighthouses",
		"acme makes rockets",  // words of the name, not the name
		"harper and zoe sail", // a part of the local part
		"a sally at the port", // the product's letters
		strings.Repeat("éè", 4) + "wxyv",
		strings.Repeat("so many words ", 18) + "four",
		"            quiet",
	} {
		if err := check(good); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
}

func TestWeakPasswordsAreRefused(t *testing.T) {
	for _, weak := range []string{
		"", "short", "elevenchars",
		// what people type first
		"password1234", "Password1234", "PASSWORD1234!", "passwordpassword", "password123456", "Password12345!", "P@ssw0rd1234",
		"qwertyuiop123", "qwerty123456", "qwertzuiop12", "1q2w3e4r5t6y", "1qaz2wsx3edc", "zxcvbnm12345", "asdfghjkl123",
		"123456789012", "1234567890123", "987654321098", "abcdefghijkl", "lkjihgfedcba", "abc123abc123", "1a2b3c4d5e6f",
		"iloveyou1234", "welcome12345", "letmeinletmein", "administrator", "administrator1", "adminadminadmin", "changeme1234",
		"hello123hello", "dragon123456", "passwort1234", "Summer2024!!!", "summersummer", "m0nkeym0nkey", "Charlie19841",
		"yankees-yankees", "computer!!!!!!!", "thunder_dragon", "basketball2023",
		// hardly any different characters
		"aaaaaaaaaaaa", "ababababababab", "111111111111", "            ", "abcabcabcabcabc",
		// who it is, and where
		email, "zoë.harper@acme.test!", "I am zoë.harper", "ZOË.HARPER-2026", "zoe\u0308.harper+word",
		"sallyport rules", "my Acme Rockets!", "ACME ROCKETS 2026",
	} {
		err := check(weak)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.PasswordWeak {
			t.Errorf("%q is taken: %v", weak, err)
			continue
		}
		if len(f.Fields) != 1 || f.Fields[0].Name != "password" {
			t.Errorf("%q: fields %v", weak, f.Fields)
		}
		if len(weak) > 8 && strings.Contains(f.Error(), weak) {
			t.Errorf("%q stands in the error: %v", weak, f)
		}
	}
}

// TestTheList holds what stands in it, with little around it.
func TestTheList(t *testing.T) {
	list := commonPasswords()
	if len(list) < 2900 {
		t.Fatalf("%d passwords", len(list))
	}
	for word := range list {
		if n := len(word); n < shortestListed || n > longestListed || word != strings.ToLower(word) {
			t.Errorf("%q does not fit", word)
		}
		for _, password := range []string{word + "1234567", strings.ToUpper(word) + "!!!!!!!!", "123" + word + "2024", word + word + word} {
			if n := len(password); n >= MinLength && Check(password, "") == nil {
				t.Errorf("%q is taken", password)
			}
		}
	}
}

// TestLongPasswordsAreCheckedFast: 256 characters that go into many words.
func TestLongPasswordsAreCheckedFast(t *testing.T) {
	for _, word := range []string{"passw", "password", "abcdefg", "1999", "q", "thunderdragon", commonText[2000:2256]} {
		long := strings.Repeat(word, 60)[:max(60, min(MaxLength, 60*len(word)))]
		start := time.Now()
		Check(long, "")
		if took := time.Since(start); took > 100*time.Millisecond {
			t.Errorf("%q takes %v", word, took)
		}
	}
}

func TestLengthIsCountedInCharacters(t *testing.T) {
	varied := func(n int) string { return string([]rune(strings.Repeat("añ漢🚲x", n))[:n]) }
	for n, ok := range map[int]bool{11: false, 12: true, 256: true, 257: false} {
		if err := Check(varied(n), email); (err == nil) != ok {
			t.Errorf("%d characters: %v", n, err)
		}
	}
	// Composed first: eleven letters typed with their accents apart are eleven.
	if err := Check(strings.Repeat("e\u0301", 7)+"wxyv", email); err == nil {
		t.Error("combining marks count as characters")
	}
}

func TestNotTextIsRefused(t *testing.T) {
	if err := Check("three quiet \xff harbours", email); !errors.Is(err, fault.PasswordWeak) {
		t.Error(err)
	}
}

func TestShortAndEmptyNamesForbidNothing(t *testing.T) {
	for _, address := range []string{"", "al@x.test", "a@x.test"} {
		if err := Check("metal and coal", address, "", "  ", "AB"); err != nil {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := Check("metal and coal", "tal@x.test"); err == nil {
		t.Error("a local part of three letters may stand in it")
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"three quiet harbours", "password1234", "", "\xff", "e\u0301", "ab漢"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		err := Check(s, email, product)
		if n := len([]rune(norm.NFC.String(s))); err == nil && (n < MinLength || n > MaxLength) {
			t.Errorf("%q has %d characters and is taken", s, n)
		}
		if r := remainder(strings.ToLower(s)); r < 0 || r > len(s) {
			t.Errorf("%q leaves %d", s, r)
		}
	})
}
