package directory

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// spellings are groups of addresses. Those of a group are one address, those of
// two groups never are.
var spellings = [][]string{
	{"user@acme.test", "USER@acme.test", "User@ACME.Test", " user@acme.test ", "\tuser@acme.test\r\n", "user@acme.test."},
	{"user@sub.acme.test"},
	{"user@acme-test.test"},
	{"user@acme.tes"},
	{"u.ser@acme.test", "U.Ser@acme.test"},
	{"user+tag@acme.test", "USER+TAG@acme.test"},
	{"!#$%&'*+-/=?^_`{|}~@acme.test"},
	{"a@acme.test", "A@acme.test"},

	// accents, composed and not
	{"zoë@acme.test", "ZOË@acme.test", "zoe\u0308@acme.test", "ZOE\u0308@ACME.TEST"},
	{"zoe@acme.test"},
	{"\u00e5@acme.test", "\u00c5@acme.test", "\u212b@acme.test", "a\u030a@acme.test"}, // Å, Ångström
	{"\u1e97@acme.test", "T\u0308@acme.test", "t\u0308@acme.test"},                    // no capital of its own
	{"ŵŷ@acme.test", "ŴŶ@acme.test"},

	// folding beyond ASCII
	{"straße@acme.test", "STRAẞE@acme.test"},
	{"strasse@acme.test", "STRASSE@acme.test"},
	{"σοφός@acme.test", "ΣΟΦΌΣ@acme.test", "σοφόσ@acme.test"},
	{"микола@acme.test", "МИКОЛА@acme.test"},
	{"ǆ@acme.test", "ǅ@acme.test", "Ǆ@acme.test"},
	{"\u00b5@acme.test", "\u03bc@acme.test", "\u039c@acme.test"}, // micro sign, mu
	{"και@acme.test", "ΚΑΙ@acme.test"},
	{"κᾳ@acme.test", "κᾼ@acme.test"}, // the iota below is another letter
	{"한글@acme.test", "\u1112\u1161\u11ab\u1100\u1173\u11af@acme.test"},

	// look-alikes are somebody else
	{"kiss@acme.test", "KISS@acme.test"},
	{"ki\u017fs@acme.test"}, // long s
	{"ki\u017f\u017f@acme.test"},
	{"i@acme.test", "I@acme.test"},
	{"\u0131@acme.test"},                      // dotless i
	{"\u0130@acme.test", "I\u0307@acme.test"}, // dotted I
	{"admin@acme.test"},
	{"\u0430dmin@acme.test", "\u0410dmin@acme.test"}, // Cyrillic a
	{"ａdmin@acme.test", "Ａdmin@acme.test"},           // full width
	{"ﬁ@acme.test"},                                  // a ligature
	{"fi@acme.test"},
	{"①@acme.test"},
	{"1@acme.test"},

	// domains
	{"user@bücher.test", "user@BÜCHER.test", "user@xn--bcher-kva.test", "user@XN--BCHER-KVA.TEST", "user@bu\u0308cher.test"},
	{"user@bucher.test"},
	{"user@straße.test", "user@xn--strae-oqa.test"},
	{"user@strasse.test"},
	{"user@例え.テスト", "user@例え。テスト", "user@xn--r8jz45g.xn--zckzah"},
	{"user@example.test", "user@ｅｘａｍｐｌｅ.test", "user@example\u3002test"},
	{"user@\u0435xample.test"}, // Cyrillic e
	{"user@نامه\u200cای.test"}, // a joiner that the script needs
	{"user@نامهای.test"},
}

