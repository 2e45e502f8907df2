package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/imports"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// An office is an organization with one of everything that a route can name.
type office struct {
	*parts.Organization
	owner, admin, user directory.User
	domain             directory.Domain
	account            directory.Account
	invitation         directory.Invitation
	imported           imports.Import
	profile            string // id of its SSO profile, once there is one: see connect
	trusted            trusted
	delegated          delegated
	reading            sso.Reading
}

// delegated is an SSO profile with a test that was answered, a setup link with
// which a draft was entered, and a sign-in that was refused.
type delegated struct{ profile, test, link, token, browser, attempt string }

// delegate makes one for an office.
func (s *site) delegate(t testing.TB, o *office) {
	t.Helper()
	p := o.Configured(t)
	test, req, _ := p.Try(t, false)
	if _, err := s.Consume(t, p.Answer(req.ID, o.user.Email)); err != nil {
		t.Fatal(err)
	}
	link, err := s.SSO.CreateSetupLink(t.Context(), parts.Operator(), p.ID)
	if err != nil {
		t.Fatal(err)
	}
	key, product := sso.SetupKey{Token: strings.TrimPrefix(link.URL, parts.BaseURL+"/setup/")}, "okta"
	_, browser, err := s.SSO.ClaimSetup(t.Context(), access.Actor{}, key)
	if err != nil {
		t.Fatal(err)
	}
	key.BrowserTokens = []string{browser}
	doc := string(p.IdP.Metadata())
	for _, in := range []sso.Input{{IdP: &product}, {MetadataXML: &doc}} {
		if err := s.SSO.EnterSetup(t.Context(), access.Actor{}, key, in); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Consume(t, p.Answer("", "jdoe", func(r *samltest.Response) { r.Status.Code = "urn:oasis:names:tc:SAML:2.0:status:Responder" }))
	var refused *signin.Refusal
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	s.Flush(t)
	o.delegated = delegated{p.ID, test.ID, link.ID, key.Token, browser, refused.Reference}
}

func (s *site) office(t testing.TB, name string) *office {
	t.Helper()
	o := &office{Organization: s.Organization(t, name)}
	domain := strings.ToLower(name) + ".test"
	o.domain = o.Domain(t, domain)
	o.owner = o.User(t, "owner@"+domain, access.RoleOwner)
	o.admin = o.User(t, "admin@"+domain, access.RoleAdministrator)
	o.user = o.User(t, "user@"+domain, access.RoleMember)
	o.invitation = *o.Add(t, directory.NewUser{Email: "guest@elsewhere.test"}).Invitation
	var err error
	if o.account, err = s.Directory.CreateAccount(t.Context(), parts.Operator(), o.ID, name+" account"); err != nil {
		t.Fatal(err)
	}
	if _, err = s.Directory.SetMember(t.Context(), parts.Operator(), o.account.ID, o.user.ID, []string{"viewer"}); err != nil {
		t.Fatal(err)
	}
	if o.imported, err = s.Imports.ImportCSV(t.Context(), parts.Operator(), o.ID, strings.NewReader("email\nimported@"+domain+"\n"), imports.Options{DryRun: true}); err != nil {
		t.Fatal(err)
	}
	return o
}

// connect makes an SSO profile that has passed its test.
func (o *office) connect(t testing.TB) *parts.Profile {
	t.Helper()
	p := o.Profile(t)
	o.profile = p.ID
	return p
}

// trusted is an SSO profile whose metadata shows another certificate than the
// known one, and then another Identity Provider.
type trusted struct{ profile, certificate string }

// trust makes one for an office.
func (s *site) trust(t testing.TB, o *office) {
	t.Helper()
	idp := samltest.NewIdP()
	show := func() string { return s.Net.Publish(t, "idp.idp.test", idp.Metadata()) }
	name, url := "Followed", show()
	v, err := s.SSO.Create(t.Context(), parts.Operator(), o.ID, sso.Input{Name: &name, MetadataURL: &url})
	if err != nil {
		t.Fatal(err)
	}
	refresh := func() {
		s.Pass(time.Second)
		if show(); s.SSO.RefreshMetadata(t.Context(), parts.Operator(), v.ID) != nil {
			t.Fatal("not refreshed")
		}
	}
	idp.Key = samltest.NamedKey(samltest.RSA3072)
	refresh()
	idp.EntityID = "https://other.example/metadata"
	refresh()
	seen, err := s.SSO.Certificates(t.Context(), parts.Operator(), v.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range seen.Certificates {
		if c.State == sso.CertificateWaiting {
			o.trusted = trusted{v.ID, c.SHA256}
		}
	}
}

// furnished is an office with an SSO profile, and with what was read for it.
func (s *site) furnished(t testing.TB, name string) *office {
	t.Helper()
	o := s.office(t, name)
	s.delegate(t, o)
	s.trust(t, o)
	var err error
	if o.reading, err = s.SSO.ReadIdP(t.Context(), parts.Operator(), o.delegated.profile, sso.Pasted, parts.Known(samltest.NewIdP())); err != nil {
		t.Fatal(err)
	}
	return o
}

// as signs a user in.
func (s *site) as(t testing.TB, u directory.User) *browser {
	t.Helper()
	b := s.browser(t)
	b.cookies[s.web.cookieName(cookieSession)] = s.Session(t, u, session.Start{})
	return b
}

// path is that of a route about what the office has.
func (o *office) path(route string) string {
	profile := cmp.Or(o.profile, o.delegated.profile, "none")
	if strings.Contains(route, "/certificates") {
		profile = cmp.Or(o.trusted.profile, "none")
	}
	return "/admin/" + o.ID + strings.NewReplacer("{user}", o.user.ID, "{domain}", o.domain.ID, "{account}", o.account.ID, "{import}", o.imported.ID,
		"{profile}", profile, "{test}", cmp.Or(o.delegated.test, "nothing"), "{attempt}", cmp.Or(o.delegated.attempt, "nothing"), "{link}", cmp.Or(o.delegated.link, "nothing"),
		"{sha256}", cmp.Or(o.trusted.certificate, "nothing"), "{reading}", cmp.Or(o.reading.ID, "nothing")).Replace(route)
}

func (o *office) home() string { return "/admin/" + o.ID }

// snapshot is all that an organization's people could change.
func (s *site) snapshot(t testing.TB) (sum string) {
	t.Helper()
	for _, table := range []string{"organizations", "domains", "users", "invitations", "accounts", "account_members", "sso_profiles", "sso_certificates", "sso_certificate_standings", "sso_tests", "sso_setup_links", "sso_drafts", "sso_readings", "sso_keys", "sessions", "audit_events"} {
		sum += fmt.Sprint(table, s.Count(t, "select count(*) from "+table), " ")
	}
	return sum + fmt.Sprint(s.Count(t, "select count(*) from users where status = 'active' and role <> ''"))
}

// TestTenantsAreApart tries every route of the Admin Center as everybody who
// must not get in. A route that is added is tried as well.
func TestTenantsAreApart(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		acme, globex := s.furnished(t, "Acme"), s.office(t, "Globex")
		s.delegate(t, globex)
		home := s.Independent(t, "home@home.test")
		visitors := []struct {
			name   string
			b      *browser
			status int
			code   string
		}{
			{"another organization's owner", s.as(t, globex.owner), 404, "not_found"},
			{"another organization's administrator", s.as(t, globex.admin), 404, "not_found"},
			{"another organization's member", s.as(t, globex.user), 403, "forbidden"},
			{"a member", s.as(t, acme.user), 403, "forbidden"},
			{"an independent user", s.as(t, home), 403, "forbidden"},
		}
		nobody, before, tried := s.browser(t), s.snapshot(t), 0
		for _, route := range s.web.adminRoutes() {
			for _, method := range strings.Fields(route.methods) {
				path := acme.path(route.path)
				ask := func(b *browser, path string) page {
					tried++
					if method == http.MethodPost {
						return b.post(path, "name", "Taken", "email", "new@acme.test", "role", "administrator", "acknowledge", "1", "roles", "viewer")
					}
					return b.get(path)
				}
				for _, v := range visitors {
					t.Run(method+" "+route.path+" as "+v.name, func(t *testing.T) {
						v.b.t = t
						ask(v.b, path).refused(v.status, v.code)
						if location := ask(v.b, path).Header().Get("Location"); location != "" {
							t.Errorf("leads to %s", location)
						}
					})
				}
				// An id of another organization below the own one.
				if strings.Contains(route.path, "{") {
					t.Run(method+" "+route.path+" by way of the own organization", func(t *testing.T) {
						b := s.as(t, globex.owner)
						ask(b, strings.Replace(path, acme.ID, globex.ID, 1)).refused(404, "not_found")
					})
				}
				ask(nobody, path).redirected("/login?return_to=%2Fadmin%2F" + acme.ID)
			}
		}
		if tried < 500 {
			t.Errorf("only %d were tried", tried)
		}
		if after := s.snapshot(t); strings.Split(after, "sessions")[0] != strings.Split(before, "sessions")[0] {
			t.Errorf("something has changed:\n%s\n%s", before, after)
		}
	})
}

