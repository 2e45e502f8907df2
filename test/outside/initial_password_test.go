package outside

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// arrive brings an invited user through the Identity Provider to the page that
// asks for a password.
func arrive(t *testing.T, b *harness.Browser, p *harness.Profile, user, returnTo string) harness.Answer {
	t.Helper()
	a := b.SSO(t, p, user, returnTo)
	if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("%d %s %v", a.Status, a.Code, a.Header)
	}
	if !strings.Contains(a.Body, user) {
		t.Fatalf("the page does not name %s:\n%s", user, a.Body)
	}
	b.SignedIn(t, "", "")
	return a
}

func setInitial(t *testing.T, b *harness.Browser, page, password string) harness.Answer {
	t.Helper()
	return b.Post(t, "/login/initial-password", url.Values{"page": {page}, "password": {password}, "password_confirm": {password}})
}

func TestAnInvitedUserSetsAPasswordOnceAndIsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("new")
		id := p.Invite(t, user)
		b := s.NewBrowser(t)
		page := arrive(t, b, p, user, "/account/security?a=1").Field(t, "page")
		if status := s.User(t, id)["status"]; status != "invited" {
			t.Fatalf("before the password the user is %v", status)
		}
		setInitial(t, b, page, newPassword).Redirected(t, "/account/security?a=1")
		b.SignedIn(t, user, "sso")
		if o := s.User(t, id); o["status"] != "active" || harness.At(o, "sign_in", "method") != "sso" {
			t.Errorf("after the password the user is %v", o)
		}
		// Later: SSO only, and no page.
		later := s.NewBrowser(t)
		later.Password(t, user, newPassword).Refused(t, 403, "sso_required")
		later.SSO(t, p, user, "").Redirected(t, "/")
		later.SignedIn(t, user, "sso")
		// The password counts where the policy says password.
		setSSO(t, s, id, "disabled", "")
		s.NewBrowser(t).Password(t, user, newPassword).Redirected(t, "/")
	})
}

func TestThePageForTheInitialPasswordIsBoundToTheBrowserAndCountsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("new")
		id := p.Invite(t, user)
		b := s.NewBrowser(t)
		page := arrive(t, b, p, user, "").Field(t, "page")

		stranger := s.NewBrowser(t)
		stranger.Get(t, "/saml/"+p.ID+"/start") // has a flow of its own
		setInitial(t, stranger, page, newPassword).Refused(t, 410, "link_expired")
		setInitial(t, stranger, page, "weak").Refused(t, 410, "link_expired")
		stranger.SignedIn(t, "", "")
		setInitial(t, b, "guessed", newPassword).Refused(t, 410, "link_expired")
		setInitial(t, b, "", newPassword).Refused(t, 410, "link_expired")
		// The token is no answer to the other page.
		b.Post(t, "/login/continue", url.Values{"page": {page}, "answer": {"yes"}}).Refused(t, 410, "link_expired")

		setInitial(t, b, page, newPassword).Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		setInitial(t, b, page, "another good password").Refused(t, 410, "link_used")
		setSSO(t, s, id, "disabled", "")
		s.NewBrowser(t).Password(t, user, newPassword).Redirected(t, "/")
	})
}

func TestAWeakPasswordDoesNotUseThePageUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("longname")
		p.Invite(t, user)
		b := s.NewBrowser(t)
		a := arrive(t, b, p, user, "/account/security")
		for _, weak := range []string{"", "short", "password1234", "my longname word", strings.Repeat("x", 300), "aaaaaaaaaaaaaaa"} {
			a = setInitial(t, b, a.Field(t, "page"), weak).Refused(t, 422, "password_weak")
			if !strings.Contains(a.Body, user) || strings.Contains(a.Body, "my longname word") {
				t.Fatalf("the page after %q:\n%s", weak, a.Body)
			}
		}
		a = b.Post(t, "/login/initial-password", url.Values{"page": {a.Field(t, "page")}, "email": {user}, "password": {newPassword}, "password_confirm": {"other"}}).
			Refused(t, 422, "invalid")
		b.Post(t, "/login/initial-password", url.Values{"page": {a.Field(t, "page")}, "password": {newPassword}}). // the second field may be left out
																Redirected(t, "/account/security")
		b.SignedIn(t, user, "sso")
	})
}

func TestWhoIsDeactivatedOrRemovedMeanwhileSetsNoPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		for name, c := range map[string]struct {
			meanwhile func(id string)
			status    int
			code      string
		}{
			"deactivated": {func(id string) { s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"}) }, 403, "user_deactivated"},
			"removed":     {func(id string) { s.OK(t, "DELETE", "/users/"+id, nil) }, 403, "user_not_found"},
			"exempt":      {func(id string) { setSSO(t, s, id, "disabled", "") }, 403, "sso_not_enabled_for_user"},
			"late": {func(id string) {
				s.Exec(t, "update arrivals set expires_at = $1 where user_id = $2", time.Now().Add(-time.Second), id)
			}, 410, "link_expired"},
		} {
			user := p.Address(name)
			id := p.Invite(t, user)
			b := s.NewBrowser(t)
			page := arrive(t, b, p, user, "").Field(t, "page")
			c.meanwhile(id)
			a := setInitial(t, b, page, newPassword)
			if a.Status != c.status || a.Code != c.code {
				t.Errorf("%s: %d %s, not %s", name, a.Status, a.Code, c.code)
			}
			if c.status == 403 && name != "removed" { // who is gone stands in nobody's log
				p.Recorded(t, a)
			}
			b.SignedIn(t, "", "")
			if n := s.Count(t, "select count(*) from users where id = $1 and password_hash <> ''", id); n != 0 {
				t.Errorf("%s: a password was set", name)
			}
		}
	})
}

func TestTwoBrowsersOfOneInvitedUserSetOnePassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("new")
		p.Invite(t, user)
		first, second := s.NewBrowser(t), s.NewBrowser(t)
		one, two := arrive(t, first, p, user, ""), arrive(t, second, p, user, "")
		setInitial(t, first, one.Field(t, "page"), newPassword).Redirected(t, "/")
		setInitial(t, second, two.Field(t, "page"), "another good password").Refused(t, 410, "link_used")
		second.SignedIn(t, "", "")
		second.SSO(t, p, user, "").Redirected(t, "/")
	})
}

func TestAnOrganizationCanSwitchTheInitialPasswordOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"initial_password_required": false})
		user := p.Address("new")
		id := p.Invite(t, user)
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "/account/security").Redirected(t, "/account/security")
		b.SignedIn(t, user, "sso")
		if status := s.User(t, id)["status"]; status != "active" {
			t.Errorf("the user is %v", status)
		}
		setSSO(t, s, id, "disabled", "")
		s.NewBrowser(t).Password(t, user, "").Refused(t, 401, "credentials_invalid")
	})
}

func TestAnInvitedPilotSetsAPasswordToo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		p := org.NewProfile(t, harness.Object{"idp_initiated": "accept"})
		user := org.Address("pilot")
		id := org.Invite(t, user)
		setSSO(t, s, id, "enabled", p.ID)
		b := s.NewBrowser(t)
		a := b.Deliver(t, p, p.Response(user, ""), "/account/security")
		a = b.Get(t, a.Location)
		setInitial(t, b, a.Field(t, "page"), newPassword).Redirected(t, "/account/security")
		b.SignedIn(t, user, "sso")
	})
}
