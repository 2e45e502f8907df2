package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// A scene is an organization whose domain is enforced, with a user, and one
// whose password counts.
type scene struct {
	*parts.Profile
	domain       directory.Domain
	user, exempt directory.User
}

func (s *site) scene(t testing.TB) *scene {
	t.Helper()
	acme := s.Organization(t, "Acme")
	x := &scene{domain: acme.Domain(t, "acme.test"), user: acme.User(t, "user@acme.test", access.RoleMember), exempt: acme.User(t, "exempt@acme.test", access.RoleMember)}
	x.Profile = acme.Profile(t)
	x.Enforce(t, x.domain)
	s.SetSSO(t, x.exempt.ID, access.SSODisabled, "")
	return x
}

// request reads the request that a page sends the browser away with.
func (p page) request() *samltest.Request {
	p.t.Helper()
	req, err := samltest.ReadRequest(p.redirected("https://idp.example/sso?"))
	if err != nil {
		p.t.Fatal(err)
	}
	return req
}

func TestSPInitiatedLoginFromADeepLink(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		x := s.scene(t)
		b := s.browser(t)
		login := b.get("/account/security?a=b").redirected("/login?return_to=%2Faccount%2Fsecurity%3Fa%3Db")
		if back := b.get(login).hidden("return_to"); back != "/account/security?a=b" {
			t.Error(back)
		}
		req := b.post("/login", "email", x.user.Email, "return_to", "/account/security?a=b").request()
		finish := b.deliver(x.Answer(req.ID, x.user.Email)).redirected("/login/finish?ticket=")
		b.get(finish).redirected("/account/security?a=b")
		if got := b.session(); got != "user@acme.test by sso" {
			t.Error(got)
		}
		b.get(finish).redirected("/account/security?a=b") // the Back button
		for name := range b.cookies {
			if strings.Contains(name, "flow") || strings.Contains(name, "way") {
				t.Errorf("%s is left", name)
			}
		}
		if page := b.get("/account/security"); page.Code != 200 || !strings.Contains(page.text(), "user@acme.test") || strings.Contains(page.text(), `action="/account/password"`) {
			t.Error(page.text())
		}
		b.post("/logout").redirected("/login")
		if got := b.session(); got != "" {
			t.Error(got)
		}
	})
}

func TestIdPInitiatedLoginRestartsUnnoticed(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	tile := x.Answer("", x.user.Email)
	tile.RelayState = "/account/security"
	start := b.deliver(tile).redirected("/saml/" + x.ID + "/start?restart=")
	req := b.get(start).request()
	finish := b.deliver(x.Answer(req.ID, x.user.Email)).redirected("/login/finish")
	b.get(finish).redirected("/account/security")
	// A browser that takes no cookies is told so, and does not go round.
	blind := s.browser(t)
	start = blind.deliver(x.Answer("", x.user.Email)).redirected("/saml/")
	blind.cookies = map[string]string{}
	blind.get(start).refused(403, "saml_request_unknown")
}

func TestARestartNeverLoops(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	for i := range maxRestarts + 1 {
		start := b.deliver(x.Answer("", x.user.Email)).redirected("/saml/")
		if page := b.get(start); i == maxRestarts {
			page.refused(403, "saml_idp_initiated_refused")
		} else {
			page.request()
		}
	}
	// An Identity Provider that sends our mark back without an answer to it.
	b = s.browser(t)
	start := b.deliver(x.Answer("", x.user.Email)).redirected("/saml/")
	marked := x.Answer("", x.user.Email)
	marked.RelayState = b.get(start).request().RelayState
	b.deliver(marked).refused(403, "saml_idp_initiated_refused")
}

func TestAcceptedWithoutARequestTheAnswerBindsTheBrowser(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	x.Mode(t, saml.Accept)
	b := s.browser(t)
	finish := b.deliver(x.Answer("", x.user.Email)).redirected("/login/finish")
	s.browser(t).get(finish).refused(403, "saml_request_unknown")
	b.get(finish).redirected("/")
	if got := b.session(); got != "user@acme.test by sso" {
		t.Error(got)
	}
}

