package directory_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

// add adds a user as an actor.
func add(t *testing.T, o *parts.Organization, actor access.Actor, in directory.NewUser) (directory.UserView, error) {
	t.Helper()
	return o.Directory.AddUser(t.Context(), actor, o.ID, in)
}

func TestANewUserOfAVerifiedDomainIsManagedAtOnce(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		v, err := add(t, acme, acme.Actor(access.RoleAdministrator), directory.NewUser{Email: "New.User@Acme.test", Name: " New User "})
		if err != nil || v.Invitation != nil {
			t.Fatalf("%+v, %v", v, err)
		}
		want := directory.User{
			ID: v.User.ID, Email: "New.User@Acme.test", Key: "new.user@acme.test", Domain: "acme.test", Name: "New User",
			OrganizationID: acme.ID, Role: access.RoleMember, Status: access.UserInvited, SSO: access.SSOInherit,
			ManagedAt: p.Now(), CreatedAt: p.Now(),
		}
		parts.Same(t, p.User(t, v.User.ID), want)
		parts.Same(t, v.User, want)
		e := acme.Recorded(t, audit.UserCreated)
		if e.Target.Name != "New.User@Acme.test" || e.Target.ID != v.User.ID {
			t.Errorf("%+v", e.Target)
		}
	})
}

func TestOnlyADomainThatIsVerifiedNowMakesManaged(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		lapsing, frozen := acme.Domain(t, "lapsing.test"), acme.Domain(t, "frozen.test")
		acme.Domain(t, "verified.test")
		acme.Claim(t, "pending.test")
		p.Status(t, lapsing, access.DomainLapsing)
		p.Status(t, frozen, access.DomainFrozen)
		globex.Domain(t, "globex.test")
		for domain, managed := range map[string]bool{
			"verified.test": true, "pending.test": false, "lapsing.test": false, "frozen.test": false,
			"nobody.test": false, "globex.test": false, "sub.verified.test": false,
		} {
			v, err := add(t, acme, acme.Actor(access.RoleAdministrator), directory.NewUser{Email: "new@" + domain})
			if err != nil || (v.Invitation == nil) != managed {
				t.Errorf("%s: %+v, %v", domain, v, err)
			}
		}
	})
}

// TestAnInvitationTellsNothing adds addresses of all kinds outside of the own
// verified domains: the answers are the same in all but what was sent.
func TestAnInvitationTellsNothing(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		globex.Domain(t, "globex.test")
		globex.User(t, "managed@globex.test", access.RoleOwner)
		p.Independent(t, "independent@home.test")
		p.Unproved(t, "unproved@home.test")
		gone := p.Independent(t, "gone@home.test")
		p.SetStatus(t, gone.ID, access.UserDeactivated)
		var shapes []string
		for _, email := range []string{"managed@globex.test", "nobody@globex.test", "independent@home.test", "unproved@home.test", "gone@home.test", "nobody@home.test"} {
			before := p.Count(t, "select count(*) from users")
			v, err := add(t, acme, acme.Actor(access.RoleOwner), directory.NewUser{Email: email, Name: "Some Name", Role: access.RoleAdministrator})
			if err != nil || v.Invitation == nil || !id.Invitation.Valid(v.Invitation.ID) {
				t.Fatalf("%s: %+v, %v", email, v, err)
			}
			i := *v.Invitation
			if i.Email != email || p.Count(t, "select count(*) from users") != before {
				t.Errorf("%s: %+v", email, i)
			}
			shapes = append(shapes, fmt.Sprintf("%v %q %q %v %+v", i.OrganizationID, i.Name, i.Role, i.CreatedAt, v.User))
		}
		for _, s := range shapes {
			if s != shapes[0] {
				t.Errorf("%s\n not %s", s, shapes[0])
			}
		}
	})
}

