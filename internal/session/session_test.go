package session_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

// changed is a change of an organization's limits, in minutes.
func changed(idle, most int64) directory.OrganizationChange {
	return directory.OrganizationChange{SessionIdleMinutes: &idle, SessionMaxMinutes: &most}
}

func TestExpiresAt(t *testing.T) {
	begun := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	limits := session.Limits{Idle: time.Hour, Max: 12 * time.Hour}
	for name, c := range map[string]struct {
		s    session.Session
		want time.Duration
	}{
		"never used":                   {session.Session{LastSeenAt: begun}, time.Hour},
		"used":                         {session.Session{LastSeenAt: begun.Add(5 * time.Hour)}, 6 * time.Hour},
		"used to the end":              {session.Session{LastSeenAt: begun.Add(11*time.Hour + 30*time.Minute)}, 12 * time.Hour},
		"bounded by the IdP":           {session.Session{LastSeenAt: begun, NotOnOrAfter: begun.Add(10 * time.Minute)}, 10 * time.Minute},
		"bounded later":                {session.Session{LastSeenAt: begun, NotOnOrAfter: begun.Add(24 * time.Hour)}, time.Hour},
		"bounded in the past":          {session.Session{LastSeenAt: begun, NotOnOrAfter: begun.Add(-time.Minute)}, -time.Minute},
		"recovery":                     {session.Session{Method: access.MethodRecovery, LastSeenAt: begun.Add(50 * time.Minute)}, time.Hour},
		"recovery is idle as well":     {session.Session{Method: access.MethodRecovery, LastSeenAt: begun.Add(-30 * time.Minute)}, 30 * time.Minute},
		"sso is as long as a password": {session.Session{Method: access.MethodSSO, LastSeenAt: begun}, time.Hour},
	} {
		c.s.CreatedAt = begun
		if got := c.s.ExpiresAt(limits).Sub(begun); got != c.want {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}

func TestFreshIsTenMinutesFromTheProof(t *testing.T) {
	proved := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	s := session.Session{Method: access.MethodSSO, AuthenticatedAt: proved, CreatedAt: proved.Add(time.Hour)}
	for after, want := range map[time.Duration]bool{
		0: true, 10*time.Minute - time.Microsecond: true, 10 * time.Minute: false, time.Hour: false,
	} {
		if got := s.Fresh(proved.Add(after)); got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	recovery := session.Session{Method: access.MethodRecovery, AuthenticatedAt: proved}
	if !recovery.Fresh(proved.Add(59 * time.Minute)) {
		t.Error("recovery is fresh all the time")
	}
}

func TestASessionIsFoundByItsTokenAlone(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		token := p.Session(t, u, session.Start{Method: access.MethodSSO, ProfileID: "sso_1", NameID: "name", SessionIndex: "_1", NotOnOrAfter: p.Now().Add(time.Hour)})
		find := func(token string) (s session.Session, ok bool) {
			p.View(t, func(tx *db.Tx) (err error) {
				s, ok, err = p.Sessions.Find(tx, token)
				return err
			})
			return s, ok
		}
		s, ok := find(token)
		want := session.Session{ID: s.ID, UserID: u.ID, Method: access.MethodSSO, ProfileID: "sso_1", NameID: "name", SessionIndex: "_1",
			AuthenticatedAt: p.Now(), CreatedAt: p.Now(), LastSeenAt: p.Now(), NotOnOrAfter: s.NotOnOrAfter}
		if !ok || s != want || s.NotOnOrAfter.IsZero() {
			t.Errorf("%+v\n not %+v", s, want)
		}
		for _, wrong := range []string{"", token + "A", token[1:], s.ID, "' or ''='", string(make([]byte, 1000))} {
			if got, ok := find(wrong); ok {
				t.Errorf("%q finds %+v", wrong, got)
			}
		}
		if n := p.Count(t, "select count(*) from sessions where id = $1 or name_id = $1 or address = $1 or agent = $1", token); n != 0 {
			t.Error("the token stands in the table")
		}
	})
}

// TestNobodyIsAuthenticatedInTheFuture keeps an Identity Provider whose clock is
// ahead from making a session fresh for longer.
func TestNobodyIsAuthenticatedInTheFuture(t *testing.T) {
	p := parts.New(t, "sqlite")
	u := p.Independent(t, "user@home.test")
	for _, c := range []struct{ sent, want time.Duration }{{time.Minute, 0}, {0, 0}, {-time.Hour, -time.Hour}} {
		p.Update(t, parts.As(u), func(tx *db.Tx) error {
			tx.Recorded()
			_, s, err := p.Sessions.Begin(tx, session.Start{UserID: u.ID, Method: access.MethodSSO, AuthenticatedAt: tx.Now().Add(c.sent)})
			if got := s.AuthenticatedAt.Sub(tx.Now()); got != c.want {
				t.Errorf("%v: %v", c.sent, got)
			}
			return err
		})
	}
}

func TestSessionsEnd(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u, other := p.Independent(t, "user@home.test"), p.Independent(t, "other@home.test")
		tokens := []string{p.Session(t, u, session.Start{}), p.Session(t, u, session.Start{}), p.Session(t, u, session.Start{})}
		others := p.Session(t, other, session.Start{})
		var list []session.Session
		p.Update(t, parts.As(u), func(tx *db.Tx) (err error) {
			tx.Recorded()
			if list, err = p.Sessions.OfUser(tx, u.ID); err != nil {
				return err
			}
			// Somebody else's session is not ended by its id.
			if ended, err := p.Sessions.End(tx, other.ID, list[0].ID); ended || err != nil {
				t.Errorf("%v, %v", ended, err)
			}
			if ended, err := p.Sessions.End(tx, u.ID, list[0].ID); !ended || err != nil {
				t.Errorf("%v, %v", ended, err)
			}
			if n, err := p.Sessions.EndOfUser(tx, u.ID, list[2].ID); n != 1 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			return nil
		})
		// Newest first: what was begun first was spared.
		if got := fmt.Sprint(p.Live(t, tokens[0]), p.Live(t, tokens[1]), p.Live(t, tokens[2]), p.Live(t, others)); got != "true false false true" {
			t.Error(got)
		}
		if n := p.Count(t, "select count(*) from session_activity"); n != 2 {
			t.Errorf("%d activities of 2 sessions", n)
		}
	})
}

