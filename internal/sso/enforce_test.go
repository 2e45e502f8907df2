package sso_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
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

// TestAMoveLeavesNoGap looks all the time while a domain moves to and fro: at no
// instant does a password count.
func TestAMoveLeavesNoGap(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		other := s.Organization.Profile(t)
		s.Enforce(t, s.domain)
		stop, done := make(chan struct{}), make(chan struct{})
		var looks atomic.Int64
		go func() {
			defer close(done)
			for {
				select {
				case <-stop:
					return
				default:
				}
				way, err := p.SignIn.Identify(t.Context(), s.user.Email, "")
				if err != nil || way.Method != access.MethodSSO || way.ProfileID != s.ID && way.ProfileID != other.ID {
					t.Errorf("%+v, %v", way, err)
				}
				looks.Add(1)
			}
		}()
		for i := 0; i < 60 || looks.Load() < 20; i++ { // the other may be given little of a busy machine
			to := []string{other.ID, s.ID}[i%2]
			if _, err := p.SSO.Enforce(t.Context(), operator, []string{s.domain.ID}, sso.Enforcement{ProfileID: to, Acknowledged: true}); err != nil {
				t.Error(err)
			}
		}
		close(stop)
		<-done
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

// TestAProfileOfTheOperatorsIsEnforcedByTheOrganization: the domain and its
// users are the organization's, the settings of the profile are not.
func TestAProfileOfTheOperatorsIsEnforcedByTheOrganization(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		domain, profile := acme.Domain(t, "acme.test"), acme.Profile(t)
		profile.Set(t, sso.Input{ManagedBy: ptr(sso.ManagedByOperator)})
		administrator := acme.Actor(access.RoleAdministrator)
		if list, err := enforce(t, p, administrator, sso.Enforcement{ProfileID: profile.ID, Acknowledged: true}, domain); err != nil || list[0].ProfileID != profile.ID {
			t.Errorf("enforced: %+v, %v", list, err)
		}
		_, err := p.SSO.Update(t.Context(), administrator, profile.ID, sso.Input{State: ptr(sso.Disabled)})
		parts.Refused(t, err, fault.Forbidden)
		if list, err := enforce(t, p, administrator, sso.Enforcement{}, domain); err != nil || list[0].ProfileID != "" {
			t.Errorf("released: %+v, %v", list, err)
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
		in.ExemptUserIDs = nil
		if _, err := p.SignIn.MakeRecoveryCodes(t.Context(), parts.As(owner)); err != nil {
			t.Fatal(err)
		}
		warned(false, "the owner has recovery codes")
		p.Exec(t, "update recovery_codes set used_at = 1")
		warned(true, "which are used up")
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
		two := s.Domain(t, "two.test")
		exempt, away, admin := s.User(t, "exempt@acme.test", access.RoleMember), s.User(t, "away@nobody.test", access.RoleMember), s.User(t, "admin@acme.test", access.RoleOwner)
		second := s.User(t, "user@two.test", access.RoleMember)
		p.SetSSO(t, exempt.ID, access.SSODisabled, "")
		tokens := map[string]string{}
		for _, u := range []directory.User{s.user, exempt, away, admin, second, p.Independent(t, "independent@acme.test")} {
			tokens[u.Email] = p.Session(t, u, session.Start{})
		}
		tokens["by the profile"] = p.Session(t, s.user, session.Start{Method: access.MethodSSO, ProfileID: s.ID})
		tokens["by another profile"] = p.Session(t, s.user, session.Start{Method: access.MethodSSO, ProfileID: "sso_other"})
		tokens["by break-glass"] = p.Session(t, admin, session.Start{Method: access.MethodRecovery})
		ended := func() (names []string) {
			for name, token := range tokens {
				if !p.Live(t, token) {
					names = append(names, name)
				}
			}
			slices.Sort(names)
			return names
		}
		in := sso.Enforcement{ProfileID: s.ID, Acknowledged: true}
		if _, err := enforce(t, p, parts.As(admin), in, s.domain, two); err != nil || len(ended()) != 0 {
			t.Errorf("%v, ended: %q", err, ended())
		}
		p.Release(t, s.domain)
		p.Release(t, two)
		in.EndSessions = true
		if _, err := enforce(t, p, parts.As(admin), in, s.domain, two); err != nil || len(ended()) != 0 {
			t.Fatalf("%v, ended before the job: %q", err, ended())
		}
		p.Pass(time.Millisecond)
		tokens["later"] = p.Session(t, s.user, session.Start{})
		p.Work(t)
		want := []string{"by another profile", s.user.Email, second.Email}
		slices.Sort(want)
		wait(t, "the end of sessions", func() bool { return slices.Equal(ended(), want) })
		wait(t, "the log's entries", func() bool { return len(endings(t, s.Organization)) == 2 })
		told := map[string]any{}
		for _, e := range endings(t, s.Organization) {
			if told[e.Target.ID] = e.Changes[0].Old; e.Actor.ID != admin.ID {
				t.Errorf("%+v", e)
			}
		}
		if told[s.domain.ID] != 2.0 || told[two.ID] != 1.0 {
			t.Errorf("%v", told)
		}
		if e := s.Recorded(t, audit.DomainEnforced); len(e.Changes) != 2 || e.Changes[1].Field != "end_sessions" {
			t.Errorf("%+v", e)
		}
	})
}

