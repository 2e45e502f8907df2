package signin_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

func TestWhoseSessionItIs(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u, independent := acme.User(t, "user@acme.test", access.RoleOwner), p.Independent(t, "user@home.test")
		i := identity(t, p, p.Session(t, u, session.Start{}))
		if i.User != u || i.Organization.ID != acme.ID || !i.ExpiresAt.Equal(p.Now().Add(time.Hour)) {
			t.Errorf("%+v", i)
		}
		want := access.Actor{Kind: access.KindUser, ID: u.ID, Name: u.Email, OrganizationID: acme.ID, Role: access.RoleOwner,
			SessionID: i.Session.ID, Method: access.MethodPassword, Fresh: true, Address: "192.0.2.1", Agent: "B"}
		if got := i.Actor("192.0.2.1", "B"); got != want {
			t.Errorf("%+v\n not %+v", got, want)
		}
		if i = identity(t, p, p.Session(t, independent, session.Start{})); i.Organization.ID != "" || i.User.ID != independent.ID {
			t.Errorf("%+v", i)
		}
		for _, none := range []string{"", "none"} {
			if identity(t, p, none) != nil {
				t.Errorf("%q is somebody's", none)
			}
		}
	})
}

func TestASessionOfWhoMayNotBeHereIsNobodys(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		token := p.Session(t, u, session.Start{})
		for status, live := range map[access.UserStatus]bool{access.UserActive: true, access.UserInvited: false, access.UserDeactivated: false} {
			p.Exec(t, "update users set status = $2 where id = $1", u.ID, string(status))
			if p.Live(t, token) != live {
				t.Errorf("%s: live %v", status, !live)
			}
		}
		p.Exec(t, "delete from users where id = $1", u.ID)
		if p.Live(t, token) {
			t.Error("of nobody, and live")
		}
	})
}

func TestSigningOut(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		token, other := p.Session(t, u, session.Start{}), p.Session(t, u, session.Start{})
		i := identity(t, p, token)
		for range 2 { // the second time there is nothing to end
			if err := p.SignIn.SignOut(t.Context(), i.Actor("", ""), i); err != nil {
				t.Fatal(err)
			}
		}
		if p.Live(t, token) || !p.Live(t, other) {
			t.Error("the wrong session lives")
		}
		n := 0
		for _, e := range acme.Events(t) {
			if e.Action == audit.SignedOut {
				n++
			}
		}
		if n != 1 {
			t.Errorf("recorded %d times", n)
		}
	})
}

func TestAUserSeesAndEndsTheirOwnSessions(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u, other := p.Independent(t, "user@home.test"), p.Independent(t, "other@home.test")
		over, theirs := p.Session(t, u, session.Start{}), p.Session(t, other, session.Start{})
		p.Pass(time.Hour)
		here, there := p.Session(t, u, session.Start{}), p.Session(t, u, session.Start{Method: access.MethodSSO})
		i := identity(t, p, here)
		list, err := p.SignIn.Sessions(t.Context(), i)
		if err != nil || len(list) != 2 || list[1].ID != i.Session.ID || list[0].Method != access.MethodSSO {
			t.Fatalf("%+v, %v", list, err)
		}
		end := func(id string) error { return p.SignIn.EndSession(t.Context(), i.Actor("", ""), id) }
		if err := end(list[0].ID); err != nil || p.Live(t, there) || !p.Live(t, here) {
			t.Errorf("%v", err)
		}
		parts.Refused(t, end(list[0].ID), fault.NotFound)
		parts.Refused(t, end("ses_none"), fault.NotFound)
		p.Exec(t, "update session_activity set last_seen_at = $1", p.Now())
		parts.Refused(t, end(identity(t, p, theirs).Session.ID), fault.NotFound)
		if !p.Live(t, theirs) || !p.Live(t, over) {
			t.Error("somebody else's was ended")
		}
	})
}

func TestAnAdministratorSeesAndEndsSessions(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		one, two := p.Session(t, u, session.Start{}), p.Session(t, u, session.Start{})
		for name, c := range map[string]struct {
			actor     access.Actor
			see, kill fault.Code
		}{
			"a member":           {acme.Actor(access.RoleMember), fault.Forbidden, fault.Forbidden},
			"an owner elsewhere": {p.Organization(t, "Globex").Actor(access.RoleOwner), fault.NotFound, fault.NotFound},
			"a token that reads": {acme.Token(access.ScopeRead), "", fault.Forbidden},
			"nobody":             {access.Actor{}, fault.Unauthenticated, fault.Unauthenticated},
		} {
			list, err := p.SignIn.UserSessions(t.Context(), c.actor, u.ID)
			if parts.Code(err) != c.see || c.see == "" && len(list) != 2 {
				t.Errorf("%s sees %v, %v", name, list, err)
			}
			if err := p.SignIn.EndUserSessions(t.Context(), c.actor, u.ID); parts.Code(err) != c.kill {
				t.Errorf("%s ends: %v", name, err)
			}
		}
		if err := p.SignIn.EndUserSessions(t.Context(), acme.Token(access.ScopeUsers), u.ID); err != nil || p.Live(t, one) || p.Live(t, two) {
			t.Errorf("%v", err)
		}
		if e := acme.Recorded(t, audit.SessionsEnded); e.Target.ID != u.ID || e.Changes[0].Old != 2.0 {
			t.Errorf("%+v", e)
		}
		_, err := p.SignIn.UserSessions(t.Context(), operator, "usr_none")
		parts.Refused(t, err, fault.NotFound)
		parts.Refused(t, p.SignIn.EndUserSessions(t.Context(), operator, "usr_none"), fault.NotFound)
	})
}
