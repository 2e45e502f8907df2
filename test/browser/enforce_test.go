package browser

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// enforceAndUndo: an administrator sees what will happen, enforces, and takes it
// back on the same page.
func enforceAndUndo(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	o := s.office(t)
	p := s.idp.newProfile(t, o.Organization, nil)
	path := o.home + "/sso/" + p.ID + "/enforce"
	b := o.enter(t, s, "/sso/"+p.ID+"/enforce", options...)
	b.WaitText("1 of 2 users at " + o.Domain + " will sign in with SSO")
	b.WaitText("You keep your password (" + o.owner + ").")
	b.Click("Enforce SSO for " + o.Domain)
	b.answered(t, 422, "invalid") // the tick is missing
	b.Click("#acknowledge")
	b.Click("Enforce SSO for " + o.Domain)
	b.at(t, path)
	b.WaitText("SSO is enforced: 1 user will sign in with")

	user := s.newTab(t)
	user.path(loginPath)
	user.identify(o.Address("user"))
	user.WaitURL(s.idp.base)
	user.logIn(o.Address("user"))
	user.signedIn(t, o.Address("user"), "sso")

	b.Click("Release " + o.Domain)
	b.WaitText(o.Domain + " is released.")
	user = s.newTab(t)
	user.path(loginPath)
	user.identify(o.Address("user"))
	user.WaitURL(s.Base + "/login/password")
}

func enforceWithScript(t *testing.T, s *stage) { enforceAndUndo(t, s) }

func enforceWithoutScript(t *testing.T, s *stage) { enforceAndUndo(t, s, testenv.NoScript()) }

// lockedOutTwice: who leaves no owner a way in has to say so twice.
func lockedOutTwice(t *testing.T, s *stage) {
	o := s.office(t)
	p := s.idp.newProfile(t, o.Organization, nil)
	b := o.enter(t, s, "/sso/"+p.ID+"/enforce")
	b.Click("#keep")
	b.Click("Show what will happen")
	b.WaitText("No owner could get in any more")
	b.WaitText("You yourself (" + o.owner + ") will sign in with SSO")
	b.Click("#acknowledge")
	b.Click("Enforce SSO for " + o.Domain)
	b.answered(t, 422, "invalid")
	b.Click("#acknowledge")
	b.Fill("#confirm", o.name(t))
	b.Click("Enforce SSO for " + o.Domain)
	b.WaitText("SSO is enforced: 2 users will sign in with")
}

// name is what the organization is called.
func (o *office) name(t *testing.T) string {
	t.Helper()
	name, _ := o.OK(t, "GET", "/organizations/"+o.ID, nil)["name"].(string)
	return name
}

// switchInADialog: a user's own switch is a question with Save.
func switchInADialog(t *testing.T, s *stage) {
	o := s.office(t)
	p := s.idp.newProfile(t, o.Organization, nil)
	b := o.enter(t, s, "/users/"+o.user)
	b.Click("Change SSO")
	b.WaitText("SSO of Test User")
	b.focused(t, "dialog [data-cancel]")
	b.Press("Escape")
	b.focused(t, `a[href$="/sso"]`)
	b.Press("Enter")
	b.WaitText("SSO of Test User")
	for _, violation := range b.Axe(t) {
		t.Errorf("%s", violation)
	}
	b.Click("#sso-1") // Enabled, at a domain that is not enforced
	b.Eval(`document.querySelector('dialog select').value = "`+p.ID+`"`, nil)
	b.Click("#acknowledge")
	b.Click("dialog button.main")
	b.WaitText("Test User")
	b.at(t, o.home+"/users/"+o.user)
	user := s.newTab(t)
	user.path(loginPath)
	user.identify(o.Address("user"))
	user.WaitURL(s.idp.base)
}

// codes makes an owner's recovery codes on the security page.
func (o *office) codes(t *testing.T, s *stage, options ...testenv.BrowserOption) (b *tab, codes []string) {
	t.Helper()
	b = s.newTab(t)
	b.Show(options...)
	b.signIn(t, o.owner)
	b.path(securityPath)
	b.WaitText("You have no recovery codes.")
	b.Click("Make recovery codes")
	b.at(t, "/account/recovery-codes")
	b.Click("Make recovery codes")
	b.WaitText("They are shown this once.")
	codes = strings.Fields(b.Text(".codes"))
	if len(codes) != 10 {
		t.Fatalf("%q", codes)
	}
	return b, codes
}