func endings(t *testing.T, o *parts.Organization) (list []audit.Event) {
	for _, e := range o.Events(t) {
		if e.Action == audit.SessionsEnded {
			list = append(list, e)
		}
	}
	return list
}

// wait waits for background work.
func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 500 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// TestTheEndOfSessionsGoesOnWhereItStopped on another node, and spares a domain
// that was released meanwhile.
func TestTheEndOfSessionsGoesOnWhereItStopped(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		p.Release(t, s.domain)
		two := s.Domain(t, "two.test")
		var tokens []string
		for i := range 7 {
			tokens = append(tokens, p.Session(t, s.User(t, fmt.Sprintf("u%d@acme.test", i), access.RoleMember), session.Start{}))
		}
		kept := p.Session(t, s.User(t, "user@two.test", access.RoleMember), session.Start{})
		in := sso.Enforcement{ProfileID: s.ID, EndSessions: true, Acknowledged: true}
		if _, err := enforce(t, p, operator, in, s.domain, two); err != nil {
			t.Fatal(err)
		}
		p.Release(t, two)
		// As a node leaves it that dies behind a step.
		done := p.User(t, s.user.ID).ID
		p.Exec(t, `update jobs set checkpoint = $1, status = 'running', holder = 'gone', held_until = 0 where kind = 'end_sessions'`,
			fmt.Sprintf(`{"domain":0,"after":%q,"ended":1,"done":1}`, done))
		p.Work(t)
		wait(t, "the end of sessions", func() bool {
			return !slices.ContainsFunc(tokens, func(token string) bool { return p.Live(t, token) })
		})
		wait(t, "the job's end", func() bool {
			return p.Count(t, "select count(*) from jobs where kind = 'end_sessions' and status = 'done'") == 1
		})
		if !p.Live(t, kept) {
			t.Error("a session at a released domain was ended")
		}
		if got := endings(t, s.Organization); len(got) != 1 || got[0].Changes[0].Old != 8.0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestAPreviewTellsWhatThenHappens compares the numbers of a preview with those
// that the policy gives afterwards, over random directories.
func TestAPreviewTellsWhatThenHappens(t *testing.T) {
	rounds := 12
	if os.Getenv("SOAK") == "1" {
		rounds = 200
	}
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		for round := range rounds {
			seed := rand.Uint64()
			r := rand.New(rand.NewPCG(seed, 0))
			acme := p.Organization(t, "Acme")
			host := fmt.Sprintf("round%d.test", round)
			var domains []directory.Domain
			for i := range 3 {
				domains = append(domains, acme.Domain(t, fmt.Sprintf("d%d.%s", i, host)))
			}
			one, two := acme.Profile(t), acme.Profile(t)
			for _, d := range domains {
				switch r.IntN(3) {
				case 0:
					two.Enforce(t, d)
				case 1:
					one.Enforce(t, d)
				}
			}
			users := populate(t, acme, r, domains, one, host)
			in := sso.Enforcement{ProfileID: one.ID, ExemptUserIDs: []string{}, Acknowledged: true}
			if r.IntN(4) == 0 {
				in.ProfileID = ""
			}
			for range r.IntN(5) {
				in.ExemptUserIDs = append(in.ExemptUserIDs, users[r.IntN(len(users))].ID)
			}
			actor := operator
			if admin := users[0]; r.IntN(2) == 0 && p.User(t, admin.ID).Status == access.UserActive {
				if actor = parts.As(p.User(t, admin.ID)); r.IntN(2) == 0 {
					in.ExemptUserIDs = nil // by default
				}
			}
			chosen := domains[:1+r.IntN(3)]
			told, err := p.SSO.Preview(t.Context(), actor, ids(chosen), in)
			if err != nil {
				t.Fatal(err)
			}
			before := ways(t, p, users)
			if _, err := enforce(t, p, actor, in, chosen...); err != nil {
				t.Fatal(err)
			}
			got := counted(t, p, acme, actor, users, before, chosen)
			told.Warnings, told.Exempt = nil, nil
			if fmt.Sprintf("%+v", told) != fmt.Sprintf("%+v", got) {
				t.Errorf("seed %d, %+v:\n    told %+v\nhappened %+v", seed, in, told, got)
			}
			if told.Total != told.ToSSO+told.KeepPassword+told.Enabled+told.Deactivated {
				t.Errorf("seed %d: the parts are not the whole: %+v", seed, told)
			}
		}
	})
}

