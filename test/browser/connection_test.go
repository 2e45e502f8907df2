package browser

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A trial is an organization with a profile for Okta that was never tested.
type trial struct {
	*office
	p *harness.Profile
}

func (s *stage) trial(t *testing.T) *trial {
	t.Helper()
	x := &trial{office: s.office(t)}
	x.p = s.idp.newProfile(t, x.Organization, nil)
	x.OK(t, "PATCH", "/sso-profiles/"+x.p.ID, harness.Object{"idp": "okta", "options": harness.Object{"clock_tolerance_seconds": 120}}) // tested no more
	return x
}

func (x *trial) path(rest string) string { return "/sso/" + x.p.ID + rest }

// testsConnection goes through a test as an administrator does, in a tab of its
// own, and through one that fails, and looks at both afterwards.
func testsConnection(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	x := s.trial(t)
	b := x.enter(t, s, x.path("/test"), options...)
	popup := &tab{Page: b.Popup("button.main"), stage: s}
	popup.Show(options...)
	popup.WaitURL(s.idp.base)
	popup.logIn(x.Address("user"))
	if len(options) > 0 {
		popup.Click("On to the application")
	}
	popup.WaitText("The test has passed.")
	popup.WaitText("This was a test: nobody was signed in.")
	if got := popup.Text(".checks"); strings.Contains(got, "✗") || strings.Count(got, "✓") < 10 {
		t.Errorf("the checks are %s", got)
	}
	if who := popup.Text("#who-title + p"); !strings.Contains(who, x.Address("user")) {
		t.Errorf("it would have been %q", who)
	}
	b.signedIn(t, x.owner, "password") // as before
	popup.WaitText("Next step: Enforce it")
	if b.Front(); len(options) > 0 {
		b.Reload() // with scripts the page does so when somebody comes back to it
	}
	b.WaitText("Tested")
	popup.Click("This result in the Admin Center, for 30 days")
	popup.WaitText("Download the message")
	popup.answered(t, 200, "")
	if at := popup.URL(); !strings.HasPrefix(at, s.Base+x.home+x.path("/test/tst_")) {
		t.Errorf("the permanent page is %s", at)
	}

	// The Identity Provider goes over to another key.
	x.p.IdP.Key = samltest.NamedKey(samltest.RSA2048Other)
	second := &tab{Page: b.Popup("button.main"), stage: s}
	second.WaitText("The test has failed: Signature")
	second.WaitText("saml_certificate_unknown")
	b.Reload()
	b.WaitText("Failed") // in the list; what has passed stays so
	b.WaitText("Tested")
}

func testConnection(t *testing.T, s *stage) { testsConnection(t, s) }

func testConnectionWithoutScript(t *testing.T, s *stage) {
	testsConnection(t, s, testenv.NoScript())
}

// testsThatFail shows on the page of each what to change where.
func testsThatFail(t *testing.T, s *stage) {
	x := s.trial(t)
	for name, c := range map[string]struct {
		email string
		edit  func(*samltest.Response)
		words []string
	}{
		"audience": {x.Address("user"), func(r *samltest.Response) { r.Assertion.Conditions.Audiences = [][]string{{"https://wrong.example"}} },
			[]string{"The test has failed: Audience", "What to change in Okta", "Audience URI (SP Entity ID)", "https://wrong.example"}},
		"certificate": {x.Address("user"), func(r *samltest.Response) {
			key := samltest.NamedKey(samltest.RSA2048Other)
			r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: key}, &samltest.Signing{Key: key}
		}, []string{"The test has failed: Signature", "What to change", "saml_certificate_unknown"}},
		"user-name": {"jdoe", nil, []string{"The test has failed: E-mail address", "What to change in Okta", "Application username", "jdoe"}},
		"unsigned": {x.Address("user"), func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil },
			[]string{"The test has failed: Signature", "What to change in Okta", "saml_signature_missing"}},
		"clock": {x.Address("user"), func(r *samltest.Response) {
			old := x.p.IdP.Response(x.p.SP, r.InResponseTo, time.Now().Add(-time.Hour))
			r.IssueInstant, r.Assertion.IssueInstant = old.IssueInstant, old.Assertion.IssueInstant
			r.Assertion.Conditions, r.Assertion.Confirmations = old.Assertion.Conditions, old.Assertion.Confirmations
		}, []string{"The test has failed: Time window", "What to change in Okta", "NTP"}},
	} {
		b := x.failedTest(t, s, c.email, c.edit)
		for _, want := range c.words {
			if !strings.Contains(b.Text("main"), want) {
				t.Errorf("%s: %q is not on the page:\n%s", name, want, b.Text("main"))
			}
		}
		b.picture(t, "test-"+name)
	}
}

