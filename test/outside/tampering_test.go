package outside

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// A finding is what a verification of the log names.
type finding struct {
	Kind           string `json:"kind"`
	EventID        string `json:"event_id"`
	OrganizationID string `json:"organization_id"`
	Number         int64  `json:"number"` // its place in the organization's log
}

// verifyLog runs the operator's command beside the running server.
func verifyLog(t *testing.T, s *harness.Server) (code int, waiting int64, findings []finding) {
	t.Helper()
	out, stderr, code := harness.Run(t, "", "audit", "verify", "--json", "--database", s.Database, "--secret-key-file", s.KeyFile, "--base-url", s.Base)
	var done struct {
		Waiting int64     `json:"waiting"`
		Items   []finding `json:"items"`
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil {
		t.Fatalf("%d %q %q", code, out, stderr)
	}
	return code, done.Waiting, done.Items
}

// TestTamperingWithTheLogIsFoundAndNamed changes rows by hand, one way after the
// other, and each time puts back what was there.
func TestTamperingWithTheLogIsFoundAndNamed(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		for _, local := range []string{"a", "b", "c", "d"} {
			o.AddUser(t, o.Address(local))
		}
		eventually(t, 30*time.Second, "sealed", func() bool { return s.Count(t, "select count(*) from audit_waiting") == 0 })
		events := o.Audit(t)
		newest, one, other := harness.ID(events[0]), harness.ID(events[3]), harness.ID(events[5])
		if code, _, findings := verifyLog(t, s); code != 0 || len(findings) != 0 {
			t.Fatalf("%d %v, though nobody has touched it", code, findings)
		}
		exec := func(statements ...string) {
			t.Helper()
			for _, statement := range statements {
				s.Exec(t, strings.NewReplacer("ONE", one, "ORG", o.ID, "OTHER", other, "NEWEST", newest, "FALSE", "evt_00000000000000000000000000").Replace(statement))
			}
		}
		exec("create table kept_events as select * from audit_events", "create table kept_seals as select * from audit_seals")
		for _, c := range []struct {
			name, kind, event string
			do, undo          []string
		}{
			{"changed", "changed", one, []string{"update audit_events set actor_name = 'somebody@else.test' where id = 'ONE'"},
				[]string{"update audit_events set actor_name = (select actor_name from kept_events where id = 'ONE') where id = 'ONE'"}},
			{"deleted", "missing", one, []string{"delete from audit_events where id = 'ONE'"},
				[]string{"insert into audit_events select * from kept_events where id = 'ONE'"}},
			{"deleted with its seal", "missing", "", []string{"delete from audit_events where id = 'ONE'", "delete from audit_seals where event_id = 'ONE'"},
				[]string{"insert into audit_events select * from kept_events where id = 'ONE'", "insert into audit_seals select * from kept_seals where event_id = 'ONE'"}},
			{"inserted", "inserted", "evt_00000000000000000000000000", []string{
				"create table false_event as select * from audit_events where id = 'ONE'", "update false_event set id = 'FALSE'",
				"insert into audit_events select * from false_event"},
				[]string{"delete from audit_events where id = 'FALSE'", "drop table false_event"}},
			{"reordered", "moved", one, []string{
				"update audit_seals set event_id = 'FALSE' where event_id = 'ONE'", "update audit_seals set event_id = 'ONE' where event_id = 'OTHER'",
				"update audit_seals set event_id = 'OTHER' where event_id = 'FALSE'"},
				[]string{"update audit_seals set event_id = 'FALSE' where event_id = 'ONE'", "update audit_seals set event_id = 'ONE' where event_id = 'OTHER'",
					"update audit_seals set event_id = 'OTHER' where event_id = 'FALSE'"}},
			{"head deleted", "head_changed", "", []string{"create table kept_heads as select * from audit_heads", "delete from audit_heads where chain = 'ORG'"},
				[]string{"insert into audit_heads select * from kept_heads where chain = 'ORG'", "drop table kept_heads"}},
			{"cut off", "cut_off", "", []string{"delete from audit_events where id = 'NEWEST'", "delete from audit_seals where event_id = 'NEWEST'"},
				[]string{"insert into audit_events select * from kept_events where id = 'NEWEST'", "insert into audit_seals select * from kept_seals where event_id = 'NEWEST'"}},
		} {
			exec(c.do...)
			code, _, findings := verifyLog(t, s)
			named := false
			for _, f := range findings {
				// What is gone with its seal is named by its place.
				place := c.event == "" && f.OrganizationID == o.ID && f.Number > 0
				named = named || f.Kind == c.kind && (place || c.event != "" && f.EventID == c.event)
			}
			if code != 1 || !named {
				t.Errorf("%s: %d %+v, no %s of %s", c.name, code, findings, c.kind, c.event)
			}
			exec(c.undo...)
			if code, _, findings := verifyLog(t, s); code != 0 {
				t.Fatalf("%s and put back: %+v", c.name, findings)
			}
		}
	})
}
