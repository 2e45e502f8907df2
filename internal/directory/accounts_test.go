package directory_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

func account(t *testing.T, o *parts.Organization, name string) directory.Account {
	t.Helper()
	a, err := o.Directory.CreateAccount(t.Context(), o.Actor(access.RoleAdministrator), o.ID, name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestAccounts(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		admin := acme.Actor(access.RoleAdministrator)
		a := account(t, acme, " Launch pad ")
		if a.Name != "Launch pad" || !a.ArchivedAt.IsZero() {
			t.Errorf("%+v", a)
		}
		change := func(in directory.AccountChange) directory.Account {
			t.Helper()
			got, err := p.Directory.UpdateAccount(t.Context(), admin, a.ID, in)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		if got := change(directory.AccountChange{Name: ptr("Hangar"), Archived: ptr(true)}); got.Name != "Hangar" || got.ArchivedAt != p.Now() {
			t.Errorf("%+v", got)
		}
		acme.Recorded(t, audit.AccountArchived)
		if got := change(directory.AccountChange{Archived: ptr(false)}); !got.ArchivedAt.IsZero() {
			t.Errorf("%+v", got)
		}
		acme.Recorded(t, audit.AccountRestored)
		change(directory.AccountChange{Name: ptr("Pad")})
		acme.Recorded(t, audit.AccountUpdated)
		before := len(acme.Events(t))
		change(directory.AccountChange{Name: ptr("Pad"), Archived: ptr(false)})
		if len(acme.Events(t)) != before {
			t.Error("a change of nothing is recorded")
		}
		_, err := p.Directory.UpdateAccount(t.Context(), admin, a.ID, directory.AccountChange{Name: ptr(" ")})
		parts.Refused(t, err, fault.CodeInvalid)
		_, err = p.Directory.CreateAccount(t.Context(), admin, acme.ID, "")
		parts.Refused(t, err, fault.CodeInvalid)
		_, err = p.Directory.CreateAccount(t.Context(), operator, "org_none", "Account")
		parts.Refused(t, err, fault.NotFound)
	})
}

func TestMembersHaveRolesOfTheOperatorsList(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		admin := acme.Actor(access.RoleAdministrator)
		a, u := account(t, acme, "Account"), acme.User(t, "user@acme.test", access.RoleMember)
		put := func(userID string, roles ...string) ([]string, error) {
			p.Pass(time.Second) // events sort by time
			m, err := p.Directory.SetMember(t.Context(), admin, a.ID, userID, roles)
			return m.Roles, err
		}
		for _, c := range []struct{ sent, want []string }{
			{[]string{"viewer"}, []string{"viewer"}},
			{[]string{"viewer", "administrator", "viewer"}, []string{"administrator", "viewer"}}, // in the list's order, each once
		} {
			if got, err := put(u.ID, c.sent...); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v: %v, %v", c.sent, got, err)
			}
		}
		before := len(acme.Events(t))
		if _, err := put(u.ID, "viewer", "administrator"); err != nil || len(acme.Events(t)) != before {
			t.Errorf("the same roles: %v", err)
		}
		e := acme.Recorded(t, audit.AccountMemberChanged)
		if fmt.Sprint(e.Changes[1]) != "{roles [viewer] [administrator viewer]}" {
			t.Errorf("%v", e.Changes)
		}
		for _, wrong := range [][]string{{}, nil, {"owner"}, {"viewer", "Viewer"}, {""}} {
			_, err := put(u.ID, wrong...)
			parts.Refused(t, err, fault.CodeInvalid)
		}
		members, err := p.Directory.Members(t.Context(), admin, a.ID, directory.Page{Limit: 10})
		if err != nil || len(members) != 1 || members[0].UserID != u.ID {
			t.Errorf("%v, %v", members, err)
		}
	})
}

