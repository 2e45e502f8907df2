package web

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"sallyport/internal/testenv/parts"
)

// routes reads the table in web.go, so that no route is forgotten.
func routes(t *testing.T) (patterns []string) {
	t.Helper()
	code, err := os.ReadFile("web.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`w\.(?:handle|handleForeign|mux\.HandleFunc)\("([^"]+)"`).FindAllSubmatch(code, -1) {
		patterns = append(patterns, string(m[1]))
	}
	if len(patterns) < 20 {
		t.Fatalf("%d routes", len(patterns))
	}
	for _, route := range (&Web{}).adminRoutes() {
		for _, method := range strings.Fields(route.methods) {
			patterns = append(patterns, method+" /admin/{organization}"+route.path)
		}
	}
	return patterns
}

// visits returns requests for a route: one for each method that it takes, with
// what stands for nothing in its place.
func visits(pattern string) (list []*http.Request) {
	method, path, ok := strings.Cut(pattern, " ")
	methods := []string{method}
	if !ok {
		methods, path = []string{http.MethodGet, http.MethodPost, http.MethodDelete}, pattern
	}
	path = strings.ReplaceAll(path, "{$}", "")
	path = regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(path, "nothing")
	for _, m := range methods {
		r := httptest.NewRequest(m, path, strings.NewReader(""))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		list = append(list, r)
	}
	return list
}

var nonces = regexp.MustCompile(`script-src 'nonce-([A-Za-z0-9_-]{43})'`)

func TestHeadersOfEveryRoute(t *testing.T) {
	p := parts.New(t, "sqlite")
	for _, base := range []string{"https://login.example", "http://localhost:8400"} {
		s := newSite(t, p, base)
		seen := map[string]bool{}
		for _, pattern := range routes(t) {
			if strings.Contains(pattern, "/assets/") || strings.Contains(pattern, "favicon") || strings.Contains(pattern, "/scim/") {
				continue
			}
			for _, r := range visits(pattern) {
				name := r.Method + " " + r.URL.Path
				w := httptest.NewRecorder()
				s.web.ServeHTTP(w, r)
				h := w.Header()
				want := map[string]string{"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
					"Cross-Origin-Opener-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
					"Access-Control-Allow-Origin": "", "Server": "", "X-Powered-By": ""}
				if base[:5] != "https" {
					want["Strict-Transport-Security"] = ""
				}
				for header, value := range want {
					if got := h.Get(header); got != value {
						t.Errorf("%s: %s is %q", name, header, got)
					}
				}
				policy := h.Get("Content-Security-Policy")
				nonce := nonces.FindStringSubmatch(policy)
				if !strings.HasPrefix(policy, "default-src 'none'; ") || nonce == nil || strings.Contains(policy, "unsafe") ||
					!strings.Contains(policy, "frame-ancestors 'none'; base-uri 'none'") {
					t.Errorf("%s: %s", name, policy)
				} else if seen[nonce[1]] {
					t.Errorf("%s: a nonce comes twice", name)
				} else {
					seen[nonce[1]] = true
				}
				if w.Code >= 500 || w.Body.Len() > 60<<10 {
					t.Errorf("%s: %d, %d octets", name, w.Code, w.Body.Len())
				}
				if w.Code >= 400 && (h.Get("Sallyport-Error") == "" || h.Get("Sallyport-Reference") == "") {
					t.Errorf("%s: %d without a code: %v", name, w.Code, h)
				}
			}
		}
	}
}

func TestWhereFormsMayLead(t *testing.T) {
	s := secureSite(t)
	for path, want := range map[string]string{"/login": "form-action 'self' https: http:;", "/login/password": "form-action 'self' https: http:;", "/none": "form-action 'self';"} {
		if policy := s.browser(t).get(path).Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("%s: %s", path, policy)
		}
	}
}

func TestAssetsAreKeptForGood(t *testing.T) {
	s := secureSite(t)
	page := s.browser(t).get("/login").text()
	found := regexp.MustCompile(`"(/assets/[a-z]+\.[0-9a-f]{12}\.(?:css|svg))"`).FindAllStringSubmatch(page, -1)
	if len(found) != 2 {
		t.Fatalf("%v", found)
	}
	for _, m := range found {
		got := s.browser(t).get(m[1])
		if got.Code != 200 || got.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" || got.Header().Get("X-Content-Type-Options") != "nosniff" || got.Body.Len() == 0 {
			t.Errorf("%s: %d %v", m[1], got.Code, got.Header())
		}
	}
	if got := s.browser(t).get("/favicon.ico"); got.Code != 200 || got.Header().Get("Content-Type") != "image/svg+xml" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	for _, path := range []string{"/assets/app.css", "/assets/none.css", "/assets/", "/assets/..%2fweb.go"} {
		if got := s.browser(t).get(path); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	if got := s.web.assets.names["app.css"]; got == "" {
		t.Error("no style")
	}
	if _, err := s.web.assets.path("none.css"); err == nil {
		t.Error("an asset that is not there has a path")
	}
}

func TestMetadataIsForEverybody(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	got := s.browser(t).get("/saml/" + x.ID + "/metadata")
	if got.Code != 200 || got.Header().Get("Content-Type") != "application/samlmetadata+xml" || !strings.Contains(got.text(), parts.BaseURL+"/saml/"+x.ID+"/acs") {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.text())
	}
	for _, none := range []string{"nothing", "sso_00000000000000000000000000", "..%2f"} {
		s.browser(t).get("/saml/"+none+"/metadata").refused(404, "not_found")
		s.browser(t).get("/saml/"+none+"/start").refused(404, "not_found")
	}
}

func TestCookiesAreTiedToTheHost(t *testing.T) {
	for base, secure := range map[string]bool{"https://login.example": true, "http://localhost:8400": false} {
		s := newSite(t, parts.New(t, "sqlite"), base)
		x := s.scene(t)
		s.Independent(t, "home@home.test")
		b := s.browser(t)
		b.post("/login/password", "email", "home@home.test", "password", parts.Password).redirected("/")
		req := b.post("/login", "email", x.user.Email).request()
		question := b.get(b.deliver(x.Answer(req.ID, x.user.Email)).redirected("/login/finish"))
		b.post("/login/continue", "page", question.hidden("page"), "now", question.hidden("now"), "answer", "yes").redirected("/")
		b.get(b.deliver(x.Answer("", x.user.Email)).redirected("/saml/")).request() // a restart
		b.post("/logout").redirected("/login")
		kinds := map[string]bool{}
		for _, c := range b.set {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure {
				t.Errorf("%s: %s", base, c)
			}
			kinds[strings.TrimRight(strings.TrimPrefix(c.Name, "__Host-"), "0123456789")] = true
			if strings.Contains(c.Name, "session") && (c.MaxAge > 0 || !c.Expires.IsZero()) {
				t.Errorf("the session outlives the browser: %s", c)
			}
		}
		for _, kind := range []string{cookieSession, cookieWay, cookieHint, cookieRestart, cookieProbe} {
			if !kinds[kind] {
				t.Errorf("%s: %s was never set", base, kind)
			}
		}
	}
}

func TestFormsFromElsewhereAreRefused(t *testing.T) {
	s := secureSite(t)
	s.Independent(t, "home@home.test")
	in := s.browser(t)
	in.post("/login/password", "email", "home@home.test", "password", parts.Password).redirected("/")
	for name, c := range map[string]struct {
		site, origin string
		visitor      *browser
		ok           bool
	}{
		"our own form":                      {"same-origin", "https://login.example", in, true},
		"typed by the person":               {"none", "", in, true},
		"our origin alone":                  {"", "https://login.example", in, true},
		"our origin, and nobody in":         {"", "https://login.example", s.browser(t), true},
		"another site":                      {"cross-site", "https://evil.test", in, false},
		"a sister site":                     {"same-site", "https://evil.example", in, false},
		"another origin":                    {"", "https://evil.test", in, false},
		"no origin to tell":                 {"cross-site", "null", in, false},
		"another site, nobody in":           {"cross-site", "https://evil.test", s.browser(t), false},
		"a program with somebody's session": {"", "", in, false},
		"a program":                         {"", "", s.browser(t), true},
	} {
		r := c.visitor.form("/login", "email", "home@home.test")
		r.Host = "login.example"
		for header, value := range map[string]string{"Sec-Fetch-Site": c.site, "Origin": c.origin} {
			if r.Header.Set(header, value); value == "" {
				r.Header.Del(header)
			}
		}
		page := c.visitor.send(r)
		if ok := page.Code == http.StatusSeeOther; ok != c.ok || !ok && page.Header().Get("Sallyport-Error") != "forbidden" {
			t.Errorf("%s: %d %s", name, page.Code, page.Header().Get("Sallyport-Error"))
		}
	}
}

// counting counts what is read of a body.
type counting struct {
	io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// zeroes never end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

// TestLargeBodiesAreNotRead sends more than is taken, with and without saying
// so, as forms of both kinds: neither the handler nor the page of the refusal
// may go on reading.
func TestLargeBodiesAreNotRead(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	const size = 64 << 20
	for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		for _, length := range []int64{size, -1} {
			for path, limit := range map[string]int64{"/saml/" + x.ID + "/acs": maxResponse, "/saml/nothing/acs": maxResponse, "/login": maxForm, "/login/password": maxForm, "/none": maxForm} {
				head := "SAMLResponse="
				if strings.HasPrefix(kind, "multipart") {
					head = "--x\r\nContent-Disposition: form-data; name=\"SAMLResponse\"; filename=\"f\"\r\n\r\n"
				}
				body := &counting{Reader: io.LimitReader(io.MultiReader(strings.NewReader(head), zeroes{}), size)}
				r := httptest.NewRequest(http.MethodPost, path, body)
				r.ContentLength = length
				r.Header.Set("Content-Type", kind)
				w := httptest.NewRecorder()
				s.web.ServeHTTP(w, r)
				if body.n > limit+64<<10 {
					t.Errorf("%s, %s, %d: %d octets were read", path, kind, length, body.n)
				}
				if w.Code < 400 {
					t.Errorf("%s, %s: %d", path, kind, w.Code)
				}
			}
		}
	}
}

func TestOnlyTheBodyCounts(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	req := b.post("/login", "email", x.user.Email).request()
	good := x.Answer(req.ID, x.user.Email)
	r := b.form("/saml/"+x.ID+"/acs?SAMLResponse="+strings.NewReplacer("+", "%2b", "/", "%2f", "=", "%3d").Replace(good.SAMLResponse[0]), "RelayState", "x")
	b.send(r).refused(403, "saml_response_missing")
	twice := b.form("/saml/"+x.ID+"/acs", "SAMLResponse", good.SAMLResponse[0], "SAMLResponse", good.SAMLResponse[0])
	b.send(twice).refused(403, "saml_response_missing")
	b.get(b.deliver(good).redirected("/login/finish")).redirected("/")
}

func TestHelpOnACode(t *testing.T) {
	s := secureSite(t)
	page := s.browser(t).get("/help/errors/saml_expired")
	if page.Code != 200 || !strings.Contains(page.text(), "<code>saml_expired</code>") {
		t.Errorf("%d %s", page.Code, page.text())
	}
	s.browser(t).get("/help/errors/none").refused(404, "not_found")
	s.browser(t).get("/help/errors/..%2f..%2fx").refused(404, "not_found")
}

func TestThereIsNoSCIM(t *testing.T) {
	s := secureSite(t)
	for _, method := range []string{"GET", "POST", "PATCH", "DELETE"} {
		w := httptest.NewRecorder()
		s.web.ServeHTTP(w, httptest.NewRequest(method, "/scim/v2/Users", nil))
		if w.Code != 501 || w.Header().Get("Sallyport-Error") != "not_supported" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

func TestWhatIsNotBuiltIsNotThere(t *testing.T) {
	s := secureSite(t)
	for _, path := range []string{"/admin", "/admin/org_1/nothing", "/organizations/new2", "/oauth/authorize", "/.well-known/openid-configuration", "/forward-auth", "/saml/x/slo", "/help/", "/help/x", "/debug/pprof"} {
		s.browser(t).get(path).refused(404, "not_found")
	}
}

func TestTheSecurityPage(t *testing.T) {
	s := secureSite(t)
	u := s.Independent(t, "home@home.test")
	b, other := s.browser(t), s.browser(t)
	for _, one := range []*browser{b, other} {
		s.Pass(1e6)
		one.post("/login/password", "email", u.Email, "password", parts.Password).redirected("/")
	}
	page := b.get("/account/security")
	ends := regexp.MustCompile(`action="(/account/sessions/ses_[0-9a-v]+/end)"`).FindAllStringSubmatch(page.text(), -1)
	if page.Code != 200 || len(ends) != 1 || !strings.Contains(page.text(), "This browser") {
		t.Fatalf("%d %v %s", page.Code, ends, page.text())
	}
	b.post(ends[0][1]).redirected("/account/security")
	if other.session() != "" || b.session() == "" {
		t.Error("the wrong session lives")
	}
	b.post(ends[0][1]).refused(404, "not_found")
	for _, c := range []struct{ old, one, two, code string }{
		{"wrong", "another quiet harbour", "another quiet harbour", "credentials_invalid"},
		{parts.Password, "short", "short", "password_weak"}, {parts.Password, "another quiet harbour", "another", "invalid"},
	} {
		again := b.post("/account/password", "current_password", c.old, "password", c.one, "password_confirm", c.two)
		if again.Header().Get("Sallyport-Error") != c.code || strings.Contains(again.text(), c.one) {
			t.Errorf("%d %s", again.Code, again.Header().Get("Sallyport-Error"))
		}
	}
	b.post("/account/password", "current_password", parts.Password, "password", "another quiet harbour").redirected("/account/security")
	const done = "Your password was changed."
	if page := b.get("/account/security"); !strings.Contains(page.text(), done) {
		t.Error(page.text())
	}
	if page := b.get("/account/security"); strings.Contains(page.text(), done) {
		t.Error("said twice")
	}
	for _, path := range []string{"/account/password", ends[0][1]} {
		s.browser(t).post(path).redirected("/login")
	}
}

func TestTheConsoleShowsAccountsAndRoles(t *testing.T) {
	s := secureSite(t)
	acme := s.Organization(t, "Acme")
	u := acme.User(t, "user@acme.test", "member")
	b := s.browser(t)
	b.get("/").redirected("/login")
	b.post("/login/password", "email", u.Email, "password", parts.Password).redirected("/")
	if page := b.get("/"); !strings.Contains(page.text(), "in no account yet") {
		t.Error(page.text())
	}
	a, err := s.Directory.CreateAccount(t.Context(), parts.Operator(), acme.ID, "Launch <pad>")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Directory.SetMember(t.Context(), parts.Operator(), a.ID, u.ID, []string{"viewer"}); err != nil {
		t.Fatal(err)
	}
	if page := b.get("/"); !strings.Contains(page.text(), "Launch &lt;pad&gt;") || !strings.Contains(page.text(), "viewer") {
		t.Error(page.text())
	}
	w := b.get("/session")
	for _, want := range []string{`"organization_id":"` + acme.ID + `"`, `"organization_role":"member"`, `"method":"password"`, `"sso_profile_id":null`, `"expires_at":"`} {
		if !strings.Contains(w.text(), want) {
			t.Errorf("%s is not in %s", want, w.text())
		}
	}
}

func TestPagesSpeakTheBrowsersLanguage(t *testing.T) {
	s := secureSite(t)
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	r.Header.Set("Accept-Language", "de-AT,de;q=0.9")
	page := s.browser(t).send(r)
	if page.Header().Get("Content-Language") != "de" || page.Header().Get("Vary") != "Accept-Language" || !strings.Contains(page.text(), `<html lang="de">`) || !strings.Contains(page.text(), "Anmelden") {
		t.Errorf("%v %s", page.Header(), page.text())
	}
}

func TestHowABrowserIsCalled(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                              "Firefox, Linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18 Safari/605.1.15": "Safari, macOS",
		"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0":           "Edge, Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari/604.1":                                                 "Safari, iPhone",
		"curl/8.9": "curl", "": "", "something": "something", "Android": "Android",
	} {
		if got := browserName(agent); got != want {
			t.Errorf("%q: %q, not %q", agent, got, want)
		}
	}
}

func TestABadBaseURLIsAnError(t *testing.T) {
	p := parts.New(t, "sqlite")
	_, err := New(Services{DB: p.DB, IDs: p.IDs}, Config{BaseURL: "not a URL"})
	if err == nil {
		t.Error("taken")
	}
}