func TestInvitingAgainChangesNothing(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		admin := acme.Actor(access.RoleOwner)
		first, err := add(t, acme, admin, directory.NewUser{Email: "x@home.test", Name: "First"})
		if err != nil {
			t.Fatal(err)
		}
		p.Pass(time.Hour)
		before := len(acme.Events(t))
		again, err := add(t, acme, admin, directory.NewUser{Email: "X@HOME.test", Name: "Second", Role: access.RoleOwner})
		if err != nil || *again.Invitation != *first.Invitation || len(acme.Events(t)) != before {
			t.Errorf("%+v, %v", again.Invitation, err)
		}
		// Another organization has an invitation of its own.
		other := p.Organization(t, "Globex")
		v, err := add(t, other, other.Actor(access.RoleOwner), directory.NewUser{Email: "x@home.test"})
		if err != nil || v.Invitation.ID == first.Invitation.ID {
			t.Errorf("%+v, %v", v.Invitation, err)
		}
	})
}

func TestAnInvitationGivesWayWhenTheUserBecomesManaged(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		admin := acme.Actor(access.RoleOwner)
		v, err := add(t, acme, admin, directory.NewUser{Email: "x@acme.test"})
		if err != nil {
			t.Fatal(err)
		}
		acme.Domain(t, "acme.test")
		if w, err := add(t, acme, admin, directory.NewUser{Email: "x@acme.test"}); err != nil || w.Invitation != nil {
			t.Fatalf("%+v, %v", w, err)
		}
		_, err = p.Directory.User(t.Context(), admin, v.Invitation.ID)
		parts.Refused(t, err, fault.NotFound)
	})
}

func TestAUserOfAnotherOrganizationIsNeverCaptured(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		d := globex.Domain(t, "acme.test")
		theirs := globex.User(t, "user@acme.test", access.RoleOwner)
		p.Status(t, d, access.DomainPending)
		acme.Domain(t, "acme.test")
		globex.Domain(t, "globex.test")
		globex.User(t, "user@globex.test", access.RoleMember)
		token := p.Session(t, theirs, session.Start{})

		admin, word := acme.Actor(access.RoleOwner), parts.Password
		for _, c := range []struct {
			actor access.Actor
			in    directory.NewUser
			want  fault.Code
		}{
			{admin, directory.NewUser{Email: "user@acme.test"}, fault.UserManagedElsewhere},      // own verified domain: told
			{admin, directory.NewUser{Email: "user@globex.test"}, ""},                            // else an invitation
			{operator, directory.NewUser{Email: "user@globex.test"}, fault.UserManagedElsewhere}, // operators are told
			{operator, directory.NewUser{Email: "user@acme.test", Password: &word}, fault.UserManagedElsewhere},
			{operator, directory.NewUser{Email: "user@globex.test", Password: &word}, fault.UserManagedElsewhere},
			{operator, directory.NewUser{Email: "new@globex.test", Password: &word}, fault.DomainVerifiedElsewhere},
		} {
			if _, err := add(t, acme, c.actor, c.in); parts.Code(err) != c.want {
				t.Errorf("%s as %s: %v, not %q", c.in.Email, c.actor.Kind, err, c.want)
			}
		}
		if got := p.User(t, theirs.ID); got != theirs {
			t.Errorf("%+v\n was %+v", got, theirs)
		}
		if !p.Live(t, token) {
			t.Error("the session has ended")
		}
	})
}

func TestBecomingManagedEndsTheSessionsAndKeepsAProvedPassword(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		before := p.Independent(t, "user@acme.test")
		one, two := p.Session(t, before, session.Start{}), p.Session(t, before, session.Start{})
		v, err := add(t, acme, acme.Actor(access.RoleAdministrator), directory.NewUser{Email: "USER@acme.test", Name: "Other", Role: ""})
		if err != nil {
			t.Fatal(err)
		}
		want := before
		want.OrganizationID, want.Role, want.ManagedAt = acme.ID, access.RoleMember, p.Now()
		parts.Same(t, v.User, want)
		if p.Live(t, one) || p.Live(t, two) {
			t.Error("a session goes on")
		}
		if e := acme.Recorded(t, audit.UserManaged); fmt.Sprint(e.Changes) != "[{user independent managed} {role <nil> member}]" {
			t.Errorf("%v", e.Changes)
		}
	})
}

