package outside

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/test/harness"
)

// hostilePaths lead somewhere else in one browser or another, or would like to.
var hostilePaths = []string{
	"//evil.example", "///evil.example", "////evil.example/", "/\\evil.example", "\\/evil.example", "\\\\evil.example", "/\\/evil.example",
	"/\t/evil.example", "\t//evil.example", " //evil.example", "/ /evil.example", "\n//evil.example", "/\r\n/evil.example", "/\x0b/evil.example", "/\x00/evil.example",
	"/%2f/evil.example", "/%2F%2Fevil.example", "/%5cevil.example", "/%5C%5Cevil.example", "/..//evil.example", "/a/..//evil.example", "/a/../..//evil.example",
	"https://evil.example", "http:evil.example", "https:/evil.example", "HTTPS://evil.example/", "//localhost@evil.example", "https://localhost@evil.example",
	"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "mailto:user@evil.example", "blob:x",
	"evil.example", "evil.example/path", "?return_to=//evil.example", "#//evil.example", "@evil.example", ".evil.example", ":80", "*", "",
	"/\u2028/evil.example\uFFFD", "\u2044\u2044evil.example", "／／evil.example", "/a\r\nX-Evil: 1", "/a\nSet-Cookie: sallyport_session=x", "/%", "/%zz",
	"/" + strings.Repeat("a", 5000), "/\x7f", "/\xff\xfe",
}

// strangePaths look hostile and are our own.
var strangePaths = []string{
	"/%0d%0aX-Evil:%201", "/%0D%0ASet-Cookie:%20a=b", "/a?next=https://evil.example", "/a?next=//evil.example&x=%0d%0a", "/a#//evil.example", "/@evil.example",
	"/evil.example", "/;//evil.example", "/a:b@c", "/%E2%80%A8", "/grüße", "/.//evil.example", "/?//evil.example",
}

