package directory_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

// TestWhoIsNotOnSSO compares the list, page by page, with what the policy decides
// for each user, over random directories.
func TestWhoIsNotOnSSO(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		for round := range 4 {
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 0))
			o := p.Organization(t, "Acme")
			host := fmt.Sprintf("round%d.test", round)
			enforced, free, frozen := o.Domain(t, "a."+host), o.Domain(t, "b."+host), o.Domain(t, "c."+host)
			o.Claim(t, "pending."+host)
			profile := o.Profile(t)
			var users []directory.User
			for i := range 60 {
				at := []string{enforced.Name, free.Name, frozen.Name, "pending." + host, "nobody." + host}[r.IntN(5)]
				u := o.User(t, fmt.Sprintf("u%d@%s", i, at), access.RoleMember)
				switch held := at != "pending."+host && at != "nobody."+host; {
				case r.IntN(4) == 0:
					p.SetSSO(t, u.ID, access.SSODisabled, "")
				case held && r.IntN(4) == 0:
					p.SetSSO(t, u.ID, access.SSOEnabled, profile.ID)
				}
				if r.IntN(6) == 0 {
					p.SetStatus(t, u.ID, access.UserDeactivated)
				}
				users = append(users, u)
			}
			o.Add(t, directory.NewUser{Email: "guest@elsewhere.test"}) // an invitation is no user
			profile.Enforce(t, enforced, frozen)
			p.Status(t, frozen, access.DomainFrozen)
			for _, q := range []directory.UserQuery{
				{WithoutSSO: true}, {Reason: access.ReasonDomainEnforced}, {Reason: access.ReasonSSODisabledForUser},
				{Reason: access.ReasonNotEnforced}, {Reason: access.ReasonUserDeactivated}, {Reason: access.ReasonSSOEnabledForUser},
				{WithoutSSO: true, Domain: enforced.Name}, {WithoutSSO: true, Reason: access.ReasonNotEnforced, Domain: free.Name},
				{WithoutSSO: true, Reason: access.ReasonDomainEnforced}, {WithoutSSO: true, Text: "u1"}, {Reason: "no_such_reason"},
			} {
				q.OrganizationID = o.ID
				var want []string
				for _, u := range slices.Backward(users) {
					d := p.Way(t, u.ID)
					if (!q.WithoutSSO || d.Method != access.MethodSSO) && (q.Reason == "" || d.Reason == q.Reason) &&
						(q.Domain == "" || u.Domain == q.Domain) && (q.Text == "" || u.Email[:2] == "u1") {
						want = append(want, u.ID)
					}
				}
				if got := listed(t, p, q); !slices.Equal(got, want) {
					t.Errorf("seed %d, %+v: %d users, not %d", seed, q, len(got), len(want))
				}
			}
		}
		o, other := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		_, err := p.Directory.Users(t.Context(), other.Actor(access.RoleOwner), directory.UserQuery{OrganizationID: o.ID, WithoutSSO: true, Page: directory.Page{Limit: 10}})
		parts.Refused(t, err, fault.NotFound)
	})
}

// listed goes through a list by pages of seven.
func listed(t *testing.T, p *parts.Parts, q directory.UserQuery) (ids []string) {
	t.Helper()
	for q.Limit = 7; ; {
		list, err := p.Directory.Users(t.Context(), parts.Operator(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Items {
			ids = append(ids, v.User.ID)
		}
		if q.After = list.Next; q.After == "" {
			return ids
		}
	}
}
