package sso_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

func enforce(t *testing.T, p *parts.Parts, actor access.Actor, in sso.Enforcement, domains ...directory.Domain) ([]directory.Domain, error) {
	t.Helper()
	p.Pass(time.Millisecond)
	return p.SSO.Enforce(t.Context(), actor, ids(domains), in)
}

func ids(domains []directory.Domain) (list []string) {
	for _, d := range domains {
		list = append(list, d.ID)
	}
	return list
}

func TestWhatAnEnforcementNeeds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		verified, pending, lapsing, frozen := acme.Domain(t, "verified.test"), acme.Claim(t, "pending.test"), acme.Domain(t, "lapsing.test"), acme.Domain(t, "frozen.test")
		p.Status(t, lapsing, access.DomainLapsing)
		p.Status(t, frozen, access.DomainFrozen)
		theirs, foreign := globex.Domain(t, "globex.test"), globex.Profile(t)
		_, err := enforce(t, p, operator, sso.Enforcement{ProfileID: "sso_none"}, verified)
		parts.Refused(t, err, fault.SSOProfileMissing)
		untested, disabled, good := acme.Configured(t), acme.Profile(t), acme.Profile(t)
		disabled.Set(t, sso.Input{State: ptr(sso.Disabled)})
		for name, c := range map[string]struct {
			profile string
			domains []directory.Domain
			want    fault.Code
		}{
			"a pending domain":                   {good.ID, []directory.Domain{pending}, fault.DomainNotVerified},
			"a lapsing one":                      {good.ID, []directory.Domain{lapsing}, fault.DomainNotVerified},
			"a frozen one":                       {good.ID, []directory.Domain{frozen}, fault.DomainNotVerified},
			"one of several":                     {good.ID, []directory.Domain{verified, pending}, fault.DomainNotVerified},
			"an untested profile":                {untested.ID, []directory.Domain{verified}, fault.SSOProfileNotTested},
			"untested is told before the domain": {untested.ID, []directory.Domain{pending}, fault.SSOProfileNotTested},
			"a disabled profile":                 {disabled.ID, []directory.Domain{verified}, fault.SSOProfileDisabled},
			"another organization's profile":     {foreign.ID, []directory.Domain{verified}, fault.CodeInvalid},
			"a profile that does not exist":      {"sso_none", []directory.Domain{verified}, fault.CodeInvalid},
			"domains of two organizations":       {good.ID, []directory.Domain{verified, theirs}, fault.CodeInvalid},
			"no domain":                          {good.ID, nil, fault.CodeInvalid},
			"a domain that does not exist":       {good.ID, []directory.Domain{{ID: "dom_none"}}, fault.NotFound},
			"a domain twice is one":              {good.ID, []directory.Domain{verified, verified}, ""},
		} {
			in := sso.Enforcement{ProfileID: c.profile, Acknowledged: true}
			_, err := p.SSO.Preview(t.Context(), operator, ids(c.domains), in)
			if parts.Code(err) != c.want {
				t.Errorf("%s, before: %v", name, err)
			}
			if _, err := enforce(t, p, operator, in, c.domains...); parts.Code(err) != c.want {
				t.Errorf("%s: %v, not %q", name, err, c.want)
			}
			p.Release(t, verified)
		}
		if n := p.Count(t, "select count(*) from domains where sso_profile_id is not null"); n != 0 {
			t.Errorf("%d domains are enforced", n)
		}
	})
}

