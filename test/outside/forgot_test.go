package outside

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

func forgot(t *testing.T, s *harness.Server, email string) harness.Answer {
	t.Helper()
	return s.NewBrowser(t).Post(t, "/login/forgot", url.Values{"email": {email}})
}

func TestAForgottenPasswordIsSetAgainByMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := o.Address("user")
		id := o.AddUser(t, user)
		signedIn := s.NewBrowser(t)
		signedIn.Password(t, user, harness.Password).Redirected(t, "/")

		if a := forgot(t, s, strings.ToUpper(user)); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Code)
		}
		mail := s.Mail(t, user) // to the stored address, not to the typed one
		if mail.To != user {
			t.Errorf("the mail went to %s", mail.To)
		}
		path := s.Path(t, mail.Link(t))
		if page := shows(t, s, path); !strings.HasPrefix(path, "/reset/") || !strings.Contains(page.Body, user) {
			t.Errorf("%s: %s", path, page.Body)
		}
		forgot(t, s, user)
		second := s.MailedPath(t, user)

		b := s.NewBrowser(t)
		b.Post(t, path, passwords("password1234"))
		b.Post(t, path, passwords(user))
		b.SignedIn(t, "", "")
		b.Post(t, path, url.Values{"password": {newPassword}}).Redirected(t, "/")
		b.SignedIn(t, user, "password")
		signedIn.SignedIn(t, "", "")
		b.Get(t, path).Refused(t, 410, "link_used")
		s.NewBrowser(t).Post(t, second, passwords("another quiet harbour")).Refused(t, 410, "link_used")
		s.NewBrowser(t).Password(t, user, harness.Password).Refused(t, 401, "credentials_invalid")
		s.NewBrowser(t).Password(t, user, newPassword).Redirected(t, "/")
		if mail := s.Mail(t, user); !strings.Contains(mail.Subject, "password was changed") {
			t.Errorf("%+v", mail)
		}
		// By an administrator.
		if v := s.OK(t, "POST", "/users/"+id+"/password-reset", nil); v["email"] != user {
			t.Errorf("%v", v)
		}
		third := s.MailedPath(t, user)
		s.Exec(t, "update one_time_links set expires_at = $2 where subject_id = $1 and used_at is null", id, time.Now())
		s.NewBrowser(t).Get(t, third).Refused(t, 410, "link_expired")
	})
}

// TestWhatAForgottenPasswordIsAnsweredWith: by mail to whom it may concern, and
// to whoever asks the same for everybody.
func TestWhatAForgottenPasswordIsAnsweredWith(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, sso, ssoID := harness.Enforced(t, s, nil)
		o := harness.NewOrganization(t, s)
		password, invited, deactivated, unknown := o.Address("user"), o.Address("new"), o.Address("gone"), o.Address("unknown")
		o.AddUser(t, password)
		o.Invite(t, invited)
		s.Mail(t, invited)
		deactivatedID := o.AddUser(t, deactivated)
		s.OK(t, "PATCH", "/users/"+deactivatedID, harness.Object{"status": "deactivated"})

		texts := map[string]bool{}
		for _, email := range []string{sso, password, invited, deactivated, unknown} {
			a := forgot(t, s, email)
			if a.Status != 200 || a.Code != "" {
				t.Errorf("%s: %d %s", email, a.Status, a.Code)
			}
			texts[normal(a.Body, email)] = true
		}
		if len(texts) != 1 {
			t.Errorf("%d different answers", len(texts))
		}
		if path := s.MailedPath(t, password); !strings.HasPrefix(path, "/reset/") {
			t.Error(path)
		}
		if path := s.MailedPath(t, invited); !strings.HasPrefix(path, "/invitation/") {
			t.Error(path)
		}
		mail := s.Mail(t, sso)
		if path := s.Path(t, mail.Link(t)); path != "/saml/"+p.ID+"/start" || strings.Contains(mail.Text, "/reset/") || strings.Contains(mail.HTML, "/reset/") {
			t.Errorf("the SSO user's mail leads to %s", path)
		}
		s.NoMail(t, deactivated)
		s.NoMail(t, unknown)
		s.Refused(t, 403, "sso_required", "POST", "/users/"+ssoID+"/password-reset", nil)
		s.Refused(t, 403, "user_deactivated", "POST", "/users/"+deactivatedID+"/password-reset", nil)
		for _, email := range []string{"", "nobody", "a@b@c@", strings.Repeat("x", 400) + "@acme.test"} {
			if a := forgot(t, s, email); a.Status != 422 || a.Code != "invalid" {
				t.Errorf("%q: %d %s", email, a.Status, a.Code)
			}
		}
	})
}

// normal is a page without what has to differ.
func normal(body, email string) string { return strings.ReplaceAll(body, email, "ADDRESS") }

// TestAResetLinkOfAUserWhoNowSignsInBySSO is refused, and leads there.
func TestAResetLinkOfAUserWhoNowSignsInBySSO(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := o.Address("user")
		id := o.AddUser(t, user)
		forgot(t, s, user)
		path := s.MailedPath(t, user)
		p := o.NewProfile(t, nil)
		p.Enforce(t)
		for _, a := range []harness.Answer{s.NewBrowser(t).Get(t, path), s.NewBrowser(t).Post(t, path, passwords(newPassword))} {
			if a.Refused(t, 403, "sso_required"); !strings.Contains(a.Body, "/saml/"+p.ID+"/start") {
				t.Errorf("the page does not lead to the Identity Provider:\n%s", a.Body)
			}
		}
		setSSO(t, s, id, "disabled", "")
		s.NewBrowser(t).Password(t, user, newPassword).Refused(t, 401, "credentials_invalid")
		s.NewBrowser(t).Password(t, user, harness.Password).Redirected(t, "/")
	})
}

// TestForgottenPasswordsTakeTheSameTime for users and for nobody.
func TestForgottenPasswordsTakeTheSameTime(t *testing.T) {
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		deactivated := o.Address("gone")
		s.OK(t, "PATCH", "/users/"+o.AddUser(t, deactivated), harness.Object{"status": "deactivated"})
		var addresses []string // of users, so that no count of tries is reached
		const rounds = 30
		for range rounds {
			addresses = append(addresses, o.Address("u"))
		}
		for i := range addresses {
			addresses[i] = strings.Replace(addresses[i], "u@", "u"+strings.Repeat("x", i+1)+"@", 1)
			o.AddUser(t, addresses[i])
		}
		took := map[string][]time.Duration{}
		for i, user := range addresses {
			took["user"] = append(took["user"], forgot(t, s, user).Took)
			took["nobody"] = append(took["nobody"], forgot(t, s, "nobody"+strings.Repeat("x", i)+"@free.test").Took)
		}
		// The fastest: what disturbs an answer only makes it slower.
		user, nobody := slices.Min(took["user"]), slices.Min(took["nobody"])
		t.Logf("user %v, nobody %v", user, nobody)
		if d := (user - nobody).Abs(); d > 3*time.Millisecond && d > nobody/2 {
			t.Errorf("a user's takes %v, nobody's %v", user, nobody)
		}
	})
}
