package audit_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/testenv/parts"
)

// TestAMillionEventsAreVerifiedInAMinute writes, seals and verifies many events
// of a hundred organizations. The limit is for a million; a smaller number has
// its share of it, and some seconds on a busy machine.
func TestAMillionEventsAreVerifiedInAMinute(t *testing.T) {
	events := 10_000
	if os.Getenv("SOAK") != "" {
		events = 1_000_000
	}
	limit := time.Duration(events)*60*time.Microsecond + 5*time.Second
	if events == 1_000_000 {
		limit = time.Minute
	}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		start := time.Now()
		const batch = 1000
		for done := 0; done < events; done += batch {
			p.Update(t, access.Actor{Kind: access.KindUser, ID: "usr_1", Name: "user@acme.test", Address: "192.0.2.1", Agent: "Mozilla/5.0 (X11; Linux x86_64)"}, func(tx *db.Tx) error {
				for i := range batch {
					err := p.Audit.Append(tx, audit.Event{OrganizationID: fmt.Sprintf("org_%02d", i%100), Action: audit.SignInSucceeded,
						Target:  audit.Target{Kind: "user", ID: fmt.Sprint("usr_", i), Name: fmt.Sprintf("user%d@acme.test", i)},
						Changes: []audit.Change{{Field: "method", New: "sso"}}, Outcome: audit.Succeeded, Reference: "att_1"})
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
		written := time.Since(start)
		start = time.Now()
		if err := p.Audit.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		sealed := time.Since(start)
		start = time.Now()
		done, err := p.Audit.Verify(t.Context(), audit.Verification{}, func(f audit.Finding) { t.Errorf("%+v", f) })
		took := time.Since(start)
		if err != nil || done.Sealed != int64(events) || done.Chains != 100 || took > limit {
			t.Errorf("%+v in %v, and may take %v: %v", done, took, limit, err)
		}
		t.Logf("%d events: written in %v, sealed in %v, verified in %v", events, written, sealed, took)
	})
}
