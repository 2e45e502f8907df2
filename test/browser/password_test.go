package browser

import (
	"net/url"
	"testing"

	"sallyport/test/harness"
)

// member makes an active user who signs in with a password.
func (s *stage) member(t *testing.T) string {
	t.Helper()
	org := harness.NewOrganization(t, s.Server)
	org.AddUser(t, org.Address("member"))
	return org.Address("member")
}

func passwordSignsIn(t *testing.T, s *stage) {
	user := s.member(t)
	b := s.newTab(t)
	b.path(securityPath)
	b.identify(user)
	b.at(t, "/login/password?return_to="+url.QueryEscape(securityPath))
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.at(t, securityPath)
	b.signedIn(t, user, "password")
	b.Back()
	b.friendly(t)
	b.signedIn(t, user, "password")
}

// passwordThenIdP signs in at a page that leads off the site: browsers hold
// every hop after a form against the page's policy.
func passwordThenIdP(t *testing.T, s *stage) {
	p, _ := s.enforced(t, nil)
	user := s.member(t)
	b := s.newTab(t)
	b.path("/login/password?return_to=" + url.QueryEscape("/saml/"+p.ID+"/start"))
	b.Fill("E-mail address", user)
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.WaitURL(s.idp.base)
	b.signedIn(t, user, "password")
}

func wrongPassword(t *testing.T, s *stage) {
	user := s.member(t)
	b := s.newTab(t)
	b.path("/login/password?return_to=" + url.QueryEscape(securityPath))
	b.Fill("E-mail address", user)
	b.Fill("Password", "wrong")
	b.Click("Sign in")
	b.answered(t, 401, "credentials_invalid")
	b.WaitText("That e-mail address or password is not right.")
	_, header := b.Response()
	b.WaitText(header.Get("Sallyport-Reference"))
	b.signedIn(t, "", "")
	b.Reload()
	b.answered(t, 401, "credentials_invalid")

	// The address is kept, the password is not.
	var kept struct{ Email, Password string }
	b.Eval(`({Email: document.getElementById('email').value, Password: document.getElementById('password').value})`, &kept)
	if kept.Email != user || kept.Password != "" {
		t.Errorf("the fields hold %+v", kept)
	}
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.at(t, securityPath)
	b.signedIn(t, user, "password")
}

func noAddress(t *testing.T, s *stage) {
	b := s.newTab(t)
	b.path(loginPath)
	b.identify("nobody at all")
	b.answered(t, 422, "invalid")
	b.WaitText("Enter an e-mail address, such as you@example.com")
	var field struct{ Value, Invalid, Says string }
	b.Eval(`(field => ({Value: field.value, Invalid: field.getAttribute('aria-invalid'),
		Says: document.getElementById(field.getAttribute('aria-describedby')).innerText}))(document.getElementById('email'))`, &field)
	if field.Value != "nobody at all" || field.Invalid != "true" || field.Says != "Enter an e-mail address, such as you@example.com" {
		t.Errorf("the field is %+v", field)
	}
}

func passwordUnderEnforcement(t *testing.T, s *stage) {
	_, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.path(loginPath + "?return_to=" + url.QueryEscape(securityPath))
	b.Click("Use my password instead")
	b.Fill("E-mail address", user)
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.answered(t, 403, "sso_required")
	b.plain(t)
	b.Click("Sign in through your company")
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.WaitURL(s.Base + securityPath)
	b.signedIn(t, user, "sso")
	b.WaitText("There is no password to change here.")
}

func changePassword(t *testing.T, s *stage) {
	user := s.member(t)
	b := s.newTab(t)
	b.signIn(t, user)
	b.Click("Security")
	b.at(t, securityPath)
	change := func(old, first, second string) {
		b.Fill("Present password", old)
		b.Fill("New password", first)
		b.Fill("Repeat the password", second)
		b.Click("Change password")
	}
	change("wrong", newPassword, newPassword)
	b.answered(t, 401, "credentials_invalid")
	b.WaitText("is not right")
	change(harness.Password, newPassword, newPassword+"!")
	b.answered(t, 422, "invalid")
	b.WaitText("The two passwords differ.")
	change(harness.Password, "password1234", "password1234")
	b.answered(t, 422, "password_weak")
	change(harness.Password, newPassword, newPassword)
	b.answered(t, 200, "")
	b.WaitText("Your password was changed.")
	b.signedIn(t, user, "password")

	b = s.newTab(t)
	b.path("/login/password")
	b.Fill("E-mail address", user)
	b.Fill("Password", newPassword)
	b.Click("Sign in")
	b.at(t, "/")
	b.signedIn(t, user, "password")
}

func endSession(t *testing.T, s *stage) {
	user := s.member(t)
	here, there := s.newTab(t), s.newTab(t)
	here.signIn(t, user)
	there.signIn(t, user)
	here.path(securityPath)
	here.WaitText("This browser")
	here.Click("End session") // one fits: this browser's own has none
	here.at(t, securityPath)
	here.signedIn(t, user, "password")
	there.signedIn(t, "", "")
	there.path(securityPath)
	there.at(t, loginPath+"?return_to="+url.QueryEscape(securityPath))
}

func signOut(t *testing.T, s *stage) {
	user := s.member(t)
	b := s.newTab(t)
	b.signIn(t, user)
	b.path(securityPath)
	b.Click("Sign out")
	b.at(t, loginPath)
	b.signedIn(t, "", "")
	if b.cookie(sessionCookie) != nil {
		t.Error("the session's cookie stays behind")
	}
	b.Back()
	b.at(t, loginPath+"?return_to="+url.QueryEscape(securityPath))
}
