package browser

import (
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A complaint is a sign-in that was refused, of which an administrator is told
// the reference: the Identity Provider has gone over to another key.
type complaint struct {
	*office
	p         *harness.Profile
	reference string
}

func (s *stage) complaint(t *testing.T) *complaint {
	t.Helper()
	x := &complaint{office: s.office(t)}
	x.p = s.idp.newProfile(t, x.Organization, nil)
	x.OK(t, "PATCH", "/sso-profiles/"+x.p.ID, harness.Object{"idp": "okta"})
	x.p.MarkTested(t)
	x.OK(t, "PATCH", "/users/"+x.user, harness.Object{"sso": harness.Object{"setting": "enabled", "profile_id": x.p.ID}})
	x.p.IdP.Key = samltest.NamedKey(samltest.RSA2048Other)
	b := s.newTab(t)
	b.path(loginPath)
	b.identify(x.Address("user"))
	b.logIn(x.Address("user"))
	b.WaitURL(x.p.SP.ACSURL)
	b.answered(t, 403, "saml_certificate_unknown")
	b.plain(t)
	_, header := b.Response()
	x.reference = header.Get("Sallyport-Reference")
	return x
}

// findsOutWhy goes from the reference on a user's error page to the repair, as an
// administrator does.
func findsOutWhy(t *testing.T, s *stage, options ...testenv.BrowserOption) {
	x := s.complaint(t)
	b := x.enter(t, s, "", options...)
	b.Click("Sign-in activity")
	b.WaitText(x.reference)
	b.Fill("User (address or id)", "nobody@"+x.Domain)
	if len(options) > 0 { // with scripts the list follows what is typed
		b.Click("Filter")
	}
	b.WaitText("No attempt fits these filters.")
	b.Click("Clear filters")
	b.WaitText(x.reference)
	b.Fill("Reference from the user's error page", " "+strings.ToUpper(x.reference)+" ")
	b.Click("Look up")
	b.at(t, x.home+"/activity/"+x.reference)
	b.WaitText("The sign-in was refused: Signature")
	for _, want := range []string{"saml_certificate_unknown", "by our clock", "•••"} {
		if !strings.Contains(b.Text("main"), want) && !strings.Contains(b.HTML(), want) {
			t.Errorf("%q is not on the page:\n%s", want, b.Text("main"))
		}
	}
	if b.Text("[data-diagnosis] h2") == "" || !strings.Contains(b.Text(".checks"), "✗") {
		t.Errorf("the page does not say what to change:\n%s", b.Text("main"))
	}

	b.Click("Show the values")
	b.WaitText("That you asked for them is written down")
	b.answered(t, 200, "")
	if _, header := b.Response(); header.Get("Cache-Control") != "no-store" {
		t.Errorf("what is revealed may be kept: %v", header)
	}
	if got := b.Text("main"); !strings.Contains(got, "Test User") || strings.Contains(got, "•••") {
		t.Errorf("the values are not shown:\n%s", got)
	}
	b.Click("Hide the values again")
	b.WaitText("•••")

	b.Click("Judge it again")
	b.WaitText("It would be refused now: Signature")
	x.OK(t, "PATCH", "/sso-profiles/"+x.p.ID, harness.Object{"metadata_xml": string(x.p.IdP.Metadata())})
	b.Click("Once more")
	b.WaitText("It would pass now: " + x.Address("user") + " would be signed in.")
	b.WaitText("Nobody was signed in.")
	b.signedIn(t, x.owner, "password")
	if sessions := s.Sessions(t, x.user); len(sessions) != 0 {
		t.Errorf("somebody was signed in: %v", sessions)
	}
	b.Click("Back to the record")
	b.at(t, x.home+"/activity/"+x.reference)
}

func findOutWhy(t *testing.T, s *stage) { findsOutWhy(t, s) }

func findOutWhyWithoutScript(t *testing.T, s *stage) { findsOutWhy(t, s, testenv.NoScript()) }

// activityCases are the pages of sign-in activity.
func activityCases() []pageCase {
	at := func(path string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			x := s.complaint(t)
			return x.enter(t, s, strings.NewReplacer("{reference}", x.reference, "{user}", x.user, "{profile}", x.p.ID).Replace(path))
		}
	}
	empty := func(path string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab { return s.office(t).enter(t, s, path) }
	}
	after := func(button string) func(*testing.T, *stage) *tab {
		return func(t *testing.T, s *stage) *tab {
			b := at("/activity/{reference}")(t, s)
			b.Click(button)
			b.answered(t, 200, "")
			return b
		}
	}
	return []pageCase{
		{"admin-activity", "body", at("/activity")},
		{"admin-activity-none", "body", empty("/activity?code=saml_expired")},
		{"admin-activity-missing", "body", empty("/activity?reference=att_00000000000000000000000000")},
		{"admin-activity-wrong", "body", func(t *testing.T, s *stage) *tab {
			o := s.office(t)
			b := o.enter(t, s, "/activity")
			b.path(o.home + "/activity?since=yesterday")
			b.answered(t, 422, "invalid")
			return b
		}},
		{"admin-attempt", "body", at("/activity/{reference}")},
		{"admin-attempt-user", "body", at("/users/{user}")},
		{"admin-attempt-profile", "body", at("/sso/{profile}")},
		{"admin-attempt-revealed", "body", after("Show the values")},
		{"admin-replay", "body", after("Judge it again")},
	}
}

// germanActivity looks at these pages in German, as the owner.
func (s *stage) germanActivity(t *testing.T, o *office, b *tab) {
	t.Helper()
	b.path(o.home + "/activity")
	b.german(t, "admin-activity")
	b.Click(".attempts li:last-child .when a")
	b.WaitText("Was geprüft wurde")
	b.german(t, "admin-attempt")
}
