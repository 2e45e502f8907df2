package outside

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/test/harness"
)

func TestThePasswordWorksWithoutEnforcementAndIsRefusedUnderIt(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		b := s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		b.SignedIn(t, user, "password")
		p := org.NewProfile(t, nil)
		p.Enforce(t)
		b = s.NewBrowser(t)
		org.Recorded(t, b.Password(t, user, harness.Password).Refused(t, 403, "sso_required"))
		b.SignedIn(t, "", "")
		b.Password(t, user, "wrong").Refused(t, 401, "credentials_invalid")
		org.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
		b.Password(t, user, harness.Password).Redirected(t, "/")
		b.SignedIn(t, user, "password")
	})
}

// offered returns the link to the Identity Provider that a page offers.
func offered(t *testing.T, p *harness.Profile, a harness.Answer) string {
	t.Helper()
	link := strings.ReplaceAll(between(a.Body, `href="/saml/`+p.ID+`/start`, `"`), "&amp;", "&")
	if !strings.Contains(a.Body, `href="/saml/`+p.ID+`/start`) {
		t.Fatalf("the page offers no way to the Identity Provider:\n%s", a.Body)
	}
	return "/saml/" + p.ID + "/start" + link
}

func TestThePageThatRefusesAPasswordOffersTheWayToTheIdentityProvider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		a := b.Post(t, "/login/password", url.Values{"email": {user}, "password": {harness.Password}, "return_to": {"/account/security?a=1"}}).
			Refused(t, 403, "sso_required")
		req := b.Get(t, offered(t, p, a)).Request(t)
		a = b.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
		b.Get(t, a.Location).Redirected(t, "/account/security?a=1")
		b.SignedIn(t, user, "sso")
	})
}

func change(t *testing.T, b *harness.Browser, old, new string) harness.Answer {
	t.Helper()
	return b.Post(t, "/account/password", url.Values{"current_password": {old}, "password": {new}, "password_confirm": {new}})
}

const newPassword = "four loud lighthouses"

func TestThePasswordIsChangedAtTheSecurityPage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		id := org.AddUser(t, user)
		b, elsewhere := s.NewBrowser(t), s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		elsewhere.Password(t, user, harness.Password).Redirected(t, "/")

		change(t, b, "wrong", newPassword).Refused(t, 401, "credentials_invalid")
		name := s.OK(t, "GET", "/organizations/"+org.ID, nil)["name"].(string)
		for _, weak := range []string{"short", "aaaaaaaaaaaaaaaa", "xx" + strings.ToUpper(user) + "xx", "my " + strings.ToLower(name) + " word",
			"my sallyport word", strings.Repeat("long ", 100), "password1234"} {
			if a := change(t, b, harness.Password, weak); a.Status != http.StatusUnprocessableEntity || a.Code != "password_weak" {
				t.Fatalf("%q: %d %s", weak, a.Status, a.Code)
			}
		}
		a := b.Post(t, "/account/password", url.Values{"current_password": {harness.Password}, "password": {newPassword}, "password_confirm": {"other"}})
		if a.Status != http.StatusUnprocessableEntity || a.Code != "invalid" {
			t.Fatalf("two that differ: %d %s", a.Status, a.Code)
		}
		elsewhere.SignedIn(t, user, "password")

		change(t, b, harness.Password, newPassword).Redirected(t, "/account/security")
		b.SignedIn(t, user, "password")
		elsewhere.SignedIn(t, "", "")
		if n := len(s.Sessions(t, id)); n != 1 {
			t.Errorf("%d sessions are left, not the one that changed it", n)
		}
		elsewhere.Password(t, user, harness.Password).Refused(t, 401, "credentials_invalid")
		elsewhere.Password(t, user, newPassword).Redirected(t, "/")
	})
}

func TestAPasswordCannotBeChangedUnderEnforcement(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		b := s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		p := org.NewProfile(t, nil)
		p.Enforce(t)
		b.SignedIn(t, user, "password") // sessions stay
		for _, old := range []string{harness.Password, "wrong"} {
			a := change(t, b, old, newPassword).Refused(t, 403, "sso_required")
			offered(t, p, a)
			var found bool
			for _, event := range org.Audit(t) {
				if event["reference"] == a.Reference {
					found = true
					if event["action"] != "user.password_change_refused" || event["code"] != "sso_required" {
						t.Errorf("the log has %v", event)
					}
				}
			}
			if !found {
				t.Error("the log does not hold the reference of the refused change")
			}
		}
		if page := b.Get(t, "/account/security"); strings.Contains(page.Body, "/account/password") {
			t.Error("the security page offers to change the password")
		}
		org.OK(t, "PUT", "/domains/"+org.DomainID+"/enforcement", harness.Object{"sso_profile_id": nil})
		s.NewBrowser(t).Password(t, user, newPassword).Refused(t, 401, "credentials_invalid")
		change(t, b, harness.Password, newPassword).Redirected(t, "/account/security")
	})
}

func TestIndependentUsersOfAnEnforcedDomainKeepTheirPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		independent := p.Address("independent")
		s.NewIndependentUser(t, independent)
		b := s.NewBrowser(t)
		b.Password(t, independent, harness.Password).Redirected(t, "/")
		b.SignedIn(t, independent, "password")
		change(t, b, harness.Password, newPassword).Redirected(t, "/account/security")

		b = s.NewBrowser(t)
		req := b.Depart(t, independent, "") // the login page sends every address there
		p.Recorded(t, b.Deliver(t, p, p.Response(independent, req.ID), req.RelayState).Refused(t, 403, "user_not_found"))
		b.SignedIn(t, "", "")
		b.Password(t, independent, newPassword).Redirected(t, "/")
		if !strings.Contains(b.Get(t, "/login").Body, `href="/login/password`) {
			t.Error("the login page does not offer the password")
		}
		// The browser remembers the choice.
		b.Post(t, "/logout", nil)
		b.Post(t, "/login", url.Values{"email": {independent}}).Redirected(t, "/login/password")
	})
}

func TestTheRefusalOfAnAssertionOffersThePasswordWhereThatIsTheWay(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		exempt := p.Address("exempt")
		s.OK(t, "PATCH", "/users/"+p.AddUser(t, exempt), harness.Object{"sso": harness.Object{"setting": "disabled"}})
		b := s.NewBrowser(t)
		req := b.Depart(t, exempt, "")
		a := b.Deliver(t, p, p.Response(exempt, req.ID), req.RelayState).Refused(t, 403, "sso_not_enabled_for_user")
		if !strings.Contains(a.Body, `href="/login/password`) {
			t.Errorf("the page does not offer the password:\n%s", a.Body)
		}
	})
}
