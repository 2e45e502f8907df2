package record_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// posts is how many bad messages a flood has.
func posts() int {
	if os.Getenv("SOAK") != "" {
		return 1_000_000
	}
	return 20_000
}

// noise is a message that can't be made small, in base64.
func noise(octets int) string {
	raw, r := make([]byte, octets), rand.New(rand.NewPCG(1, 2))
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// TestAFloodLeavesBoundedRows posts bad messages to an organization's profile
// from many sources, over simulated days, while the writer works.
func TestAFloodLeavesBoundedRows(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		ctx, cancel := context.WithCancel(t.Context())
		var writer sync.WaitGroup
		writer.Go(func() { p.Record.Run(ctx) })
		defer writer.Wait()
		defer cancel()
		n, start := posts(), p.Now()
		message := noise(64 << 10)
		var before, during runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range n {
			if i%10 == 0 {
				p.Pass(time.Millisecond) // a thousand times as fast as what is kept
			}
			if i%1000 == 0 {
				runtime.ReadMemStats(&during)
				if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 300<<20 {
					t.Fatalf("after %d posts the heap has grown by %d MiB", i, grown>>20)
				}
			}
			actor := access.Actor{Address: fmt.Sprintf("192.0.%d.%d", i>>8&255, i&255)}
			_, err := p.SSO.Consume(t.Context(), actor, sso.Response{ProfileID: s.ID, SAMLResponse: []string{message}})
			if parts.Code(err) != fault.SAMLXMLInvalid {
				t.Fatal(err)
			}
		}
		p.Flush(t)
		passed := p.Now().Sub(start)
		most := 10_000 + int(passed.Seconds()+1)
		rows, events := p.Count(t, "select count(*) from record_attempts"), p.Count(t, "select count(*) from audit_events where action = 'sign_in.refused'")
		octets := p.Count(t, "select coalesce(sum(length(sealed)), 0) from record_details")
		if rows > most || rows < 100 || events != rows || octets > 128<<20 {
			t.Errorf("%d rows, at most %d; %d events, %d octets", rows, most, events, octets)
		}
		var attempts, kept int64
		p.View(t, func(tx *db.Tx) error {
			hours, err := record.Hours(tx, s.Organization.ID, start)
			for _, h := range hours {
				attempts, kept = attempts+h.Attempts, kept+h.Kept
			}
			return err
		})
		if attempts != int64(n) || kept != int64(rows) {
			t.Errorf("%d were counted and %d kept, of %d and %d", attempts, kept, n, rows)
		}
		t.Logf("%d posts in %v by the clock: %d rows, %d octets", n, passed, rows, octets)
		// What the flood has used up hides no other organization's sign-in.
		other := newSceneAt(t, p, "globex.test")
		_, err := p.SSO.Consume(t.Context(), access.Actor{Address: "198.51.100.1"}, sso.Response{ProfileID: other.ID, SAMLResponse: []string{"x"}})
		if r := get(t, p, reference(t, err, fault.SAMLBase64Invalid)); !r.Kept {
			t.Errorf("%+v", r)
		}
	})
}

// TestADayHasItsShare lets bad messages come slowly enough for every rate.
func TestADayHasItsShare(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	message := noise(250 << 10)
	for i := range 600 {
		p.Pass(20 * time.Second)
		actor := access.Actor{Address: fmt.Sprintf("192.0.2.%d", i%200)}
		p.SSO.Consume(t.Context(), actor, sso.Response{ProfileID: s.ID, SAMLResponse: []string{message}})
		if i%50 == 0 {
			p.Flush(t)
		}
	}
	rows, details := p.Count(t, "select count(*) from record_attempts"), p.Count(t, "select count(*) from record_details")
	if octets := p.Count(t, "select sum(length(sealed)) from record_details"); rows != 600 || octets > 128<<20 || details < 400 || details == 600 {
		t.Errorf("%d rows, %d with details, of %d octets", rows, details, octets)
	}
	// The next day has one of its own.
	p.Pass(24 * time.Hour)
	_, err := p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{message}})
	if !get(t, p, reference(t, err, fault.SAMLXMLInvalid)).Kept {
		t.Error("the next day keeps nothing")
	}
}
