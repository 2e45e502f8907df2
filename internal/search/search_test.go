package search

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/fault"
)

// A model is the index as one would write it down.
type model map[string]*person

type person struct {
	*Entry
	name, local string
}

// has says what Find promises, word by word.
func (p *person) has(text string) bool {
	for field := range strings.FieldsSeq(strings.ToLower(text)) {
		ok := false
		for _, whole := range append(strings.Fields(p.name), p.local+"@"+p.Domain) {
			for i := range whole {
				begins := i == 0 || strings.ContainsRune(".-", rune(whole[i-1]))
				ok = ok || begins && strings.HasPrefix(whole[i:], field)
			}
		}
		ok = ok || strings.HasPrefix(p.Domain, field) || strings.HasPrefix("@"+p.Domain, field)
		if !ok {
			return false
		}
	}
	return true
}

func (m model) find(q Query) (ids []string) {
	for id, p := range m {
		c := p.Class
		if p.OrganizationID == q.OrganizationID && p.has(q.Text) && (q.Domain == "" || q.Domain == c.Domain) && (q.Kind == "" || q.Kind == c.Kind) &&
			(q.Status == "" || q.Status == c.Status) && (q.Role == "" || q.Role == c.Role) && (q.SSO == "" || q.SSO == c.SSO) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// shuffle makes a person of one of a few names, so that much is found.
func shuffle(r *rand.Rand, number int) *person {
	p := &person{Entry: &Entry{OrganizationID: pick(r, "org_a", "org_a", "org_a", "org_b")},
		name:  pick(r, "", "ada", "ada lovelace", "anne-marie neil", "zoe"),
		local: pick(r, "ada.", "user", "x-", "neil.") + fmt.Sprint(number)}
	p.Class = Class{Kind: pick(r, "user", "invitation"), Domain: pick(r, "acme.test", "acme.test", "x.mail"), Status: pick(r, "active", "invited"),
		Role: pick(r, "member", "member", "member", "owner"), SSO: "inherit"}
	p.Words = Words(p.name, p.local)
	// One in four begins a segment.
	begin := pick(r, "00", "zz", "zz", "zz")
	p.ID = fmt.Sprintf("%05d-------------%s%s%04d", r.IntN(99999), pick(r, "a", "b"), "-"+begin, number)
	return p
}

func TestFindAgreesWithTheModel(t *testing.T) {
	const seed = 7
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		r := rand.New(rand.NewPCG(seed, 0))
		m := model{}
		update := func(fn func(tx *db.Tx) error) {
			t.Helper()
			if err := d.Update(t.Context(), access.System("test"), fn); err != nil {
				t.Fatal(err)
			}
		}
		for round := range 12 {
			var add []*Entry
			for i := range 40 {
				p := shuffle(r, round*100+i)
				m[p.ID] = p
				add = append(add, p.Entry)
			}
			update(func(tx *db.Tx) error { return Put(tx, add...) })
			update(func(tx *db.Tx) error {
				for _, id := range pickKeys(r, m, 6) { // change: another class and name
					old, next := m[id], shuffle(r, round*100+99)
					next.ID, next.OrganizationID = id, old.OrganizationID
					if err := Remove(tx, old.Entry); err != nil {
						return err
					}
					if err := Put(tx, next.Entry); err != nil {
						return err
					}
					m[id] = next
				}
				for _, id := range pickKeys(r, m, 3) {
					if err := Remove(tx, m[id].Entry); err != nil {
						return err
					}
					delete(m, id)
				}
				return nil
			})
			compare(t, d, r, m)
		}
		var segments, largest int
		if err := d.View(t.Context(), func(tx *db.Tx) error {
			if err := tx.QueryRow("select count(*) from search_segments").Scan(&segments); err != nil {
				return err
			}
			return tx.QueryRow("select max(n) from (select count(*) as n from search_words where word = '' group by segment_id) x").Scan(&largest)
		}); err != nil {
			t.Fatal(err)
		}
		if segments < 60 || largest > 40 {
			t.Errorf("%d segments with up to %d entries: they are not what they should be", segments, largest)
		}
	})
}

func pickKeys(r *rand.Rand, m model, n int) []string {
	keys := slices.Sorted(maps.Keys(m))
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys[:n]
}

func compare(t *testing.T, d *db.DB, r *rand.Rand, m model) {
	t.Helper()
	for range 40 {
		q := Query{OrganizationID: pick(r, "org_a", "org_b"), Limit: pick(r, 1, 3, 10, 1000),
			Text: pick(r, "", "a", "ada", "ADA lov", "neil", "n", "acme", "@acme", "user1", "marie", "anne-m", "ada.1", "zoe x", "ada.101@acme", "x.mail", "@x", "nobody", "a a", "u acme")}
		q.Class = Class{Domain: pick(r, "", "", "acme.test", "x.mail", "none.test"), Status: pick(r, "", "", "active"), Role: pick(r, "", "", "owner"), Kind: pick(r, "", "", "user")}
		want := m.find(q)
		var got []string
		err := d.View(t.Context(), func(tx *db.Tx) error {
			got = nil
			for {
				p, err := Find(tx, q)
				if err != nil {
					return err
				}
				if len(p.Hits) > q.Limit {
					return fmt.Errorf("%d on a page of %d", len(p.Hits), q.Limit)
				}
				for _, h := range p.Hits {
					if m[h.ID] == nil || m[h.ID].Kind != h.Kind {
						return fmt.Errorf("%+v is not there", h)
					}
					got = append(got, h.ID)
				}
				if p.Next == "" {
					return nil
				}
				q.Before = p.Next
			}
		})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("%+v:\n got %d %v, %v\nwant %d %v", q, len(got), got, err, len(want), want)
		}
	}
}

func TestFindRefusesWhatIsNoText(t *testing.T) {
	d := dbtest.SQLite(t)
	for text, code := range map[string]fault.Code{"\xff": fault.Malformed, "a\x00": fault.Malformed, "1 2 3 4 5 6 7 8 9": fault.CodeInvalid} {
		err := d.View(t.Context(), func(tx *db.Tx) error {
			_, err := Find(tx, Query{OrganizationID: "org_a", Text: text, Limit: 1})
			return err
		})
		if f := fault.From(err); err == nil || f.Code != code {
			t.Errorf("%q: %v", text, err)
		}
	}
}
