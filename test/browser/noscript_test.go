package browser

import (
	"net/url"
	"testing"

	"sallyport/internal/testenv"
)

func loginWithoutScript(t *testing.T, s *stage) {
	_, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.Show(testenv.NoScript())
	b.path(securityPath)
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.Click("On to the application")
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
	b.Click("Sign out")
	b.at(t, loginPath)
	b.signedIn(t, "", "")

	member := s.member(t)
	b.signIn(t, member)
}

func postWithoutScript(t *testing.T, s *stage) {
	p, user := s.enforced(t, nil)
	postOnly(t, p, "/sso")
	b := s.newTab(t)
	b.Show(testenv.NoScript())
	b.path(loginPath + "?return_to=" + url.QueryEscape(securityPath))
	b.identify(user)
	b.answered(t, 200, "")
	b.at(t, loginPath)
	b.Click("Continue")
	b.WaitURL(p.IdP.SSOURL)
	b.logIn(user)
	b.Click("On to the application")
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
}

func initialWithoutScript(t *testing.T, s *stage) {
	b, user := s.invited(t, testenv.NoScript())
	b.Click("On to the application")
	b.WaitText("Choose a password")
	b.Fill("New password", newPassword)
	b.Fill("Repeat the password", newPassword)
	b.Click("Set password and continue")
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
}

func continueWithoutScript(t *testing.T, s *stage) {
	b, first, second := s.twoUsers(t, testenv.NoScript())
	b.Click("On to the application")
	b.WaitText("Continue as " + second + "?")
	b.signedIn(t, first, "password")
	b.Click("Continue as " + second)
	b.at(t, securityPath)
	b.signedIn(t, second, "sso")
}