// populate adds users of every kind at two domains and elsewhere.
func populate(t *testing.T, o *parts.Organization, r *rand.Rand, domains []directory.Domain, profile *parts.Profile, host string) (users []directory.User) {
	t.Helper()
	for i := range 12 {
		at := host
		if n := r.IntN(4); n < 3 {
			at = domains[n].Name
		}
		email := fmt.Sprintf("u%d@%s", i, at)
		role := access.RoleMember
		if i == 0 || r.IntN(4) == 0 {
			role = access.RoleOwner
		}
		u := o.User(t, email, role)
		if role == access.RoleOwner && r.IntN(3) == 0 {
			if _, err := o.SignIn.MakeRecoveryCodes(t.Context(), parts.As(u)); err != nil {
				t.Fatal(err)
			}
		}
		if i > 0 && r.IntN(4) == 0 {
			o.Exec(t, "update users set status = 'invited', activated_at = null where id = $1", u.ID)
		}
		switch n := r.IntN(4); {
		case n == 0:
			o.SetSSO(t, u.ID, access.SSODisabled, "")
		case n == 1 && at != host:
			o.SetSSO(t, u.ID, access.SSOEnabled, profile.ID)
		}
		if i > 0 && r.IntN(6) == 0 {
			o.SetStatus(t, u.ID, access.UserDeactivated)
		}
		users = append(users, u)
	}
	o.Independent(t, "independent@"+domains[0].Name)
	return users
}

func ways(t *testing.T, p *parts.Parts, users []directory.User) map[string]access.Decision {
	t.Helper()
	all := map[string]access.Decision{}
	for _, u := range users {
		all[u.ID] = p.Way(t, u.ID)
	}
	return all
}

// counted counts as a preview does, but by what is so now, and was before.
func counted(t *testing.T, p *parts.Parts, o *parts.Organization, actor access.Actor, users []directory.User, before map[string]access.Decision, domains []directory.Domain) (out sso.Preview) {
	t.Helper()
	for id, now := range ways(t, p, users) {
		u, was := p.User(t, id), before[id]
		if now.Method != was.Method || now.ProfileID != was.ProfileID {
			out.Changed++
			out.Self = out.Self || id == actor.ID
		}
		codes := p.Count(t, "select count(*) from recovery_codes where user_id = $1 and used_at is null", id)
		if u.Role == access.RoleOwner && u.Status == access.UserActive && (now.Method == access.MethodPassword || codes > 0) {
			out.OwnersLeft++
		}
		if !slices.ContainsFunc(domains, func(d directory.Domain) bool { return d.Name == u.Domain }) {
			continue
		}
		out.Total++
		if u.Status == access.UserInvited {
			out.NeverActive++
		}
		switch {
		case now.Method == access.MethodNone:
			out.Deactivated++
		case now.Reason == access.ReasonDomainEnforced:
			out.ToSSO++
		case now.Reason == access.ReasonSSOEnabledForUser:
			out.Enabled++
		default:
			out.KeepPassword++
		}
	}
	for _, d := range domains {
		out.Independent += int64(p.Count(t, "select count(*) from users where organization_id is null and email_domain = $1", d.Name))
	}
	return out
}
