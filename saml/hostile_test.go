package saml_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// TestBadInputIsBounded measures what the largest and oddest messages cost. They
// are refused with a code, in a time and with an amount of memory that a service
// can bear from anybody.
func TestBadInputIsBounded(t *testing.T) {
	const n = 100_000
	numbered := func(count int, format string) string {
		var b strings.Builder
		for i := range count {
			fmt.Fprintf(&b, format, strconv.FormatInt(int64(i), 36))
		}
		return b.String()
	}
	s := samltest.NewScene()
	sp := mustSP(t)
	for _, c := range []struct {
		name  string
		value string
		want  saml.Code
	}{
		{"10 MB of base64", strings.Repeat("A", 10<<20), saml.CodeTooLarge},
		{"10 MB of blanks", strings.Repeat(" ", 10<<20), saml.CodeResponseMissing},
		{"10 MB of blanks and a message", strings.Repeat(" ", 10<<20) + "PGEvPg==", saml.CodeTooLarge},
		{"depth 100,000", samltest.Encode(strings.Repeat("<a>", n) + strings.Repeat("</a>", n)), saml.CodeXMLInvalid},
		{"100,000 attributes", samltest.Encode("<a" + numbered(n, ` a%s=""`) + "/>"), saml.CodeXMLInvalid},
		{"100,000 namespace declarations", samltest.Encode("<a" + numbered(n, ` xmlns:a%s="u"`) + "/>"), saml.CodeTooLarge},
		{"60,000 namespace declarations", samltest.Encode("<a" + numbered(60_000, ` xmlns:a%s="u"`) + "/>"), saml.CodeXMLInvalid},
		{"100,000 elements", samltest.Encode("<a>" + strings.Repeat("<b/>", n) + "</a>"), saml.CodeXMLInvalid},
		{"100,000 references", samltest.Encode("<a>" + strings.Repeat("&#65;", n) + "</a>"), saml.CodeUnsupportedMessage},
		{"100,000 IDs", samltest.Encode("<a>" + numbered(n, `<b ID="%s"/>`) + "</a>"), saml.CodeTooLarge},
		{"a name of a million letters", samltest.Encode("<" + strings.Repeat("a", 1_000_000) + "/>"), saml.CodeXMLInvalid},
		{"a value of a million letters", samltest.Encode(`<a b="` + strings.Repeat("a", 1_000_000) + `"/>`), saml.CodeUnsupportedMessage},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		spent := fastest(3, func() {
			_, err := sp.Validate(saml.Message{Values: []string{c.value}, Received: s.Now})
			if got := code(refusal(t, err)); got != c.want {
				t.Errorf("%s: %s, not %s", c.name, got, c.want)
			}
		})
		runtime.ReadMemStats(&after)
		octets := (after.TotalAlloc - before.TotalAlloc) / 3
		t.Logf("%-32s %9d octets: %9v, %9d octets of memory", c.name, len(c.value), spent.Round(time.Microsecond), octets)
		if spent > time.Second || octets > 32<<20 {
			t.Errorf("%s: %v and %d octets", c.name, spent, octets)
		}
	}
}
