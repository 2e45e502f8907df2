package directory_test

import (
	"fmt"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

func remove(t *testing.T, p *parts.Parts, userID string) {
	t.Helper()
	if err := p.Directory.RemoveUser(t.Context(), operator, userID); err != nil {
		t.Fatal(err)
	}
}

func TestARemovedUserBecomesIndependentAndLosesWhatTheOrganizationGave(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		u := acme.User(t, "user@acme.test", access.RoleAdministrator)
		account, err := p.Directory.CreateAccount(t.Context(), operator, acme.ID, "Account")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Directory.SetMember(t.Context(), operator, account.ID, u.ID, []string{"viewer"}); err != nil {
			t.Fatal(err)
		}
		profile := acme.Profile(t)
		p.SetSSO(t, u.ID, access.SSOEnabled, profile.ID)
		token := p.Session(t, u, session.Start{})
		remove(t, p, u.ID)

		want := u
		want.OrganizationID, want.Role, want.PasswordHash = "", "", "" // set under management
		parts.Same(t, p.User(t, u.ID), want)
		if p.Live(t, token) || p.Count(t, "select count(*) from account_members") != 0 {
			t.Error("a session or a membership is left")
		}
		profile.Enforce(t, d)
		if way := p.Way(t, u.ID); way.Reason != access.ReasonNotEnforced {
			t.Errorf("%+v", way)
		}
		if e := acme.Recorded(t, audit.UserRemoved); e.Target.ID != u.ID || fmt.Sprint(e.Changes) !=
			"[{user managed independent} {account Account: viewer <nil>} {role administrator <nil>} {sso enabled inherit} {password set <nil>}]" {
			t.Errorf("%+v", e)
		}
	})
}

func TestAPasswordFromBeforeStays(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		p.Independent(t, "user@acme.test")
		p.Pass(time.Hour)
		u := acme.Invited(t, "user@acme.test")
		remove(t, p, u.ID)
		if u = p.User(t, u.ID); !u.HasPassword() {
			t.Error("the password was lost")
		}
	})
}

func TestWhoWasNeverActiveIsDeleted(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		u := acme.Invited(t, "user@acme.test")
		remove(t, p, u.ID)
		if p.Count(t, "select count(*) from users") != 0 {
			t.Error("the user is still there")
		}
		if e := acme.Recorded(t, audit.UserRemoved); e.Changes[0].New != "deleted" {
			t.Errorf("%+v", e)
		}
		parts.Refused(t, p.Directory.RemoveUser(t.Context(), operator, u.ID), fault.NotFound)
		acme.Invited(t, "user@acme.test") // the address is free
	})
}

func TestAnIndependentUserIsDeletedByTheOperator(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "user@home.test")
		token := p.Session(t, u, session.Start{})
		remove(t, p, u.ID)
		if p.Count(t, "select count(*) from users") != 0 || p.Live(t, token) {
			t.Error("the user is still there")
		}
	})
}

func TestAnInvitationIsRevoked(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		member := acme.Add(t, directory.NewUser{Email: "a@home.test"}).Invitation
		owner := acme.Add(t, directory.NewUser{Email: "b@home.test", Role: access.RoleOwner}).Invitation
		try := func(actor access.Actor, id string) error { return p.Directory.RemoveUser(t.Context(), actor, id) }
		admin := acme.Actor(access.RoleAdministrator)
		parts.Refused(t, try(p.Organization(t, "Globex").Actor(access.RoleOwner), member.ID), fault.NotFound)
		parts.Refused(t, try(acme.Token(access.ScopeRead), member.ID), fault.Forbidden)
		parts.Refused(t, try(admin, owner.ID), fault.Forbidden)
		for _, err := range []error{try(admin, member.ID), try(acme.Actor(access.RoleOwner), owner.ID)} {
			if err != nil {
				t.Error(err)
			}
		}
		acme.Recorded(t, audit.InvitationRevoked)
		parts.Refused(t, try(admin, member.ID), fault.NotFound)
	})
}

func TestAnAdministratorRemovesNoOwner(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	acme.User(t, "first@acme.test", access.RoleOwner)
	owner := acme.User(t, "owner@acme.test", access.RoleOwner)
	parts.Refused(t, p.Directory.RemoveUser(t.Context(), acme.Actor(access.RoleAdministrator), owner.ID), fault.Forbidden)
	parts.Refused(t, p.Directory.RemoveUser(t.Context(), acme.Token(access.ScopeUsers), owner.ID), fault.Forbidden)
	if err := p.Directory.RemoveUser(t.Context(), acme.Token(access.ScopeAdmin), owner.ID); err != nil {
		t.Error(err)
	}
}