func TestWhoNeverProvedTheAddressLosesThePassword(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		squatter := p.Unproved(t, "user@acme.test")
		token := p.Session(t, squatter, session.Start{})
		v, err := add(t, acme, acme.Actor(access.RoleAdministrator), directory.NewUser{Email: "user@acme.test"})
		if err != nil || v.User.ID != squatter.ID {
			t.Fatalf("%+v, %v", v, err)
		}
		u := p.User(t, squatter.ID)
		if u.HasPassword() || u.Status != access.UserInvited || u.OrganizationID != acme.ID {
			t.Errorf("%+v", u)
		}
		if p.Count(t, "select count(*) from sessions where user_id = $1", u.ID) != 0 || p.Live(t, token) {
			t.Error("a session goes on")
		}
	})
}

func TestTheOperatorVouchesWithAPassword(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		p.Unproved(t, "unproved@acme.test")
		word := "another quiet harbour"
		for _, email := range []string{"new@acme.test", "new@nobody.test", "unproved@acme.test"} {
			v, err := add(t, acme, operator, directory.NewUser{Email: email, Password: &word, Role: access.RoleOwner})
			if err != nil {
				t.Fatal(err)
			}
			u := p.User(t, v.User.ID)
			if u.Status != access.UserActive || !u.ProvedAt.Equal(p.Now()) || !u.ActivatedAt.Equal(p.Now()) || u.Role != access.RoleOwner {
				t.Errorf("%s: %+v", email, u)
			}
			if right, _, err := p.Hasher.Verify(t.Context(), word, u.PasswordHash); !right || err != nil {
				t.Errorf("%s: the password is not right, %v", email, err)
			}
		}
		for _, actor := range []access.Actor{acme.Actor(access.RoleOwner), acme.Token(access.ScopeAdmin)} {
			_, err := add(t, acme, actor, directory.NewUser{Email: "more@acme.test", Password: &word})
			parts.Refused(t, err, fault.Forbidden)
		}
	})
}

func TestAVouchedPasswordIsCheckedAndBringsNobodyBack(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme Rockets")
	for _, weak := range []string{"", "short", "acme rockets!!!", "sallyport 2026", "new@acme.test", "password1234"} {
		_, err := add(t, acme, operator, directory.NewUser{Email: "new@acme.test", Password: &weak})
		parts.Refused(t, err, fault.PasswordWeak)
	}
	if n := p.Count(t, "select count(*) from users"); n != 0 {
		t.Errorf("%d users were made", n)
	}
}

