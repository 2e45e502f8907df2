package outside

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// shows opens a mailed page as people and programs do, several times, and fails
// unless it is there each time. It returns the page.
func shows(t *testing.T, s *harness.Server, path string) harness.Answer {
	t.Helper()
	for _, header := range []http.Header{nil, {"Sec-Purpose": {"prefetch;prerender"}}, {"User-Agent": {"mail scanner"}}} {
		if a := s.NewBrowser(t).Send(t, http.MethodGet, path, nil, header); a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.Status, a.Code)
		}
	}
	if a := s.NewBrowser(t).Send(t, http.MethodHead, path, nil, nil); a.Status != http.StatusOK || a.Body != "" {
		t.Fatalf("HEAD %s: %d %s", path, a.Status, a.Code)
	}
	a := s.NewBrowser(t).Get(t, path)
	if a.Status != http.StatusOK || a.Header.Get("Referrer-Policy") != "no-referrer" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s: %d %s %v", path, a.Status, a.Code, a.Header)
	}
	return a
}

func passwords(word string) url.Values {
	return url.Values{"password": {word}, "password_confirm": {word}}
}

func TestInvitationToInitialPasswordToConsole(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := o.Address("new")
		start := time.Now()
		id := harness.ID(s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": user}))
		mail := s.Mail(t, user)
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("the mail took %v", took)
		}
		if !strings.Contains(mail.Subject, "Organization") || mail.TextEncoding != "7bit" {
			t.Errorf("%+v", mail)
		}
		path := s.Path(t, mail.Link(t))
		if !strings.HasPrefix(path, "/invitation/") {
			t.Fatal(path)
		}
		if page := shows(t, s, path); !strings.Contains(page.Body, user) {
			t.Errorf("the page does not name %s", user)
		}
		account := harness.ID(s.OK(t, "POST", "/organizations/"+o.ID+"/accounts", harness.Object{"name": "Production"}))
		s.OK(t, "PUT", "/accounts/"+account+"/members/"+id, harness.Object{"roles": []string{"developer"}})

		b := s.NewBrowser(t)
		// A password that is refused does not use the link up.
		b.Post(t, path, passwords("password1234"))
		b.Post(t, path, passwords("short"))
		b.Post(t, path, url.Values{"password": {newPassword}, "password_confirm": {"something else"}})
		b.SignedIn(t, "", "")
		b.Post(t, path, passwords(newPassword)).Redirected(t, "/")
		b.SignedIn(t, user, "password")
		if page := b.Get(t, "/"); !strings.Contains(page.Body, "Production") || !strings.Contains(page.Body, "developer") {
			t.Errorf("the Console does not show account and role:\n%s", page.Body)
		}
		if status := s.User(t, id)["status"]; status != "active" {
			t.Errorf("the user is %v", status)
		}
		b.Get(t, path).Refused(t, 410, "link_used")
		s.NewBrowser(t).Post(t, path, passwords(newPassword)).Refused(t, 410, "link_used")
		if mail := s.Mail(t, user); !strings.Contains(mail.Subject, "password was set") || len(mail.Links()) != 0 {
			t.Errorf("%+v", mail)
		}
		s.NewBrowser(t).Password(t, user, newPassword).Redirected(t, "/")
		actions := map[any]bool{}
		for _, e := range o.Audit(t) {
			actions[e["action"]] = true
		}
		if !actions["user.created"] || !actions["user.activated"] || !actions["sign_in.succeeded"] {
			t.Errorf("%v", actions)
		}
	})
}

// TestInvitationAtAnEnforcedDomain: the initial password signs in once, and from
// the next session on it is SSO only.
func TestInvitationAtAnEnforcedDomain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("new")
		p.Invite(t, user)
		path := s.MailedPath(t, user)
		b := s.NewBrowser(t)
		b.Post(t, path, passwords(newPassword)).Redirected(t, "/")
		b.SignedIn(t, user, "password")
		s.NewBrowser(t).Password(t, user, newPassword).Refused(t, 403, "sso_required")
		later := s.NewBrowser(t)
		later.SSO(t, p, user, "").Redirected(t, "/")
		later.SignedIn(t, user, "sso")
	})
}

// TestInvitationWithoutInitialPassword leads to the Identity Provider.
func TestInvitationWithoutInitialPassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"initial_password_required": false})
		user := p.Address("new")
		id := p.Invite(t, user)
		path := s.MailedPath(t, user)
		if page := shows(t, s, path); strings.Contains(page.Body, `type="password"`) {
			t.Error("the page asks for a password")
		}
		b := s.NewBrowser(t)
		req := b.Post(t, path, nil).Request(t)
		a := b.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
		b.Get(t, a.Location).Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		if status := s.User(t, id)["status"]; status != "active" {
			t.Errorf("the user is %v", status)
		}
		s.NewBrowser(t).Get(t, path).Refused(t, 410, "link_used")
	})
}