// failedTest leads a browser with a test's answer to its page.
func (x *trial) failedTest(t *testing.T, s *stage, email string, edit func(*samltest.Response)) *tab {
	t.Helper()
	_, start := x.p.NewTest(t)
	b := s.newTab(t)
	b.path(start)
	b.WaitURL(s.idp.base)
	var state struct{ Request, RelayState string }
	b.Eval(`({Request: document.forms[0].request.value, RelayState: document.forms[0].RelayState.value})`, &state)
	r := x.p.Response(email, state.Request)
	if edit != nil {
		edit(r)
	}
	var done bool
	b.Eval(`(() => {
		const f = document.forms[0];
		f.action = "`+x.p.SP.ACSURL+`";
		f.innerHTML = '<input type="hidden" name="SAMLResponse" value="`+r.Encode()+`"><input type="hidden" name="RelayState" value="`+state.RelayState+`"><button>Send</button>';
		return true;
	})()`, &done)
	b.Click("Send")
	b.WaitURL(s.Base + "/test/tst_")
	return b
}

// setupByHolder has somebody without an account do the Identity Provider's part,
// and an administrator apply it.
func setupByHolder(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	x := s.trial(t)
	b := x.enter(t, s, x.path("/setup"), options...)
	b.Click("Make a setup link")
	b.WaitText("The setup link is made.")
	link := b.Text(".values code")
	h, other := s.newTab(t), s.newTab(t)
	h.Show(options...)
	h.Open(link)
	h.WaitText("asks you to connect its Identity Provider")
	h.Click("Begin")
	other.Open(link)
	other.answered(t, 410, "link_used")
	h.Fill("Which Identity Provider do you use?", "Okta")
	h.Click("Continue to its guide")
	h.WaitText("Single sign-on URL")
	if !strings.Contains(h.HTML(), x.p.SP.ACSURL) {
		t.Error("our ACS URL is not in the guide")
	}
	h.Click("Paste")
	h.Fill("#metadata_xml", "<html>no metadata</html>")
	h.Click("Read and show")
	h.answered(t, 422, "metadata_invalid")
	next := *x.p.IdP
	next.Key = samltest.NamedKey(samltest.RSA3072)
	h.Click("By URL")
	h.Fill("#metadata_url", s.publish(t, &next))
	h.Click("Read and show")
	h.WaitText("This is what was read")
	h.Click("Keep as a draft")
	h.WaitText("This is kept as a draft.")
	x.p.IdP = &next
	popup := &tab{Page: h.Popup("section form[target] button"), stage: s}
	popup.Show(options...)
	popup.WaitURL(s.idp.base)
	popup.logIn(x.Address("nobody"))
	if len(options) > 0 {
		popup.Click("On to the application")
	}
	popup.WaitText("The test has passed.")
	popup.WaitText("shown to administrators only")
	h.Reload()
	h.WaitText("Passed")
	h.path(x.home + x.path("/test"))
	h.at(t, "/login?return_to="+strings.ReplaceAll(x.home+x.path("/test"), "/", "%2F"))
	h.signedIn(t, "", "")
	for path, to := range map[string]string{"/": "/login", "/account/security": "/login", x.home: "/login", x.home + "/users": "/login", "/organizations/new": "/login"} {
		h.path(path)
		h.WaitURL(s.Base + to)
	}
	h.path("/session")
	h.answered(t, 401, "unauthenticated")

	b.path(x.home + x.path("/setup"))
	b.Click("Look at the draft")
	b.WaitText("Metadata URL, read once a day")
	b.WaitText("Exactly this has passed a test.")
	b.Click("Apply the draft")
	b.WaitText("The draft for Profile was applied.")
	b.WaitText("Tested")
}

