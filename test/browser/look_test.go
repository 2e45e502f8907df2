package browser

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// A pageCase is a page as a user may come to see it.
type pageCase struct {
	name  string
	focus string // what has the focus at first, as a selector; body for nothing
	open  func(*testing.T, *stage) *tab
}

func pageCases() []pageCase {
	return []pageCase{
		{"login", "#email", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(loginPath)
			return b
		}},
		{"login-signed-in", "#email", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.member(t))
			b.path(loginPath)
			return b
		}},
		{"login-error", "#email", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(loginPath)
			b.identify("nobody at all")
			return b
		}},
		{"password", "#password", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(loginPath)
			b.identify(s.member(t))
			return b
		}},
		{"password-at-once", "#email", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/login/password")
			return b
		}},
		{"password-wrong", "#password", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/login/password")
			b.Fill("E-mail address", s.member(t))
			b.Fill("Password", "wrong")
			b.Click("Sign in")
			return b
		}},
		{"initial", "#password", func(t *testing.T, s *stage) *tab {
			b, _ := s.invited(t)
			b.WaitText("Choose a password")
			return b
		}},
		{"initial-error", "#password", func(t *testing.T, s *stage) *tab {
			b, _ := s.invited(t)
			b.WaitText("Choose a password")
			b.Fill("New password", "too short")
			b.Fill("Repeat the password", "too short")
			b.Click("Set password and continue")
			return b
		}},
		{"initial-differ", "#password", func(t *testing.T, s *stage) *tab {
			b, _ := s.invited(t)
			b.WaitText("Choose a password")
			b.Fill("New password", newPassword)
			b.Fill("Repeat the password", "another")
			b.Click("Set password and continue")
			return b
		}},
		// Nobody becomes somebody else by pressing Enter too early.
		{"continue", "button[value=no]", func(t *testing.T, s *stage) *tab {
			b, _, second := s.twoUsers(t)
			b.WaitText("Continue as " + second + "?")
			return b
		}},
		{"post", "body", func(t *testing.T, s *stage) *tab {
			p, user := s.enforced(t, nil)
			postOnly(t, p, "/sso")
			b := s.newTab(t)
			b.Show(testenv.NoScript())
			b.path(loginPath)
			b.identify(user)
			b.Show(testenv.WithScript())
			return b
		}},
		{"refusal-unknown-user", "body", func(t *testing.T, s *stage) *tab {
			p, _ := s.enforced(t, nil)
			b := s.newTab(t)
			b.path(loginPath)
			b.identify(p.Address("stranger"))
			b.logIn(p.Address("stranger"))
			b.WaitURL(p.SP.ACSURL)
			return b
		}},
		{"refusal-sso-required", "body", func(t *testing.T, s *stage) *tab {
			_, user := s.enforced(t, nil)
			b := s.newTab(t)
			b.path("/login/password")
			b.Fill("E-mail address", user)
			b.Fill("Password", harness.Password)
			b.Click("Sign in")
			return b
		}},
		{"refusal-used", "body", func(t *testing.T, s *stage) *tab {
			b, _, second := s.twoUsers(t)
			b.WaitText("Continue as " + second + "?")
			b.Reload()
			return b
		}},
		{"not-found", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/nowhere")
			return b
		}},
		{"console-empty", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.member(t))
			return b
		}},
		{"console", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.memberOfAccounts(t))
			return b
		}},
		{"security", "body", func(t *testing.T, s *stage) *tab {
			user := s.memberOfAccounts(t)
			s.newTab(t).signIn(t, user)
			b := s.newTab(t)
			b.signIn(t, user)
			b.path(securityPath)
			return b
		}},
		{"security-error", "#current_password", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.member(t))
			b.path(securityPath)
			b.Fill("Present password", "wrong")
			b.Fill("New password", newPassword)
			b.Fill("Repeat the password", newPassword)
			b.Click("Change password")
			return b
		}},
		{"security-weak", "#current_password", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.member(t))
			b.path(securityPath)
			b.Fill("Present password", harness.Password)
			b.Fill("New password", "password1234")
			b.Fill("Repeat the password", "password1234")
			b.Click("Change password")
			return b
		}},
		{"security-changed", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.member(t))
			b.path(securityPath)
			b.Fill("Present password", harness.Password)
			b.Fill("New password", newPassword)
			b.Fill("Repeat the password", newPassword)
			b.Click("Change password")
			b.WaitText("Your password was changed.")
			return b
		}},
		{"security-sso", "body", func(t *testing.T, s *stage) *tab {
			_, user := s.enforced(t, nil)
			b := s.newTab(t)
			b.path(securityPath)
			b.identify(user)
			b.logIn(user)
			b.WaitURL(s.Base + securityPath)
			return b
		}},
		{"signed-out", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/signed-out?result=done")
			return b
		}},
		{"signed-out-elsewhere-not", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/signed-out?result=failed")
			return b
		}},
		{"refusal-sign-out", "body", func(t *testing.T, s *stage) *tab {
			p, _ := s.enforced(t, nil)
			b := s.newTab(t)
			b.path(p.SLOPath() + "?SAMLRequest=x")
			return b
		}},
		{"help-error", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/help/errors/saml_audience_mismatch")
			return b
		}},
		{"help-error-signed-in", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.signIn(t, s.member(t))
			b.path("/help/errors/user_not_found")
			return b
		}},
	}
}

