package saml_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/samltest"
)

// hostile are shapes of markup that cost much where something is quadratic, by
// the number of octets that they should have. All stay within the limits, so
// that all of the work is done.
var hostile = map[string]func(size int) string{
	"depth": func(size int) string {
		return fill(size, func(int) string {
			return strings.Repeat("<abcdefghijklmnopqrstuvwxyz0>", 55) + strings.Repeat("</abcdefghijklmnopqrstuvwxyz0>", 55)
		})
	},
	"attributes": func(size int) string {
		return fill(size, func(i int) string {
			var b strings.Builder
			b.WriteString("<a")
			for k := range 120 {
				fmt.Fprintf(&b, " a%d_%d=''", k, i)
			}
			return b.String() + "/>"
		})
	},
	"prefixed attributes": func(size int) string {
		return fill(size, func(i int) string { return prefixed(55, "p%d:a=''") })
	},
	"namespaces": func(size int) string {
		return fill(size, func(i int) string { return prefixed(55, "p%[1]d:a%[1]d='x'") })
	},
	"namespace names": func(size int) string {
		return fill(size, func(i int) string { return fmt.Sprintf("<a xmlns='urn:%d'>padding, padding, padding, padding</a>", i) })
	},
	"IDs": func(size int) string {
		return fill(size, func(i int) string {
			return fmt.Sprintf("<a ID='id%d'>padding, padding, padding, padding, padding</a>", i)
		})
	},
	"entities":    func(size int) string { return fill(size, func(int) string { return "&amp;&#65;&lt;" }) },
	"text":        func(size int) string { return strings.Repeat("x", size) },
	"line ends":   func(size int) string { return strings.Repeat("\r", size) },
	"brackets":    func(size int) string { return strings.Repeat("]", size) },
	"long values": func(size int) string { return "<a b='" + strings.Repeat("&#10;", size/5) + "'/>" },
	"siblings": func(size int) string {
		return fill(size, func(int) string { return "<saml:Audience>abcdefghijklmnopqrstuvw</saml:Audience>" })
	},
	"name letters": func(size int) string {
		return fill(size, func(int) string { return "<" + strings.Repeat("ü", 500) + "/>" })
	},
}

// fill repeats a piece up to a size.
func fill(size int, piece func(int) string) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(piece(i))
	}
	return b.String()
}

// prefixed is an element with n declarations and an attribute for each.
func prefixed(n int, attr string) string {
	var b strings.Builder
	b.WriteString("<a")
	for k := range n {
		fmt.Fprintf(&b, " xmlns:p%d='urn:p%d' "+attr, k, k, k)
	}
	return b.String() + "/>"
}

func TestTheCostIsLinear(t *testing.T) {
	s := samltest.NewScene()
	s.SP.Mode = saml.Refuse
	sp, err := saml.New(s.SP)
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{dsig.ExcC14N, dsig.C14N10} {
		for name, shape := range hostile {
			t.Run(name+" in "+form[10:], func(t *testing.T) {
				r := s.Response()
				var prefixes []string
				if form == dsig.ExcC14N {
					for k := range 60 {
						prefixes = append(prefixes, fmt.Sprintf("q%d", k))
					}
				}
				signings(func(x *samltest.Signing) { x.Transform, x.Prefixes = form, prefixes })(r)
				text := r.String()
				cost := func(size int) time.Duration {
					value := samltest.Encode(must(text, "<saml:Subject>", "<saml:Advice>"+shape(size)+"</saml:Advice><saml:Subject>"))
					return fastest(3, func() {
						_, err := sp.Validate(saml.Message{Values: []string{value}, Received: s.Now, Record: true})
						if code(refusal(t, err)) != saml.CodeSignatureInvalid {
							t.Fatalf("refused for another reason: %v", err)
						}
					})
				}
				// Both sizes are beyond that up to which memory is kept.
				linear(t, cost, 266<<10, 1000<<10)
			})
		}
	}
}

// fastest is the least time of some runs: what disturbs one only makes it
// slower.
func fastest(runs int, f func()) time.Duration {
	least := time.Hour
	for range runs {
		start := time.Now()
		f()
		least = min(least, time.Since(start))
	}
	return least
}

// linear wants four times the size to cost at most eight times the time. A
// disturbed measurement gets further tries.
func linear(t *testing.T, cost func(int) time.Duration, small, large int) {
	t.Helper()
	var little, much time.Duration
	for range 6 {
		little, much = cost(small), cost(large)
		if much < 8*little || much < 5*time.Millisecond {
			return
		}
	}
	t.Errorf("%d octets cost %v, %d cost %v", small, little, large, much)
}

// TestAPrefixListIsBounded: each declaration is held against all of the list.
func TestAPrefixListIsBounded(t *testing.T) {
	s := samltest.NewScene()
	r := s.Response()
	r.AssertionSigning.Prefixes = []string{"list"}
	r.ResponseSigning = nil
	r.Assertion.Advice = samltest.XML(strings.Repeat(`<x xmlns:n="urn:n"/>`, 15_000))
	text := must(r.String(), `PrefixList="list"`, `PrefixList="`+strings.Repeat("p ", 200_000)+`"`)
	start := time.Now()
	_, err := mustSP(t).Validate(message(s, []byte(text)))
	if spent := time.Since(start); code(refusal(t, err)) != saml.CodeSignatureInvalid || spent > 2*time.Second {
		t.Errorf("%v after %v", err, spent)
	}
}
