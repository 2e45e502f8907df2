package sso_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// ticket goes as far as a ticket and returns what the right browser brings
// back.
func (s *scene) ticket(t *testing.T, email string) sso.Finish {
	t.Helper()
	s.Pass(time.Millisecond)
	req, browser := s.Start(t, "/x")
	out, err := s.Consume(t, s.Answer(req.ID, email))
	if err != nil {
		t.Fatal(err)
	}
	return sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{browser}}
}

func TestATicketIsGoodForAMinute(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		in := s.ticket(t, s.user.Email)
		p.Pass(60*time.Second - time.Microsecond)
		if _, err := p.Finish(t, in); err != nil {
			t.Error(err)
		}
		in = s.ticket(t, s.user.Email)
		p.Pass(60 * time.Second)
		_, err := p.Finish(t, in)
		s.refused(t, err, fault.SAMLRequestExpired)
		if err := p.SSO.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from sso_tickets") != 2 {
			t.Errorf("gone at once, %v", err)
		}
		p.Pass(time.Hour + time.Second)
		if err := p.SSO.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from sso_tickets") != 0 {
			t.Errorf("there for ever, %v", err)
		}
	})
}

func TestATicketIsBoundToItsBrowser(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		in := s.ticket(t, s.user.Email)
		_, foreign := s.Start(t, "")
		for name, tokens := range map[string][]string{"no cookie": nil, "an empty one": {""}, "another flow's": {foreign}, "the ticket itself": {in.Ticket}} {
			_, err := p.Finish(t, sso.Finish{Ticket: in.Ticket, BrowserTokens: tokens})
			if parts.Code(err) != fault.SAMLRequestUnknown {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, none := range []string{"", "none", in.BrowserTokens[0]} {
			if _, err := p.Finish(t, sso.Finish{Ticket: none, BrowserTokens: in.BrowserTokens}); parts.Code(err) != fault.SAMLRequestUnknown {
				t.Errorf("%q: %v", none, err)
			}
		}
		// All of that has used nothing up.
		if out, err := p.Finish(t, in); err != nil || !p.Live(t, out.SessionToken) {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestATicketIsUsedOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		in := s.ticket(t, s.user.Email)
		done := make(chan error)
		for range 10 {
			go func() {
				_, err := p.SSO.Finish(t.Context(), access.Actor{}, in)
				done <- err
			}()
		}
		got := map[fault.Code]int{}
		for range 10 {
			got[parts.Code(<-done)]++
		}
		if got[""] != 1 || got[fault.SAMLReplayed] != 9 || p.Count(t, "select count(*) from sessions") != 1 {
			t.Error(got)
		}
	})
}

func TestTheBackButtonIsNoMistake(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		in := s.ticket(t, s.user.Email)
		out, err := p.Finish(t, in)
		if err != nil {
			t.Fatal(err)
		}
		if in.Current, err = p.SignIn.Authenticate(t.Context(), out.SessionToken); err != nil {
			t.Fatal(err)
		}
		again, err := p.Finish(t, in)
		if err != nil || again.SessionToken != "" || again.ReturnTo != "/x" || again.User.ID != s.user.ID {
			t.Errorf("%+v, %v", again, err)
		}
		// For anybody else it is.
		other := p.Independent(t, "other@home.test")
		if in.Current, err = p.SignIn.Authenticate(t.Context(), p.Session(t, other, session.Start{})); err != nil {
			t.Fatal(err)
		}
		_, err = p.Finish(t, in)
		s.refused(t, err, fault.SAMLReplayed)
		in.Current = nil
		_, err = p.Finish(t, in)
		s.refused(t, err, fault.SAMLReplayed)
	})
}

func TestThePolicyIsAskedAgainAtTheFinish(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		for _, c := range []struct {
			name   string
			change func(u directory.User)
			want   fault.Code
		}{
			{"deactivated", func(u directory.User) { p.SetStatus(t, u.ID, access.UserDeactivated) }, fault.UserDeactivated},
			{"exempt", func(u directory.User) { p.SetSSO(t, u.ID, access.SSODisabled, "") }, fault.SSONotEnabledForUser},
			{"moved", func(u directory.User) { p.SetSSO(t, u.ID, access.SSOEnabled, s.Organization.Profile(t).ID) }, fault.SSOProfileMismatch},
			{"removed", func(u directory.User) {
				if err := p.Directory.RemoveUser(t.Context(), operator, u.ID); err != nil {
					t.Fatal(err)
				}
			}, fault.UserNotFound},
			{"deleted", func(u directory.User) { p.Exec(t, "delete from users where id = $1", u.ID) }, fault.UserNotFound},
			{"domain lost", func(directory.User) { p.Status(t, s.domain, access.DomainPending) }, fault.DomainNotVerified},
			{"released", func(directory.User) { p.Status(t, s.domain, access.DomainVerified); p.Release(t, s.domain) }, fault.SSONotEnabledForUser},
			{"disabled", func(directory.User) { s.Set(t, sso.Input{State: ptr(sso.Disabled)}) }, fault.SSOProfileDisabled},
		} {
			u := s.User(t, c.name[:4]+"@acme.test", access.RoleMember)
			if c.name == "released" {
				p.Status(t, s.domain, access.DomainVerified)
			}
			if c.name == "disabled" {
				s.Enforce(t, s.domain)
			}
			in := s.ticket(t, u.Email)
			if c.name == "disabled" {
				p.Release(t, s.domain)
			}
			c.change(u)
			p.Pass(time.Millisecond)
			if _, err := p.Finish(t, in); parts.Code(err) != c.want {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	})
}

func TestAnotherUsersSessionIsAskedForAtTheFinish(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		other := p.Session(t, p.Independent(t, "other@home.test"), session.Start{})
		who, err := p.SignIn.Authenticate(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		in := s.ticket(t, s.user.Email)
		in.Current = who
		out, err := p.Finish(t, in)
		if err != nil || out.Page != signin.PageContinue || !p.Live(t, other) || out.SpentToken != in.BrowserTokens[0] {
			t.Fatalf("%+v, %v", out, err)
		}
		out, err = p.SignIn.Continue(t.Context(), access.Actor{}, signin.Answer{PageToken: out.PageToken, BrowserTokens: []string{out.BrowserToken}, Current: who, Named: who.User.ID})
		if err != nil || out.ReturnTo != "/x" || p.Live(t, other) || !p.Live(t, out.SessionToken) {
			t.Errorf("%+v, %v", out, err)
		}
	})
}
