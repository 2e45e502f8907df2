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
		most := 5_000 + int(passed.Seconds()+1)
		rows, events := p.Count(t, "select count(*) from record_attempts"), p.Count(t, "select count(*) from audit_events where action = 'sign_in.refused'")
		octets := p.Count(t, "select coalesce(sum(length(sealed)), 0) from record_details")
		if rows > most || rows < 1000 || events != rows || octets > 128<<20 {
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
		p.Flush(t)
		if r := get(t, p, reference(t, err, fault.SAMLBase64Invalid)); !r.Kept {
			t.Errorf("%+v", r)
		}
	})
}

// TestADayHasItsShare lets bad messages come from so many sources, and so slowly,
// that every rate lets them through.
func TestADayHasItsShare(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	message, n := noise(250<<10), 0
	post := func(fields ...string) record.Record {
		t.Helper()
		p.Pass(4 * time.Second)
		n++
		actor := access.Actor{Address: fmt.Sprintf("192.0.2.%d", n%100)}
		_, err := p.SSO.Consume(t.Context(), actor, sso.Response{ProfileID: s.ID, SAMLResponse: fields})
		r, err := p.Record.Reveal(t.Context(), parts.Operator(), reference(t, err, parts.Code(err)))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := post(message); !r.Message.Cut || len(r.Message.Text) != 8<<10 || len(r.Checks) == 0 {
		t.Fatalf("of a message of no use %d octets are kept, and %d checks", len(r.Message.Text), len(r.Checks))
	}
	// What is used up but for a little.
	p.Exec(t, "update record_hours set octets = $1 where code = 'saml_xml_invalid'", 64<<20-10<<10)
	if r := post(message); len(r.Message.Text) == 0 {
		t.Errorf("the last one: %+v", r)
	}
	if r := post(message); len(r.Message.Text) != 0 || !r.Message.Cut || r.Message.Fields != 1 || len(r.Checks) == 0 {
		t.Errorf("after that: %d octets, %d checks", len(r.Message.Text), len(r.Checks))
	}
	// Whoever is refused for another reason is seen in full.
	if r := post("no base64!"); len(r.Message.Text) == 0 {
		t.Error("another code is left nothing")
	}
	p.Exec(t, "update record_hours set kept = 25000 where code = 'saml_xml_invalid'")
	_, err := p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{message}})
	if _, err := p.Record.Record(t.Context(), parts.Operator(), reference(t, err, fault.SAMLXMLInvalid)); parts.Code(err) != fault.NotFound {
		t.Errorf("there is more than a day's share: %v", err)
	}
	// Nobody but the Identity Provider itself uses up what that has signed.
	p.Exec(t, "update record_hours set kept = 50000, octets = $1 where code = 'saml_base64_invalid'", 64<<20)
	req, _ := s.Start(t, "")
	_, err = p.Consume(t, s.Answer(req.ID, s.user.Email, badAudience))
	if r := get(t, p, reference(t, err, fault.SAMLAudienceMismatch)); len(r.Message.Text) == 0 || r.Message.Cut {
		t.Errorf("what it has signed: %+v", r)
	}
	// The next day has one of its own.
	p.Pass(24 * time.Hour)
	if r := post(message); len(r.Message.Text) == 0 {
		t.Error("the next day keeps nothing")
	}
}

// TestASourceHasItsOctets lets one source post until it may not be kept in full,
// and looks at another.
func TestASourceHasItsOctets(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	message := noise(64 << 10)
	post := func(address string) record.Message {
		_, err := p.SSO.Consume(t.Context(), access.Actor{Address: address}, sso.Response{ProfileID: s.ID, SAMLResponse: []string{message}})
		return get(t, p, reference(t, err, fault.SAMLXMLInvalid)).Message
	}
	for i := range 512 {
		if m := post("2001:db8::" + fmt.Sprint(i)); len(m.Text) == 0 {
			t.Fatalf("the %dth is not kept", i)
		}
	}
	if m := post("2001:db8::ffff"); len(m.Text) != 0 || !m.Cut {
		t.Error("a source has no end")
	}
	if m := post("2001:db8:0:1::1"); len(m.Text) == 0 {
		t.Error("it has taken what is another's")
	}
}