// breakGlass: when the Identity Provider is out of order an owner gets in with a
// code from paper, releases the domain, and signs in as usual.
func breakGlass(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	o := s.office(t)
	_, codes := o.codes(t, s, options...)
	p := o.NewProfile(t, nil) // whose Identity Provider answers nobody
	o.OK(t, "PUT", "/domains/"+o.DomainID+"/enforcement", harness.Object{"sso_profile_id": p.ID, "acknowledge": true})

	b := s.newTab(t)
	b.Show(options...)
	b.path(loginPath)
	b.Click("Use a recovery code")
	b.Fill("E-mail address", o.owner)
	b.Fill("Recovery code", strings.ToLower(codes[3]))
	b.Click("Mail me a link")
	b.WaitText("a link is on its way there")
	b.path(o.recoveryLink(t))
	b.WaitText("This link lets " + o.owner + " in")
	b.Click("Open the recovery session")
	b.at(t, o.home)
	b.WaitText("This is a recovery session.")
	b.signedIn(t, o.owner, "recovery")
	b.path("/")
	b.at(t, o.home)
	b.path(o.home + "/sso/" + p.ID + "/enforce")
	b.Click("Release " + o.Domain)
	b.WaitText(o.Domain + " is released.")
	again := s.newTab(t)
	again.signIn(t, o.owner)
	again.path(o.home)
	again.WaitText(o.owner + " was let in by a recovery link")
}

// recoveryLink waits for the mail with the link: others came before it.
func (o *office) recoveryLink(t *testing.T) string {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, m := range o.Mails(t, o.owner) {
			if _, rest, ok := strings.Cut(m.Text, o.Base+"/recovery/"); ok {
				return "/recovery/" + strings.Fields(rest)[0]
			}
		}
	}
	t.Fatal("no link came")
	return ""
}

func breakGlassWithScript(t *testing.T, s *stage) { breakGlass(t, s) }

func breakGlassWithoutScript(t *testing.T, s *stage) { breakGlass(t, s, testenv.NoScript()) }

// codesArePutAway: they can be copied and downloaded, and are not shown again.
func codesArePutAway(t *testing.T, s *stage) {
	o := s.office(t)
	b, codes := o.codes(t, s)
	var file struct{ Name, Text string }
	b.Eval(`(a => ({Name: a.download, Text: a.href}))(document.querySelector("a[download]"))`, &file)
	text, err := url.PathUnescape(strings.TrimPrefix(file.Text, "data:text/plain;charset=utf-8,"))
	if err != nil || !strings.HasSuffix(file.Name, "-recovery-codes.txt") || !strings.Contains(text, strings.Join(codes, "\n")) || !strings.Contains(text, s.Base+"/login/recovery") {
		t.Errorf("%q: %q, %v", file.Name, text, err)
	}
	b.Click("Copy")
	b.WaitText("Copied")
	var print bool
	b.Eval(`!document.querySelector("[data-print]").hidden`, &print)
	if !print {
		t.Error("no button to print")
	}
	b.Click("I have put them away")
	b.at(t, securityPath)
	b.WaitText("10 of 10 codes are left.")
	b.Click("Replace the codes")
	b.WaitText("which then work no more")
	if strings.Contains(b.HTML(), codes[0]) {
		t.Error("the codes are shown again")
	}
}