func TestAnEnforcedDomainIsMovedInEveryHeldStateAndAlwaysReleased(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		other := s.Organization.Profile(t)
		for _, status := range []access.DomainStatus{access.DomainVerified, access.DomainLapsing, access.DomainFrozen} {
			p.Status(t, s.domain, access.DomainVerified)
			s.Enforce(t, s.domain)
			p.Status(t, s.domain, status)
			list, err := enforce(t, p, operator, sso.Enforcement{ProfileID: other.ID}, s.domain)
			if err != nil || list[0].ProfileID != other.ID || p.Way(t, s.user.ID).ProfileID != other.ID {
				t.Errorf("%s: %+v, %v", status, list, err)
			}
			list, err = enforce(t, p, operator, sso.Enforcement{}, s.domain)
			if err != nil || list[0].ProfileID != "" || p.Way(t, s.user.ID).Reason != access.ReasonNotEnforced {
				t.Errorf("%s: %+v, %v", status, list, err)
			}
			if status != access.DomainVerified {
				_, err = enforce(t, p, operator, sso.Enforcement{ProfileID: other.ID}, s.domain)
				parts.Refused(t, err, fault.DomainNotVerified)
			}
		}
		moved := s.Recorded(t, audit.DomainReleased)
		if moved.Changes[0].Old != other.ID || moved.Changes[0].New != "" {
			t.Errorf("%+v", moved)
		}
		// Released without the edition, too, and by an owner.
		p.Status(t, s.domain, access.DomainVerified)
		s.Enforce(t, s.domain)
		s.Edition(t, directory.Standard)
		_, err := enforce(t, p, operator, sso.Enforcement{ProfileID: other.ID}, s.domain)
		parts.Refused(t, err, fault.EditionRequired)
		if _, err := enforce(t, p, s.Actor(access.RoleOwner), sso.Enforcement{}, s.domain); err != nil {
			t.Error(err)
		}
	})
}

func TestWhoEnforces(t *testing.T) {
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	p.Release(t, s.domain)
	stale := s.Actor(access.RoleOwner)
	stale.Fresh = false
	for name, c := range map[string]struct {
		actor access.Actor
		want  fault.Code
	}{
		"a member":                  {s.Actor(access.RoleMember), fault.Forbidden},
		"an owner after a while":    {stale, fault.Forbidden},
		"an owner elsewhere":        {p.Organization(t, "Globex").Actor(access.RoleOwner), fault.NotFound},
		"a token of the scope sso":  {s.Token(access.ScopeSSO), ""},
		"a token of the scope read": {s.Token(access.ScopeRead), fault.Forbidden},
		"nobody":                    {access.Actor{}, fault.Unauthenticated},
	} {
		in := sso.Enforcement{ProfileID: s.ID, Acknowledged: true}
		if _, err := enforce(t, p, c.actor, in, s.domain); parts.Code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := p.SSO.EnforceAll(t.Context(), c.actor, s.Organization.ID, []string{s.domain.ID}, in); parts.Code(err) != c.want {
			t.Errorf("%s, several: %v", name, err)
		}
	}
}

func TestSeveralDomainsChangeTogetherOrNotAtAll(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		one, two, pending := acme.Domain(t, "one.test"), acme.Domain(t, "two.test"), acme.Claim(t, "pending.test")
		theirs, profile := globex.Domain(t, "globex.test"), acme.Profile(t)
		all := func(domains ...directory.Domain) error {
			_, err := p.SSO.EnforceAll(t.Context(), acme.Actor(access.RoleOwner), acme.ID, ids(domains), sso.Enforcement{ProfileID: profile.ID, ExemptUserIDs: []string{}})
			return err
		}
		parts.Refused(t, all(one, theirs), fault.CodeInvalid)
		parts.Refused(t, all(one, directory.Domain{ID: "dom_none"}), fault.CodeInvalid)
		parts.Refused(t, all(one, pending), fault.DomainNotVerified)
		parts.Refused(t, all(), fault.CodeInvalid)
		count := func() int { return p.Count(t, "select count(*) from domains where sso_profile_id = $1", profile.ID) }
		if count() != 0 {
			t.Error("some of them were enforced")
		}
		if err := all(one, two); err != nil || count() != 2 {
			t.Errorf("%v, %d", err, count())
		}
	})
}