// memberOfAccounts makes a user with accounts, and names that are not short.
func (s *stage) memberOfAccounts(t *testing.T) string {
	t.Helper()
	org := harness.NewOrganization(t, s.Server)
	user := org.Address("a.rather.long.name-that-hardly.fits")
	id := org.AddUser(t, user)
	s.OK(t, "PATCH", "/users/"+id, harness.Object{"name": "A Rather Long Name-That-Hardly Fits"})
	for _, account := range []struct {
		name  string
		roles []string
	}{
		{"Production", []string{"administrator", "developer", "billing", "support", "viewer"}},
		{"Staging", []string{"developer"}},
		{"Development", []string{"developer", "viewer"}},
		{"Donaudampfschifffahrtsgesellschaftskapitaensanwaerter", []string{"viewer"}},
	} {
		accountID := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/accounts", harness.Object{"name": account.name}))
		s.OK(t, "PUT", "/accounts/"+accountID+"/members/"+id, harness.Object{"roles": account.roles})
	}
	return user
}

// looks are how pages are looked at. A page at 200 % zoom in a window of 640
// pixels is one of 320.
var looks = []struct {
	name  string
	set   []testenv.BrowserOption
	width int
}{
	{"light", []testenv.BrowserOption{testenv.LightMode(), testenv.Viewport(1280, 800)}, 1280},
	{"dark", []testenv.BrowserOption{testenv.DarkMode(), testenv.Viewport(1280, 800)}, 1280},
	{"phone", []testenv.BrowserOption{testenv.LightMode(), testenv.Viewport(320, 640)}, 320},
}

const maxPage = 60 << 10

func pagesAreAccessible(t *testing.T, s *stage) {
	for _, page := range slices.Concat(pageCases(), linkPages(), adminCases(), helpCases(), enforcePages(), connectionCases(), activityCases(), certificateCases(), profileCases()) {
		t.Run(page.name, func(t *testing.T) {
			t.Parallel()
			b := page.open(t, s)
			b.focused(t, page.focus)
			if size := len(b.HTML()); size > maxPage {
				t.Errorf("%d octets of HTML", size)
			}
			for _, look := range looks {
				b.Show(look.set...)
				b.fits(t, look.width)
				for _, violation := range b.Axe(t) {
					t.Errorf("%s: %s", look.name, violation)
				}
				b.picture(t, page.name+"-"+look.name)
			}
			b.reachedByKeyboard(t)
		})
	}
}

// fits fails if the page is wider than the window.
func (b *tab) fits(t *testing.T, width int) {
	t.Helper()
	var got struct {
		Window, Page int
		Widest       string
	}
	b.Eval(`({Window: innerWidth, Page: document.documentElement.scrollWidth, Widest: [...document.querySelectorAll('body *')]
		.filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.cloneNode().outerHTML).slice(0, 3).join(' ')})`, &got)
	if got.Window != width || got.Page > got.Window {
		t.Errorf("the page has %d pixels in a window of %d, which should have %d: %s", got.Page, got.Window, width, got.Widest)
	}
}

