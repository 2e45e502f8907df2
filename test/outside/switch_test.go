package outside

import (
	"net/http"
	"net/url"
	"testing"

	"sallyport/test/harness"
)

// setSSO sets a user's own switch.
func setSSO(t *testing.T, s *harness.Server, userID, setting, profileID string) harness.Object {
	t.Helper()
	change := harness.Object{"setting": setting}
	if profileID != "" {
		change["profile_id"] = profileID
	}
	return s.OK(t, "PATCH", "/users/"+userID, harness.Object{"sso": change})
}

func TestSSODisabledForOneUserMeansThePasswordOnlyAndBackAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, id := harness.Enforced(t, s, nil)
		other := p.Address("other")
		p.AddUser(t, other)
		way := func(o harness.Object) [2]any {
			return [2]any{harness.At(o, "sign_in", "method"), harness.At(o, "sign_in", "reason")}
		}
		for range 2 {
			if got := way(setSSO(t, s, id, "disabled", "")); got != [2]any{"password", "sso_disabled_for_user"} {
				t.Fatalf("disabled: %v", got)
			}
			b := s.NewBrowser(t)
			b.Password(t, user, harness.Password).Redirected(t, "/")
			b.SignedIn(t, user, "password")
			b = s.NewBrowser(t)
			p.Recorded(t, vouch(t, b, p, user).Refused(t, 403, "sso_not_enabled_for_user"))
			b.SignedIn(t, "", "")

			if got := way(setSSO(t, s, id, "inherit", "")); got != [2]any{"sso", "domain_enforced"} {
				t.Fatalf("inherit: %v", got)
			}
			b.Password(t, user, harness.Password).Refused(t, 403, "sso_required")
			b.SSO(t, p, user, "").Redirected(t, "/")
			b.SignedIn(t, user, "sso")

			if got := way(setSSO(t, s, id, "enabled", "")); got != [2]any{"sso", "sso_enabled_for_user"} {
				t.Fatalf("enabled: %v", got)
			}
			s.NewBrowser(t).SSO(t, p, user, "").Redirected(t, "/")
		}
		// Nobody else is touched.
		s.NewBrowser(t).Password(t, other, harness.Password).Refused(t, 403, "sso_required")
		s.NewBrowser(t).SSO(t, p, other, "").Redirected(t, "/")
	})
}

func TestSSOEnabledForOneUserOfAFreeDomainIsForThatOneOnly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		pilot, other := org.Address("pilot"), org.Address("other")
		id := org.AddUser(t, pilot)
		org.AddUser(t, other)
		s.Refused(t, 409, "sso_profile_missing", "PATCH", "/users/"+id, harness.Object{"sso": harness.Object{"setting": "enabled"}})
		p := org.NewProfile(t, nil)
		s.Refused(t, 422, "invalid", "PATCH", "/users/"+id, harness.Object{"sso": harness.Object{"setting": "enabled"}})
		setSSO(t, s, id, "enabled", p.ID)

		b := s.NewBrowser(t)
		b.SSO(t, p, pilot, "/account/security").Redirected(t, "/account/security")
		b.SignedIn(t, pilot, "sso")
		s.NewBrowser(t).Password(t, pilot, harness.Password).Refused(t, 403, "sso_required")

		for _, address := range []string{other, org.Address("unknown"), "somebody@free-" + org.Domain} {
			s.NewBrowser(t).Post(t, "/login", url.Values{"email": {address}}).Redirected(t, "/login/password")
		}
		b = s.NewBrowser(t)
		p.Recorded(t, vouch(t, b, p, other).Refused(t, 403, "sso_not_enabled_for_user"))
		b.Password(t, other, harness.Password).Redirected(t, "/")

		// The pilot's profile and domain can't be taken away.
		s.Refused(t, 409, "sso_profile_in_use", "DELETE", "/sso-profiles/"+p.ID, nil)
		s.Refused(t, 409, "sso_profile_in_use", "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled"})
		s.Refused(t, 409, "domain_in_use", "DELETE", "/domains/"+org.DomainID, nil)
		setSSO(t, s, id, "inherit", "")
		s.NewBrowser(t).Password(t, pilot, harness.Password).Redirected(t, "/")
		p.Recorded(t, vouch(t, s.NewBrowser(t), p, pilot).Refused(t, 403, "sso_not_enabled_for_user"))
	})
}

func TestSSOIsEnabledOnlyForUsersManagedHereAtADomainHeldHereWithATestedProfile(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org, foreign := harness.NewOrganization(t, s), harness.NewOrganization(t, s)
		id := org.AddUser(t, org.Address("user"))
		elsewhere := org.AddUser(t, "user@outside-"+org.Domain) // vouched for by the operator, at a domain that nobody holds
		independent := s.NewIndependentUser(t, "user@independent-"+org.Domain)
		p, theirs := org.NewProfile(t, nil), foreign.NewProfile(t, nil)
		untested := org.NewProfile(t, nil)
		s.OK(t, "PATCH", "/sso-profiles/"+untested.ID, harness.Object{"options": harness.Object{"force_authn": true}})
		disabled := org.NewProfile(t, nil)
		s.OK(t, "PATCH", "/sso-profiles/"+disabled.ID, harness.Object{"state": "disabled"})
		enable := func(profileID string) harness.Object {
			return harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": profileID}}
		}
		s.Refused(t, 409, "sso_profile_not_tested", "PATCH", "/users/"+id, enable(untested.ID))
		s.Refused(t, 409, "sso_profile_not_tested", "PATCH", "/users/"+elsewhere, enable(untested.ID)) // before the domain's fault
		s.Refused(t, 403, "sso_profile_disabled", "PATCH", "/users/"+id, enable(disabled.ID))
		s.Refused(t, 422, "invalid", "PATCH", "/users/"+id, enable(theirs.ID))
		s.Refused(t, 422, "invalid", "PATCH", "/users/"+id, enable("sso_nonsense"))
		s.Refused(t, 409, "domain_not_verified", "PATCH", "/users/"+elsewhere, enable(p.ID))
		s.Refused(t, 409, "conflict", "PATCH", "/users/"+independent, enable(p.ID))
		s.OK(t, "PATCH", "/users/"+id, enable(p.ID))
		// Disabled can always be set.
		setSSO(t, s, elsewhere, "disabled", "")
	})
}

func TestTheSecurityPageOfASSOUserOffersNoPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		if a := b.Get(t, "/account/security"); a.Status != http.StatusOK {
			t.Fatalf("%d %s", a.Status, a.Code)
		}
		change(t, b, harness.Password, newPassword).Refused(t, 403, "sso_required")
	})
}
