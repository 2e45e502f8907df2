package parts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/session"
)

// An Organization is one customer.
type Organization struct {
	*Parts
	ID string
}

// Organization makes an organization of the edition enterprise.
func (p *Parts) Organization(t testing.TB, name string) *Organization {
	t.Helper()
	p.tick()
	o, err := p.Directory.CreateOrganization(t.Context(), Operator(), directory.NewOrganization{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return &Organization{p, o.ID}
}

// Set changes the organization's settings.
func (o *Organization) Set(t testing.TB, in directory.OrganizationChange) {
	t.Helper()
	if _, err := o.Directory.UpdateOrganization(t.Context(), Operator(), o.ID, in); err != nil {
		t.Fatal(err)
	}
}

// Edition changes the organization's edition.
func (o *Organization) Edition(t testing.TB, e directory.Edition) {
	t.Helper()
	o.Set(t, directory.OrganizationChange{Edition: &e})
}

// Claim claims a domain.
func (o *Organization) Claim(t testing.TB, name string) directory.Domain {
	t.Helper()
	o.tick()
	d, err := o.Directory.ClaimDomain(t.Context(), Operator(), o.ID, name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Domain claims a domain and verifies it.
func (o *Organization) Domain(t testing.TB, name string) directory.Domain {
	t.Helper()
	d, err := o.Directory.VouchForDomain(t.Context(), Operator(), o.Claim(t, name).ID)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Status puts a domain into a state that only time brings about.
func (p *Parts) Status(t testing.TB, d directory.Domain, status access.DomainStatus) {
	t.Helper()
	p.Exec(t, "update domains set status = $2 where id = $1", d.ID, string(status))
}

// User adds an active user with a password.
func (o *Organization) User(t testing.TB, email string, role access.Role) directory.User {
	t.Helper()
	word := Password
	return o.Add(t, directory.NewUser{Email: email, Role: role, Password: &word}).User
}

// Invited adds a user who has never arrived, at a verified domain.
func (o *Organization) Invited(t testing.TB, email string) directory.User {
	t.Helper()
	return o.Add(t, directory.NewUser{Email: email}).User
}

// Add adds a user.
func (o *Organization) Add(t testing.TB, in directory.NewUser) directory.UserView {
	t.Helper()
	o.tick()
	v, err := o.Directory.AddUser(t.Context(), Operator(), o.ID, in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Independent makes a user whom nobody manages: active, with a password.
func (p *Parts) Independent(t testing.TB, email string) directory.User {
	t.Helper()
	p.tick()
	word := Password
	v, err := p.Directory.AddIndependentUser(t.Context(), Operator(), directory.NewUser{Email: email, Password: &word})
	if err != nil {
		t.Fatal(err)
	}
	return v.User
}

// Unproved makes an independent user whose address was never proved: with a
// password, as after a sign-up.
func (p *Parts) Unproved(t testing.TB, email string) directory.User {
	t.Helper()
	u := p.Independent(t, email)
	p.Exec(t, "update users set status = 'invited', proved_at = null, activated_at = null where id = $1", u.ID)
	return p.User(t, u.ID)
}

// User reads a user.
func (p *Parts) User(t testing.TB, userID string) (u directory.User) {
	t.Helper()
	p.View(t, func(tx *db.Tx) (err error) {
		u, err = p.Directory.UserByID(tx, userID)
		return err
	})
	return u
}

// Same fails the test unless both are the same in all that can be seen of a user.
func Same(t testing.TB, got, want directory.User) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(directory.User{})); diff != "" {
		t.Error(diff)
	}
}

// Way returns how a user signs in, and why.
func (p *Parts) Way(t testing.TB, userID string) (d access.Decision) {
	t.Helper()
	u := p.User(t, userID)
	p.View(t, func(tx *db.Tx) (err error) {
		d, err = p.Directory.SignIn(tx, &u)
		return err
	})
	return d
}

// Change changes a user, as the operator.
func (p *Parts) Change(t testing.TB, userID string, in directory.UserChange) directory.User {
	t.Helper()
	v, err := p.Directory.UpdateUser(t.Context(), Operator(), userID, in)
	if err != nil {
		t.Fatal(err)
	}
	return v.User
}

// SetStatus changes a user's status.
func (p *Parts) SetStatus(t testing.TB, userID string, status access.UserStatus) directory.User {
	t.Helper()
	return p.Change(t, userID, directory.UserChange{Status: &status})
}

// SetSSO changes a user's own switch.
func (p *Parts) SetSSO(t testing.TB, userID string, setting access.SSOSetting, profileID string) directory.User {
	t.Helper()
	return p.Change(t, userID, directory.UserChange{SSO: &directory.SSOChange{Setting: setting, ProfileID: profileID}})
}

// As is a user as the one who asks, after a sign-in a moment ago.
func As(u directory.User) access.Actor {
	return access.Actor{Kind: access.KindUser, ID: u.ID, Name: u.Email, OrganizationID: u.OrganizationID,
		Role: u.Role, Method: access.MethodPassword, Fresh: true}
}

// Actor is somebody with a role in the organization who is no user of it: for
// tests of rights.
func (o *Organization) Actor(role access.Role) access.Actor {
	return access.Actor{Kind: access.KindUser, ID: "usr_somebody", Name: string(role), OrganizationID: o.ID, Role: role, Fresh: true}
}

// Token is a program with an owner's token of a scope.
func (o *Organization) Token(scope access.Scope) access.Actor {
	return access.Actor{Kind: access.KindToken, ID: "tok_some", Name: string(scope), OrganizationID: o.ID, Role: access.RoleOwner, Scope: scope}
}

// Session begins a session of a user and returns its token.
func (p *Parts) Session(t testing.TB, u directory.User, start session.Start) (token string) {
	t.Helper()
	p.tick()
	start.UserID = u.ID
	if start.Method == "" {
		start.Method = access.MethodPassword
	}
	p.Update(t, As(u), func(tx *db.Tx) (err error) {
		tx.Recorded()
		token, _, err = p.Sessions.Begin(tx, start)
		return err
	})
	return token
}

// Live reports whether a session's token signs anybody in.
func (p *Parts) Live(t testing.TB, token string) bool {
	t.Helper()
	i, err := p.SignIn.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return i != nil
}

// Flush writes what is waiting to be recorded.
func (p *Parts) Flush(t testing.TB) {
	t.Helper()
	if err := p.Record.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Events returns the audit log of the organization, newest first.
func (o *Organization) Events(t testing.TB) (list []audit.Event) {
	t.Helper()
	o.Flush(t)
	o.View(t, func(tx *db.Tx) (err error) {
		list, err = o.Audit.List(tx, audit.Query{OrganizationID: o.ID, Limit: 10_000})
		return err
	})
	return list
}

// Recorded returns the newest event with one of the actions, and fails the test
// if there is none.
func (o *Organization) Recorded(t testing.TB, actions ...audit.Action) audit.Event {
	t.Helper()
	for _, e := range o.Events(t) {
		for _, a := range actions {
			if e.Action == a {
				return e
			}
		}
	}
	t.Fatalf("the log holds none of %v", actions)
	return audit.Event{}
}
