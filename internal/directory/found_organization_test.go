package directory_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

func TestAUserFoundsAnOrganizationAndOwnsIt(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		u := p.Independent(t, "home@home.test")
		here, elsewhere := p.Session(t, u, session.Start{}), p.Session(t, u, session.Start{})
		i, err := p.SignIn.Authenticate(t.Context(), here)
		if err != nil {
			t.Fatal(err)
		}
		actor := i.Actor("192.0.2.1", "Browser")
		o, err := p.Directory.FoundOrganization(t.Context(), actor, "  Home ")
		if err != nil {
			t.Fatal(err)
		}
		if o.Name != "Home" || o.Edition != directory.Standard {
			t.Errorf("%+v", o)
		}
		if u = p.User(t, u.ID); u.OrganizationID != o.ID || u.Role != access.RoleOwner || !u.HasPassword() {
			t.Errorf("%+v", u)
		}
		if !p.Live(t, here) || p.Live(t, elsewhere) {
			t.Error("the session here lives on, others end")
		}
		home := &parts.Organization{Parts: p, ID: o.ID}
		if e := home.Recorded(t, audit.UserManaged); e.Actor.ID != u.ID || e.Target.ID != u.ID {
			t.Errorf("%+v", e)
		}
		home.Recorded(t, audit.OrganizationCreated)
		// The actor is the one before: the user read anew is managed.
		_, err = p.Directory.FoundOrganization(t.Context(), actor, "Again")
		parts.Refused(t, err, fault.Conflict)
	})
}

func TestWhoFoundsNoOrganization(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	owner, home, unproved := acme.User(t, "owner@acme.test", access.RoleOwner), p.Independent(t, "home@home.test"), p.Unproved(t, "new@home.test")
	closed := directory.New(p.DB, p.IDs, p.Audit, p.Sessions, p.Hasher, sso.Checker{}, p.Links, p.Outbox, p.Limits, directory.Config{})
	for _, c := range []struct {
		name  string
		dir   *directory.Service
		actor access.Actor
		typed string
		code  fault.Code
	}{
		{"nobody", p.Directory, access.Actor{}, "X", fault.Unauthenticated},
		{"a user of an organization", p.Directory, parts.As(owner), "X", fault.Forbidden},
		{"an unproved user", p.Directory, parts.As(unproved), "X", fault.UserNotActivated},
		{"the operator, who has another way", p.Directory, parts.Operator(), "X", fault.Forbidden},
		{"where only the operator does", closed, parts.As(home), "X", fault.Forbidden},
		{"without a name", p.Directory, parts.As(home), " ", fault.CodeInvalid},
		{"with a name that does not show", p.Directory, parts.As(home), "a\u202eb", fault.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.dir.FoundOrganization(t.Context(), c.actor, c.typed)
			parts.Refused(t, err, c.code)
			if n := p.Count(t, "select count(*) from organizations"); n != 1 {
				t.Errorf("%d organizations", n)
			}
		})
	}
}
