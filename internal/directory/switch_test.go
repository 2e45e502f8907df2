package directory_test

import (
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
)

// set changes a user's switch as an administrator.
func set(t *testing.T, o *parts.Organization, u directory.User, setting access.SSOSetting, profileID string) error {
	t.Helper()
	return update(t, o.Parts, o.Actor(access.RoleAdministrator), u.ID,
		directory.UserChange{SSO: &directory.SSOChange{Setting: setting, ProfileID: profileID}})
}

func TestThePilotsWay(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		u, profile := acme.User(t, "pilot@acme.test", access.RoleMember), acme.Profile(t)
		if err := set(t, acme, u, access.SSOEnabled, profile.ID); err != nil {
			t.Fatal(err)
		}
		want := access.Decision{Method: access.MethodSSO, Reason: access.ReasonSSOEnabledForUser, ProfileID: profile.ID}
		if got := p.Way(t, u.ID); got != want {
			t.Errorf("%+v", got)
		}
		e := acme.Recorded(t, audit.UserSSOChanged)
		if len(e.Changes) != 2 || e.Changes[0].Old != "inherit" || e.Changes[0].New != "enabled" || e.Changes[1].New != profile.ID {
			t.Errorf("%v", e.Changes)
		}
		if err := set(t, acme, u, access.SSODisabled, ""); err != nil {
			t.Fatal(err)
		}
		if got := p.User(t, u.ID); got.SSO != access.SSODisabled || got.ProfileID != "" {
			t.Errorf("%+v", got)
		}
		if err := set(t, acme, u, access.SSOInherit, ""); err != nil || p.User(t, u.ID).SSO != access.SSOInherit {
			t.Errorf("%v", err)
		}
	})
}

func TestWhatAPilotNeeds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		acme.Domain(t, "acme.test")
		here, elsewhere := acme.User(t, "user@acme.test", access.RoleMember), acme.User(t, "user@nobody.test", access.RoleMember)
		parts.Refused(t, set(t, acme, here, access.SSOEnabled, "sso_none"), fault.SSOProfileMissing)
		parts.Refused(t, set(t, acme, here, access.SSODisabled, ""), fault.SSOProfileMissing)
		parts.Refused(t, set(t, acme, here, access.SSOInherit, ""), fault.SSOProfileMissing)

		untested, disabled, good, foreign := acme.Configured(t), acme.Profile(t), acme.Profile(t), globex.Profile(t)
		disabled.Set(t, sso.Input{State: ptr(sso.Disabled)})
		draft, err := p.SSO.Create(t.Context(), operator, acme.ID, sso.Input{Name: ptr("Draft")})
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			user    directory.User
			profile string
			want    fault.Code
		}{
			"no profile, not enforced":         {here, "", fault.CodeInvalid},
			"a profile that does not exist":    {here, "sso_none", fault.CodeInvalid},
			"another organization's":           {here, foreign.ID, fault.CodeInvalid},
			"a draft":                          {here, draft.ID, fault.SSOProfileNotTested},
			"an untested one":                  {here, untested.ID, fault.SSOProfileNotTested},
			"a disabled one":                   {here, disabled.ID, fault.SSOProfileDisabled},
			"a domain that nobody holds":       {elsewhere, good.ID, fault.DomainNotVerified},
			"untested is told before a domain": {elsewhere, untested.ID, fault.SSOProfileNotTested},
		} {
			if err := set(t, acme, c.user, access.SSOEnabled, c.profile); parts.Code(err) != c.want {
				t.Errorf("%s: %v, not %q", name, err, c.want)
			}
		}
		parts.Refused(t, set(t, acme, here, "on", good.ID), fault.CodeInvalid)
		if got := p.User(t, here.ID); got != here {
			t.Errorf("%+v\n was %+v", got, here)
		}
		if err := set(t, acme, here, access.SSOEnabled, good.ID); err != nil {
			t.Error(err)
		}
	})
}

func TestAPilotAtADomainThatAnotherOrganizationHolds(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	u := acme.User(t, "user@shared.test", access.RoleMember)
	d := globex.Domain(t, "shared.test")
	profile := acme.Profile(t)
	parts.Refused(t, set(t, acme, u, access.SSOEnabled, profile.ID), fault.DomainNotVerified)
	p.Status(t, d, access.DomainPending)
	ours := acme.Domain(t, "shared.test")
	for _, held := range []access.DomainStatus{access.DomainLapsing, access.DomainFrozen, access.DomainVerified} {
		p.Status(t, ours, held)
		if err := set(t, acme, u, access.SSOEnabled, profile.ID); err != nil {
			t.Errorf("%s: %v", held, err)
		}
		p.SetSSO(t, u.ID, access.SSOInherit, "")
	}
}

func TestAtAnEnforcedDomainTheProfileIsKnown(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	d := acme.Domain(t, "acme.test")
	u, profile := acme.User(t, "user@acme.test", access.RoleMember), acme.Profile(t)
	profile.Enforce(t, d)
	if err := set(t, acme, u, access.SSOEnabled, ""); err != nil || p.User(t, u.ID).ProfileID != profile.ID {
		t.Errorf("%v, %+v", err, p.User(t, u.ID))
	}
}

func TestWithoutTheEditionOnlyDisabledCanBeSet(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		pilot, other := acme.User(t, "pilot@acme.test", access.RoleMember), acme.User(t, "other@acme.test", access.RoleMember)
		profile := acme.Profile(t)
		p.SetSSO(t, pilot.ID, access.SSOEnabled, profile.ID)
		profile.Enforce(t, d)
		ways := func() []access.Decision { return []access.Decision{p.Way(t, pilot.ID), p.Way(t, other.ID)} }
		before := ways()
		acme.Edition(t, directory.Standard)
		if after := ways(); after[0] != before[0] || after[1] != before[1] {
			t.Errorf("%v became %v", before, after)
		}
		parts.Refused(t, set(t, acme, other, access.SSOEnabled, profile.ID), fault.EditionRequired)
		parts.Refused(t, set(t, acme, pilot, access.SSOInherit, ""), fault.EditionRequired)
		if err := set(t, acme, pilot, access.SSODisabled, ""); err != nil {
			t.Error(err)
		}
	})
}