// enforcePages are the pages of this subject, for looking at.
func enforcePages() []pageCase {
	enforce := func(query string) func(t *testing.T, s *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			o := s.office(t)
			p := s.idp.newProfile(t, o.Organization, nil)
			o.AddDomain(t, "a-rather-long-name-of-a-second-domain."+o.Domain)
			s.NewIndependentUser(t, o.Address("independent"))
			if query == "enforced" {
				p.Enforce(t)
			}
			return o.enter(t, s, "/sso/"+p.ID+"/enforce"+strings.ReplaceAll(query, "{domain}", o.DomainID))
		}
	}
	return []pageCase{
		{"admin-enforce", "body", enforce("")},
		{"admin-enforce-no-owner", "body", enforce("?chosen=1&domain={domain}&end_sessions=1")},
		{"admin-enforce-nothing", "body", enforce("?chosen=1")},
		{"admin-enforce-error", "body", func(t *testing.T, s *stage) *tab {
			b := enforce("?chosen=1&domain={domain}")(t, s)
			b.Click(".danger")
			b.answered(t, 422, "invalid")
			return b
		}},
		{"admin-enforce-untested", "body", func(t *testing.T, s *stage) *tab {
			o := s.office(t)
			p := s.idp.newProfile(t, o.Organization, nil)
			o.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"allow_sha1": true}})
			return o.enter(t, s, "/sso/"+p.ID+"/enforce")
		}},
		{"admin-without-sso", "body", func(t *testing.T, s *stage) *tab { return s.office(t).enter(t, s, "/users/without-sso") }},
		{"admin-without-sso-none", "body", func(t *testing.T, s *stage) *tab {
			return s.office(t).enter(t, s, "/users/without-sso?reason=user_deactivated")
		}},
		{"recover", "#email", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/login/recovery")
			return b
		}},
		{"recover-sent", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path("/login/recovery")
			b.Fill("#email", "nobody-of-a-rather-long-name@elsewhere-and-far-away.test")
			b.Fill("#code", "x")
			b.Click("Mail me a link")
			b.WaitText("Look at your mail")
			return b
		}},
		{"recovery-codes", "body", func(t *testing.T, s *stage) *tab {
			b, _ := s.office(t).codes(t, s)
			return b
		}},
		{"recovery-codes-replace", "body", func(t *testing.T, s *stage) *tab {
			b, _ := s.office(t).codes(t, s)
			b.path("/account/recovery-codes")
			return b
		}},
		{"recovery-link", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(s.office(t).rescue(t))
			return b
		}},
		{"recovery-session", "body", func(t *testing.T, s *stage) *tab {
			b := s.newTab(t)
			b.path(s.office(t).rescue(t))
			b.Click("Open the recovery session")
			b.WaitText("This is a recovery session.")
			return b
		}},
	}
}

// rescue is the path of the link that the operator's command prints.
func (o *office) rescue(t *testing.T) string {
	t.Helper()
	out := harness.Command(t, "", "rescue", o.owner, "--database", o.Database, "--secret-key-file", o.KeyFile, "--base-url", o.Base)
	return o.Path(t, strings.TrimSpace(out))
}

// germanRecovery looks at the pages of break-glass in German.
func (s *stage) germanRecovery(t *testing.T, german *testenv.Page) {
	t.Helper()
	o := s.office(t)
	p := s.idp.newProfile(t, o.Organization, nil)
	b := s.watch(t, german)
	b.Show(testenv.Viewport(320, 640))
	b.path("/login/recovery")
	b.german(t, "recover")
	b.path(o.rescue(t))
	b.german(t, "recovery")
	b.SubmitForm("main button.main")
	if strings.Contains(b.HTML(), `name="answer"`) {
		b.Click("Als " + o.owner + " weitermachen")
	}
	b.at(t, o.home)
	for name, path := range map[string]string{"enforce": "/sso/" + p.ID + "/enforce", "enforce-no-owner": "/sso/" + p.ID + "/enforce?chosen=1&end_sessions=1&domain=" + o.DomainID,
		"enforce-nothing": "/sso/" + p.ID + "/enforce?chosen=1", "without-sso": "/users/without-sso"} {
		b.path(o.home + path)
		b.answered(t, 200, "")
		b.german(t, "admin-"+name)
	}
	b.path("/account/recovery-codes")
	b.german(t, "codes")
	b.SubmitForm("main button.main")
	b.german(t, "codes-made")
	b.path("/")
	b.at(t, o.home)
	b.path("/organizations/new")
	b.answered(t, 403, "forbidden")
	b.german(t, "recovery-closed")
}