// TestInvitationInABrowserOfAnotherUser asks before it replaces that session.
func TestInvitationInABrowserOfAnotherUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		user := p.Address("new")
		p.Invite(t, user)
		other := harness.NewOrganization(t, s)
		somebody := other.Address("somebody")
		other.AddUser(t, somebody)
		b := s.NewBrowser(t)
		b.Password(t, somebody, harness.Password).Redirected(t, "/")
		a := b.Post(t, s.MailedPath(t, user), passwords(newPassword))
		if a.Status != http.StatusOK || !strings.Contains(a.Body, user) || !strings.Contains(a.Body, somebody) {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		b.SignedIn(t, somebody, "password")
		form := a.Form(t)
		form.Set("answer", "yes")
		b.Post(t, "/login/continue", form).Redirected(t, "/")
		b.SignedIn(t, user, "password")
	})
}

func TestInvitationThatIsSentAgainTakenBackOrTooLate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user, outsider := o.Address("new"), "outsider@"+o.Domain+".example"
		id := o.Invite(t, user)
		asked := harness.ID(s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": outsider}))
		for address, id := range map[string]string{user: id, outsider: asked} {
			first := s.MailedPath(t, address)
			if again := s.OK(t, "POST", "/users/"+id+"/invitation", nil); again["email"] != address || again["status"] != "invited" {
				t.Errorf("%v", again)
			}
			second := s.MailedPath(t, address)
			s.NewBrowser(t).Get(t, first).Refused(t, 410, "link_expired")
			shows(t, s, second)
			s.OK(t, "DELETE", "/users/"+id, nil)
			s.NewBrowser(t).Get(t, second).Refused(t, 410, "link_expired")
			s.NewBrowser(t).Post(t, second, passwords(newPassword)).Refused(t, 410, "link_expired")
		}
		// Deactivated, and back.
		late := o.Address("late")
		id = o.Invite(t, late)
		path := s.MailedPath(t, late)
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "deactivated"})
		s.NewBrowser(t).Post(t, path, passwords(newPassword)).Refused(t, 403, "user_deactivated")
		s.Refused(t, 409, "conflict", "POST", "/users/"+id+"/invitation", nil)
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"status": "active"})
		shows(t, s, path)
		s.Exec(t, "update one_time_links set expires_at = $2 where subject_id = $1", id, time.Now())
		s.NewBrowser(t).Get(t, path).Refused(t, 410, "link_expired")
		// Who is active gets none.
		active := o.AddUser(t, o.Address("active"))
		s.Refused(t, 409, "conflict", "POST", "/users/"+active+"/invitation", nil)
		s.NoMail(t, o.Address("active"))
		// Nor does anybody who is not to be told.
		quiet := o.Address("quiet")
		s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": quiet, "invite": false})
		s.NoMail(t, quiet)
	})
}