func TestTheAdministratorWhoEnforcesKeepsThePassword(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		admin := s.User(t, "admin@acme.test", access.RoleAdministrator)
		p.Release(t, s.domain)
		for _, c := range []struct {
			actor  access.Actor
			exempt []string
			want   access.Reason
		}{
			{parts.As(admin), []string{}, access.ReasonDomainEnforced},                // unticked
			{operator, nil, access.ReasonDomainEnforced},                              // nobody acts
			{s.Token(access.ScopeSSO), nil, access.ReasonDomainEnforced},              // a program has no password
			{operator, []string{admin.ID, admin.ID}, access.ReasonSSODisabledForUser}, // named
			{parts.As(admin), nil, access.ReasonSSODisabledForUser},                   // by default
		} {
			if _, err := enforce(t, p, c.actor, sso.Enforcement{ProfileID: s.ID, ExemptUserIDs: c.exempt, Acknowledged: true}, s.domain); err != nil {
				t.Fatal(err)
			}
			if got := p.Way(t, admin.ID).Reason; got != c.want {
				t.Errorf("%s %v: %s, not %s", c.actor.Kind, c.exempt, got, c.want)
			}
			p.Release(t, s.domain)
			p.SetSSO(t, admin.ID, access.SSOInherit, "")
		}
		// A release exempts nobody.
		s.Enforce(t, s.domain)
		if _, err := enforce(t, p, parts.As(admin), sso.Enforcement{ExemptUserIDs: []string{s.user.ID}}, s.domain); err != nil || p.User(t, s.user.ID).SSO != access.SSOInherit {
			t.Errorf("%v, %+v", err, p.User(t, s.user.ID))
		}
		foreign := p.Independent(t, "other@acme.test")
		for _, id := range []string{foreign.ID, "usr_none", ""} {
			in := sso.Enforcement{ProfileID: s.ID, ExemptUserIDs: []string{id}, Acknowledged: true}
			_, err := enforce(t, p, operator, in, s.domain)
			parts.Refused(t, err, fault.CodeInvalid)
			_, err = p.SSO.Preview(t.Context(), operator, []string{s.domain.ID}, in)
			parts.Refused(t, err, fault.CodeInvalid)
		}
	})
}

func TestAWarningWantsToBeAcknowledged(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		p.Release(t, s.domain)
		owner := s.User(t, "owner@acme.test", access.RoleOwner)
		in := sso.Enforcement{ProfileID: s.ID}
		warned := func(want bool, why string) {
			t.Helper()
			preview, err := p.SSO.Preview(t.Context(), operator, []string{s.domain.ID}, in)
			if err != nil || (len(preview.Warnings) > 0) != want {
				t.Errorf("%s: %v, %v", why, preview.Warnings, err)
			}
			_, err = enforce(t, p, operator, in, s.domain)
			if code := parts.Code(err); want && code != fault.AcknowledgementRequired || !want && code != "" {
				t.Errorf("%s: %v", why, err)
			}
			p.Release(t, s.domain)
		}
		warned(true, "the only owner")
		second := s.User(t, "second@nobody.test", access.RoleOwner)
		warned(false, "an owner at another domain")
		p.SetStatus(t, second.ID, access.UserDeactivated)
		warned(true, "but deactivated")
		p.SetSSO(t, owner.ID, access.SSOEnabled, s.ID)
		warned(true, "the owner is a pilot")
		p.SetSSO(t, owner.ID, access.SSODisabled, "")
		warned(false, "the owner is exempt")
		p.SetSSO(t, owner.ID, access.SSOInherit, "")
		in.ExemptUserIDs = []string{owner.ID}
		warned(false, "the owner is exempted now")
		p.SetSSO(t, owner.ID, access.SSOInherit, "")
		in = sso.Enforcement{ProfileID: s.ID, Acknowledged: true}
		if _, err := enforce(t, p, operator, in, s.domain); err != nil {
			t.Error(err)
		}
		if _, err := enforce(t, p, operator, sso.Enforcement{}, s.domain); err != nil {
			t.Errorf("a release: %v", err)
		}
	})
}

