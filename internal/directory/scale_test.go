package directory_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/search"
	"sallyport/internal/testenv/parts"
)

// A size is how much there is.
type size struct {
	organizations, users int // half of the users are one organization's
	rounds               int // of each request
	percentile           float64
}

// theSize is the full figures with SOAK=1. Otherwise tests of other packages
// take turns on the same processors: then the quickest of the rounds has to do.
func theSize() size {
	if os.Getenv("SOAK") == "1" {
		return size{organizations: 10_000, users: 1_000_000, rounds: 200, percentile: 0.99}
	}
	return size{organizations: 100, users: 20_000, rounds: 15}
}

// atMost is how long a request may take.
const atMost = 50 * time.Millisecond

// A crowd is an installation with many users.
type crowd struct {
	*parts.Parts
	traced  *tracer
	big     *parts.Organization
	small   []*parts.Organization
	r       *rand.Rand
	cursors []string // places in the big organization's list
	users   []string // ids of some of its users
	emails  []string
}

var firstNames = strings.Fields("Ada Alan Barbara Bob Carol Dan Edith Erna Fritz Grace Hedy Ivan Jürgen Kateřina Linus Margaret Niklaus Olga Pia Quentin Rózsa Søren Tim Ursula Victor Wang Xenia Yukihiro Zoë")

var lastNames = strings.Fields("Abel Babbage Curie Dijkstra Euler Fermat Gauss Hopper Ito Jacobi Kepler Lovelace Meitner Noether Ohm Pauli Quine Ritchie Smith Turing Ulam Venn Wirth Xu Yao Zuse")

// newCrowd fills an installation. Its oldest users in the big organization have
// names that nobody else has, so that a search for them has far to go.
func newCrowd(t *testing.T, engine string, n size) *crowd {
	t.Helper()
	traced := &tracer{}
	p := parts.With(t, engine, db.Options{Trace: traced.note})
	c := &crowd{Parts: p, traced: traced, r: rand.New(rand.NewPCG(1, 2))}
	for i := range n.organizations {
		o := p.Organization(t, "Organization "+strconv.Itoa(i))
		o.Domain(t, "o"+strconv.Itoa(i)+".test")
		if i == 0 {
			c.big = o
			o.Domain(t, "big.test")
			o.Domain(t, "mail.big.test")
		} else {
			c.small = append(c.small, o)
		}
	}
	started := time.Now()
	for from := 0; from < n.users; from += 1000 {
		c.fill(t, from, from+1000, n)
	}
	c.Exec(t, "analyze")
	t.Logf("%s: %d users in %v", engine, n.users, time.Since(started).Round(time.Second))
	return c
}

// fill inserts users, every other one into the big organization.
func (c *crowd) fill(t *testing.T, from, to int, n size) {
	t.Helper()
	var entries []*search.Entry
	var rows [][]any
	for i := from; i < to; i++ {
		u := c.user(i, n)
		local, _, _ := strings.Cut(u.Key, "@")
		words := search.Words(u.Name, local)
		entries = append(entries, &search.Entry{OrganizationID: u.OrganizationID, ID: u.ID[4:], Words: words,
			Class: search.Class{Kind: "user", Domain: u.Domain, Status: string(u.Status), Role: string(u.Role), SSO: string(u.SSO)}})
		rows = append(rows, []any{u.ID, u.Email, u.Key, u.Domain, u.Name, u.OrganizationID, string(u.Role), string(u.Status), string(u.SSO), u.CreatedAt, strings.Join(words, " ")})
		if u.OrganizationID == c.big.ID && i%(max(1, n.users/400)) < 2 {
			c.cursors, c.users, c.emails = append(c.cursors, u.ID[4:]), append(c.users, u.ID), append(c.emails, u.Email)
		}
	}
	c.Update(t, access.System("test"), func(tx *db.Tx) error {
		tx.Recorded()
		for chunk := range slices.Chunk(rows, 50) {
			var values []string
			var args []any
			for _, row := range chunk {
				var places []string
				for _, v := range row {
					args = append(args, v)
					places = append(places, "$"+strconv.Itoa(len(args)))
				}
				values = append(values, "("+strings.Join(places, ",")+",'')")
			}
			if _, err := tx.Exec(`insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting, created_at, search_words, password_hash)
				values `+strings.Join(values, ","), args...); err != nil {
				return err
			}
		}
		return search.Put(tx, entries...)
	})
}

