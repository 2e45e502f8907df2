package directory_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/testenv/parts"
)

// pages reads a list to its end, a page at a time.
func pages[T any](t *testing.T, limit int, read func(directory.Page) ([]T, error), cursor func(T) string) (all []T) {
	t.Helper()
	for after := ""; ; {
		page, err := read(directory.Page{After: after, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) > limit {
			t.Fatalf("%d on a page of %d", len(page), limit)
		}
		if all = append(all, page...); len(page) < limit {
			return all
		}
		after = cursor(page[len(page)-1])
	}
}

// userPages reads a list of users to its end.
func userPages(t *testing.T, p *parts.Parts, q directory.UserQuery) (all []directory.UserView) {
	t.Helper()
	for {
		page, err := p.Directory.Users(t.Context(), operator, q)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > q.Limit {
			t.Fatalf("%d on a page of %d", len(page.Items), q.Limit)
		}
		if all = append(all, page.Items...); page.Next == "" {
			return all
		}
		q.After = page.Next
	}
}

// label names a user or an invitation in a list.
func label(v directory.UserView) string {
	if v.Invitation != nil {
		return "invited " + v.Invitation.Email
	}
	return v.User.Email
}

func TestUsersAndInvitationsAreOneListNewestFirst(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		p.Organization(t, "Globex").User(t, "user@globex.test", access.RoleMember)
		var want []string
		for i := range 23 {
			host := "acme.test"
			if rand.N(3) == 0 {
				host = "home.test"
			}
			want = append(want, label(acme.Add(t, directory.NewUser{Email: fmt.Sprintf("user%d@%s", i, host)})))
		}
		slices.Reverse(want)
		for _, limit := range []int{1, 2, 7, 22, 23, 24, 200} {
			var got []string
			for _, v := range userPages(t, p, directory.UserQuery{OrganizationID: acme.ID, Page: directory.Page{Limit: limit}}) {
				got = append(got, label(v))
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("pages of %d:\n got %v\nwant %v", limit, got, want)
			}
		}
	})
}