func TestTouchWritesOnceAMinute(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		token := p.Session(t, u, session.Start{})
		seen := func() time.Time {
			var s session.Session
			p.View(t, func(tx *db.Tx) (err error) {
				s, _, err = p.Sessions.Find(tx, token)
				return err
			})
			return s.LastSeenAt
		}
		touch := func() {
			t.Helper()
			i, err := p.SignIn.Authenticate(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.SignIn.Touch(t.Context(), i, p.Now()); err != nil {
				t.Fatal(err)
			}
		}
		begun := seen()
		p.Pass(59 * time.Second)
		if touch(); seen() != begun {
			t.Error("written before a minute was over")
		}
		p.Pass(time.Second)
		if touch(); seen() != p.Now() {
			t.Error("not written after a minute")
		}
	})
}

func TestLimitsOfTheOrganizationAreCounted(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Set(t, changed(5, 15))
		u, independent := acme.User(t, "user@acme.test", access.RoleMember), p.Independent(t, "user@home.test")
		token, theirs := p.Session(t, u, session.Start{}), p.Session(t, independent, session.Start{})
		p.Pass(5*time.Minute - 2*time.Millisecond) // a session takes one to begin
		if !p.Live(t, token) {
			t.Error("ended before it was idle for too long")
		}
		if p.Pass(time.Millisecond); p.Live(t, token) || !p.Live(t, theirs) {
			t.Error("goes on, or the limits count for others")
		}
		// A longer limit brings it back: the policy is evaluated, not copied.
		if acme.Set(t, changed(60, 15)); !p.Live(t, token) {
			t.Error("the new limit does not count")
		}
		if p.Pass(10 * time.Minute); p.Live(t, token) {
			t.Error("goes on beyond its whole life")
		}
		if p.Pass(45*time.Minute + 2*time.Millisecond); p.Live(t, theirs) {
			t.Error("the default limit does not count")
		}
	})
}

func TestPurgeTakesWhatIsOverUnderAnyLimits(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		p.Session(t, u, session.Start{})
		p.Pass(session.MaxIdle + time.Millisecond)
		kept := p.Session(t, u, session.Start{})
		if err := p.Sessions.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, err := p.Sessions.Count(t.Context()); n != 1 || err != nil || !p.Live(t, kept) {
			t.Errorf("%d sessions, %v", n, err)
		}
		// In use every day, and too old after a month.
		for range 31 {
			p.Exec(t, "update session_activity set last_seen_at = $1", p.Now())
			p.Pass(session.MaxIdle - time.Minute)
		}
		p.Exec(t, "update session_activity set last_seen_at = $1", p.Now())
		if err := p.Sessions.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from sessions") + p.Count(t, "select count(*) from session_activity"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

func TestPurgeGoesOnToTheEnd(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		p.Update(t, parts.As(u), func(tx *db.Tx) error {
			tx.Recorded()
			for range 1201 {
				if _, _, err := p.Sessions.Begin(tx, session.Start{UserID: u.ID, Method: access.MethodPassword}); err != nil {
					return err
				}
			}
			return nil
		})
		p.Pass(2 * session.MaxMax) // idle for too long and too old, both
		if err := p.Sessions.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n, _ := p.Sessions.Count(t.Context()); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
}

func TestBeginningASessionIsRecordedByTheCaller(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		err := p.DB.Update(context.Background(), parts.As(u), func(tx *db.Tx) error {
			_, _, err := p.Sessions.Begin(tx, session.Start{UserID: u.ID, Method: access.MethodPassword})
			return err
		})
		if err == nil || p.Count(t, "select count(*) from sessions") != 0 {
			t.Errorf("without an audit event: %v", err)
		}
	})
}
