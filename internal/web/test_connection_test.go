package web

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// A trial is a profile for Okta that was never tested, and its owner's browser.
type trial struct {
	*parts.Profile
	b    *browser
	home string // of the profile
}

func (s *site) trial(t testing.TB) *trial {
	t.Helper()
	acme := s.Organization(t, "Acme")
	acme.Domain(t, "acme.test")
	acme.User(t, "user@acme.test", access.RoleMember)
	x := &trial{Profile: acme.Configured(t)}
	okta := "okta"
	x.Set(t, sso.Input{IdP: &okta})
	x.b = s.as(t, acme.User(t, "owner@acme.test", access.RoleOwner))
	x.home = "/admin/" + acme.ID + "/sso/" + x.ID
	return x
}

// begin begins a test in the owner's browser, and returns the request.
func (x *trial) begin(t testing.TB) (req *samltest.Request) {
	t.Helper()
	x.Pass(time.Millisecond)
	start := x.b.post(x.home + "/test").redirected("/test/")
	x.Pass(time.Millisecond)
	return x.b.get(start).request()
}

func TestATestFromItsButtonToItsPermanentPage(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		x := s.trial(t)
		page := x.b.get(x.home + "/test")
		if page.Code != 200 || !strings.Contains(page.text(), "Nothing was tested yet.") || !strings.Contains(page.text(), `target="_blank"`) ||
			!strings.Contains(page.Header().Get("Content-Security-Policy"), "form-action 'self' https: http:") {
			t.Fatalf("%d %s", page.Code, page.text())
		}
		sessions := s.Count(t, "select count(*) from sessions")
		req := x.begin(t)
		finish := x.b.deliver(answering(x.Answer(req.ID, "user@acme.test"), req)).redirected("/login/finish?ticket=test.")
		s.browser(t).get(finish).refused(403, "saml_request_unknown")
		result := x.b.get(finish).redirected("/test/tst_")
		s.browser(t).get(result).refused(404, "not_found")
		shown := x.b.get(result)
		for _, want := range []string{"The test has passed.", "The profile counts as tested", "user@acme.test", "Test User", "displayName", "&lt;samlp:Response", `<li class="passed">`, "not encrypted",
			"neither is the domain enforced"} {
			if !strings.Contains(shown.text(), want) {
				t.Errorf("%q is not on the page: %s", want, shown.text())
			}
		}
		permanent := x.home + "/test/" + strings.Split(result, "/")[2]
		if !strings.Contains(shown.text(), `href="`+permanent+`"`) {
			t.Error(shown.text())
		}
		if again := x.b.get(permanent); again.Code != 200 || !strings.Contains(again.text(), "The test has passed.") {
			t.Errorf("%d %s", again.Code, again.text())
		}
		if raw := x.b.get(permanent + "/message"); raw.Code != 200 || !strings.HasPrefix(raw.Header().Get("Content-Type"), "text/plain") || !strings.HasPrefix(raw.text(), "<samlp:Response") ||
			!strings.HasPrefix(raw.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%d %v", raw.Code, raw.Header())
		}
		if list := x.b.get(x.home + "/test"); !strings.Contains(list.text(), permanent) || !strings.Contains(list.text(), "Tested") {
			t.Error(list.text())
		}
		// Posted once more, and the Back button.
		again := x.b.deliver(answering(x.Answer(req.ID, "jdoe"), req)).redirected("/login/finish?ticket=test.")
		if x.b.get(again).redirected(result); !strings.Contains(x.b.get(result).text(), "The test has passed.") {
			t.Error("a second answer changes the result")
		}
		x.b.get(finish).refused(403, "saml_request_unknown")
		if n := s.Count(t, "select count(*) from sessions"); n != sessions {
			t.Errorf("%d sessions, not %d", n, sessions)
		}
	})
}

// answering is a response with the RelayState of the request.
func answering(r sso.Response, req *samltest.Request) sso.Response {
	r.RelayState = req.RelayState
	return r
}