// TestEveryRouteOpensToAdministrators goes through all pages as an owner and as
// an administrator.
func TestEveryRouteOpensToAdministrators(t *testing.T) {
	s := secureSite(t)
	acme := s.furnished(t, "Acme")
	for _, visitor := range []directory.User{acme.owner, acme.admin} {
		for _, route := range s.web.adminRoutes() {
			if !strings.Contains(route.methods, http.MethodGet) {
				continue
			}
			t.Run(string(visitor.Role)+" "+route.path, func(t *testing.T) {
				p := s.as(t, visitor).get(acme.path(route.path))
				if p.Code != http.StatusOK || len(p.text()) > 60<<10 {
					t.Errorf("%d, %d octets: %s", p.Code, len(p.text()), p.text())
				}
			})
		}
	}
	for _, path := range []string{"/users/" + acme.invitation.ID, "/users/" + acme.invitation.ID + "/history", "/users/" + acme.invitation.ID + "/remove"} {
		if p := s.as(t, acme.admin).get(acme.home() + path); p.Code != 200 || !strings.Contains(p.text(), "guest@elsewhere.test") {
			t.Errorf("%s: %d", path, p.Code)
		}
	}
}

// TestDangerousActsAskForAFreshSignIn opens every route in an old session: those
// whose right wants it lead to the page that asks, and back; the others don't.
func TestDangerousActsAskForAFreshSignIn(t *testing.T) {
	s := secureSite(t)
	acme := s.furnished(t, "Acme")
	b := s.as(t, acme.owner)
	s.Pass(session.FreshFor + time.Second)
	wants := 0
	for _, route := range s.web.adminRoutes() {
		old := acme.Actor(access.RoleOwner)
		old.Fresh = false
		stale := access.May(old, route.action, acme.ID) == access.NotFresh
		for _, method := range strings.Fields(route.methods) {
			path := acme.path(route.path)
			switch {
			case stale && method == http.MethodPost:
				b.post(path).redirected("/account/fresh?return_to=%2Fadmin%2F" + acme.ID)
				wants++
			case stale:
				b.get(path).redirected("/account/fresh?return_to=%2Fadmin%2F" + acme.ID)
			case method == http.MethodGet:
				if p := b.get(path); p.Code != 200 {
					t.Errorf("%s: %d", path, p.Code)
				}
			}
		}
		if stale && !strings.Contains(route.methods, http.MethodGet) {
			t.Errorf("%s asks for a fresh sign-in and has no page to come back to", route.path)
		}
	}
	if wants < 3 {
		t.Errorf("%d routes want a fresh sign-in", wants)
	}
}

