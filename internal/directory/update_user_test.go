package directory_test

import (
	"fmt"
	"reflect"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

func update(t *testing.T, p *parts.Parts, actor access.Actor, userID string, in directory.UserChange) error {
	t.Helper()
	_, err := p.Directory.UpdateUser(t.Context(), actor, userID, in)
	return err
}

func TestAUserIsRenamed(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		if got := p.Change(t, u.ID, directory.UserChange{Name: ptr(" New Name ")}); got.Name != "New Name" {
			t.Errorf("%+v", got)
		}
		want := []audit.Change{{Field: "name", Old: "", New: "New Name"}}
		if e := acme.Recorded(t, audit.UserUpdated); !reflect.DeepEqual(e.Changes, want) {
			t.Errorf("%v", e.Changes)
		}
		before := len(acme.Events(t))
		p.Change(t, u.ID, directory.UserChange{Name: ptr("New Name")})
		p.Change(t, u.ID, directory.UserChange{})
		if n := len(acme.Events(t)); n != before {
			t.Errorf("%d events of no change", n-before)
		}
		err := update(t, p, operator, u.ID, directory.UserChange{Name: ptr("a\nb"), Status: ptr(access.UserDeactivated)})
		parts.Refused(t, err, fault.CodeInvalid)
	})
}

func TestAChangeHappensAsAWholeOrNotAtAll(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		token := p.Session(t, u, session.Start{})
		before := len(acme.Events(t))
		// The last step fails: there is no SSO profile.
		err := update(t, p, operator, u.ID, directory.UserChange{Name: ptr("New"), Status: ptr(access.UserDeactivated),
			Role: ptr(access.RoleOwner), SSO: &directory.SSOChange{Setting: access.SSODisabled}})
		parts.Refused(t, err, fault.SSOProfileMissing)
		if got := p.User(t, u.ID); got != u || !p.Live(t, token) || len(acme.Events(t)) != before {
			t.Errorf("%+v\n was %+v", got, u)
		}
	})
}

func TestDeactivationEndsTheSessionsAndReactivationBringsNoneBack(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u, other := acme.User(t, "user@acme.test", access.RoleMember), acme.User(t, "other@acme.test", access.RoleMember)
		token, others := p.Session(t, u, session.Start{}), p.Session(t, other, session.Start{})
		if got := p.SetStatus(t, u.ID, access.UserDeactivated); got.Status != access.UserDeactivated || !got.HasPassword() {
			t.Errorf("%+v", got)
		}
		if p.Live(t, token) || !p.Live(t, others) {
			t.Error("the wrong sessions live")
		}
		acme.Recorded(t, audit.UserDeactivated)
		if got := p.SetStatus(t, u.ID, access.UserActive); got.Status != access.UserActive {
			t.Errorf("%+v", got)
		}
		if p.Live(t, token) {
			t.Error("the session is back")
		}
		acme.Recorded(t, audit.UserReactivated)
	})
}

func TestWhoWasNeverActiveComesBackInvited(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		u := acme.Invited(t, "user@acme.test")
		parts.Refused(t, update(t, p, operator, u.ID, directory.UserChange{Status: ptr(access.UserActive)}), fault.Conflict)
		p.SetStatus(t, u.ID, access.UserDeactivated)
		if got := p.SetStatus(t, u.ID, access.UserActive); got.Status != access.UserInvited {
			t.Errorf("%+v", got)
		}
		active := acme.User(t, "active@acme.test", access.RoleMember)
		parts.Refused(t, update(t, p, operator, active.ID, directory.UserChange{Status: ptr(access.UserInvited)}), fault.Conflict)
		parts.Refused(t, update(t, p, operator, active.ID, directory.UserChange{Status: ptr(access.UserStatus("gone"))}), fault.CodeInvalid)
	})
}

// TestTheLastActiveOwnerStays tries every way to be rid of an owner, with and
// without another one.
func TestTheLastActiveOwnerStays(t *testing.T) {
	ways := map[string]func(t *testing.T, p *parts.Parts, u directory.User) error{
		"demoted": func(t *testing.T, p *parts.Parts, u directory.User) error {
			return update(t, p, operator, u.ID, directory.UserChange{Role: ptr(access.RoleMember)})
		},
		"made less": func(t *testing.T, p *parts.Parts, u directory.User) error {
			return update(t, p, parts.As(u), u.ID, directory.UserChange{Role: ptr(access.RoleAdministrator)})
		},
		"deactivated": func(t *testing.T, p *parts.Parts, u directory.User) error {
			return update(t, p, operator, u.ID, directory.UserChange{Status: ptr(access.UserDeactivated)})
		},
		"removed": func(t *testing.T, p *parts.Parts, u directory.User) error {
			return p.Directory.RemoveUser(t.Context(), operator, u.ID)
		},
	}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		for name, try := range ways {
			acme := p.Organization(t, "Acme")
			host := fmt.Sprintf("%s.test", acme.ID[4:])
			acme.Domain(t, host)
			owner := acme.User(t, "owner@"+host, access.RoleOwner)
			acme.User(t, "admin@"+host, access.RoleAdministrator)
			acme.Add(t, directory.NewUser{Email: "invited@" + host, Role: access.RoleOwner}) // never active
			gone := acme.User(t, "gone@"+host, access.RoleOwner)
			p.SetStatus(t, gone.ID, access.UserDeactivated)
			parts.Refused(t, try(t, p, owner), fault.LastOwner)
			if got := p.User(t, owner.ID); got != owner {
				t.Errorf("%s: %+v\n was %+v", name, got, owner)
			}
			acme.User(t, "second@"+host, access.RoleOwner)
			if err := try(t, p, owner); err != nil {
				t.Errorf("%s, with a second owner: %v", name, err)
			}
			// Those who are not active never were the last.
			if err := p.Directory.RemoveUser(t.Context(), operator, gone.ID); err != nil {
				t.Errorf("%s: a deactivated owner: %v", name, err)
			}
		}
	})
}