func (c *crowd) user(i int, n size) directory.User {
	c.Pass(time.Millisecond)
	u := directory.User{ID: c.IDs.New(id.User), Status: access.UserActive, Role: access.RoleMember, SSO: access.SSOInherit, CreatedAt: c.Now()}
	first, last := firstNames[c.r.IntN(len(firstNames))], lastNames[c.r.IntN(len(lastNames))]
	u.Name = first + " " + last
	local := strings.ToLower(last) + "." + strconv.Itoa(i)
	switch {
	case i%2 == 1:
		o := c.small[c.r.IntN(len(c.small))]
		u.OrganizationID, u.Domain = o.ID, "small.test"
	case i < n.users/5:
		u.OrganizationID, u.Domain = c.big.ID, "big.test"
		u.Name, local = "", fmt.Sprintf("user%07d", i) // the oldest ones
	default:
		u.OrganizationID, u.Domain = c.big.ID, []string{"big.test", "big.test", "o0.test", "mail.big.test"}[c.r.IntN(4)]
	}
	if i == n.users/3/2*2 {
		u.Name = "Only One"
	}
	switch r := c.r.IntN(1000); {
	case r < 80:
		u.Status = access.UserDeactivated
	case r < 200:
		u.Status = access.UserInvited
	case r < 202:
		u.Role = access.RoleAdministrator
	case r < 206:
		u.SSO = access.SSODisabled
	}
	if i%(n.users/10) == 0 {
		u.Role = access.RoleOwner
	}
	u.Email = local + "@" + u.Domain
	u.Key = u.Email
	return u
}

// requests are what a crowd is asked, by name. Each is done with other values
// each time.
func (c *crowd) requests(t *testing.T) map[string]func() error {
	list := func(q directory.UserQuery) func() error {
		return func() error {
			q := q
			q.OrganizationID = c.big.ID
			if q.Limit == 0 {
				q.Limit = 50
			}
			if q.After == "any" {
				q.After = c.cursors[c.r.IntN(len(c.cursors))]
			}
			_, err := c.Directory.Users(t.Context(), operator, q)
			return err
		}
	}
	text := func(text string) directory.UserQuery { return directory.UserQuery{Text: text} }
	someone := func() (string, string) { i := c.r.IntN(len(c.users)); return c.users[i], c.emails[i] }
	deep := directory.Page{After: "any"}
	all := map[string]func() error{
		"list, first page":     list(directory.UserQuery{}),
		"list, 200":            list(directory.UserQuery{Page: directory.Page{Limit: 200}}),
		"list, any page":       list(directory.UserQuery{Page: deep}),
		"list of a small one":  func() error { return listOf(t, c, directory.UserQuery{}) },
		"search a small one":   func() error { return listOf(t, c, text("a")) },
		"deactivated":          list(directory.UserQuery{Status: access.UserDeactivated}),
		"deactivated, deep":    list(directory.UserQuery{Status: access.UserDeactivated, Page: deep}),
		"owners":               list(directory.UserQuery{Role: access.RoleOwner}),
		"invited owners":       list(directory.UserQuery{Role: access.RoleOwner, Status: access.UserInvited}),
		"exempt":               list(directory.UserQuery{SSO: access.SSODisabled}),
		"at a domain":          list(directory.UserQuery{Domain: "mail.big.test"}),
		"at a domain, deep":    list(directory.UserQuery{Domain: "mail.big.test", Page: deep}),
		"everybody by domain":  list(text("big")),
		"by address's domain":  list(text("@mail")),
		"one letter":           list(text("a")),
		"one letter, 200":      list(directory.UserQuery{Text: "a", Page: directory.Page{Limit: 200}}),
		"one letter, deep":     list(directory.UserQuery{Text: "s", Page: deep}),
		"a first name":         list(text("jurgen")),
		"two words":            list(text("ada lovel")),
		"two letters":          list(text("z q")),
		"the oldest ones":      list(text("user0")),
		"some of the oldest":   list(text("user0001")),
		"one of the oldest":    list(text("user0000002")),
		"one of all":           list(text("only one")),
		"nobody":               list(text("qqqq")),
		"common and rare":      list(directory.UserQuery{Text: "user", Role: access.RoleOwner}),
		"common and exempt":    list(directory.UserQuery{Text: "a", SSO: access.SSODisabled}),
		"common and not there": list(directory.UserQuery{Text: "user", Domain: "mail.big.test"}),
		"old and deactivated":  list(directory.UserQuery{Text: "user00", Status: access.UserDeactivated}),
		"eight words":          list(text("a d a l o v e b")),
	}
	all["an address"] = func() error { _, e := someone(); return list(text(e))() }
	all["a user"] = func() error {
		u, _ := someone()
		if _, err := c.Directory.User(t.Context(), operator, u); err != nil {
			return err
		}
		_, err := c.SignIn.UserSessions(t.Context(), operator, u)
		return err
	}
	all["the numbers"] = func() error { _, err := c.Directory.CountUsers(t.Context(), operator, c.big.ID); return err }
	all["the policy"] = func() error { _, e := someone(); _, err := c.Directory.Explain(t.Context(), operator, e); return err }
	all["the login page"] = func() error { _, e := someone(); _, err := c.SignIn.Identify(t.Context(), e, ""); return err }
	return all
}