func TestSpellingsOfOneAddressAreEqualAndNoOthers(t *testing.T) {
	seen := map[string]int{}
	for i, group := range spellings {
		for _, typed := range group {
			a, err := ParseAddress(typed)
			if err != nil {
				t.Errorf("%q: %v", typed, err)
				continue
			}
			if j, ok := seen[a.Key]; ok && j != i {
				t.Errorf("%q is taken for %q", typed, spellings[j][0])
			} else if first, err := ParseAddress(group[0]); err == nil && a.Key != first.Key {
				t.Errorf("%q is not taken for %q: %q, %q", typed, group[0], a.Key, first.Key)
			}
			seen[a.Key] = i
			if a.Typed != strings.Trim(typed, " \t\r\n") {
				t.Errorf("%q is shown as %q", typed, a.Typed)
			}
		}
	}
}

func TestWhatIsNoAddress(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, typed := range []string{
		"", " ", "@", "user", "user@", "@acme.test", "user@@acme.test", "user@acme@acme.test", "user acme.test",
		".user@acme.test", "user.@acme.test", "us..er@acme.test",
		"us er@acme.test", "user @acme.test", "user@ acme.test", "us\ter@acme.test", "us\ner@acme.test", "us\x00er@acme.test",
		`"user"@acme.test`, `"us er"@acme.test`, "user(x)@acme.test", "<user@acme.test>", "User <user@acme.test>", "mailto:user@acme.test",
		"user@acme.test,other@acme.test", "user@acme.test;other@acme.test", "us,er@acme.test", `us\er@acme.test`, "us:er@acme.test",
		"user@[192.0.2.1]", "user@192.0.2.1", "user@[IPv6:2001:db8::1]", "user@1", "user@acme.1",
		"user@acme", "user@localhost", "user@mail.localhost", "user@.test", "user@acme..test", "user@-acme.test", "user@acme-.test",
		"user@ac_me.test", "user@ac me.test", "user@acme.test..", "user@" + label + "a.test", "user@xn--.test", "user@xn--zzzz-zzzz-zz--.test",
		"user@acme.test/path", "user@acme.test?x", "user@acme.test#x", "user@acme.test:25", "user@ac\u200bme.test", "user@ac\u00adme.test", "user@ac\u2060me.test", "user@ac\ufe0fme.test", "user@\ufffd.test",
		"us\u200ber@acme.test", "us\u00ader@acme.test", "us\u202eer@acme.test", "us\ufeffer@acme.test", "us\u2060er@acme.test",
		"us\u034fer@acme.test", "us\u115fer@acme.test", "us\u3164er@acme.test", "us\ufe0fer@acme.test", "us\U000e0041er@acme.test",
		"us\u00a0er@acme.test", "us\u2003er@acme.test", "us\u0085er@acme.test", "us\u2028er@acme.test", "us\ue000er@acme.test", "us\uffffer@acme.test",
		"\u212aiss@acme.test",                          // Kelvin sign: composes to K
		"us\u037eer@acme.test", "us\u1fefer@acme.test", // compose to ; and `
		"us\xffer@acme.test", "user@ac\xffme.test", "us\xed\xa0\x80er@acme.test",
		strings.Repeat("a", 65) + "@acme.test", strings.Repeat("é", 33) + "@acme.test",
		"a@" + strings.Repeat(label+".", 3) + strings.Repeat("a", 59) + ".test",
		strings.Repeat("a", 100_000) + "@acme.test", "a@" + strings.Repeat("a.", 50_000) + "test",
	} {
		if a, err := ParseAddress(typed); err == nil {
			t.Errorf("%.80q is taken: %+v", typed, a)
		}
	}
}

func TestLengthsAtTheirBounds(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, typed := range []string{
		strings.Repeat("a", 64) + "@acme.test",
		strings.Repeat("é", 32) + "@acme.test",
		"user@" + label + ".test",
		"a@" + label + "." + label + "." + label + "." + strings.Repeat("a", 55) + ".test",
	} {
		if _, err := ParseAddress(typed); err != nil {
			t.Errorf("%d octets: %v", len(typed), err)
		}
	}
}