func TestTheRightToARoleIsAskedFor(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	acme.Domain(t, "acme.test")
	stale := acme.Actor(access.RoleOwner)
	stale.Fresh = false
	n := 0
	for _, c := range []struct {
		name  string
		actor access.Actor
		role  access.Role
		want  fault.Code
	}{
		{"an owner appoints an owner", acme.Actor(access.RoleOwner), access.RoleOwner, ""},
		{"after a while not", stale, access.RoleOwner, fault.Forbidden},
		{"an administrator appoints no owner", acme.Actor(access.RoleAdministrator), access.RoleOwner, fault.Forbidden},
		{"but an administrator", acme.Actor(access.RoleAdministrator), access.RoleAdministrator, ""},
		{"a member adds nobody", acme.Actor(access.RoleMember), access.RoleMember, fault.Forbidden},
		{"users changes no role", acme.Token(access.ScopeUsers), access.RoleAdministrator, fault.Forbidden},
		{"users adds members", acme.Token(access.ScopeUsers), access.RoleMember, ""},
		{"users adds with no role named", acme.Token(access.ScopeUsers), "", ""},
		{"read adds nobody", acme.Token(access.ScopeRead), access.RoleMember, fault.Forbidden},
		{"admin of an owner appoints an owner", acme.Token(access.ScopeAdmin), access.RoleOwner, ""},
		{"the operator does", operator, access.RoleOwner, ""},
		{"nobody does", access.Actor{}, access.RoleMember, fault.Unauthenticated},
		{"a role that does not exist", operator, "king", fault.CodeInvalid},
	} {
		n++
		_, err := add(t, acme, c.actor, directory.NewUser{Email: fmt.Sprintf("user%d@acme.test", n), Role: c.role})
		if got := parts.Code(err); got != c.want {
			t.Errorf("%s: %v, not %q", c.name, err, c.want)
		}
	}
	globex := p.Organization(t, "Globex")
	_, err := add(t, globex, acme.Actor(access.RoleOwner), directory.NewUser{Email: "user@acme.test"})
	parts.Refused(t, err, fault.NotFound)
	_, err = p.Directory.AddUser(t.Context(), operator, "org_none", directory.NewUser{Email: "user@acme.test"})
	parts.Refused(t, err, fault.NotFound)
}

func TestAddingTheSameUserTwiceIsAConflict(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		before := acme.User(t, "user@acme.test", access.RoleAdministrator)
		for _, actor := range []access.Actor{operator, acme.Actor(access.RoleOwner)} {
			_, err := add(t, acme, actor, directory.NewUser{Email: "User@ACME.test"})
			parts.Refused(t, err, fault.Conflict)
		}
		if got := p.User(t, before.ID); got != before {
			t.Errorf("%+v\n was %+v", got, before)
		}
		errs := together(8, func(int) error {
			_, err := add(t, acme, operator, directory.NewUser{Email: "new@acme.test"})
			return err
		})
		if got := tally(errs); got[""] != 1 || got[fault.Conflict] != 7 {
			t.Error(got)
		}
	})
}

func TestUsersAreCheckedAllAtOnce(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	_, err := add(t, acme, operator, directory.NewUser{Email: "nonsense", Name: "a\nb", Role: "king"})
	parts.Refused(t, err, fault.CodeInvalid)
	if got := parts.Fields(err); !reflect.DeepEqual(got, []string{"email", "name", "role"}) {
		t.Error(got)
	}
}

func TestIndependentUsers(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		word := parts.Password
		active, err := p.Directory.AddIndependentUser(t.Context(), operator, directory.NewUser{Email: "a@home.test", Name: "A", Password: &word})
		if err != nil || active.User.Status != access.UserActive || active.User.OrganizationID != "" || active.User.Role != "" {
			t.Errorf("%+v, %v", active, err)
		}
		invited, err := p.Directory.AddIndependentUser(t.Context(), operator, directory.NewUser{Email: "b@home.test"})
		if err != nil || invited.User.Status != access.UserInvited || invited.User.HasPassword() || !invited.User.ProvedAt.IsZero() {
			t.Errorf("%+v, %v", invited, err)
		}
		_, err = p.Directory.AddIndependentUser(t.Context(), operator, directory.NewUser{Email: "A@HOME.test"})
		parts.Refused(t, err, fault.Conflict)
		_, err = p.Directory.AddIndependentUser(t.Context(), operator, directory.NewUser{Email: "a"})
		parts.Refused(t, err, fault.CodeInvalid)
		acme := p.Organization(t, "Acme")
		for _, actor := range []access.Actor{acme.Actor(access.RoleOwner), acme.Token(access.ScopeAdmin)} {
			_, err = p.Directory.AddIndependentUser(t.Context(), actor, directory.NewUser{Email: "c@home.test"})
			parts.Refused(t, err, fault.Forbidden)
		}
	})
}
