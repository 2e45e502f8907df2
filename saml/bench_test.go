package saml_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// BenchmarkValidate measures what a sign-in costs here, beside the floor: what
// nobody can leave out, measured in the same run. The metric x-floor is the
// ratio of both.
func BenchmarkValidate(b *testing.B) {
	s := samltest.NewScene()
	okta := samltest.Shapes()[2]
	if okta.Name != "okta" {
		b.Fatal("another shape stands there now")
	}
	for _, c := range []struct {
		name   string
		signed string
		change func(*samltest.Response)
	}{
		{"response", onResponse, func(*samltest.Response) {}},
		{"assertion", onAssertion, func(*samltest.Response) {}},
		{"both", onBoth, func(*samltest.Response) {}},
		{"60kB", onResponse, func(r *samltest.Response) {
			for i := range 430 {
				r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{
					Name: fmt.Sprintf("group%d", i), Values: []string{"CN=Group,OU=Staff,DC=acme,DC=test"}})
			}
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := okta.Response(s)
			sign(r, c.signed)
			c.change(r)
			benchmark(b, s, r.String())
		})
	}
}

func benchmark(b *testing.B, s samltest.Scene, text string) {
	sp := mustSP(b)
	m := saml.Message{Values: []string{samltest.Encode(text)}, Received: s.Now, Requests: pending(s.RequestID)}
	floor := newFloor(b, s, text)
	// The floor is measured in rounds between rounds of the real thing, so
	// that both see the same machine.
	var real, least time.Duration
	b.ReportAllocs()
	b.SetBytes(int64(len(m.Values[0])))
	b.ResetTimer()
	for n := 0; n < b.N; {
		round := min(50, b.N-n)
		start := time.Now()
		for range round {
			if _, err := sp.Validate(m); err != nil {
				b.Fatal(err)
			}
		}
		real += time.Since(start)
		b.StopTimer()
		start = time.Now()
		for range round {
			floor.run(b)
		}
		least += time.Since(start)
		b.StartTimer()
		n += round
	}
	b.ReportMetric(float64(least.Nanoseconds())/float64(b.N), "ns-floor/op")
	b.ReportMetric(float64(real)/float64(least), "x-floor")
	b.ReportMetric(float64(len(text)), "octets")
}

// A floor is what has to be done for a message: decode it, hash the canonical
// forms of what is signed and of each SignedInfo, and verify each signature.
type floor struct {
	wire       []byte
	raw        []byte
	signatures []signatureWork
}

type signatureWork struct {
	element, info, value []byte
	key                  *rsa.PublicKey
}

func newFloor(b *testing.B, s samltest.Scene, text string) *floor {
	f := &floor{wire: []byte(samltest.Encode(text))}
	var p xmltree.Parser
	doc, err := p.Parse([]byte(text), xmltree.Options{})
	if err != nil {
		b.Fatal(err)
	}
	prefixes := c14n.Method{Exclusive: true, Prefixes: []string{"xs"}}
	doc.Root().Descendants(func(el xmltree.Element) bool {
		sig := el.Child(xmltree.DSig, "Signature")
		if sig.IsZero() {
			return true
		}
		value, _ := sig.Child(xmltree.DSig, "SignatureValue").Text()
		raw, err := b64.Append(nil, value)
		if err != nil {
			b.Fatal(err)
		}
		f.signatures = append(f.signatures, signatureWork{
			element: canonical(b, el, sig, prefixes),
			info:    canonical(b, sig.Child(xmltree.DSig, "SignedInfo"), xmltree.Element{}, c14n.Method{Exclusive: true}),
			value:   raw, key: s.IdP.Key.Certificate.PublicKey.(*rsa.PublicKey),
		})
		return true
	})
	return f
}

func canonical(b *testing.B, el, except xmltree.Element, m c14n.Method) []byte {
	var out bytes.Buffer
	var w c14n.Writer
	if err := w.Write(&out, el, except, m); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func (f *floor) run(b *testing.B) {
	if cap(f.raw) == 0 {
		f.raw = make([]byte, base64.StdEncoding.DecodedLen(len(f.wire)))
	}
	if _, err := base64.StdEncoding.Decode(f.raw[:cap(f.raw)], f.wire); err != nil {
		b.Fatal(err)
	}
	for _, w := range f.signatures {
		sha256.Sum256(w.element)
		sum := sha256.Sum256(w.info)
		if err := rsa.VerifyPKCS1v15(w.key, crypto.SHA256, sum[:], w.value); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefusal is what an attacker makes us do: a message of the greatest
// size that fails at its digest, judged with the full record.
func BenchmarkRefusal(b *testing.B) {
	s := samltest.NewScene()
	r := s.Response()
	sign(r, onResponse)
	r.AfterSigning = func(text string) string {
		return must(text, "Test User", strings.Repeat("x", 700<<10))
	}
	sp := mustSP(b)
	m := saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)}
	b.ReportAllocs()
	b.SetBytes(int64(len(m.Values[0])))
	for b.Loop() {
		if _, err := sp.Validate(m); err == nil {
			b.Fatal("accepted")
		}
	}
}