func TestTheDomainIsAnALabel(t *testing.T) {
	for typed, want := range map[string]string{
		"user@ACME.Test":         "acme.test",
		"user@bücher.test":       "xn--bcher-kva.test",
		"user@XN--BCHER-KVA.com": "xn--bcher-kva.com",
		"user@a.b.c.acme.test.":  "a.b.c.acme.test",
	} {
		if a, err := ParseAddress(typed); err != nil || a.Domain != want || !strings.HasSuffix(a.Key, "@"+want) {
			t.Errorf("%q: %+v, %v", typed, a, err)
		}
	}
}

func TestDomainNames(t *testing.T) {
	for typed, want := range map[string]string{
		"acme.test": "acme.test", " Acme.TEST. ": "acme.test", "bücher.example": "xn--bcher-kva.example", "a.b": "a.b",
		"123.test": "123.test", "1-2.test": "1-2.test", "acme.local": "acme.local", "localhost.test": "localhost.test",
		"example。com": "example.com",
		// nothing else is a name
		"": "", ".": "", "acme": "", "localhost": "", "x.localhost": "", "127.0.0.1": "", "[::1]": "", "acme.123": "",
		"https://acme.test": "", "acme.test/": "", "acme.test:443": "", "user@acme.test": "", "*.acme.test": "", "_dmarc.acme.test": "",
		"ac me.test": "", "-acme.test": "", "acme-.test": "", "acme..test": "", "..test": "", "acme.test..": "",
		strings.Repeat("a", 64) + ".test": "", strings.Repeat("a.", 127) + "test": "", strings.Repeat("é", 2000): "",
		"\u200b.test": "", "a\u202eb.test": "", "xn--a.test": "", "\xff.test": "",
	} {
		got, err := ParseDomainName(typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.60q: %q, %v", typed, got, err)
		}
	}
}

// FuzzAddress holds that a key is the same however often it is parsed, and that
// nobody gets an address in ASCII by writing something else.
func FuzzAddress(f *testing.F) {
	for _, group := range spellings {
		for _, typed := range group {
			f.Add(typed)
		}
	}
	f.Fuzz(func(t *testing.T, typed string) {
		a, err := ParseAddress(typed)
		if err != nil {
			return
		}
		if !utf8.ValidString(a.Key) || !norm.NFC.IsNormalString(a.Key) || strings.ContainsAny(a.Key, " \t\r\n\x00<>\",;") {
			t.Errorf("%q has the key %q", typed, a.Key)
		}
		if strings.Count(a.Key, "@") != 1 || !strings.HasSuffix(a.Key, "@"+a.Domain) || a.Domain != strings.ToLower(a.Domain) {
			t.Errorf("%q has the key %q at %q", typed, a.Key, a.Domain)
		}
		again, err := ParseAddress(a.Key)
		if len(a.Key) <= maxAddress && strings.IndexByte(a.Key, '@') <= maxLocal && (err != nil || again.Key != a.Key) {
			t.Errorf("%q has the key %q, that the key %q, %v", typed, a.Key, again.Key, err)
		}
		local, _, _ := strings.Cut(a.Key, "@")
		if isASCII(local) && strings.ToLower(a.Typed[:strings.LastIndexByte(a.Typed, '@')]) != local {
			t.Errorf("%q is taken for %q", typed, local)
		}
	})
}

func isASCII(s string) bool {
	for _, c := range []byte(s) {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// TestNoLetterFoldsOntoASCII goes through all of Unicode.
func TestNoLetterFoldsOntoASCII(t *testing.T) {
	for r := rune(utf8.RuneSelf); r <= utf8.MaxRune; r++ {
		for _, local := range []string{string(r), "a" + string(r), "\u03b1" + string(r)} {
			folded, ok := foldLocal(local)
			if !ok {
				continue
			}
			if isASCII(folded) {
				t.Errorf("%q folds to %q", local, folded)
			}
			if again, ok := foldLocal(folded); !ok || again != folded {
				t.Errorf("%q folds to %q, that to %q", local, folded, again)
			}
		}
	}
}
