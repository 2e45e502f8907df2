package record_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/record"
	"sallyport/internal/testenv/parts"
)

// statements remembers those that read attempts.
type statements struct {
	mu   sync.Mutex
	seen []statement
}

type statement struct {
	query string
	args  []any
}

func (s *statements) note(query string, args []any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.HasPrefix(query, "select") && strings.Contains(query, "from record_attempts") {
		s.seen = append(s.seen, statement{query, append([]any(nil), args...)})
	}
}

func (s *statements) take() (seen []statement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, s.seen = s.seen, nil
	return seen
}

// manyAttempts fills the log of an organization: every hundredth attempt is of
// the profile, every thousandth of the user, most were refused with one code.
func (s *scene) manyAttempts(t *testing.T, n int) {
	t.Helper()
	s.Update(t, access.System("test"), func(tx *db.Tx) error {
		tx.Recorded()
		for i := range n {
			profile, user, outcome, code := "sso_other", "", "refused", "saml_expired"
			if i%100 == 0 {
				profile = s.ID
			}
			if i%1000 == 0 {
				user, outcome, code = s.user.ID, "succeeded", ""
			}
			if i%1000 == 1 {
				code = "saml_xml_invalid"
			}
			s.Pass(time.Millisecond)
			if _, err := tx.Exec(`insert into record_attempts (id, time, organization_id, sso_profile_id, user_id, email, method, started_at, outcome, code, address, agent, email_key)
				values ($1, $2, $3, $4, $5, '', 'sso', '', $6, $7, '192.0.2.1', '', '')`, "att_"+fmt.Sprintf("%026d", i), s.Now(), s.Organization.ID, profile, user, outcome, code); err != nil {
				return err
			}
		}
		return nil
	})
	s.Exec(t, "analyze")
}

// TestFiltersReadByAnIndex holds that each filter of the list is answered by the
// index of what it names, also where it finds nothing.
func TestFiltersReadByAnIndex(t *testing.T) {
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) {
			seen := &statements{}
			p := parts.With(t, engine, db.Options{Trace: seen.note})
			s := newScene(t, p)
			s.manyAttempts(t, 20_000)
			for name, c := range map[string]struct {
				q     record.Query
				index string // in SQLite, which tells it
			}{
				"all":                  {record.Query{}, "record_attempts_organization"},
				"the next page":        {record.Query{After: "att_00000000000000000000010000"}, "record_attempts_organization"},
				"a user by id":         {record.Query{Who: s.user.ID}, "record_attempts_user"},
				"a user by address":    {record.Query{Who: s.user.Email}, "record_attempts_user"},
				"a user not found":     {record.Query{Who: "usr_00000000000000000000000000"}, "record_attempts_user"},
				"an address not found": {record.Query{Who: "nobody@acme.test"}, "record_attempts_email"},
				"a profile":            {record.Query{ProfileID: s.ID}, "record_attempts_profile"},
				"a profile not found":  {record.Query{ProfileID: "sso_00000000000000000000000000"}, "record_attempts_profile"},
				"refused":              {record.Query{Outcome: record.Refused}, "record_attempts_outcome"},
				"succeeded":            {record.Query{Outcome: record.Succeeded}, "record_attempts_outcome"},
				"pending":              {record.Query{Outcome: record.Pending}, "record_attempts_outcome"},
				"a code":               {record.Query{Code: "saml_xml_invalid"}, "record_attempts_code"},
				"a code not found":     {record.Query{Code: "saml_too_large"}, "record_attempts_code"},
				"a reference":          {record.Query{Reference: "att_00000000000000000000010000"}, "sqlite_autoindex_record_attempts_1"},
				"a user's refused":     {record.Query{Who: s.user.ID, Outcome: record.Refused}, "record_attempts_user"},
				"a day":                {record.Query{Since: s.Now().Add(-time.Hour), Until: s.Now()}, "record_attempts_organization"},
			} {
				seen.take()
				c.q.Limit = 50
				s.list(t, c.q)
				queries := seen.take()
				if len(queries) == 0 {
					t.Errorf("%s: no statement was seen", name)
				}
				used := false
				for _, q := range queries {
					plan := s.plan(t, engine, q)
					if why := wasteful(plan); why != "" {
						t.Errorf("%s: %s\n%s\n%s", name, why, q.query, plan)
					}
					used = used || strings.Contains(plan, c.index)
				}
				if engine == dbtest.SQLiteEngine && !used {
					t.Errorf("%s: not by %s: %v", name, c.index, queries)
				}
			}
		})
	}
}

// plan is how the engine goes about a statement.
func (s *scene) plan(t *testing.T, engine string, q statement) string {
	t.Helper()
	var lines []string
	s.View(t, func(tx *db.Tx) (err error) {
		if engine == dbtest.SQLiteEngine {
			lines, err = db.Collect(tx, func(row db.Scanner) (line string, err error) {
				var id, parent, unused int
				return line, row.Scan(&id, &parent, &unused, &line)
			}, "explain query plan "+q.query, q.args...)
			return err
		}
		lines, err = db.Collect(tx, func(row db.Scanner) (line string, err error) {
			return line, row.Scan(&line)
		}, "explain (analyze, timing off) "+q.query, q.args...)
		return err
	})
	return strings.Join(lines, "\n")
}

// wasteful says what is wrong with a plan.
func wasteful(plan string) string {
	for line := range strings.Lines(plan) {
		if strings.Contains(line, "Seq Scan on record_attempts") || strings.HasPrefix(line, "SCAN record_attempts") {
			return "it reads the whole table"
		}
		if strings.Contains(line, "Sort") || strings.Contains(line, "TEMP B-TREE") {
			return "it sorts"
		}
		if _, n, found := strings.Cut(line, "Rows Removed by Filter: "); found {
			if rows, err := strconv.Atoi(strings.TrimSpace(n)); err == nil && rows > 500 {
				return "it reads rows that it does not want"
			}
		}
	}
	return ""
}
