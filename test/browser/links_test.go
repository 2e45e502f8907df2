package browser

import (
	"net/http"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// mailed opens the link of the next mail to an address in a new tab.
func (s *stage) mailed(t *testing.T, to string, options ...testenv.BrowserOption) *tab {
	t.Helper()
	b := s.newTab(t)
	b.Show(options...)
	b.path(s.MailedPath(t, to))
	return b
}

// inviteHere adds a user whose domain is not enforced, and an account to work in.
func (s *stage) inviteHere(t *testing.T) (user string) {
	t.Helper()
	o := harness.NewOrganization(t, s.Server)
	user = o.Address("newcomer")
	id := o.Invite(t, user)
	account := harness.ID(s.OK(t, "POST", "/organizations/"+o.ID+"/accounts", harness.Object{"name": "Production"}))
	s.OK(t, "PUT", "/accounts/"+account+"/members/"+id, harness.Object{"roles": []string{"developer"}})
	return user
}

// asked invites the user of an address outside of the organization's domains.
func (s *stage) asked(t *testing.T, known bool) (user string) {
	t.Helper()
	o := harness.NewOrganization(t, s.Server)
	user = "outsider@" + o.Domain + ".example"
	if known {
		s.NewIndependentUser(t, user)
	}
	s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": user})
	return user
}

func (b *tab) newPassword(t *testing.T, button string) {
	t.Helper()
	b.Fill("New password", newPassword)
	b.Fill("Repeat the password", newPassword)
	b.Click(button)
}

func invitationToConsole(t *testing.T, s *stage) { acceptInvitation(t, s) }
func invitationToConsoleWithoutScript(t *testing.T, s *stage) {
	acceptInvitation(t, s, testenv.NoScript())
}

func acceptInvitation(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	user := s.inviteHere(t)
	b := s.mailed(t, user, options...)
	b.WaitText("Set up your account")
	b.WaitText(user)
	link := b.URL()
	b.Fill("New password", "too short")
	b.Fill("Repeat the password", "too short")
	b.Click("Set password and continue")
	b.answered(t, http.StatusUnprocessableEntity, "password_weak")
	b.newPassword(t, "Set password and continue")
	b.at(t, "/")
	b.WaitText("Production")
	b.WaitText("developer")
	b.signedIn(t, user, "password")
	b.Open(link)
	b.answered(t, http.StatusGone, "link_used")
	b.WaitText("This link has already been used")
}

// agreeToInvitation: who has an account signs in on the way, and agrees.
func agreeToInvitation(t *testing.T, s *stage) {
	user := s.asked(t, true)
	b := s.mailed(t, user)
	b.WaitText("Accept the invitation?")
	b.Click("Sign in as " + user)
	b.identify(user)
	b.Fill("Password", harness.Password)
	b.Click("Sign in")
	b.WaitText("Accept the invitation?")
	b.Click("Accept")
	b.at(t, "/")
	b.signedIn(t, user, "password")
}

func forgottenPassword(t *testing.T, s *stage)              { resetPassword(t, s) }
func forgottenPasswordWithoutScript(t *testing.T, s *stage) { resetPassword(t, s, testenv.NoScript()) }

func resetPassword(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	user := s.member(t)
	b := s.newTab(t)
	b.Show(options...)
	b.path(loginPath)
	b.identify(user)
	b.Click("I forgot my password")
	b.WaitText("Forgot your password?")
	b.Click("Send mail") // the address is there already
	b.WaitText("Look into your mailbox")
	b.answered(t, http.StatusOK, "")
	b.path(s.MailedPath(t, user))
	b.WaitText("Set a new password")
	b.newPassword(t, "Set password and sign in")
	b.at(t, "/")
	b.signedIn(t, user, "password")
}

func signUpAndConfirm(t *testing.T, s *stage)              { signUp(t, s) }
func signUpAndConfirmWithoutScript(t *testing.T, s *stage) { signUp(t, s, testenv.NoScript()) }

func signUp(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	user := "user@" + harness.NewOrganization(t, s.Server).Domain + ".example"
	b := s.newTab(t)
	b.Show(options...)
	b.path(loginPath)
	b.Click("Sign up")
	b.Fill("E-mail address", user)
	b.Fill("Name", "Test User")
	b.newPassword(t, "Sign up")
	b.WaitText("Look into your mailbox")
	b.path(s.MailedPath(t, user))
	b.WaitText("Is " + user + " your address?")
	b.Click("Confirm address")
	b.at(t, "/login/password")
	b.WaitText("Your address is confirmed. You can sign in now.")
	b.signedIn(t, "", "")
	b.Fill("Password", newPassword)
	b.Click("Sign in")
	b.at(t, "/")
	b.signedIn(t, user, "password")
}

// linkPages are the pages of mailed links, and those that have them sent.
func linkPages() []pageCase {
	send := func(path string, fill func(t *testing.T, s *stage, b *tab)) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(path)
			fill(t, s, b)
			return b
		}
	}
	return []pageCase{
		{"invitation", "#password", func(t *testing.T, s *stage) *tab { return s.mailed(t, s.inviteHere(t)) }},
		{"invitation-error", "#password", func(t *testing.T, s *stage) *tab {
			b := s.mailed(t, s.inviteHere(t))
			b.Fill("New password", newPassword)
			b.Fill("Repeat the password", "another")
			b.Click("Set password and continue")
			return b
		}},
		{"invitation-outsider", "#password", func(t *testing.T, s *stage) *tab { return s.mailed(t, s.asked(t, false)) }},
		{"invitation-sign-in", "body", func(t *testing.T, s *stage) *tab { return s.mailed(t, s.asked(t, true)) }},
		{"invitation-agree", "body", func(t *testing.T, s *stage) *tab {
			user := s.asked(t, true)
			b := s.newTab(t)
			b.signIn(t, user)
			b.path(s.MailedPath(t, user))
			return b
		}},
		{"invitation-sso", "body", func(t *testing.T, s *stage) *tab {
			p, _ := s.enforced(t, nil)
			s.OK(t, "PATCH", "/organizations/"+p.Organization.ID, harness.Object{"initial_password_required": false})
			p.Invite(t, p.Address("newcomer"))
			return s.mailed(t, p.Address("newcomer"))
		}},
		{"reset", "#password", func(t *testing.T, s *stage) *tab {
			user := s.member(t)
			s.NewBrowser(t).Post(t, "/login/forgot", map[string][]string{"email": {user}})
			return s.mailed(t, user)
		}},
		{"forgot", "#email", send("/login/forgot", func(*testing.T, *stage, *tab) {})},
		{"forgot-error", "#email", send("/login/forgot", func(t *testing.T, s *stage, b *tab) {
			b.Click("Send mail")
		})},
		{"forgot-sent", "body", send("/login/forgot", func(t *testing.T, s *stage, b *tab) {
			b.Fill("E-mail address", "somebody@free.test")
			b.Click("Send mail")
			b.WaitText("Look into your mailbox")
		})},
		{"signup", "#email", send("/signup", func(*testing.T, *stage, *tab) {})},
		{"signup-error", "#email", send("/signup", func(t *testing.T, s *stage, b *tab) {
			b.Click("Sign up")
		})},
		{"signup-sent", "body", send("/signup", func(t *testing.T, s *stage, b *tab) {
			b.Fill("E-mail address", "user@"+harness.NewOrganization(t, s.Server).Domain+".example")
			b.newPassword(t, "Sign up")
			b.WaitText("Look into your mailbox")
		})},
		{"verify-email", "body", func(t *testing.T, s *stage) *tab {
			user := "user@" + harness.NewOrganization(t, s.Server).Domain + ".example"
			s.NewBrowser(t).Post(t, "/signup", map[string][]string{"email": {user}, "password": {newPassword}})
			return s.mailed(t, user)
		}},
		{"refusal-link", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/reset/none")
			return b
		}},
	}
}
