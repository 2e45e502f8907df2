package directory_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

func TestUsersAreCounted(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		acme.Domain(t, "acme.test")
		acme.User(t, "owner@acme.test", access.RoleOwner)
		gone := acme.User(t, "gone@acme.test", access.RoleOwner)
		p.SetStatus(t, gone.ID, access.UserDeactivated)
		acme.User(t, "admin@acme.test", access.RoleAdministrator)
		acme.User(t, "user@acme.test", access.RoleMember)
		acme.Invited(t, "new@acme.test")
		acme.Add(t, directory.NewUser{Email: "guest@elsewhere.test"}) // no user yet
		globex.User(t, "other@globex.test", access.RoleMember)
		c, err := p.Directory.CountUsers(t.Context(), acme.Actor(access.RoleAdministrator), acme.ID)
		want := directory.UserCounts{Total: 5, Active: 3, Invited: 1, Deactivated: 1, Owners: 1, Administrators: 1, Members: 2}
		if err != nil || c != want {
			t.Errorf("%+v, %v", c, err)
		}
		_, err = p.Directory.CountUsers(t.Context(), globex.Actor(access.RoleOwner), acme.ID)
		parts.Refused(t, err, fault.NotFound)
	})
}

// TestCountingEnds: a crowd is not counted to its end.
func TestCountingEnds(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	p.Exec(t, `with recursive n(i) as (select 1 union all select i + 1 from n where i < $1)
		insert into users (id, email, email_key, email_domain, name, organization_id, role, status, sso_setting, created_at, password_hash)
		select 'usr_' || i, i || '@acme.test', i || '@acme.test', 'acme.test', '', $2, 'member', 'active', 'inherit', 0, '' from n`,
		directory.MaxCount+500, acme.ID)
	c, err := p.Directory.CountUsers(t.Context(), parts.Operator(), acme.ID)
	if err != nil || c.Active != directory.MaxCount+1 {
		t.Errorf("%+v, %v", c, err)
	}
}
