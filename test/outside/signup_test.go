package outside

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

func signUp(t *testing.T, s *harness.Server, email, password string) harness.Answer {
	t.Helper()
	return s.NewBrowser(t).Post(t, "/signup", url.Values{"email": {email}, "name": {"Test User"}, "password": {password}, "password_confirm": {password}})
}

func TestSignUpNeedsTheAddressToBeConfirmed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s) // for a name that nobody else has
		user := "user@" + o.Domain + ".example"
		if page := s.NewBrowser(t).Get(t, "/login"); !strings.Contains(page.Body, `href="/signup"`) {
			t.Error("the login page does not lead there")
		}
		if a := signUp(t, s, user, newPassword); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Code)
		}
		path := s.MailedPath(t, user)
		if page := shows(t, s, path); !strings.HasPrefix(path, "/verify-email/") || !strings.Contains(page.Body, user) {
			t.Errorf("%s %s", path, page.Body)
		}
		// Told only after the right password.
		s.NewBrowser(t).Password(t, user, newPassword).Refused(t, 403, "user_not_activated")
		s.NewBrowser(t).Password(t, user, harness.Password).Refused(t, 401, "credentials_invalid")
		// Another mail comes where a forgotten password is asked for.
		forgot(t, s, user)
		second := s.MailedPath(t, user)
		s.NewBrowser(t).Get(t, path).Refused(t, 410, "link_expired")
		b := s.NewBrowser(t)
		b.Post(t, second, nil).Redirected(t, "/login/password")
		if page := b.Get(t, "/login/password"); !strings.Contains(page.Body, "Your address is confirmed") || page.Field(t, "email") != user {
			t.Error(page.Body)
		}
		b.SignedIn(t, "", "")
		b.Password(t, user, newPassword).Redirected(t, "/")
		if who := b.Identity(t); who["organization_id"] != nil || who["name"] != "Test User" {
			t.Errorf("%v", who)
		}
		s.NewBrowser(t).Get(t, second).Refused(t, 410, "link_used")
		s.NewBrowser(t).Post(t, second, nil).Refused(t, 410, "link_used")
	})
}

// TestSignUpAnswersTheSame whoever has the address, and tells its user by mail.
func TestSignUpAnswersTheSame(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		active, invited, gone, unknown := o.Address("user"), o.Address("new"), o.Address("gone"), o.Address("unknown")
		o.AddUser(t, active)
		o.Invite(t, invited)
		s.Mail(t, invited)
		s.OK(t, "PATCH", "/users/"+o.AddUser(t, gone), harness.Object{"status": "deactivated"})
		texts := map[string]bool{}
		for _, email := range []string{active, invited, gone, unknown} {
			a := signUp(t, s, email, newPassword)
			if a.Status != 200 {
				t.Errorf("%s: %d %s", email, a.Status, a.Code)
			}
			texts[normal(a.Body, email)] = true
		}
		if len(texts) != 1 {
			t.Errorf("%d different answers", len(texts))
		}
		if mail := s.Mail(t, active); !strings.Contains(mail.Subject, "account already") || s.Path(t, mail.Link(t)) != "/login" {
			t.Errorf("%+v", mail)
		}
		if path := s.MailedPath(t, invited); !strings.HasPrefix(path, "/invitation/") {
			t.Error(path)
		}
		s.NoMail(t, gone)
		s.NewBrowser(t).Password(t, active, newPassword).Refused(t, 401, "credentials_invalid")
		s.NewBrowser(t).Password(t, active, harness.Password).Redirected(t, "/")
	})
}

// TestTheLastToSignUpIsWhoTheLastMailConfirms: nobody can prepare an account
// for somebody else, with a password of their own.
func TestTheLastToSignUpIsWhoTheLastMailConfirms(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := "user@" + o.Domain + ".example"
		signUp(t, s, user, "an attackers own words")
		first := s.MailedPath(t, user)
		signUp(t, s, user, newPassword)
		second := s.MailedPath(t, user)
		s.NewBrowser(t).Post(t, first, nil).Refused(t, 410, "link_expired")
		s.NewBrowser(t).Post(t, second, nil).Redirected(t, "/login/password")
		s.NewBrowser(t).Password(t, user, "an attackers own words").Refused(t, 401, "credentials_invalid")
		s.NewBrowser(t).Password(t, user, newPassword).Redirected(t, "/")
	})
}

func TestAddressesOfAnEnforcedDomainCannotSignUp(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, known, _ := harness.Enforced(t, s, nil)
		for _, email := range []string{known, p.Address("unknown")} {
			if a := signUp(t, s, email, newPassword).Refused(t, 403, "sso_required"); !strings.Contains(a.Body, "/saml/"+p.ID+"/start") {
				t.Errorf("the page does not lead to the Identity Provider:\n%s", a.Body)
			}
			s.NoMail(t, email)
		}
		s.Refused(t, 404, "not_found", "GET", "/explain?email="+url.QueryEscape(p.Address("unknown")), nil)
	})
}

func TestBadSignUpsMakeNobody(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := "user@" + o.Domain + ".example"
		for _, c := range []struct{ email, name, password, confirm, code string }{
			{"nobody", "x", newPassword, newPassword, "invalid"},
			{user, "x\x00y", newPassword, newPassword, "invalid"},
			{user, strings.Repeat("x", 201), newPassword, newPassword, "invalid"},
			{user, "\u202eevil", newPassword, newPassword, "invalid"},
			{user, "x", newPassword, newPassword + "x", "invalid"},
			{user, "x", "short", "short", "password_weak"},
			{user, "x", "password1234", "password1234", "password_weak"},
			{user, "x", user + "1", user + "1", "password_weak"},
			{user, "x", strings.Repeat("long ", 60), strings.Repeat("long ", 60), "password_weak"},
		} {
			a := s.NewBrowser(t).Post(t, "/signup", url.Values{"email": {c.email}, "name": {c.name}, "password": {c.password}, "password_confirm": {c.confirm}})
			if a.Status != 422 || a.Code != c.code || strings.Contains(a.Body, c.password) && c.password != "short" {
				t.Errorf("%+v: %d %s", c, a.Status, a.Code)
			}
		}
		s.NoMail(t, user)
		s.Refused(t, 404, "not_found", "GET", "/explain?email="+url.QueryEscape(user), nil)
	})
}

// TestASignUpThatIsNeverConfirmedIsForgotten after a week.
func TestASignUpThatIsNeverConfirmedIsForgotten(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		signUp(t, s, "old@free.test", newPassword)
		signUp(t, s, "young@free.test", newPassword)
		week := time.Now().Add(-7*24*time.Hour - time.Minute)
		s.Exec(t, "update users set created_at = $1, password_set_at = $1 where email = 'old@free.test'", week)
		s.DueNow(t)
		s.Refused(t, 404, "not_found", "GET", "/explain?email=old%40free.test", nil)
		s.OK(t, "GET", "/explain?email=young%40free.test", nil)
	})
}

func TestSignUpsThatAreClosed(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{Args: []string{"--signup", "closed"}}, func(t *testing.T, s *harness.Server) {
		s.NewBrowser(t).Get(t, "/signup").Refused(t, 403, "signup_closed")
		signUp(t, s, "user@free.test", newPassword).Refused(t, 403, "signup_closed")
		if page := s.NewBrowser(t).Get(t, "/login"); strings.Contains(page.Body, "/signup") {
			t.Error("the login page leads there")
		}
	})
}