func setupLink(t *testing.T, s *stage) { setupByHolder(t, s) }

func setupLinkWithoutScript(t *testing.T, s *stage) { setupByHolder(t, s, testenv.NoScript()) }

// connectionCases are the pages of tests and setup links.
func connectionCases() []pageCase {
	delegated := func(t *testing.T, s *stage) (*trial, *tab, *tab) {
		x := s.trial(t)
		b := x.enter(t, s, x.path("/setup"))
		b.Click("Make a setup link")
		h := s.newTab(t)
		h.Open(b.Text(".values code"))
		return x, b, h
	}
	entered := func(t *testing.T, s *stage) (*trial, *tab, *tab) {
		x, b, h := delegated(t, s)
		h.Click("Begin")
		h.Click("Continue to its guide")
		next := *x.p.IdP
		next.EntityID, next.Key = "https://a-long-name.of-another.identity-provider.example/with/a/path/metadata", samltest.NamedKey(samltest.RSA3072)
		h.Click("Paste")
		h.Fill("#metadata_xml", string(next.Metadata()))
		h.Click("Read and show")
		h.WaitText("This is what was read")
		return x, b, h
	}
	return []pageCase{
		{"admin-test", "body", func(t *testing.T, s *stage) *tab {
			x := s.trial(t)
			x.failedTest(t, s, "jdoe", nil)
			return x.enter(t, s, x.path("/test"))
		}},
		{"test-result", "body", func(t *testing.T, s *stage) *tab {
			x := s.trial(t)
			return x.failedTest(t, s, "jdoe", nil)
		}},
		{"admin-test-result", "body", func(t *testing.T, s *stage) *tab {
			x := s.trial(t)
			x.failedTest(t, s, x.Address("nobody"), nil)
			b := x.enter(t, s, x.path("/test"))
			b.Click(".rows li:first-child a")
			return b
		}},
		{"admin-setup", "body", func(t *testing.T, s *stage) *tab {
			_, b, _ := delegated(t, s)
			return b
		}},
		{"setup-begin", "body", func(t *testing.T, s *stage) *tab {
			_, _, h := delegated(t, s)
			return h
		}},
		{"setup-read", "body", func(t *testing.T, s *stage) *tab {
			_, _, h := entered(t, s)
			return h
		}},
		{"setup", "body", func(t *testing.T, s *stage) *tab {
			_, _, h := entered(t, s)
			h.Click("Keep as a draft")
			h.Reload()
			return h
		}},
		{"setup-idp", "body", func(t *testing.T, s *stage) *tab {
			_, _, h := entered(t, s)
			h.Click("Keep as a draft")
			h.Click("Continue to its guide")
			return h
		}},
		{"admin-draft", "body", func(t *testing.T, s *stage) *tab {
			x, b, h := entered(t, s)
			h.Click("Keep as a draft")
			x.p.MarkTested(t)
			x.p.Enforce(t)
			b.path(x.home + x.path("/draft"))
			return b
		}},
	}
}

// germanConnection looks at these pages in German, as the owner.
func (s *stage) germanConnection(t *testing.T, o *office, b *tab) {
	t.Helper()
	x := &trial{office: o, p: s.idp.newProfile(t, o.Organization, nil)}
	x.failedTest(t, s, "jdoe", nil)
	b.path(o.home + x.path("/test"))
	b.german(t, "admin-test")
	b.Click(".rows li:first-child a")
	b.WaitText("Der Test ist nicht bestanden")
	b.german(t, "admin-test-result")
	b.path(o.home + x.path("/setup"))
	b.Click("button.main")
	b.german(t, "admin-setup")
	b.Open(b.Text(".values code"))
	b.german(t, "setup-begin")
	b.Click("Beginnen")
	b.german(t, "setup")
	b.Click("Weiter zur Anleitung")
	b.german(t, "setup-idp")
	b.Click("Einfügen")
	b.Fill("#metadata_xml", string(x.p.IdP.Metadata()))
	b.SubmitForm("#metadata_xml")
	b.german(t, "setup-read")
	b.Click("Als Entwurf behalten")
	b.path(o.home + x.path("/draft"))
	b.german(t, "admin-draft")
}