func TestSessionsStayUnlessTheirEndIsAskedFor(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		p.Release(t, s.domain)
		exempt, away, admin := s.User(t, "exempt@acme.test", access.RoleMember), s.User(t, "away@nobody.test", access.RoleMember), s.User(t, "admin@acme.test", access.RoleOwner)
		p.SetSSO(t, exempt.ID, access.SSODisabled, "")
		tokens := map[string]string{}
		for _, u := range []directory.User{s.user, exempt, away, admin, p.Independent(t, "independent@acme.test")} {
			tokens[u.Email] = p.Session(t, u, session.Start{})
		}
		live := func() (n int) {
			for _, token := range tokens {
				if p.Live(t, token) {
					n++
				}
			}
			return n
		}
		if _, err := enforce(t, p, parts.As(admin), sso.Enforcement{ProfileID: s.ID}, s.domain); err != nil || live() != 5 {
			t.Errorf("%v, %d live", err, live())
		}
		p.Release(t, s.domain)
		if _, err := enforce(t, p, parts.As(admin), sso.Enforcement{ProfileID: s.ID, EndSessions: true}, s.domain); err != nil || live() != 4 || p.Live(t, tokens[s.user.Email]) {
			t.Errorf("%v, %d live", err, live())
		}
		if e := s.Recorded(t, audit.SessionsEnded); e.Changes[0].Old != 1.0 {
			t.Errorf("%+v", e)
		}
	})
}

// TestAPreviewTellsWhatThenHappens compares the numbers of a preview with those
// that the policy gives afterwards, over random directories.
func TestAPreviewTellsWhatThenHappens(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		for round := range 12 {
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 0))
			acme := p.Organization(t, "Acme")
			host := fmt.Sprintf("round%d.test", round)
			var domains []directory.Domain
			for i := range 2 {
				domains = append(domains, acme.Domain(t, fmt.Sprintf("d%d.%s", i, host)))
			}
			one, two := acme.Profile(t), acme.Profile(t)
			if r.IntN(2) == 0 {
				two.Enforce(t, domains[0])
			}
			users := populate(t, acme, r, domains, one, host)
			in := sso.Enforcement{ProfileID: one.ID, ExemptUserIDs: []string{}, Acknowledged: true}
			if r.IntN(4) == 0 {
				in.ProfileID = ""
			}
			for range r.IntN(5) {
				in.ExemptUserIDs = append(in.ExemptUserIDs, users[r.IntN(len(users))].ID)
			}
			chosen := domains[:1+r.IntN(2)]
			told, err := p.SSO.Preview(t.Context(), operator, ids(chosen), in)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := enforce(t, p, operator, in, chosen...); err != nil {
				t.Fatal(err)
			}
			got := counted(t, p, users, chosen)
			told.Warnings = nil
			if fmt.Sprint(told) != fmt.Sprint(got) {
				t.Errorf("seed %d, %+v: told %+v, happened %+v", seed, in, told, got)
			}
		}
	})
}

// populate adds users of every kind at two domains and elsewhere.
func populate(t *testing.T, o *parts.Organization, r *rand.Rand, domains []directory.Domain, profile *parts.Profile, host string) (users []directory.User) {
	t.Helper()
	for i := range 12 {
		at := host
		if n := r.IntN(3); n < 2 {
			at = domains[n].Name
		}
		email := fmt.Sprintf("u%d@%s", i, at)
		u := o.User(t, email, access.RoleMember)
		if r.IntN(4) == 0 {
			o.Exec(t, "update users set status = 'invited', activated_at = null where id = $1", u.ID)
		}
		switch n := r.IntN(4); {
		case n == 0:
			o.SetSSO(t, u.ID, access.SSODisabled, "")
		case n == 1 && at != host:
			o.SetSSO(t, u.ID, access.SSOEnabled, profile.ID)
		}
		if r.IntN(6) == 0 {
			o.SetStatus(t, u.ID, access.UserDeactivated)
		}
		users = append(users, u)
	}
	o.Independent(t, "independent@"+domains[0].Name)
	return users
}

// counted counts as a preview does, but by what is so now. Who was made to use
// SSO before, by their own switch, does not change and is in no number but the
// total.
func counted(t *testing.T, p *parts.Parts, users []directory.User, domains []directory.Domain) (out sso.Preview) {
	t.Helper()
	for _, u := range users {
		at := false
		for _, d := range domains {
			at = at || d.Name == u.Domain
		}
		if !at {
			continue
		}
		out.Total++
		if p.User(t, u.ID).Status == access.UserInvited {
			out.NeverActive++
		}
		switch d := p.Way(t, u.ID); {
		case d.Reason == access.ReasonDomainEnforced:
			out.ToSSO++
		case d.Method == access.MethodPassword:
			out.KeepPassword++
		}
	}
	return out
}