// TestInvitationOfAnOutsider: whoever has the address becomes managed by
// accepting, and by nothing else.
func TestInvitationOfAnOutsider(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o, other := harness.NewOrganization(t, s), harness.NewOrganization(t, s)
		token := o.NewToken(t, "admin") // the operator would be told more
		ask := func(email string) (path string) {
			t.Helper()
			_, _, v := s.Call(t, token, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": email, "role": "administrator"})
			if v["status"] != "invited" || !strings.HasPrefix(harness.ID(v), "inv_") {
				t.Fatalf("%v", v)
			}
			return s.MailedPath(t, email)
		}
		// Nobody yet: a password, once.
		nobody := "nobody@" + o.Domain + ".example"
		path := ask(nobody)
		b := s.NewBrowser(t)
		b.Post(t, path, passwords(newPassword)).Redirected(t, "/")
		if who := b.Identity(t); who["email"] != nobody || who["organization_id"] != o.ID || who["organization_role"] != "administrator" {
			t.Errorf("%v", who)
		}
		b.Get(t, path).Refused(t, 410, "link_used")

		// An active user signs in and agrees, and keeps the password.
		known := "known@" + o.Domain + ".example"
		s.OK(t, "POST", "/users", harness.Object{"email": known, "password": harness.Password})
		path = ask(known)
		if page := shows(t, s, path); strings.Contains(page.Body, `type="password"`) {
			t.Error("the page asks a known user for a new password")
		}
		elsewhere := s.NewBrowser(t)
		elsewhere.Password(t, known, harness.Password).Redirected(t, "/")
		b = s.NewBrowser(t)
		b.Post(t, path, passwords(newPassword)).Redirected(t, "/login?return_to="+url.QueryEscape(path))
		b.Post(t, "/login/password", url.Values{"email": {known}, "password": {harness.Password}, "return_to": {path}}).Redirected(t, path)
		if who := b.Identity(t); who["organization_id"] != nil {
			t.Errorf("managed before agreeing: %v", who)
		}
		b.Post(t, path, nil).Redirected(t, "/")
		if who := b.Identity(t); who["organization_id"] != o.ID || who["method"] != "password" {
			t.Errorf("%v", who)
		}
		elsewhere.SignedIn(t, "", "")
		s.NewBrowser(t).Password(t, known, newPassword).Refused(t, 401, "credentials_invalid")
		s.NewBrowser(t).Password(t, known, harness.Password).Redirected(t, "/")

		// A user of another organization is never captured.
		theirs := other.Address("theirs")
		other.AddUser(t, theirs)
		path = ask(theirs)
		s.NewBrowser(t).Get(t, path).Refused(t, 409, "user_managed_elsewhere")
		b = s.NewBrowser(t)
		b.Password(t, theirs, harness.Password).Redirected(t, "/")
		b.Post(t, path, passwords(newPassword)).Refused(t, 409, "user_managed_elsewhere")
		if who := b.Identity(t); who["organization_id"] != other.ID {
			t.Errorf("%v", who)
		}
	})
}

func TestAKnownUserWhoBecomesManagedIsToldByMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := o.Address("known")
		s.OK(t, "POST", "/users", harness.Object{"email": user, "password": harness.Password})
		b := s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		b.Post(t, "/login/forgot", url.Values{"email": {user}})
		pending := s.MailedPath(t, user)
		s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": user, "invite": false})
		mail := s.Mail(t, user)
		if !strings.Contains(mail.Subject, "now manages your account") || s.Path(t, mail.Link(t)) != "/login" {
			t.Errorf("%+v", mail)
		}
		b.SignedIn(t, "", "")
		s.NewBrowser(t).Get(t, pending).Refused(t, 410, "link_expired")
		s.NewBrowser(t).Password(t, user, harness.Password).Redirected(t, "/")
	})
}

func TestAnotherRoleIsToldByMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user := o.Address("user")
		id := o.AddUser(t, user)
		s.OK(t, "PATCH", "/users/"+id, harness.Object{"role": "administrator"})
		if mail := s.Mail(t, user); !strings.Contains(mail.Text, "Administrator") {
			t.Errorf("%+v", mail)
		}
	})
}

// TestMailsAreInTheUsersLanguage: what was given, then that of the pages on which
// the user has set a password.
func TestMailsAreInTheUsersLanguage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		german, english := o.Address("de"), o.Address("en")
		s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": german, "language": "de"})
		mail := s.Mail(t, german)
		if !strings.Contains(mail.Subject, "hinzugefügt") || mail.TextEncoding != "quoted-printable" || !strings.Contains(mail.Text, "Wählen Sie") {
			t.Errorf("%+v", mail)
		}
		o.Invite(t, english)
		path := s.MailedPath(t, english)
		form := passwords(newPassword)
		a := s.NewBrowser(t).Send(t, http.MethodPost, path, form, http.Header{"Origin": {s.Base}, "Accept-Language": {"de-AT,de;q=0.9,en;q=0.5"}})
		a.Redirected(t, "/")
		if mail := s.Mail(t, english); !strings.Contains(mail.Subject, "Passwort") {
			t.Errorf("%+v", mail)
		}
		s.Refused(t, 422, "invalid", "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": o.Address("fr"), "language": "fr"})
	})
}

// TestTheOwnerOfANewOrganizationIsInvited.
func TestTheOwnerOfANewOrganizationIsInvited(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s) // for a name that nobody else has
		owner := "owner@" + o.Domain + ".example"
		id := harness.ID(s.OK(t, "POST", "/organizations", harness.Object{"name": "Acme", "owner_email": owner}))
		b := s.NewBrowser(t)
		b.Post(t, s.MailedPath(t, owner), passwords(newPassword)).Redirected(t, "/")
		if who := b.Identity(t); who["organization_id"] != id || who["organization_role"] != "owner" {
			t.Errorf("%v", who)
		}
	})
}