// stays fails unless the place that an answer leads to is on our own origin, as
// every browser reads it.
func stays(t *testing.T, s *harness.Server, how, value string, a harness.Answer) {
	t.Helper()
	location := a.Header.Get("Location")
	if a.Status != http.StatusSeeOther {
		t.Errorf("%s of %q: %d %s", how, value, a.Status, a.Code)
		return
	}
	base, err := url.Parse(s.Base)
	if err != nil {
		t.Fatal(err)
	}
	for _, read := range []string{location, strings.ReplaceAll(location, `\`, "/"), strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(location), strings.TrimSpace(location)} {
		to, err := base.Parse(read)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%s of %q leads to %q", how, value, location)
			return
		}
	}
	if !strings.HasPrefix(location, "/") || strings.HasPrefix(location, "//") || strings.ContainsAny(location, "\r\n\t\\ ") {
		t.Errorf("%s of %q leads to %q", how, value, location)
	}
	if a.Header.Get("X-Evil") != "" || len(a.Header.Values("Location")) != 1 {
		t.Errorf("%s of %q adds headers: %v", how, value, a.Header)
	}
}

func TestNothingThatAsksForAPageLeadsOffOurOrigin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		accepting := p.NewProfile(t, harness.Object{"idp_initiated": "accept"})
		pilot := p.Address("pilot")
		setSSO(t, s, p.AddUser(t, pilot), "enabled", accepting.ID)
		exempt := p.Address("exempt")
		setSSO(t, s, p.AddUser(t, exempt), "disabled", "")
		try := func(value, ends string) {
			judge := func(how string, a harness.Answer) {
				t.Helper()
				stays(t, s, how, value, a)
				if ends != "" && a.Location != ends {
					t.Errorf("%s of %q leads to %q, not to %q", how, value, a.Location, ends)
				}
			}
			judge("the login page", s.NewBrowser(t).SSO(t, p, user, value))
			judge("the start link", s.NewBrowser(t).StartSSO(t, p, user, value))
			b := s.NewBrowser(t)
			judge("the password page", b.Post(t, "/login/password", url.Values{"email": {exempt}, "password": {harness.Password}, "return_to": {value}}))

			if strings.ContainsRune(value, 0) || len(value) > 4000 {
				return // no field of a form
			}
			b = s.NewBrowser(t)
			a := b.Deliver(t, accepting, accepting.Response(pilot, ""), value)
			judge("RelayState", b.Get(t, a.Location))
			b = s.NewBrowser(t)
			a = b.Deliver(t, p, p.Response(user, ""), value)
			stays(t, s, "RelayState of a restart", value, a)
			req := b.Get(t, a.Location).Request(t)
			a = b.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
			judge("RelayState, restarted", b.Get(t, a.Location))
		}
		for _, value := range hostilePaths {
			try(value, "/")
		}
		for _, value := range strangePaths {
			try(value, "")
		}
		// What asks in its address alone.
		for _, value := range hostilePaths {
			b := s.NewBrowser(t)
			for _, page := range []string{"/login", "/login/password"} {
				a := b.Get(t, page+"?return_to="+url.QueryEscape(value))
				if a.Status != http.StatusOK || a.Field(t, "return_to") != "" {
					t.Errorf("%s keeps %q of %q (%d)", page, a.Field(t, "return_to"), value, a.Status)
				}
			}
		}
	})
}

func TestARefusalLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		for _, value := range hostilePaths {
			a := s.NewBrowser(t).Post(t, "/login/password", url.Values{"email": {user}, "password": {harness.Password}, "return_to": {value}}).
				Refused(t, 403, "sso_required")
			if strings.Contains(a.Body, "evil.example") || strings.Contains(a.Body, "return_to") {
				t.Errorf("the page keeps %q:\n%s", value, a.Body)
			}
		}
		a := s.NewBrowser(t).PostForeign(t, p.ACSPath()+"?return_to=//evil.example", url.Values{"SAMLResponse": {"x"}, "return_to": {"//evil.example"}})
		if strings.Contains(a.Refused(t, 403, a.Code).Body, "evil.example") {
			t.Error("the page of the ACS keeps where it was asked to lead")
		}
	})
}

// ownForms are the places that take forms of our own pages.
var ownForms = []string{"/login", "/login/password", "/login/continue", "/login/initial-password", "/logout", "/account/password",
	"/account/sessions/ses_0000000000000000000000000c/end"}

func TestFormsFromOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		b := s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		form := url.Values{"email": {user}, "password": {harness.Password}, "current_password": {harness.Password}, "page": {"x"}, "answer": {"yes"}}
		for _, from := range []http.Header{
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://evil.example"}},
			{"Sec-Fetch-Site": {"cross-site"}},
			{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"null"}},
			{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://other.localhost"}},
			{"Sec-Fetch-Site": {"same-site"}},
			{"Sec-Fetch-Site": {"nonsense"}},
			{"Origin": {"https://evil.example"}},
			{"Origin": {"null"}},
			{"Origin": {"http://localhost:1"}},
			{"Origin": {s.Base + ".evil.example"}},
			{"Origin": {"http://evil.example/" + s.Address()}},
			{}, // neither, with a session
		} {
			for _, path := range ownForms {
				a := b.Send(t, http.MethodPost, path, form, from)
				if a.Status != http.StatusForbidden || a.Code != "forbidden" {
					t.Errorf("%s from %v: %d %s", path, from, a.Status, a.Code)
				}
				if a.Header.Get("Set-Cookie") != "" {
					t.Errorf("%s from %v sets cookies: %v", path, from, a.Header)
				}
			}
		}
		b.SignedIn(t, user, "password")
		s.NewBrowser(t).Password(t, user, harness.Password).Redirected(t, "/")
	})
}

func TestFormsOfOurOwnAndOfProgramsWithoutASessionPass(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		form := url.Values{"email": {user}, "password": {harness.Password}}
		for _, from := range []http.Header{
			{"Sec-Fetch-Site": {"same-origin"}, "Origin": {s.Base}},
			{"Sec-Fetch-Site": {"same-origin"}},
			{"Origin": {s.Base}},
			{}, // a program, without a session
		} {
			b := s.NewBrowser(t)
			b.Send(t, http.MethodPost, "/login/password", form, from).Redirected(t, "/")
			b.SignedIn(t, user, "password")
		}
		b := s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		// Links from elsewhere are no forms.
		a := b.Send(t, http.MethodGet, "/account/security", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}})
		if a.Status != http.StatusOK {
			t.Errorf("a link from another site: %d %s", a.Status, a.Code)
		}
		// A cookie that is no session's is a session's as far as anybody can tell.
		b.Post(t, "/logout", nil).Redirected(t, "/login")
		b.Send(t, http.MethodPost, "/login/password", form, http.Header{}).Redirected(t, "/")
	})
}

func TestPagesCannotBeFramedOrSniffedAndRunNoForeignScript(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		pages := []harness.Answer{b.Get(t, "/login"), b.Get(t, "/login/password"), b.Get(t, "/nothing"), b.Get(t, "/help/errors/saml_replayed"),
			b.Get(t, "/login/finish?ticket=x"), b.PostForeign(t, p.ACSPath(), url.Values{})}
		b.SSO(t, p, user, "")
		pages = append(pages, b.Get(t, "/"), b.Get(t, "/account/security"))
		for i, a := range pages {
			policy := a.Header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("page %d: %q lacks %s", i, policy, part)
				}
			}
			if strings.Contains(policy, "unsafe") || a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("X-Frame-Options") != "DENY" ||
				a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("page %d: %v", i, a.Header)
			}
		}
	})
}
