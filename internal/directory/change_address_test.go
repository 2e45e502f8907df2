package directory_test

import (
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

func TestAnAddressChangesOnceItIsConfirmed(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		rockets := acme.Domain(t, "rockets.test")
		profile := acme.Profile(t)
		profile.Enforce(t, rockets)
		u := acme.User(t, "user@acme.test", access.RoleMember)
		token := p.Session(t, u, session.Start{})
		p.Mails(t, u.Email)

		if err := update(t, p, acme.Actor(access.RoleAdministrator), u.ID, directory.UserChange{Email: ptr("New.Name@Rockets.test")}); err != nil {
			t.Fatal(err)
		}
		if now := p.User(t, u.ID); now.Email != u.Email || !p.Live(t, token) {
			t.Errorf("%+v", now)
		}
		view, err := p.Directory.User(t.Context(), operator, u.ID)
		if err != nil || view.NewEmail != "New.Name@Rockets.test" {
			t.Errorf("%+v, %v", view, err)
		}
		if e := acme.Recorded(t, audit.UserAddressAsked); e.Changes[0].Old != "user@acme.test" || e.Changes[0].New != "New.Name@Rockets.test" {
			t.Errorf("%+v", e)
		}
		if len(p.Mails(t, u.Email)) != 0 {
			t.Error("nothing has happened yet that the old address could be told")
		}
		secret := parts.LinkToken(t, p.Mail(t, "New.Name@rockets.test"))
		shown, err := p.SignIn.Proof(t.Context(), secret)
		if want := (signin.ProofView{Email: "New.Name@Rockets.test", Organization: "Acme", Old: "user@acme.test"}); err != nil || shown != want {
			t.Errorf("%+v, %v", shown, err)
		}
		if _, err := p.SignIn.ProveAddress(t.Context(), access.Actor{}, secret); err != nil {
			t.Fatal(err)
		}
		now := p.User(t, u.ID)
		if now.Email != "New.Name@Rockets.test" || now.Key != "new.name@rockets.test" || now.Domain != "rockets.test" || !now.HasPassword() {
			t.Errorf("%+v", now)
		}
		if p.Live(t, token) {
			t.Error("the session goes on")
		}
		if d := p.Way(t, u.ID); d.Method != access.MethodSSO || d.ProfileID != profile.ID {
			t.Errorf("the policy decides anew: %+v", d)
		}
		p.Mail(t, u.Email) // the old address is told
		if e := acme.Recorded(t, audit.UserAddressChanged); e.Changes[0].Old != "user@acme.test" || e.Changes[0].New != "New.Name@Rockets.test" {
			t.Errorf("%+v", e)
		}
		for text, n := range map[string]int{"new.name": 1, "rockets": 1, "user@acme": 0} {
			list, err := p.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: acme.ID, Text: text, Page: directory.Page{Limit: 5}})
			if err != nil || len(list.Items) != n {
				t.Errorf("%s: %d found, %v", text, len(list.Items), err)
			}
		}
		_, err = p.SignIn.ProveAddress(t.Context(), access.Actor{}, secret)
		parts.Refused(t, err, fault.LinkUsed)
	})
}

func TestAddressesThatAUserCannotHave(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		acme.Domain(t, "acme.test")
		acme.Claim(t, "pending.test")
		frozen := acme.Domain(t, "frozen.test")
		p.Status(t, frozen, access.DomainFrozen)
		globex.Domain(t, "globex.test")
		acme.User(t, "other@acme.test", access.RoleMember)
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		independent := p.Independent(t, "user@home.test")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		admin := acme.Actor(access.RoleAdministrator)
		stale := admin
		stale.Fresh = false
		for _, c := range []struct {
			name  string
			actor access.Actor
			user  string
			email string
			code  fault.Code
		}{
			{"nonsense", admin, u.ID, "nonsense", fault.CodeInvalid},
			{"nobody's domain", admin, u.ID, "user@nobody.test", fault.DomainNotVerified},
			{"a claimed domain", admin, u.ID, "user@pending.test", fault.DomainNotVerified},
			{"another organization's", admin, u.ID, "user@globex.test", fault.DomainNotVerified},
			{"somebody else's", admin, u.ID, "OTHER@acme.test", fault.Conflict},
			{"a frozen domain is held", admin, u.ID, "user@frozen.test", ""},
			{"of an owner, by an administrator", admin, owner.ID, "mine@acme.test", fault.Forbidden},
			{"of an owner, by an owner", acme.Actor(access.RoleOwner), owner.ID, "new@acme.test", ""},
			{"of an independent user", operator, independent.ID, "new@home.test", fault.Conflict},
			{"some time after the sign-in", stale, u.ID, "new@acme.test", fault.Forbidden},
			{"by another organization", globex.Actor(access.RoleOwner), u.ID, "new@acme.test", fault.NotFound},
			{"by a token for users", acme.Token(access.ScopeUsers), u.ID, "by-token@acme.test", ""},
			{"by a token that reads", acme.Token(access.ScopeRead), u.ID, "new@acme.test", fault.Forbidden},
		} {
			_, err := p.Directory.UpdateUser(t.Context(), c.actor, c.user, directory.UserChange{Email: &c.email})
			if got := parts.Code(err); got != c.code {
				t.Errorf("%s: %q, %v", c.name, got, err)
			}
		}
	})
}

// TestWhatEndsAChangeOfAddress before it is confirmed.
func TestWhatEndsAChangeOfAddress(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		rockets := acme.Domain(t, "rockets.test")
		for name, c := range map[string]struct {
			end  func(u directory.User)
			code fault.Code
		}{
			"the present address": {func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Email: &u.Email}) }, fault.LinkExpired},
			"another change":      {func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Email: ptr("third@acme.test")}) }, fault.LinkExpired},
			"removal":             {func(u directory.User) { remove(t, p, u.ID) }, fault.LinkExpired},
			"deactivation":        {func(u directory.User) { p.SetStatus(t, u.ID, access.UserDeactivated) }, fault.UserDeactivated},
			"time":                {func(directory.User) { p.Pass(25 * time.Hour) }, fault.LinkExpired},
			"somebody else's address by now": {func(u directory.User) {
				acme.User(t, "new-"+u.ID+"@rockets.test", access.RoleMember)
			}, fault.Conflict},
		} {
			t.Run(name, func(t *testing.T) { endsChange(t, acme, c.end, c.code) })
		}
		t.Run("a domain that is gone", func(t *testing.T) {
			endsChange(t, acme, func(directory.User) {
				if err := p.Directory.DeleteDomain(t.Context(), operator, rockets.ID); err != nil {
					t.Fatal(err)
				}
			}, fault.DomainNotVerified)
		})
	})
}

func endsChange(t *testing.T, o *parts.Organization, end func(directory.User), code fault.Code) {
	t.Helper()
	u := o.User(t, "user-"+string(code)+"@acme.test", access.RoleMember)
	to := "new-" + u.ID + "@rockets.test"
	o.Change(t, u.ID, directory.UserChange{Email: &to})
	secret := parts.LinkToken(t, o.Mail(t, to))
	end(u)
	_, err := o.SignIn.ProveAddress(t.Context(), access.Actor{}, secret)
	parts.Refused(t, err, code)
	if n := o.Count(t, "select count(*) from users where id = $1 and email = $2", u.ID, to); n != 0 {
		t.Error("the address was changed")
	}
	if n := o.Count(t, "select count(*) from users where id = $1 and organization_id is not null", u.ID); n == 1 {
		remove(t, o.Parts, u.ID)
	}
}