// picture leaves a screenshot for people to look at, where a directory is named
// for them.
func (b *tab) picture(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b.Screenshot(filepath.Join(dir, name+".png"))
}

// languages looks at German pages in the smallest window: their words are
// longer. Texts that are not translated stay English until they are.
func languages(t *testing.T, s *stage) {
	english := s.newTab(t)
	english.path(loginPath)
	english.titled(t, "en", "Sign in")
	german := testenv.Browser(t, browserOptions(s.files, testenv.Locale("de-DE"))...)
	b := s.watch(t, german.NewTab(t))
	b.Show(testenv.Viewport(320, 640))
	b.path(loginPath)
	if _, err := os.Stat("../../internal/web/text/de.json"); err != nil {
		b.titled(t, "en", "Sign in")
		return
	}
	b.titled(t, "de", "Anmelden")
	b.german(t, "login")
	b.Fill("#email", "niemand")
	b.SubmitForm("#email")
	b.answered(t, 422, "invalid")
	b.german(t, "login-error")

	user := s.member(t)
	b.path("/login/password")
	b.Fill("#email", user)
	b.Fill("#password", "falsch")
	b.SubmitForm("#password")
	b.answered(t, 401, "credentials_invalid")
	b.german(t, "password-wrong")
	b.Fill("#password", harness.Password)
	b.SubmitForm("#password")
	b.at(t, "/")
	b.titled(t, "de", "Konsole")
	b.german(t, "console-empty")
	b.path(securityPath)
	b.german(t, "security")

	s.germanAdminCenter(t, s.watch(t, german.NewTab(t)))
	s.germanCertificates(t, s.watch(t, german.NewTab(t)))
	s.germanRecovery(t, german.NewTab(t))

	p, second := s.enforced(t, nil)
	b.path("/saml/" + p.ID + "/start")
	b.logIn(second)
	b.WaitText("Als " + second + " weitermachen?")
	b.german(t, "continue")
	s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"metadata_xml": string(otherKey(p).Metadata())})
	b.path("/saml/" + p.ID + "/start")
	b.WaitURL(p.SP.ACSURL)
	b.answered(t, 403, "saml_certificate_unknown")
	b.german(t, "refusal")
	b.path("/help/errors/user_not_found")
	b.german(t, "help-error")
	for _, path := range []string{"/help", "/help?q=zzz", "/help?q=okta", "/help/guides", "/help/guides/adfs", "/help/concepts/domains", "/help/errors"} {
		b.path(path)
		b.german(t, strings.ReplaceAll(path[1:], "/", "-"))
	}
}

// titled fails unless the page is in this language and its heading is this.
func (b *tab) titled(t *testing.T, lang, heading string) {
	t.Helper()
	_, header := b.Response()
	var got string
	b.Eval("document.documentElement.lang", &got)
	if h1 := b.Text("main h1"); h1 != heading || got != lang || header.Get("Content-Language") != lang {
		t.Errorf("%s is called %q, in %q and %q", b.URL(), h1, got, header.Get("Content-Language"))
	}
}

// english are words that no German sentence has.
var english = regexp.MustCompile(`(?i)\b(the|your|you|please|and|or|of|is|with|again|sign|out|since|last)\b`)

// german fails if the page is not German throughout, or does not fit.
func (b *tab) german(t *testing.T, name string) {
	t.Helper()
	b.fits(t, 320)
	var text string
	b.Eval(`(() => {
		const copy = document.body.cloneNode(true);
		copy.querySelectorAll('[lang=en], script').forEach(e => e.remove());
		return [...copy.querySelectorAll('*')].flatMap(e => [...e.childNodes]).filter(n => n.nodeType === 3).map(n => n.data).join(' ');
	})()`, &text)
	if word := english.FindString(strings.ReplaceAll(text, "Single Sign-on", "")); word != "" {
		t.Errorf("the German page %s says %q:\n%s", name, word, b.Text("body"))
	}
	b.picture(t, "german-"+name)
}