func TestOnlyManagedUsersBecomeMembers(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		a := account(t, acme, "Account")
		foreign, independent := globex.User(t, "user@globex.test", access.RoleMember), p.Independent(t, "user@home.test")
		for _, userID := range []string{foreign.ID, independent.ID, "usr_none", ""} {
			_, err := p.Directory.SetMember(t.Context(), operator, a.ID, userID, []string{"viewer"})
			parts.Refused(t, err, fault.NotFound)
			parts.Refused(t, p.Directory.RemoveMember(t.Context(), operator, a.ID, userID), fault.NotFound)
		}
	})
}

func TestMembershipsAreThoseOfAccountsInUse(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		pad, hangar := account(t, acme, "Pad"), account(t, acme, "Hangar")
		for _, a := range []directory.Account{pad, hangar} {
			if _, err := p.Directory.SetMember(t.Context(), operator, a.ID, u.ID, []string{"developer"}); err != nil {
				t.Fatal(err)
			}
		}
		names := func() (list []string) {
			p.View(t, func(tx *db.Tx) error {
				accounts, members, err := p.Directory.Memberships(tx, u.ID)
				for i, a := range accounts {
					list = append(list, a.Name+" "+members[i].Roles[0])
				}
				return err
			})
			return list
		}
		if got := names(); len(got) != 2 {
			t.Error(got)
		}
		if _, err := p.Directory.UpdateAccount(t.Context(), operator, pad.ID, directory.AccountChange{Archived: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(names()); got != "[Hangar developer]" {
			t.Error(got)
		}
		if err := p.Directory.RemoveMember(t.Context(), operator, hangar.ID, u.ID); err != nil || names() != nil {
			t.Errorf("%v, %v", err, names())
		}
		acme.Recorded(t, audit.AccountMemberRemoved)
	})
}

func TestAccountsOfAnotherOrganizationAreHidden(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	a, owner := account(t, acme, "Account"), globex.Actor(access.RoleOwner)
	_, err := p.Directory.Account(t.Context(), owner, a.ID)
	parts.Refused(t, err, fault.NotFound)
	_, err = p.Directory.UpdateAccount(t.Context(), owner, a.ID, directory.AccountChange{Name: ptr("Mine")})
	parts.Refused(t, err, fault.NotFound)
	_, err = p.Directory.Members(t.Context(), owner, a.ID, directory.Page{Limit: 1})
	parts.Refused(t, err, fault.NotFound)
	_, err = p.Directory.Accounts(t.Context(), owner, acme.ID, directory.Page{Limit: 1})
	parts.Refused(t, err, fault.NotFound)
	_, err = p.Directory.Account(t.Context(), acme.Actor(access.RoleMember), a.ID)
	parts.Refused(t, err, fault.Forbidden)
	if got, err := p.Directory.Account(t.Context(), acme.Token(access.ScopeRead), a.ID); err != nil || got != a {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheAccountsOfAUser(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		one, two := account(t, acme, "One"), account(t, acme, "Two")
		for _, a := range []directory.Account{one, two} {
			if _, err := p.Directory.SetMember(t.Context(), operator, a.ID, u.ID, []string{"viewer", "developer"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.Directory.UpdateAccount(t.Context(), operator, two.ID, directory.AccountChange{Archived: ptr(true)}); err != nil {
			t.Fatal(err)
		}
		list, err := p.Directory.Places(t.Context(), acme.Token(access.ScopeRead), u.ID)
		if err != nil || len(list) != 1 || list[0].Account.ID != one.ID || strings.Join(list[0].Roles, " ") != "developer viewer" {
			t.Errorf("%+v, %v", list, err)
		}
		_, err = p.Directory.Places(t.Context(), globex.Actor(access.RoleOwner), u.ID)
		parts.Refused(t, err, fault.NotFound)
		_, err = p.Directory.Places(t.Context(), acme.Token(access.ScopeSSO), u.ID)
		parts.Refused(t, err, fault.Forbidden)
	})
}
