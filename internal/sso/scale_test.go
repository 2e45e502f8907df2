package sso_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/search"
	"sallyport/internal/session"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// enforcedIn is how long the enforcement of a domain may take, however many stand
// at it.
const enforcedIn = 200 * time.Millisecond

// TestEnforcingALargeDomain takes as long as a small one, and the next sign-in of
// everybody there follows it. With SOAK=1 they are half a million.
func TestEnforcingALargeDomain(t *testing.T) {
	n := 20_000
	if os.Getenv("SOAK") == "1" {
		n = 500_000
	}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d, profile, other := acme.Domain(t, "acme.test"), acme.Profile(t), acme.Profile(t)
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		began := time.Now()
		crowd(t, acme, n)
		t.Logf("%d users in %v", n, time.Since(began).Round(time.Second))
		tokens := map[string]string{}
		for range 40 {
			email := fmt.Sprintf("u%d@acme.test", rand.IntN(n))
			tokens[email] = p.Session(t, userOf(t, p, email), session.Start{})
		}
		took := func(what string, most time.Duration, do func() error) {
			t.Helper()
			began := time.Now()
			err := do()
			d := time.Since(began)
			t.Logf("%s: %v", what, d.Round(time.Millisecond/10))
			if err != nil || d > most {
				t.Errorf("%s: %v in %v, at most %v", what, err, d, most)
			}
		}
		in := sso.Enforcement{ProfileID: profile.ID, EndSessions: true}
		var told sso.Preview
		took("preview", 2*time.Second, func() (err error) {
			told, err = p.SSO.Preview(t.Context(), parts.As(owner), []string{d.ID}, in)
			return err
		})
		if told.Total != int64(n)+1 || told.ToSSO != int64(n) || told.Changed != int64(n) || told.KeepPassword != 1 {
			t.Errorf("%+v", told)
		}
		took("enforce", enforcedIn, func() error {
			_, err := p.SSO.Enforce(t.Context(), parts.As(owner), []string{d.ID}, in)
			return err
		})
		follows := func(profileID string) {
			t.Helper()
			for email := range tokens {
				if way, err := p.SignIn.Identify(t.Context(), email, ""); err != nil || way.Method != access.MethodSSO || way.ProfileID != profileID {
					t.Errorf("%s: %+v, %v", email, way, err)
				}
				if got := p.Way(t, userOf(t, p, email).ID); got.Reason != access.ReasonDomainEnforced || got.ProfileID != profileID {
					t.Errorf("%s: %+v", email, got)
				}
			}
		}
		follows(profile.ID)
		stop := p.Work(t)
		began = time.Now()
		deadline := began.Add(5 * time.Minute)
		for p.Count(t, "select count(*) from jobs where kind = 'end_sessions' and status = 'done'") == 0 && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
		}
		stop()
		t.Logf("sessions ended in %v", time.Since(began).Round(time.Millisecond))
		for email, token := range tokens {
			if p.Live(t, token) {
				t.Errorf("the session of %s goes on", email)
			}
		}
		took("move", enforcedIn, func() error {
			_, err := p.SSO.Enforce(t.Context(), parts.As(owner), []string{d.ID}, sso.Enforcement{ProfileID: other.ID})
			return err
		})
		follows(other.ID)
		took("who is not on SSO", enforcedIn, func() error {
			list, err := p.Directory.Users(t.Context(), parts.As(owner), directory.UserQuery{OrganizationID: acme.ID, WithoutSSO: true, Page: directory.Page{Limit: 50}})
			if len(list.Items) != 1 || list.Items[0].User.ID != owner.ID || list.Next != "" {
				t.Errorf("%d users, then %q", len(list.Items), list.Next)
			}
			return err
		})
		took("release", enforcedIn, func() error {
			_, err := p.SSO.Enforce(t.Context(), parts.As(owner), []string{d.ID}, sso.Enforcement{})
			return err
		})
		for email := range tokens {
			if got := p.Way(t, userOf(t, p, email).ID); got.Method != access.MethodPassword {
				t.Errorf("%s: %+v", email, got)
			}
		}
	})
}

func userOf(t *testing.T, p *parts.Parts, email string) (u directory.User) {
	t.Helper()
	a, err := directory.ParseAddress(email)
	if err != nil {
		t.Fatal(err)
	}
	p.View(t, func(tx *db.Tx) error {
		var ok bool
		if u, ok, err = p.Directory.UserByAddress(tx, a); !ok {
			t.Fatalf("nobody has %s", email)
		}
		return err
	})
	return u
}

// crowd inserts active users, past the use cases: for their number alone.
func crowd(t *testing.T, o *parts.Organization, n int) {
	t.Helper()
	for from := 0; from < n; from += 2000 {
		o.Update(t, access.System("test"), func(tx *db.Tx) error {
			tx.Recorded()
			var entries []*search.Entry
			for begin := from; begin < min(from+2000, n); begin += 100 {
				var rows []string
				var args []any
				for i := begin; i < min(begin+100, n); i++ {
					email, word := fmt.Sprintf("u%d@acme.test", i), fmt.Sprintf("u%d", i)
					userID := o.IDs.New(id.User)
					k := len(args)
					rows = append(rows, fmt.Sprintf("($%d,$%d,$%d,'acme.test','',$%d,'member','active','inherit','',1,1,1,1,1,$%d)", k+1, k+2, k+2, k+3, k+4))
					args = append(args, userID, email, o.ID, word)
					entries = append(entries, &search.Entry{OrganizationID: o.ID, ID: userID[4:], Words: []string{word},
						Class: search.Class{Kind: "user", Domain: "acme.test", Status: "active", Role: "member", SSO: "inherit"}})
				}
				if _, err := tx.Exec(`insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting,
					password_hash, password_set_at, proved_at, managed_at, activated_at, created_at, search_words) values `+strings.Join(rows, ","), args...); err != nil {
					return err
				}
			}
			return search.Put(tx, entries...)
		})
	}
	o.Exec(t, "analyze")
}
