package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

// indexed returns what the search index holds, in order.
func indexed(t *testing.T, p *parts.Parts) (lines []string) {
	t.Helper()
	p.View(t, func(tx *db.Tx) (err error) {
		lines, err = db.Collect(tx, func(row db.Scanner) (string, error) {
			var f [8]string
			err := row.Scan(&f[0], &f[1], &f[2], &f[3], &f[4], &f[5], &f[6], &f[7])
			return strings.Join(f[:], " "), err
		}, `select s.organization_id, s.domain, s.kind, s.status, s.role, s.sso, w.word, w.entry
			from search_segments s join search_words w on w.segment_id = s.id`)
		return err
	})
	slices.Sort(lines)
	return lines
}

// TestTheIndexFollowsEveryChange: after all that can happen to users it holds
// what it would hold if it were made anew.
func TestTheIndexFollowsEveryChange(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		acme.Domain(t, "rockets.test")
		acme.Profile(t)
		acme.User(t, "owner@acme.test", access.RoleOwner)
		for i := range 5 {
			acme.Add(t, directory.NewUser{Email: fmt.Sprintf("user.%d@acme.test", i), Name: "Test User"})
		}
		renamed := acme.User(t, "renamed@acme.test", access.RoleMember)
		p.Change(t, renamed.ID, directory.UserChange{Name: ptr("Other Name")})
		p.Change(t, renamed.ID, directory.UserChange{Role: ptr(access.RoleAdministrator)})
		p.SetSSO(t, renamed.ID, access.SSODisabled, "")
		p.SetStatus(t, acme.User(t, "gone@acme.test", access.RoleMember).ID, access.UserDeactivated)
		back := acme.User(t, "back@acme.test", access.RoleMember)
		p.SetStatus(t, back.ID, access.UserDeactivated)
		p.SetStatus(t, back.ID, access.UserActive)
		remove(t, p, acme.User(t, "removed@acme.test", access.RoleMember).ID)
		remove(t, p, acme.Invited(t, "deleted@acme.test").ID)
		p.Independent(t, "known@acme.test")
		acme.Add(t, directory.NewUser{Email: "known@acme.test"})
		p.Independent(t, "nobodys@acme.test")
		acme.Add(t, directory.NewUser{Email: "guest@home.test", Name: "Some Guest"})
		remove(t, p, acme.Add(t, directory.NewUser{Email: "revoked@home.test"}).Invitation.ID)
		acme.Add(t, directory.NewUser{Email: "early@late.test"})
		acme.Domain(t, "late.test")
		acme.Add(t, directory.NewUser{Email: "early@late.test"}) // in place of the invitation
		moved := acme.User(t, "moved@acme.test", access.RoleMember)
		p.Change(t, moved.ID, directory.UserChange{Email: ptr("moved@rockets.test")})
		if _, err := p.SignIn.ProveAddress(t.Context(), access.Actor{}, parts.LinkToken(t, p.Mail(t, "moved@rockets.test"))); err != nil {
			t.Fatal(err)
		}

		before := indexed(t, p)
		people := p.Count(t, "select (select count(*) from users where organization_id is not null) + (select count(*) from invitations)")
		if n := p.Count(t, "select count(*) from search_words where word = ''"); n != people || n != 13 {
			t.Errorf("%d entries of %d people", n, people)
		}
		// As an earlier release would have left it.
		p.Exec(t, "delete from search_words")
		p.Exec(t, "delete from search_segments")
		p.Exec(t, "update users set search_words = ''")
		p.Exec(t, "update invitations set search_words = '', email_domain = ''")
		if err := p.Directory.Index(t.Context()); err != nil {
			t.Fatal(err)
		}
		if after := indexed(t, p); !slices.Equal(before, after) {
			t.Errorf("%s\nnot\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
		}
	})
}

func TestSearchesThatAreRefused(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	for name, c := range map[string]struct {
		q    directory.UserQuery
		code fault.Code
	}{
		"nine words":    {directory.UserQuery{Text: "a b c d e f g h i"}, fault.CodeInvalid},
		"no text":       {directory.UserQuery{Text: "\xff"}, fault.Malformed},
		"no domain":     {directory.UserQuery{Domain: "not a domain"}, fault.CodeInvalid},
		"no status yet": {directory.UserQuery{Status: "waiting"}, ""},
		"white space":   {directory.UserQuery{Text: " \t "}, ""},
		"many letters":  {directory.UserQuery{Text: strings.Repeat("x", 5000)}, ""},
	} {
		c.q.OrganizationID, c.q.Limit = acme.ID, 10
		if list, err := p.Directory.Users(t.Context(), operator, c.q); parts.Code(err) != c.code || len(list.Items) != 0 {
			t.Errorf("%s: %+v, %v", name, list, err)
		}
	}
}
