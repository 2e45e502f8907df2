package saml_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/internal/b64"
	"sallyport/saml/internal/c14n"
	"sallyport/saml/internal/xenc"
	"sallyport/saml/internal/xmltree"
	"sallyport/saml/samltest"
)

// A load is a message of the Okta shape whose cost is measured.
type load struct {
	name   string
	signed string
	change func(*samltest.Response)
	// most is the multiple of its floor that a validation may cost.
	most float64
}

func loads() []load {
	sealed := encrypted(samltest.Encryption{Content: xenc.AES256GCM})
	return []load{
		{"response", onResponse, func(*samltest.Response) {}, 1.6},
		{"assertion", onAssertion, func(*samltest.Response) {}, 1.6},
		{"both", onBoth, func(*samltest.Response) {}, 1.5},
		{"60kB", onResponse, func(r *samltest.Response) {
			for i := range 430 {
				r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{
					Name: fmt.Sprintf("group%d", i), Values: []string{"CN=Group,OU=Staff,DC=acme,DC=test"}})
			}
		}, 2.6},
		{"encrypted", onAssertion, sealed, 1.1},
		{"encrypted-both", onBoth, sealed, 1.1},
	}
}

// message writes the load.
func (l load) message(t testing.TB, s samltest.Scene) string {
	t.Helper()
	okta := samltest.Shapes()[2]
	if okta.Name != "okta" {
		t.Fatal("another shape stands there now")
	}
	r := okta.Response(s)
	sign(r, l.signed)
	l.change(r)
	return r.String()
}

// BenchmarkValidate measures what a sign-in costs here, beside the floor: what
// nobody can leave out, measured in the same run. The metric x-floor is the
// ratio of both, by the time that the process spent on processors; ns/op is by
// the clock on the wall. A ratio beyond the load's most fails.
func BenchmarkValidate(b *testing.B) {
	s := samltest.NewScene()
	for _, l := range loads() {
		b.Run(l.name, func(b *testing.B) { benchmark(b, s, l) })
	}
}

// enough is how long a run has to be for its ratio to count.
const enough = 500 * time.Millisecond

func benchmark(b *testing.B, s samltest.Scene, l load) {
	text := l.message(b, s)
	s.SP.Keys = samltest.SPKeys(samltest.SP)
	sp, err := saml.New(s.SP)
	if err != nil {
		b.Fatal(err)
	}
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
		start := cpuTime()
		for range round {
			if _, err := sp.Validate(m); err != nil {
				b.Fatal(err)
			}
		}
		real += cpuTime() - start
		b.StopTimer()
		start = cpuTime()
		for range round {
			floor.run(b)
		}
		least += cpuTime() - start
		b.StartTimer()
		n += round
	}
	b.ReportMetric(float64(real.Nanoseconds())/float64(b.N), "ns-cpu/op")
	b.ReportMetric(float64(least.Nanoseconds())/float64(b.N), "ns-floor/op")
	ratio := float64(real) / float64(least)
	b.ReportMetric(ratio, "x-floor")
	if real > enough && ratio > l.most {
		b.Errorf("%.2f times the floor, more than %.1f", ratio, l.most)
	}
	b.ReportMetric(float64(len(text)), "octets")
}

// A floor is what has to be done for a message: decode it, decrypt what is
// encrypted, hash the canonical forms of what is signed and of each SignedInfo,
// and verify each signature.
type floor struct {
	wire       []byte
	raw        []byte
	signatures []signatureWork
	key        *rsa.PrivateKey
	wrapped    []byte // the content key, encrypted; nil where nothing is
	content    []byte // the assertion, encrypted
}

type signatureWork struct {
	element, info, value []byte
	key                  *rsa.PublicKey
}

func newFloor(b *testing.B, s samltest.Scene, text string) *floor {
	f := &floor{wire: []byte(samltest.Encode(text)), key: s.SP.Keys[0].Private}
	root := f.sign(b, s, []byte(text), nil)
	root.Descendants(func(el xmltree.Element) bool {
		value, _ := el.Child(xmltree.XEnc, "CipherData").Child(xmltree.XEnc, "CipherValue").Text()
		switch {
		case el.Is(xmltree.XEnc, "EncryptedKey"):
			f.wrapped = unbase64(b, value)
		case el.Is(xmltree.XEnc, "EncryptedData"):
			f.content = unbase64(b, value)
		}
		return true
	})
	if f.wrapped != nil {
		f.sign(b, s, f.decrypt(b), root.Child(xmltree.Assertion, "EncryptedAssertion").Bindings())
	}
	return f
}

// sign adds the work on the signatures of a document.
func (f *floor) sign(b *testing.B, s samltest.Scene, text []byte, scope []xmltree.Binding) xmltree.Element {
	var p xmltree.Parser
	doc, err := p.Parse(text, xmltree.Options{Scope: scope})
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
		f.signatures = append(f.signatures, signatureWork{
			element: canonical(b, el, sig, prefixes),
			info:    canonical(b, sig.Child(xmltree.DSig, "SignedInfo"), xmltree.Element{}, c14n.Method{Exclusive: true}),
			value:   unbase64(b, value), key: s.IdP.Key.Certificate.PublicKey.(*rsa.PublicKey),
		})
		return true
	})
	return doc.Root()
}

// decrypt opens what rsa-oaep-mgf1p and AES-GCM have sealed.
func (f *floor) decrypt(b *testing.B) []byte {
	key, err := rsa.DecryptOAEP(sha1.New(), nil, f.key, f.wrapped, nil)
	if err != nil {
		b.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		b.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		b.Fatal(err)
	}
	clear, err := gcm.Open(nil, f.content[:gcm.NonceSize()], f.content[gcm.NonceSize():], nil)
	if err != nil {
		b.Fatal(err)
	}
	return clear
}

func unbase64(b *testing.B, text []byte) []byte {
	raw, err := b64.Append(nil, text)
	if err != nil {
		b.Fatal(err)
	}
	return raw
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
	if f.wrapped != nil {
		f.decrypt(b)
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