func TestUsersAreFiltered(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		acme.Domain(t, "rockets.test")
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		p.Change(t, owner.ID, directory.UserChange{Name: ptr("Percent 100% Sure_Thing")})
		exempt, gone := acme.User(t, "exempt@rockets.test", access.RoleMember), acme.User(t, "gone@acme.test", access.RoleMember)
		acme.Invited(t, "new@acme.test")
		acme.Add(t, directory.NewUser{Email: "guest@home.test", Name: "Percy", Role: access.RoleAdministrator})
		acme.Profile(t)
		p.SetSSO(t, exempt.ID, access.SSODisabled, "")
		p.SetStatus(t, gone.ID, access.UserDeactivated)
		for _, c := range []struct {
			q    directory.UserQuery
			want string
		}{
			{directory.UserQuery{}, "invited guest@home.test, new@acme.test, gone@acme.test, exempt@rockets.test, owner@acme.test"},
			{directory.UserQuery{Text: "own"}, "owner@acme.test"},
			{directory.UserQuery{Text: "OWNER@ACME"}, "owner@acme.test"},
			{directory.UserQuery{Text: "perc"}, "invited guest@home.test, owner@acme.test"},
			{directory.UserQuery{Text: "percent 100%"}, "owner@acme.test"},
			{directory.UserQuery{Text: "%"}, ""},
			{directory.UserQuery{Text: "_wner"}, ""},
			{directory.UserQuery{Text: `\`}, ""},
			{directory.UserQuery{Text: "' or 1=1 --"}, ""},
			{directory.UserQuery{Status: access.UserDeactivated}, "gone@acme.test"},
			{directory.UserQuery{Status: access.UserInvited}, "invited guest@home.test, new@acme.test"},
			{directory.UserQuery{Role: access.RoleOwner}, "owner@acme.test"},
			{directory.UserQuery{Role: access.RoleAdministrator}, "invited guest@home.test"},
			{directory.UserQuery{SSO: access.SSODisabled}, "exempt@rockets.test"},
			{directory.UserQuery{Domain: "rockets.test"}, "exempt@rockets.test"},
			{directory.UserQuery{Domain: "acme.test", Status: access.UserActive}, "owner@acme.test"},
			{directory.UserQuery{Text: "own", Status: access.UserInvited}, ""},
		} {
			c.q.OrganizationID, c.q.Limit = acme.ID, 50
			list, err := p.Directory.Users(t.Context(), operator, c.q)
			var got []string
			for _, v := range list.Items {
				got = append(got, label(v))
			}
			if s := strings.Join(got, ", "); err != nil || s != c.want {
				t.Errorf("%+v:\n got %s, %v\nwant %s", c.q, s, err, c.want)
			}
		}
	})
}

func TestOtherListsNewestFirst(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		var domains, accounts []string
		for i := range 5 {
			domains = append(domains, acme.Claim(t, fmt.Sprintf("acme%d.test", i)).ID)
			accounts = append(accounts, account(t, acme, fmt.Sprint("Account ", i)).ID)
		}
		globex.Claim(t, "acme1.test")
		slices.Reverse(domains)
		slices.Reverse(accounts)
		reader := acme.Token(access.ScopeRead)
		var got []string
		for _, d := range pages(t, 2, func(page directory.Page) ([]directory.Domain, error) {
			return p.Directory.Domains(t.Context(), reader, acme.ID, page)
		}, func(d directory.Domain) string { return d.ID }) {
			got = append(got, d.ID)
		}
		if !reflect.DeepEqual(got, domains) {
			t.Errorf("%v\n not %v", got, domains)
		}
		got = nil
		for _, a := range pages(t, 2, func(page directory.Page) ([]directory.Account, error) {
			return p.Directory.Accounts(t.Context(), reader, acme.ID, page)
		}, func(a directory.Account) string { return a.ID }) {
			got = append(got, a.ID)
		}
		if !reflect.DeepEqual(got, accounts) {
			t.Errorf("%v\n not %v", got, accounts)
		}
	})
}

func TestOrganizationsAreThoseThatTheActorReaches(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		list := func(actor access.Actor) (names string) {
			found, err := p.Directory.Organizations(t.Context(), actor, directory.Page{Limit: 10})
			for _, o := range found {
				names += o.Name + " "
			}
			return names + string(parts.Code(err))
		}
		for want, actor := range map[string]access.Actor{
			"Globex Acme ": operator, "Acme ": acme.Actor(access.RoleAdministrator), "Globex ": globex.Token(access.ScopeAudit),
			"forbidden": acme.Actor(access.RoleMember), "unauthenticated": {},
		} {
			if got := list(actor); got != want {
				t.Errorf("%s: %q, not %q", actor.Kind, got, want)
			}
		}
		independent := access.Actor{Kind: access.KindUser, ID: "usr_x"}
		if got := list(independent); got != "forbidden" {
			t.Errorf("an independent user: %q", got)
		}
	})
}

func TestWhoseAnIDIs(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		independent := p.Independent(t, "user@home.test")
		things := map[id.Kind]string{
			id.Organization: acme.ID, id.Domain: acme.Claim(t, "other.test").ID, id.User: acme.Invited(t, "user@acme.test").ID,
			id.Invitation: acme.Add(t, directory.NewUser{Email: "x@home.test"}).Invitation.ID, id.Account: account(t, acme, "Account").ID,
		}
		for kind, value := range things {
			if owner, known, err := p.Directory.OrganizationOf(t.Context(), kind, value); owner != acme.ID || !known || err != nil {
				t.Errorf("%s: %q, %v, %v", value, owner, known, err)
			}
			for _, none := range []string{p.IDs.New(kind), "", string(kind) + "_", value + "0", strings.ToUpper(value), "' or ''='"} {
				if owner, known, err := p.Directory.OrganizationOf(t.Context(), kind, none); owner != "" || known || err != nil {
					t.Errorf("%q: %q, %v, %v", none, owner, known, err)
				}
			}
		}
		if owner, known, err := p.Directory.OrganizationOf(t.Context(), id.User, independent.ID); owner != "" || !known || err != nil {
			t.Errorf("an independent user: %q, %v, %v", owner, known, err)
		}
		if _, known, err := p.Directory.OrganizationOf(t.Context(), id.Session, p.IDs.New(id.Session)); known || err != nil {
			t.Errorf("of another package: %v, %v", known, err)
		}
	})
}

func TestExplainTellsTheWayAndHidesWhoIsElsewhere(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		d := acme.Domain(t, "acme.test")
		u := acme.User(t, "user@acme.test", access.RoleMember)
		p.Independent(t, "independent@acme.test")
		profile := acme.Profile(t)
		profile.Enforce(t, d)
		for _, actor := range []access.Actor{operator, acme.Actor(access.RoleAdministrator), acme.Token(access.ScopeRead)} {
			e, err := p.Directory.Explain(t.Context(), actor, " USER@acme.TEST")
			want := []access.Step{{Reason: access.ReasonUserDeactivated, Fact: access.FactNotDeactivated},
				{Reason: access.ReasonSSODisabledForUser, Fact: access.FactSSONotDisabled},
				{Reason: access.ReasonSSOEnabledForUser, Fact: access.FactSSONotEnabled}, {Reason: access.ReasonDomainEnforced, Applies: true, Fact: access.FactDomainEnforced}}
			if err != nil || e.User.ID != u.ID || e.Decision.ProfileID != profile.ID || !reflect.DeepEqual(e.Steps, want) {
				t.Errorf("%+v, %v", e, err)
			}
			if v, err := p.Directory.User(t.Context(), actor, u.ID); err != nil || v.SignIn != e.Decision || !reflect.DeepEqual(v.Steps, e.Steps) {
				t.Errorf("on the user's page: %+v, %v", v, err)
			}
		}
		_, nobody := p.Directory.Explain(t.Context(), globex.Actor(access.RoleOwner), "nobody@acme.test")
		_, hidden := p.Directory.Explain(t.Context(), globex.Actor(access.RoleOwner), "user@acme.test")
		_, independent := p.Directory.Explain(t.Context(), acme.Actor(access.RoleOwner), "independent@acme.test")
		for _, err := range []error{hidden, independent} {
			if parts.Refused(t, err, fault.NotFound).Error() != nobody.Error() {
				t.Errorf("%v\n not %v", err, nobody)
			}
		}
		_, err := p.Directory.Explain(t.Context(), operator, "nonsense")
		parts.Refused(t, err, fault.CodeInvalid)
		_, err = p.Directory.Explain(t.Context(), acme.Token(access.ScopeAudit), "user@acme.test")
		parts.Refused(t, err, fault.Forbidden)
	})
}

func TestAUserIsReadByThoseWhoMay(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	u := acme.User(t, "user@acme.test", access.RoleMember)
	i := acme.Add(t, directory.NewUser{Email: "x@home.test"}).Invitation
	for _, id := range []string{u.ID, i.ID} {
		if _, err := p.Directory.User(t.Context(), acme.Token(access.ScopeSSO), id); err != nil {
			t.Error(err)
		}
		_, err := p.Directory.User(t.Context(), globex.Actor(access.RoleOwner), id)
		parts.Refused(t, err, fault.NotFound)
		_, err = p.Directory.User(t.Context(), acme.Actor(access.RoleMember), id)
		parts.Refused(t, err, fault.Forbidden)
	}
	for _, none := range []string{"", "usr_none", p.IDs.New(id.User), p.IDs.New(id.Invitation)} {
		_, err := p.Directory.User(t.Context(), operator, none)
		parts.Refused(t, err, fault.NotFound)
	}
	if v, err := p.Directory.User(t.Context(), operator, u.ID); err != nil || v.User.Label() != "user@acme.test" {
		t.Errorf("%+v, %v", v, err)
	}
	named := p.Change(t, u.ID, directory.UserChange{Name: ptr("User")})
	if named.Label() != "User" {
		t.Error(named.Label())
	}
}
