package directory_test

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/testenv/parts"
)

// many is how many domains there are, in organizations of a hundred; one of
// these has half as many users at one domain.
func many() int {
	if os.Getenv("SOAK") != "" {
		return 1_000_000
	}
	return 20_000
}

// fill makes domains, all verified, of which one in a thousand is due.
func fill(t *testing.T, p *parts.Parts, n int) {
	t.Helper()
	const count = `with recursive n (i) as (select 0 union all select i + 1 from n where i < $1 - 1) `
	p.Exec(t, `insert into organizations (id, name, edition, session_idle_minutes, session_max_minutes, initial_password_required, created_at) `+
		count+`select 'org_' || i, 'Organization', 'enterprise', 60, 720, true, 1 from n`, n/100)
	p.Exec(t, `insert into domains (id, organization_id, name, status, status_at, proof_token, proof_method, verified_at, created_at) `+
		count+`select 'dom_' || i, 'org_' || (i / 100), 'd' || i || '.test', 'verified', 1, 'token' || i, 'dns', 1, 1 from n`, n)
	p.Exec(t, `insert into domain_checks (domain_id, next_at, looked_at, seen_at, findings) `+
		count+`select 'dom_' || i, cast($2 as bigint) + i + case when i % 1000 = 0 then 0 else 86400000000 end, $2, $2, '[]' from n`, n, p.Now().UnixMicro()-int64(n))
	p.Exec(t, `insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting, password_hash, managed_at, activated_at, created_at) `+
		count+`select 'usr_' || i, 'u' || i || '@d1.test', 'u' || i || '@d1.test', 'd1.test', '', 'org_0', 'member', 'active', 'inherit', '', 1, 1, 1 from n`, n/2)
	p.Exec(t, "analyze")
}

// arguments are those of each statement on many domains.
func arguments(p *parts.Parts) map[string][]any {
	return map[string][]any{
		"the holder": {"d77.test"}, "claims": {"d77.test"}, "evicting": {}, "evicted": {"org_0", "d1.test", p.Now(), 200}, "pilot": {"d1.test", "org_0"},
		"disputes": {"d77.test", p.Now()}, "any due": {p.Now()}, "due": {p.Now(), p.Now().Add(time.Minute), 64}, "checks": {"org_77"},
	}
}

// scan is a line of a plan that goes through a table from its beginning to its
// end. An index that holds but the rows in question may be gone through.
var scan = map[string]*regexp.Regexp{
	"sqlite":   regexp.MustCompile(`SCAN (?:domains|domain_checks|users|c|d)\b`),
	"postgres": regexp.MustCompile(`Seq Scan on`),
}

func plan(t *testing.T, p *parts.Parts, statement string, args []any) (lines []string) {
	t.Helper()
	explain := "explain "
	if p.DB.Engine() == "sqlite" {
		explain = "explain query plan "
	}
	p.View(t, func(tx *db.Tx) (err error) {
		if p.DB.Engine() == "postgres" && os.Getenv("SOAK") == "" {
			// Small tables are gone through because that is faster. Is there
			// another way?
			if _, err := tx.Exec("set local enable_seqscan = off"); err != nil {
				return err
			}
		}
		lines, err = db.Collect(tx, func(row db.Scanner) (line string, err error) {
			if p.DB.Engine() == "sqlite" {
				var ignored [3]int
				err = row.Scan(&ignored[0], &ignored[1], &ignored[2], &line)
				return line, err
			}
			err = row.Scan(&line)
			return line, err
		}, explain+statement, args...)
		return err
	})
	return lines
}

// typical is how long a statement takes in the middle of some tries. What it
// changes is undone.
func typical(t *testing.T, p *parts.Parts, statement string, args []any) time.Duration {
	t.Helper()
	undo := errors.New("undo")
	var took []time.Duration
	for range 25 {
		err := p.DB.Update(t.Context(), operator, func(tx *db.Tx) error {
			start := time.Now()
			rows, err := tx.Query(statement, args...)
			if err != nil {
				return err
			}
			for rows.Next() {
			}
			took = append(took, time.Since(start))
			return errors.Join(rows.Err(), undo)
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// TestManyDomains: no statement goes through all of them, and none takes long.
func TestManyDomains(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		fill(t, p, many())
		args := arguments(p)
		for name, statement := range directory.DomainStatements {
			lines := plan(t, p, statement, args[name])
			for _, line := range lines {
				if scan[p.DB.Engine()].MatchString(line) && !strings.Contains(line, "domains_evicting") {
					t.Errorf("%s goes through everything:\n%s", name, strings.Join(lines, "\n"))
				}
			}
			if took := typical(t, p, statement, args[name]); took > 50*time.Millisecond {
				t.Errorf("%s takes %v", name, took)
			} else {
				t.Logf("%s: %v", name, took)
			}
		}
		p.DNS(t)
		start, due := time.Now(), many()/1000
		p.CheckDomains(t)
		// A million domains a day are 12 in a second.
		if rate := float64(due) / time.Since(start).Seconds(); rate < 12 || p.Count(t, "select count(*) from domains where status = 'lapsing'") != due {
			t.Errorf("%.0f checks in a second", rate)
		} else {
			t.Logf("%.0f checks in a second", rate)
		}
	})
}