func TestAFreshSignInWithThePassword(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	b := s.as(t, acme.owner)
	s.Pass(session.FreshFor)
	role := acme.path("/users/{user}/role")
	fresh := b.get(role).redirected("/account/fresh?return_to=")
	page := b.get(fresh)
	if page.Code != 200 || page.hidden("return_to") != role || !strings.Contains(page.text(), "Password of owner@acme.test") {
		t.Fatal(page.text())
	}
	wrong := b.post("/account/fresh", "password", "wrong", "return_to", role)
	if wrong.Code != 401 || wrong.hidden("return_to") != role || !strings.Contains(wrong.text(), "That password is not right.") {
		t.Errorf("%d %s", wrong.Code, wrong.text())
	}
	before := b.cookies[s.web.cookieName(cookieSession)]
	b.post("/account/fresh", "password", parts.Password, "return_to", role).redirected(role)
	if after := b.cookies[s.web.cookieName(cookieSession)]; after == before || s.Live(t, before) {
		t.Error("the old session lives on")
	}
	if p := b.get(role); p.Code != 200 {
		t.Errorf("%d", p.Code)
	}
	b.get(fresh).redirected(role) // nothing left to ask
	b.post("/account/fresh", "password", parts.Password, "return_to", "https://evil.example/").redirected("/")
	s.browser(t).get("/account/fresh").redirected("/login")
	s.browser(t).post("/account/fresh", "password", parts.Password).redirected("/login")
}

