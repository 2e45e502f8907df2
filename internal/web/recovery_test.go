package web

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

var codeOnPage = regexp.MustCompile(`<li><code>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</code></li>`)

// recovered is a browser in which an owner was let in by a code, from the page
// where codes are made to the link that was mailed.
func (o *office) recovered(t *testing.T, s *site) (b *browser, codes []string) {
	t.Helper()
	page := s.as(t, o.owner).post("/account/recovery-codes")
	for _, m := range codeOnPage.FindAllStringSubmatch(page.text(), -1) {
		codes = append(codes, m[1])
	}
	if page.Code != 200 || len(codes) != 10 || !strings.Contains(html.UnescapeString(page.text()), `download="sallyport-recovery-codes.txt" href="data:text/plain;charset=utf-8,`) {
		t.Fatalf("%d, %d codes: %s", page.Code, len(codes), page.text())
	}
	b = s.browser(t)
	if sent := b.post("/login/recovery", "email", o.owner.Email, "code", codes[0]); sent.Code != 200 {
		t.Fatalf("%d", sent.Code)
	}
	link := o.recoveryLink(t, o.owner.Email)
	if look := b.get(link); look.Code != 200 || !strings.Contains(look.text(), o.owner.Email) {
		t.Fatalf("%d %s", look.Code, look.text())
	}
	b.post(link).redirected("/admin/" + o.ID)
	return b, codes
}

// recoveryLink is the path of the link that an address was mailed.
func (o *office) recoveryLink(t *testing.T, to string) string {
	t.Helper()
	for _, m := range o.Mails(t, to) {
		if _, rest, ok := strings.Cut(m.Text, parts.BaseURL+"/recovery/"); ok {
			return "/recovery/" + strings.Fields(rest)[0]
		}
	}
	t.Fatal("no link was mailed")
	return ""
}

// TestWhatARecoverySessionOpens goes through every route that wants a session,
// with one that a password began beside it.
func TestWhatARecoverySessionOpens(t *testing.T) {
	s := secureSite(t)
	o := s.office(t, "Acme")
	b, _ := o.recovered(t, s)
	if in := b.get("/session"); !strings.Contains(in.text(), `"method":"recovery"`) {
		t.Error(in.text())
	}
	b.get("/").redirected("/admin/" + o.ID) // the way from the front page leads on
	for _, path := range []string{"/admin/" + o.ID, "/admin/" + o.ID + "/users", "/account/security", "/account/recovery-codes"} {
		if page := b.get(path); page.Code != 200 {
			t.Errorf("%s: %d", path, page.Code)
		}
	}
	// Fresh for all of its time.
	s.Pass(59 * time.Minute)
	if page := b.get("/admin/" + o.ID + "/domains/" + o.domain.ID + "/remove"); page.Code != 200 {
		t.Errorf("not fresh: %d to %s", page.Code, page.Header().Get("Location"))
	}
	b.get("/organizations/new").refused(403, "forbidden")
	b.post("/organizations/new", "name", "Other").refused(403, "forbidden")
	s.Pass(time.Minute)
	b.get("/account/security").redirected("/login")
}

// TestTheBannerOfARecovery stands where everybody sees it who administers the
// organization, for a week.
func TestTheBannerOfARecovery(t *testing.T) {
	s := secureSite(t)
	o, other := s.office(t, "Acme"), s.office(t, "Globex")
	b, _ := o.recovered(t, s)
	if page := b.get("/admin/" + o.ID + "/users").text(); !strings.Contains(page, `id="recovery"`) || strings.Contains(page, `id="recovered"`) {
		t.Error("the session of break-glass does not say that it is one")
	}
	for _, u := range []directory.User{o.owner, o.admin} {
		page := s.as(t, u).get("/admin/" + o.ID + "/users").text()
		if !strings.Contains(page, `id="recovered"`) || !strings.Contains(page, o.owner.Email+" was let in by a recovery link") {
			t.Errorf("%s is not told", u.Email)
		}
	}
	if strings.Contains(s.as(t, other.owner).get("/admin/"+other.ID).text(), `id="recovered"`) {
		t.Error("another organization is told")
	}
	s.Pass(7*24*time.Hour + time.Minute)
	if strings.Contains(s.as(t, o.owner).get("/admin/"+o.ID).text(), `id="recovered"`) {
		t.Error("after a week")
	}
}