func TestTwoOwnersCanNotRemoveEachOther(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		a, b := acme.User(t, "a@acme.test", access.RoleOwner), acme.User(t, "b@acme.test", access.RoleOwner)
		errs := together(2, func(i int) error {
			if i == 0 {
				return p.Directory.RemoveUser(t.Context(), parts.As(a), b.ID)
			}
			_, err := p.Directory.UpdateUser(t.Context(), parts.As(b), a.ID, directory.UserChange{Status: ptr(access.UserDeactivated)})
			return err
		})
		if got := tally(errs); got[""] != 1 || got[fault.LastOwner] != 1 {
			t.Error(got)
		}
	})
}

func TestWhoMayChangeWhom(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.User(t, "first@acme.test", access.RoleOwner)
		owner, member := acme.User(t, "owner@acme.test", access.RoleOwner), acme.User(t, "member@acme.test", access.RoleMember)
		stale := acme.Actor(access.RoleAdministrator)
		stale.Fresh = false
		admin, globex := acme.Actor(access.RoleAdministrator), p.Organization(t, "Globex").Actor(access.RoleOwner)
		name := directory.UserChange{Name: ptr("Name")}
		off, role := directory.UserChange{Status: ptr(access.UserDeactivated)}, directory.UserChange{Role: ptr(access.RoleAdministrator)}
		own, sso := directory.UserChange{Role: ptr(access.RoleOwner)}, directory.UserChange{SSO: &directory.SSOChange{Setting: access.SSODisabled}}
		for i, c := range []struct {
			actor  access.Actor
			user   directory.User
			change directory.UserChange
			want   fault.Code
		}{
			{admin, member, name, ""}, {admin, owner, name, ""},
			{admin, owner, off, fault.Forbidden}, {admin, owner, role, fault.Forbidden}, {admin, member, own, fault.Forbidden},
			{admin, member, role, ""}, {stale, member, directory.UserChange{Role: ptr(access.RoleMember)}, fault.Forbidden}, {stale, member, name, ""},
			{stale, member, sso, fault.Forbidden},
			{acme.Token(access.ScopeUsers), member, name, ""}, {acme.Token(access.ScopeUsers), member, own, fault.Forbidden},
			{acme.Token(access.ScopeUsers), member, directory.UserChange{Role: ptr(access.RoleMember)}, fault.Forbidden},
			{acme.Token(access.ScopeUsers), member, sso, fault.Forbidden}, {acme.Token(access.ScopeUsers), owner, off, fault.Forbidden},
			{acme.Token(access.ScopeSSO), member, name, fault.Forbidden}, {acme.Token(access.ScopeSSO), member, sso, fault.Forbidden},
			{acme.Token(access.ScopeRead), member, name, fault.Forbidden}, {acme.Token(access.ScopeAudit), member, name, fault.Forbidden},
			{acme.Actor(access.RoleMember), member, name, fault.Forbidden}, {parts.As(member), member, name, fault.Forbidden},
			{access.Actor{}, member, name, fault.Unauthenticated},
			{globex, member, name, fault.NotFound}, {globex, owner, off, fault.NotFound}, {globex, member, directory.UserChange{}, fault.NotFound},
			{acme.Token(access.ScopeUsers), member, off, ""},
		} {
			if err := update(t, p, c.actor, c.user.ID, c.change); parts.Code(err) != c.want {
				t.Errorf("%d: %s %s on %s: %v, not %q", i, c.actor.Kind, c.actor.Name, c.user.Email, err, c.want)
			}
		}
		parts.Refused(t, update(t, p, operator, "usr_none", name), fault.NotFound)
	})
}

func TestIndependentUsersHaveNoRoleAndNoSwitch(t *testing.T) {
	p := parts.New(t, "sqlite")
	u := p.Independent(t, "user@home.test")
	parts.Refused(t, update(t, p, operator, u.ID, directory.UserChange{Role: ptr(access.RoleMember)}), fault.Conflict)
	parts.Refused(t, update(t, p, operator, u.ID, directory.UserChange{SSO: &directory.SSOChange{Setting: access.SSODisabled}}), fault.Conflict)
	acme := p.Organization(t, "Acme")
	acme.Domain(t, "home.test") // at the own domain, and still nobody's
	parts.Refused(t, update(t, p, acme.Actor(access.RoleOwner), u.ID, directory.UserChange{Name: ptr("Mine")}), fault.NotFound)
	parts.Refused(t, p.Directory.RemoveUser(t.Context(), acme.Actor(access.RoleOwner), u.ID), fault.NotFound)
}

func TestRolesAreChecked(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	u := acme.User(t, "user@acme.test", access.RoleMember)
	parts.Refused(t, update(t, p, operator, u.ID, directory.UserChange{Role: ptr(access.Role("king"))}), fault.CodeInvalid)
	parts.Refused(t, update(t, p, operator, u.ID, directory.UserChange{Role: ptr(access.Role(""))}), fault.CodeInvalid)
	p.Change(t, u.ID, directory.UserChange{Role: ptr(access.RoleOwner)})
	want := []audit.Change{{Field: "role", Old: "member", New: "owner"}}
	if e := acme.Recorded(t, audit.UserRoleChanged); !reflect.DeepEqual(e.Changes, want) {
		t.Errorf("%v", e.Changes)
	}
}