func TestAFreshSignInThroughTheIdentityProvider(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	owner := x.User(t, "owner@acme.test", access.RoleOwner)
	b := s.browser(t)
	b.cookies[s.web.cookieName(cookieSession)] = s.Session(t, owner, session.Start{Method: access.MethodSSO, ProfileID: x.ID})
	s.Pass(session.FreshFor)
	role := "/admin/" + x.Organization.ID + "/users/" + x.user.ID + "/role"
	fresh := b.get(role).redirected("/account/fresh?return_to=")
	if page := b.get(fresh); strings.Contains(page.text(), `type="password"`) {
		t.Error("asks for a password that does not count")
	}
	req := b.post("/account/fresh", "return_to", role).request()
	if !req.ForceAuthn {
		t.Error("the Identity Provider is not told to ask anew")
	}
	asked := b.get(b.deliver(x.Answer(req.ID, owner.Email)).redirected("/login/finish")).redirected("/account/fresh?asked=1&return_to=")
	b.get(asked).redirected(role)
	if p := b.get(role); p.Code != 200 {
		t.Errorf("%d", p.Code)
	}
}

func TestNoFormOfTheAdminCenterWorksFromAnotherSite(t *testing.T) {
	s := secureSite(t)
	acme := s.furnished(t, "Acme")
	b, before := s.as(t, acme.owner), ""
	for _, route := range s.web.adminRoutes() {
		if !strings.Contains(route.methods, http.MethodPost) {
			continue
		}
		before = s.snapshot(t)
		for _, from := range []string{"cross-site", "same-site", ""} {
			r := b.form(acme.path(route.path), "name", "Taken", "acknowledge", "1", "roles", "viewer")
			r.Header.Set("Origin", "https://evil.example")
			if r.Header.Set("Sec-Fetch-Site", from); from == "" {
				r.Header.Del("Sec-Fetch-Site")
			}
			b.send(r).refused(403, "forbidden")
		}
		if after := s.snapshot(t); after != before {
			t.Errorf("%s: something has changed", route.path)
		}
	}
}

// hostileValues are what people and programs put into fields.
var hostileValues = []string{
	"", " ", strings.Repeat("a", 20_000), strings.Repeat("ä", 201), "a\x00b", "a\u202eb", "\u200b", "\xff\xfe", hostile, "=cmd|'/c calc'!A1",
	"'; drop table users; --", "usr_00000000000000000000000000", "../../etc/passwd", "true", "-1", "1e9", "99999999999999999999", "[]", "null",
	"%s%n", "{{.}}", "org\r\nSet-Cookie: a=b",
}

// TestHostileValuesInEveryForm fills every field of every form with each hostile
// value: the answer is the form with what is wrong, a refusal, or the act, never
// a failure, and what was sent comes back as text.
func TestHostileValuesInEveryForm(t *testing.T) {
	s := secureSite(t)
	acme := s.furnished(t, "Acme")
	names := []string{"name", "email", "role", "sso", "sso.profile_id", "roles", "account", "session_idle_minutes", "session_max_minutes", "count", "acknowledge",
		"idp", "notes", "metadata_xml", "entity_id", "sso_url", "slo_url", "certificates", "delay", "options.idp_initiated", "options.name_id_policy",
		"options.clock_tolerance_seconds", "options.authn_context", "options.metadata_pin"}
	for _, route := range s.web.adminRoutes() {
		if !strings.Contains(route.methods, http.MethodPost) || slices.Contains([]string{"/users/{user}/remove", "/users/{user}/sessions", "/domains/{domain}/remove", "/sso/{profile}/remove", "/imports"}, route.path) {
			continue // these have no fields: whatever is sent, they act
		}
		for i, value := range hostileValues {
			b := s.as(t, acme.owner)
			pairs := []string{}
			for _, name := range names {
				pairs = append(pairs, name, value)
			}
			p := b.post(acme.path(route.path), pairs...)
			if p.Code >= 500 || p.Code == 200 && strings.Contains(p.text(), "<script>alert") {
				t.Errorf("%s, value %d: %d", route.path, i, p.Code)
			}
			if p.Code == 422 && !strings.Contains(p.text(), `id="errors"`) {
				t.Errorf("%s, value %d: does not say what is wrong", route.path, i)
			}
		}
	}
	for _, path := range []string{"/users?after=%00", "/users?q=%ff&status=x&role=y&sso=z&domain=%00", "/accounts?after=x", "/audit?since=x", "/audit?action=%27&actor=%00", "/audit?after=evt_1",
		"/users/deactivate?user=x", "/users/deactivate?user=usr_00000000000000000000000000", "/users/" + strings.Repeat("a", 3000), "/users?q=" + strings.Repeat("a", 500)} {
		if p := s.as(t, acme.owner).get(acme.home() + path); p.Code >= 500 {
			t.Errorf("%s: %d", path, p.Code)
		}
	}
}