// TestTheAnswerToACodeIsTheSame whatever was entered.
func TestTheAnswerToACodeIsTheSame(t *testing.T) {
	s := secureSite(t)
	o := s.office(t, "Acme")
	_, codes := o.recovered(t, s)
	var want string
	for _, in := range [][2]string{{o.owner.Email, codes[1]}, {o.owner.Email, codes[0]}, {o.owner.Email, ""}, {o.user.Email, codes[2]},
		{"nobody@acme.test", codes[2]}, {"nobody@elsewhere.test", "x"}, {"no address", "x"}, {"", ""}} {
		page := s.browser(t).post("/login/recovery", "email", in[0], "code", in[1])
		got := nonces.ReplaceAllString(page.text(), "")
		got = regexp.MustCompile(`nonce="[^"]*"`).ReplaceAllString(got, "")
		if in[0] != "" {
			got = strings.ReplaceAll(got, html.EscapeString(in[0]), "ADDRESS")
		} else {
			got = strings.Replace(got, "If  is", "If ADDRESS is", 1)
		}
		if want == "" {
			want = got
		}
		if page.Code != 200 || got != want {
			t.Errorf("%q: %d\n%s\nnot\n%s", in, page.Code, got, want)
		}
	}
	// The sixth try within the hour is told to wait, whoever has the address.
	for _, email := range []string{"some@elsewhere.test", o.admin.Email} {
		for range 5 {
			s.browser(t).post("/login/recovery", "email", email, "code", "x")
		}
		page := s.browser(t).post("/login/recovery", "email", email, "code", "x").refused(429, "rate_limited")
		if page.Header().Get("Retry-After") == "" {
			t.Error("for how long?")
		}
	}
}

// TestALinkIsGoodForOneBrowser: for whichever posts first.
func TestALinkIsGoodForOneBrowser(t *testing.T) {
	s := secureSite(t)
	o := s.office(t, "Acme")
	url, _, err := s.SignIn.Rescue(t.Context(), parts.Operator(), o.owner.Email)
	if err != nil {
		t.Fatal(err)
	}
	link := strings.TrimPrefix(url, parts.BaseURL)
	one, two := s.browser(t), s.browser(t)
	one.get(link)
	if page := two.get(link); page.Code != 200 {
		t.Errorf("%d", page.Code)
	}
	two.post(link).redirected("/admin/" + o.ID)
	one.post(link).refused(410, "link_used")
	one.get(link).refused(410, "link_used")
	if page := one.get("/session"); page.Code != 401 {
		t.Errorf("%d", page.Code)
	}
	// Where somebody is signed in there is a question first.
	url, _, err = s.SignIn.Rescue(t.Context(), parts.Operator(), o.owner.Email)
	if err != nil {
		t.Fatal(err)
	}
	as := s.as(t, o.admin)
	question := as.post(strings.TrimPrefix(url, parts.BaseURL))
	if question.Code != 200 || !strings.Contains(question.text(), o.admin.Email) || !strings.Contains(as.get("/session").text(), o.admin.Email) {
		t.Errorf("%d", question.Code)
	}
	as.post("/login/continue", "page", question.hidden("page"), "now", question.hidden("now"), "answer", "yes").redirected("/admin/" + o.ID)
	if page := as.get("/session").text(); !strings.Contains(page, `"method":"recovery"`) {
		t.Error(page)
	}
}

func TestWhoMakesRecoveryCodes(t *testing.T) {
	s := secureSite(t)
	o := s.office(t, "Acme")
	independent := s.Independent(t, "home@home.test")
	for _, u := range []directory.User{o.admin, o.user, independent} {
		b := s.as(t, u)
		b.get("/account/recovery-codes").refused(403, "forbidden")
		b.post("/account/recovery-codes").refused(403, "forbidden")
		if strings.Contains(b.get("/account/security").text(), "/account/recovery-codes") {
			t.Errorf("%s is shown the way", u.Email)
		}
	}
	s.browser(t).get("/account/recovery-codes").redirected("/login?return_to=%2Faccount%2Frecovery-codes")
	stale := s.browser(t)
	stale.cookies[s.web.cookieName(cookieSession)] = s.Session(t, o.owner, session.Start{Method: access.MethodPassword, AuthenticatedAt: s.Now().Add(-time.Hour)})
	stale.get("/account/recovery-codes").redirected("/account/fresh?return_to=%2Faccount%2Frecovery-codes")
	stale.post("/account/recovery-codes").redirected("/account/fresh?return_to=%2Faccount%2Frecovery-codes")
	if n := s.Count(t, "select count(*) from recovery_codes"); n != 0 {
		t.Errorf("%d codes", n)
	}
	if page := s.as(t, o.owner).get("/account/security").text(); !strings.Contains(page, "/account/recovery-codes") || !strings.Contains(page, "You have no recovery codes.") {
		t.Error("the owner is not shown the way")
	}
}