func TestAFailedTestSaysWhatToChangeWhere(t *testing.T) {
	s := secureSite(t)
	x := s.trial(t)
	hour := func(r *samltest.Response) {
		then := func(v string) string {
			at, err := time.Parse(time.RFC3339, v)
			if err != nil {
				t.Fatal(err)
			}
			return samltest.Instant(at.Add(-time.Hour))
		}
		a := r.Assertion
		r.IssueInstant, a.IssueInstant = then(r.IssueInstant), then(a.IssueInstant)
		a.Conditions.NotBefore, a.Conditions.NotOnOrAfter = then(a.Conditions.NotBefore), then(a.Conditions.NotOnOrAfter)
		r.Confirmation().NotOnOrAfter = then(r.Confirmation().NotOnOrAfter)
	}
	for name, c := range map[string]struct {
		email string
		edit  func(*samltest.Response)
		want  []string
	}{
		"wrong audience": {"user@acme.test", func(r *samltest.Response) {
			r.Assertion.Conditions.Audiences = [][]string{{"https://other.example/sp"}}
		}, []string{"Audience", "saml_audience_mismatch", "https://other.example/sp", x.SSO.URLs(x.ID).EntityID, "What to change in Okta", "Audience URI (SP Entity ID)"}},
		"wrong certificate": {"user@acme.test", func(r *samltest.Response) {
			r.ResponseSigning, r.AssertionSigning = &samltest.Signing{Key: samltest.NamedKey(samltest.RSA2048Other)}, nil
		}, []string{"Signature", "saml_certificate_unknown", "What to change"}},
		"user name": {"jdoe", func(*samltest.Response) {}, []string{"E-mail address", "saml_nameid_not_email", "jdoe", "What to change in Okta", "displayName"}},
		"unsigned": {"user@acme.test", func(r *samltest.Response) { r.ResponseSigning, r.AssertionSigning = nil, nil },
			[]string{"Signature", "saml_signature_missing", "What to change in Okta"}},
		"an hour slow": {"user@acme.test", hour, []string{"Time window", "saml_expired", "What to change in Okta", "NTP", "When the message was made", "08:30", "behind ours by at least 1h0m0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			req := x.begin(t)
			finish := x.b.deliver(answering(x.Answer(req.ID, c.email, c.edit), req)).redirected("/login/finish")
			page := x.b.get(x.b.get(finish).redirected("/test/tst_"))
			for _, want := range append(c.want, "The test has failed", `<li class="failed">`, "What was checked") {
				if !strings.Contains(page.text(), want) {
					t.Errorf("%q is not on the page", want)
				}
			}
			if t.Failed() {
				t.Log(page.text())
			}
			german := x.b.form("/", "a", "b")
			german.Method, german.URL.Path, german.Body = "GET", x.home+"/test", nil
			german.Header.Set("Accept-Language", "de")
			if list := x.b.send(german); !strings.Contains(list.text(), "Nicht bestanden") {
				t.Error(list.text())
			}
		})
	}
}

func TestTheStartURLIsGoodOnce(t *testing.T) {
	s := secureSite(t)
	x := s.trial(t)
	start := x.b.post(x.home + "/test").redirected("/test/")
	b := s.browser(t) // whoever has it
	head := b.form(start)
	head.Method = "HEAD"
	if p := b.send(head); p.Code != 204 {
		t.Errorf("%d", p.Code)
	}
	prefetch := b.form(start)
	prefetch.Method = "GET"
	prefetch.Header.Set("Sec-Purpose", "prefetch")
	if p := b.send(prefetch); p.Code != 204 {
		t.Errorf("%d", p.Code)
	}
	b.get(start).request()
	if p := b.get(start).refused(410, "link_used"); strings.Contains(p.text(), `href="/login`) {
		t.Error(p.text())
	}
	late := x.b.post(x.home + "/test").redirected("/test/")
	s.Pass(15 * time.Minute)
	b.get(late).refused(410, "link_expired")
	b.get("/test/nothing").refused(410, "link_expired")
	off := sso.Disabled
	x.Set(t, sso.Input{State: &off})
	if p := x.b.get(x.home + "/test"); !strings.Contains(p.text(), "Enable it first") || strings.Contains(p.text(), "<form method=\"post\" action=\""+x.home) {
		t.Error(p.text())
	}
	x.b.post(x.home+"/test").refused(403, "sso_profile_disabled")
}

func TestAHostileMessageFitsOnThePage(t *testing.T) {
	s := secureSite(t)
	x := s.trial(t)
	req := x.begin(t)
	finish := x.b.deliver(answering(x.Answer(req.ID, "user@acme.test", func(r *samltest.Response) {
		for range 60 {
			r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: strings.Repeat(hostile, 5), Values: []string{strings.Repeat(`"'&<`, 500)}})
		}
		r.Assertion.Conditions.Audiences = [][]string{{strings.Repeat(hostile, 200)}}
	}), req)).redirected("/login/finish")
	page := x.b.get(x.b.get(finish).redirected("/test/tst_"))
	if page.Code != 200 || len(page.text()) > 60<<10 || strings.Contains(page.text(), "<script>alert") {
		t.Errorf("%d, %d octets", page.Code, len(page.text()))
	}
}