func TestThePageForAnIdentityProviderThatTakesForms(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	doc := strings.ReplaceAll(string(x.IdP.Metadata()), string(saml.HTTPRedirect), "urn:none")
	x.Set(t, sso.Input{MetadataXML: &doc})
	page := s.browser(t).post("/login", "email", x.user.Email)
	if page.Code != 200 || !strings.Contains(page.text(), `action="https://idp.example/sso"`) || !strings.Contains(page.text(), `<script nonce="`) {
		t.Fatalf("%d %s", page.Code, page.text())
	}
	if req, err := samltest.ReadPostedRequest(page.hidden("SAMLRequest")); err != nil || req.ID != page.hidden("RelayState") {
		t.Errorf("%+v, %v", req, err)
	}
}

func TestPasswordLogin(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		x := s.scene(t)
		s.Independent(t, "home@home.test")
		b := s.browser(t)
		b.post("/login", "email", "home@home.test", "return_to", "/account/security").redirected("/login/password?return_to=%2Faccount%2Fsecurity")
		page := b.get("/login/password?return_to=%2Faccount%2Fsecurity")
		if !strings.Contains(page.text(), `value="home@home.test"`) || page.hidden("return_to") != "/account/security" {
			t.Error(page.text())
		}
		wrong := b.post("/login/password", "email", "home@home.test", "password", "wrong").refused(401, "credentials_invalid")
		if !strings.Contains(wrong.text(), `value="home@home.test"`) || strings.Contains(wrong.text(), `value="wrong"`) {
			t.Error(wrong.text())
		}
		b.post("/login/password", "email", "home@home.test", "password", parts.Password, "return_to", "/account/security").redirected("/account/security")
		if got := b.session(); got != "home@home.test by password" {
			t.Error(got)
		}
		refused := s.browser(t).post("/login/password", "email", x.user.Email, "password", parts.Password, "return_to", "/x").refused(403, "sso_required")
		if !strings.Contains(refused.text(), `href="/saml/`+x.ID+`/start?return_to=%2Fx"`) {
			t.Error(refused.text())
		}
		s.SetStatus(t, x.exempt.ID, access.UserDeactivated)
		s.browser(t).post("/login/password", "email", x.exempt.Email, "password", parts.Password).refused(403, "user_deactivated")
	})
}

func TestTheBrowserRemembersWhosePasswordWasUsed(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	b.post("/login", "email", x.exempt.Email).request() // the login page shows nobody
	b.post("/login/password", "email", x.exempt.Email, "password", parts.Password).redirected("/")
	b.post("/logout")
	b.post("/login", "email", x.exempt.Email).redirected("/login/password")
	for _, other := range []string{x.user.Email, "unknown@acme.test"} {
		b.post("/login", "email", other).request()
	}
	forged := s.browser(t)
	forged.cookies[s.web.cookieName(cookieWay)] = "password"
	forged.post("/login", "email", x.exempt.Email).request()
}

func TestMistakesAtTheLoginPage(t *testing.T) {
	s := secureSite(t)
	b := s.browser(t)
	page := b.post("/login", "email", `nonsense"><script>`).refused(422, "invalid")
	if !strings.Contains(page.text(), `aria-invalid="true"`) || strings.Contains(page.text(), "<script>") || !strings.Contains(page.text(), "Enter an e-mail address") {
		t.Error(page.text())
	}
	b.send(func() *http.Request {
		r := b.form("/login", "email", "nonsense")
		r.Header.Set("Accept-Language", "de")
		return r
	}()).refused(422, "invalid")
}

