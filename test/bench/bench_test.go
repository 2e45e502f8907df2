package bench

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"sallyport/saml/samltest"
)

// A load is a message of the shape that Okta writes.
type load struct {
	name string
	// change makes it of the good one, of which both parts are signed.
	change func(*samltest.Response)
	// cannot names who does not accept it, and why.
	cannot map[string]string
}

func loads() []load {
	onlyResponse := func(r *samltest.Response) { r.AssertionSigning = nil }
	return []load{
		{name: "response", change: onlyResponse},
		{name: "assertion", change: func(r *samltest.Response) { r.ResponseSigning = nil }},
		{name: "both", change: func(*samltest.Response) {}},
		{name: "60kB", change: func(r *samltest.Response) {
			onlyResponse(r)
			for i := range 430 {
				r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{
					Name: fmt.Sprintf("group%d", i), Values: []string{"CN=Group,OU=Staff,DC=acme,DC=test"}})
			}
		}, cannot: map[string]string{"gosaml2": "it refuses so many elements: traversal limit reached"}},
		{name: "encrypted", change: func(r *samltest.Response) {
			r.ResponseSigning = nil
			r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{samltest.NamedKey(samltest.SP)}}
		}, cannot: map[string]string{"xmlsec1": "its command does not verify behind what it decrypts"}},
	}
}

func (l load) message(t testing.TB) string {
	t.Helper()
	for _, shape := range samltest.Shapes() {
		if shape.Name == "okta" {
			r := shape.Response(samltest.NewScene())
			l.change(r)
			return r.String()
		}
	}
	t.Fatal("no shape is named okta")
	return ""
}

// peers are in the order of the rows.
var peers = []struct {
	name string
	make func(testing.TB) validator
}{{"sallyport", sallyport}, {"crewjam", crewjamSAML}, {"gosaml2", gosaml2}}

// TestAllAcceptTheLoads: what is measured is an acceptance.
func TestAllAcceptTheLoads(t *testing.T) {
	for _, l := range loads() {
		text := l.message(t)
		newFloor(t, text).run(t)
		for _, p := range peers {
			email, err := p.make(t)(samltest.Encode(text))
			if ok := err == nil && email == samltest.Email; ok != (l.cannot[p.name] == "") {
				t.Errorf("%s, %s: %q, %v", l.name, p.name, email, err)
			}
		}
		if l.cannot["xmlsec1"] == "" {
			xmlsec(t, text, 1)
		}
	}
}

func BenchmarkResponse(b *testing.B)  { loads()[0].benchmark(b) }
func BenchmarkAssertion(b *testing.B) { loads()[1].benchmark(b) }
func BenchmarkBoth(b *testing.B)      { loads()[2].benchmark(b) }
func Benchmark60kB(b *testing.B)      { loads()[3].benchmark(b) }
func BenchmarkEncrypted(b *testing.B) { loads()[4].benchmark(b) }

func (l load) benchmark(b *testing.B) {
	text := l.message(b)
	value := samltest.Encode(text)
	for _, p := range peers {
		if l.cannot[p.name] != "" {
			continue
		}
		b.Run(p.name, func(b *testing.B) {
			validate := p.make(b)
			b.ReportAllocs()
			beside(b, newFloor(b, text), func(n int) time.Duration {
				start := cpuTime()
				for range n {
					if _, err := validate(value); err != nil {
						b.Fatal(err)
					}
				}
				return cpuTime() - start
			})
		})
	}
	if l.cannot["xmlsec1"] != "" {
		return
	}
	b.Run("xmlsec1", func(b *testing.B) {
		beside(b, newFloor(b, text), func(n int) time.Duration { return xmlsec(b, text, n) * time.Duration(n) })
	})
}

// beside measures something in rounds between rounds of the floor, so that both
// see the same machine.
func beside(b *testing.B, f *floor, work func(n int) time.Duration) {
	var real, least time.Duration
	b.ResetTimer()
	for n := 0; n < b.N; {
		round := min(1000, b.N-n)
		real += work(round)
		b.StopTimer()
		start := cpuTime()
		for range round {
			f.run(b)
		}
		least += cpuTime() - start
		b.StartTimer()
		n += round
	}
	b.ReportMetric(float64(real.Nanoseconds())/float64(b.N), "ns-cpu/op")
	b.ReportMetric(float64(least.Nanoseconds())/float64(b.N), "ns-floor/op")
	b.ReportMetric(float64(real)/float64(least), "x-floor")
}

// cpuTime is what the process has spent on all processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