func listOf(t *testing.T, c *crowd, q directory.UserQuery) error {
	q.OrganizationID, q.Limit = c.small[c.r.IntN(len(c.small))].ID, 50
	_, err := c.Directory.Users(t.Context(), operator, q)
	return err
}

// TestACrowdIsAnsweredInTime measures each request, and asks the engine how it
// goes about its statements.
func TestACrowdIsAnsweredInTime(t *testing.T) {
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) {
			n := theSize()
			c := newCrowd(t, engine, n)
			requests := c.requests(t)
			var names []string
			for name := range requests {
				names = append(names, name)
			}
			slices.Sort(names)
			for _, name := range names {
				took := make([]time.Duration, n.rounds)
				for i := range took {
					started := time.Now()
					if err := requests[name](); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					took[i] = time.Since(started)
				}
				slices.Sort(took)
				at := took[min(len(took)-1, int(n.percentile*float64(len(took))))]
				if t.Logf("%-22s %8v  (median %v)", name, at.Round(10*time.Microsecond), took[len(took)/2].Round(10*time.Microsecond)); at > atMost {
					t.Errorf("%s takes %v", name, at)
				}
			}
			for _, name := range names {
				c.traced.start()
				if err := requests[name](); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				c.plans(t, name, c.traced.stop())
			}
		})
	}
}

// plans fails for a statement that reads a large table from one end to the
// other, or much more of it than it answers.
func (c *crowd) plans(t *testing.T, name string, statements []traced) {
	t.Helper()
	if len(statements) == 0 {
		t.Fatalf("%s: no statement was seen", name)
	}
	for _, s := range statements {
		plan := c.plan(t, s)
		for _, line := range plan {
			if why := scans(line); why != "" {
				t.Errorf("%s: %s\n%s\n%s", name, why, s.query, strings.Join(plan, "\n"))
				break
			}
		}
	}
}

// plan returns how the engine goes about a statement. PostgreSQL is asked for
// the plan that it would keep for any values.
func (c *crowd) plan(t *testing.T, s traced) (plan []string) {
	t.Helper()
	c.View(t, func(tx *db.Tx) (err error) {
		if c.DB.Engine() == dbtest.SQLiteEngine {
			plan, err = db.Collect(tx, func(row db.Scanner) (line string, err error) {
				var a, b, d int
				return line, row.Scan(&a, &b, &d, &line)
			}, "explain query plan "+s.query, s.args...)
			return err
		}
		var values []string
		for _, v := range s.args {
			if text, ok := v.(string); ok {
				v = "'" + strings.ReplaceAll(text, "'", "''") + "'"
			}
			values = append(values, fmt.Sprint(v))
		}
		for _, statement := range []string{
			"set local plan_cache_mode = force_generic_plan",
			// Small tables are read whole where that is cheaper. What is
			// still read whole then has no index.
			"set local enable_seqscan = off",
			"prepare asked as " + s.query,
		} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		execute := "execute asked"
		if len(values) > 0 {
			execute += "(" + strings.Join(values, ",") + ")"
		}
		plan, err = db.Collect(tx, func(row db.Scanner) (line string, err error) {
			return line, row.Scan(&line)
		}, "explain (analyze, timing off) "+execute)
		if err == nil {
			_, err = tx.Exec("deallocate asked")
		}
		return err
	})
	return plan
}

// scans says what is wrong with a line of a plan.
func scans(line string) string {
	for _, table := range []string{"users", "invitations", "search_words", "search_segments", "audit_events", "sessions", "domains"} {
		// In SQLite also by an index from end to end.
		if strings.Contains(line, "Seq Scan on "+table) || strings.HasPrefix(line, "SCAN "+table) {
			return "it reads the whole table " + table
		}
	}
	if _, n, found := strings.Cut(line, "Rows Removed by Filter: "); found {
		if rows, err := strconv.Atoi(strings.TrimSpace(n)); err == nil && rows > 2000 {
			return "it reads rows that it does not want"
		}
	}
	return ""
}

// A tracer remembers statements.
type tracer struct {
	mu   sync.Mutex
	on   bool
	seen []traced
}

type traced struct {
	query string
	args  []any
}

func (c *tracer) note(query string, args []any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.on {
		c.seen = append(c.seen, traced{query, slices.Clone(args)})
	}
}

func (c *tracer) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on, c.seen = true, nil
}

func (c *tracer) stop() []traced {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = false
	return c.seen
}