func TestNobodyIsSentElsewhere(t *testing.T) {
	s := secureSite(t)
	s.Independent(t, "home@home.test")
	for _, to := range []string{"https://evil.test", "//evil.test", `/\evil.test`, "/\t/evil.test", "javascript:alert(1)", "/%2f/evil.test", "/.//evil.test", "%2f%2fevil.test"} {
		b := s.browser(t)
		b.post("/login", "email", "home@home.test", "return_to", to)
		if got := b.post("/login/password", "email", "home@home.test", "password", parts.Password, "return_to", to).redirected("/"); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
}

func TestAnotherUsersSessionIsReplacedOnlyByYes(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	s.Independent(t, "home@home.test")
	b := s.browser(t)
	b.post("/login/password", "email", "home@home.test", "password", parts.Password).redirected("/")
	if page := b.get("/login"); !strings.Contains(page.text(), "You are signed in as home@home.test.") {
		t.Error(page.text())
	}
	ask := func() page {
		t.Helper()
		req := b.post("/login", "email", x.user.Email, "return_to", "/account/security").request()
		question := b.get(b.deliver(x.Answer(req.ID, x.user.Email)).redirected("/login/finish"))
		if question.Code != 200 || !strings.Contains(question.text(), "Continue as user@acme.test?") || !strings.Contains(question.text(), "home@home.test") {
			t.Fatalf("%d %s", question.Code, question.text())
		}
		return question
	}
	token, now := ask().hidden("page"), ask().hidden("now")
	b.post("/login/continue", "page", token, "now", now, "answer", "no").redirected("/")
	if got := b.session(); got != "home@home.test by password" {
		t.Error(got)
	}
	s.browser(t).post("/login/continue", "page", token, "now", now, "answer", "yes").refused(410, "link_expired")
	b.post("/login/continue", "page", token, "now", now, "answer", "yes").redirected("/account/security")
	if got := b.session(); got != "user@acme.test by sso" {
		t.Error(got)
	}
	b.post("/login/continue", "page", token, "now", now, "answer", "yes").refused(410, "link_used")
}

func TestTheInitialPasswordPage(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	x.Invited(t, "new@acme.test")
	b := s.browser(t)
	req := b.post("/login", "email", "new@acme.test", "return_to", "/x").request()
	page := b.get(b.deliver(x.Answer(req.ID, "new@acme.test")).redirected("/login/finish"))
	if page.Code != 200 || !strings.Contains(page.text(), "Welcome, new@acme.test.") {
		t.Fatalf("%d %s", page.Code, page.text())
	}
	token := page.hidden("page")
	for _, c := range []struct{ one, two, code string }{
		{"short", "short", "password_weak"}, {"another quiet harbour", "another harbour", "invalid"},
	} {
		again := b.post("/login/initial-password", "page", token, "password", c.one, "password_confirm", c.two, "email", "new@acme.test").refused(422, c.code)
		if again.hidden("page") != token || strings.Contains(again.text(), `value="`+c.one) {
			t.Error(again.text())
		}
	}
	b.post("/login/initial-password", "page", token, "password", "another quiet harbour", "password_confirm", "another quiet harbour").redirected("/x")
	if got := b.session(); got != "new@acme.test by sso" {
		t.Error(got)
	}
}

func TestNothingIsUsedUpByWhoOnlyLooks(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	req := b.post("/login", "email", x.user.Email).request()
	finish := b.deliver(x.Answer(req.ID, x.user.Email)).redirected("/login/finish")
	head := httptest.NewRequest(http.MethodHead, finish, nil)
	prefetch, purpose := httptest.NewRequest(http.MethodGet, finish, nil), httptest.NewRequest(http.MethodGet, finish, nil)
	prefetch.Header.Set("Sec-Purpose", "prefetch;prerender")
	purpose.Header.Set("Purpose", "prefetch")
	requests := s.Count(t, "select count(*) from sso_requests")
	start := httptest.NewRequest(http.MethodHead, "/saml/"+x.ID+"/start", nil)
	for _, r := range []*http.Request{head, prefetch, purpose, start} {
		if page := b.send(r); page.Code != http.StatusNoContent || page.Body.Len() != 0 {
			t.Errorf("%s: %d", r.Method, page.Code)
		}
	}
	if n := s.Count(t, "select count(*) from sso_requests"); n != requests {
		t.Errorf("%d requests were made", n-requests)
	}
	b.get(finish).redirected("/")
}

func TestSeveralTabsAtOnce(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	var requests []string
	for range maxFlows {
		requests = append(requests, b.post("/login", "email", x.user.Email).request().ID)
	}
	for _, id := range requests {
		b.get(b.deliver(x.Answer(id, x.user.Email)).redirected("/login/finish")).redirected("/")
	}
	// One more pushes the oldest out.
	b = s.browser(t)
	requests = nil
	for range maxFlows + 1 {
		time.Sleep(2 * time.Millisecond) // cookies sort by the millisecond
		requests = append(requests, b.post("/login", "email", x.user.Email).request().ID)
	}
	if n := len(b.cookies); n > maxFlows+1 { // and the address that was typed
		t.Errorf("%d cookies", n)
	}
	b.get(b.deliver(x.Answer(requests[0], x.user.Email)).redirected("/login/finish")).refused(403, "saml_request_unknown")
	b.get(b.deliver(x.Answer(requests[maxFlows], x.user.Email)).redirected("/login/finish")).redirected("/")
}
