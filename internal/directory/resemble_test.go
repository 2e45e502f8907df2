package directory_test

import (
	"fmt"
	"reflect"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/testenv/parts"
)

func resembling(t *testing.T, o *parts.Organization, email string) (r directory.Resemblance) {
	t.Helper()
	o.View(t, func(tx *db.Tx) (err error) {
		r, err = o.Directory.Resembling(tx, o.ID, email)
		return err
	})
	return r
}

func TestSimilarAddressesAreTheOrganizationsOwn(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		acme.Domain(t, "acme.test")
		acme.Domain(t, "acme.example")
		globex.Domain(t, "globex.test")
		for _, email := range []string{"first.last@acme.test", "someone@acme.example"} {
			acme.User(t, email, access.RoleMember)
		}
		name, word := "Second Person", parts.Password
		acme.Add(t, directory.NewUser{Email: "sp@acme.test", Name: name, Password: &word})
		globex.User(t, "someone@globex.test", access.RoleMember)
		globex.User(t, "other.person@globex.test", access.RoleMember)
		for _, c := range []struct {
			email string
			want  []string
		}{
			{"last.first@acme.test", []string{"first.last@acme.test"}},
			{"flast@acme.test", nil}, // which of them begins with f, nobody can tell
			{"firstlast@acme.test", nil},
			{"first_last@acme.test", []string{"first.last@acme.test"}},
			{"first.last+list@acme.test", []string{"first.last@acme.test"}},
			{"first.last@acme.example", []string{"first.last@acme.test"}},
			{"FIRST.LAST@acme.example", []string{"first.last@acme.test"}},
			{"second.person@acme.test", []string{"sp@acme.test"}},
			{"someone@acme.test", []string{"someone@acme.example"}},
			{"first.last@acme.test", nil}, // that is the user
			{"other.person@acme.test", nil},
			{"someone@globex.test", []string{"someone@acme.example"}},
			{"nobody@acme.test", nil},
			{"no address", nil},
		} {
			if r := resembling(t, acme, c.email); !reflect.DeepEqual(r.Similar, c.want) {
				t.Errorf("%s: %v, not %v", c.email, r.Similar, c.want)
			}
		}
		for i := range 8 {
			acme.User(t, fmt.Sprintf("many.%d@acme.test", i), access.RoleMember)
		}
		if r := resembling(t, acme, "many@acme.test"); r.Similar != nil {
			t.Errorf("what fits many fits nobody: %v", r.Similar)
		}
	})
}

func TestWhoHasAnAddressIsToldAtVerifiedDomainsOnly(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		p.Independent(t, "free@acme.test")
		globex.Domain(t, "globex.test")
		user := globex.User(t, "user@globex.test", access.RoleMember)
		p.Independent(t, "free@globex.test")
		d := acme.Domain(t, "acme.test")
		p.Exec(t, "update users set email = 'their@acme.test', email_key = 'their@acme.test', email_domain = 'acme.test' where id = $1", user.ID)
		for email, want := range map[string]directory.Resemblance{
			"free@acme.test":     {Independent: true},
			"their@acme.test":    {Elsewhere: true},
			"nobody@acme.test":   {},
			"free@globex.test":   {}, // not ours to know
			"user@sub.acme.test": {Parent: "acme.test"},
			"user@subacme.test":  {},
		} {
			if r := resembling(t, acme, email); !reflect.DeepEqual(r, want) {
				t.Errorf("%s: %+v", email, r)
			}
		}
		for _, status := range []access.DomainStatus{access.DomainLapsing, access.DomainFrozen} {
			p.Status(t, d, status)
			for _, email := range []string{"free@acme.test", "their@acme.test"} {
				if r := resembling(t, acme, email); !reflect.DeepEqual(r, directory.Resemblance{}) {
					t.Errorf("%s, %s: %+v", status, email, r)
				}
			}
		}
		p.Status(t, d, access.DomainPending)
		if r := resembling(t, acme, "free@acme.test"); !reflect.DeepEqual(r, directory.Resemblance{Pending: true}) {
			t.Errorf("%+v", r)
		}
	})
}
