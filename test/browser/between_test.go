package browser

import (
	"net/url"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

const newPassword = "seven slow ferries"

// signIn signs in with the password that tests give everybody.
func (b *tab) signIn(t *testing.T, email string) {
	t.Helper()
	b.path("/login/password")
	b.Fill("E-mail address", email)
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.signedIn(t, email, "password")
}

// twoUsers signs in as the first user in a new tab and has the second arrive by
// the Identity Provider.
func (s *stage) twoUsers(t *testing.T, options ...testenv.BrowserOption) (b *tab, first, second string) {
	t.Helper()
	p, second := s.enforced(t, nil)
	first = "first@" + "elsewhere-" + p.Domain
	s.NewIndependentUser(t, first)
	b = s.newTab(t)
	b.Show(options...)
	b.signIn(t, first)
	b.path("/saml/" + p.ID + "/start?return_to=" + url.QueryEscape(securityPath))
	b.logIn(second)
	return b, first, second
}

func continueQuestion(t *testing.T, s *stage) {
	b, first, second := s.twoUsers(t)
	b.WaitURL(s.Base + "/login/finish")
	b.WaitText("You are signed in here as " + first)
	b.WaitText("Continue as " + second + "?")
	b.answered(t, 200, "")
	b.signedIn(t, first, "password")
	b.Click("Stay " + first)
	b.at(t, "/")
	b.signedIn(t, first, "password")

	// Going back to the question: it is over, and nothing changes by it.
	b.Back()
	b.friendly(t)
	b.signedIn(t, first, "password")

	b, first, second = s.twoUsers(t)
	b.WaitText("Continue as " + second + "?")
	b.Reload()
	b.friendly(t)
	b.answered(t, 403, "saml_replayed")
	b.signedIn(t, first, "password")

	b, _, second = s.twoUsers(t)
	b.WaitText("Continue as " + second + "?")
	b.Click("Continue as " + second)
	b.at(t, securityPath)
	b.signedIn(t, second, "sso")
}

// invited makes an organization with enforced domain and a user who was never
// here, and leads them through the Identity Provider.
func (s *stage) invited(t *testing.T, options ...testenv.BrowserOption) (b *tab, user string) {
	t.Helper()
	p, _ := s.enforced(t, nil)
	user = p.Address("newcomer")
	p.Invite(t, user)
	b = s.newTab(t)
	b.Show(options...)
	b.path(loginPath + "?return_to=" + url.QueryEscape(securityPath))
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	return b, user
}

func initialPassword(t *testing.T, s *stage) {
	b, user := s.invited(t)
	b.WaitText("Choose a password")
	b.WaitText(user)
	b.answered(t, 200, "")
	b.signedIn(t, "", "")

	b.Fill("New password", "too short")
	b.Fill("Repeat the password", "too short")
	b.Click("Set password and continue")
	b.answered(t, 422, "password_weak")
	b.WaitText("Choose a password")
	b.Fill("New password", newPassword)
	b.Fill("Repeat the password", newPassword+"!")
	b.Click("Set password and continue")
	b.answered(t, 422, "invalid")
	b.WaitText("The two passwords differ.")
	b.WaitText(user)
	b.Fill("New password", newPassword)
	b.Fill("Repeat the password", newPassword)
	b.Click("Set password and continue")
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")

	// The page cannot be used again.
	b.Back()
	b.friendly(t)
	b.signedIn(t, user, "sso")
	b.Reload()
	b.friendly(t)

	// And from the next time on there is none.
	other := s.newTab(t)
	other.path(loginPath)
	other.identify(user)
	other.logIn(user)
	other.WaitURL(s.Base + "/")
	other.at(t, "/")
	other.signedIn(t, user, "sso")

	// A reload of the page before its answer is a way to try again.
	b, _ = s.invited(t)
	b.WaitText("Choose a password")
	b.Reload()
	b.friendly(t)
	b.answered(t, 403, "saml_replayed")
}
