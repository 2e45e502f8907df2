package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// singleLogout gives the scene's Identity Provider endpoints for sign-out; with
// HTTP-POST alone if post is set.
func (x *scene) singleLogout(t *testing.T, post bool) {
	t.Helper()
	x.IdP.SLOURL = "https://idp.example/slo"
	doc := string(x.IdP.Metadata())
	if post {
		doc = strings.Replace(doc, `<md:SingleLogoutService Binding="`+string(saml.HTTPRedirect), `<md:SingleLogoutService Binding="urn:none`, 1)
	}
	x.Set(t, sso.Input{MetadataXML: &doc})
}

// signIn signs the scene's user in.
func (x *scene) signIn(t *testing.T, b *browser) {
	t.Helper()
	x.Pass(time.Millisecond)
	req := b.post("/login", "email", x.user.Email).request()
	b.get(b.deliver(x.Answer(req.ID, x.user.Email)).redirected("/login/finish")).redirected("/")
}

// slo is the path and query with an order of the Identity Provider's.
func (x *scene) slo() (path, query string, form url.Values) {
	x.Pass(time.Millisecond)
	urls := x.SSO.URLs(x.ID)
	l := x.IdP.LogoutRequest(saml.Config{EntityID: urls.EntityID, ACSURL: urls.ACS, SLOURL: urls.SLO, IdP: x.IdP.Provider()}, x.Now())
	l.ID += x.Now().Format("150405.000000")
	query = l.Query(samltest.Detached{Key: x.IdP.Key, RelayState: "state"})
	l.Signing = &samltest.Signing{Key: x.IdP.Key}
	return "/saml/" + x.ID + "/slo", query, l.Form("state")
}

// foreign sends a form from another site, without our cookies.
func (b *browser) foreign(path string, form url.Values) page {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Dest", "iframe")
	r.Header.Set("Origin", "https://idp.example")
	return b.site.browser(b.t).send(r)
}

func TestSigningOutLeadsToTheIdentityProvider(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	b := s.browser(t)
	x.signIn(t, b)
	x.singleLogout(t, false)
	if policy := b.get("/").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https: http:;") {
		t.Errorf("the button leads nowhere: %s", policy)
	}
	location := b.post("/logout").redirected("https://idp.example/slo?SAMLRequest=")
	if b.session() != "" || b.cookies["__Host-"+cookieSession] != "" {
		t.Error("the session is there still")
	}
	req, err := samltest.ReadLogout(location)
	if err != nil || req.NameID.Value != x.user.Email {
		t.Fatalf("%+v, %v", req, err)
	}
	b.get("/account/security").redirected("/login")
	b.post("/logout").redirected("/login")

	// By a form.
	x.singleLogout(t, true)
	x.signIn(t, b)
	got := b.post("/logout")
	if got.Code != 200 || !strings.Contains(got.text(), `action="https://idp.example/slo"`) || strings.Contains(got.text(), "RelayState") ||
		!strings.Contains(got.Header().Get("Content-Security-Policy"), "form-action 'self' https: http:; frame-ancestors 'none'") {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.text())
	}
	if m, err := samltest.ReadPostedLogout(got.hidden("SAMLRequest")); err != nil || m.Name != "LogoutRequest" || b.session() != "" {
		t.Errorf("%+v, %v", m, err)
	}

	// A password's session has nobody to ask.
	b = s.browser(t)
	b.post("/login/password", "email", x.exempt.Email, "password", parts.Password).redirected("/")
	if policy := b.get("/").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self';") {
		t.Errorf("%s", policy)
	}
	b.post("/logout").redirected("/login")
}

// TestSigningOutNeverFails: whatever is wrong on the way to the Identity
// Provider, the session ends and the user sees a page.
func TestSigningOutNeverFails(t *testing.T) {
	for name, breaks := range map[string]func(t *testing.T, x *scene){
		"our request can't be remembered": func(t *testing.T, x *scene) { x.Exec(t, "alter table sso_logouts rename to away") },
		"our key can't be read":           func(t *testing.T, x *scene) { x.Exec(t, "update sso_keys set private_key = $1", []byte("x")) },
		"its address is none": func(t *testing.T, x *scene) {
			x.Exec(t, `update sso_profiles set idp_slo = '[{"Binding":"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect","Location":"https://a b%zz"}]'`)
		},
		"its certificate is gone": func(t *testing.T, x *scene) { x.Exec(t, "delete from sso_certificates") },
		"it has no such endpoint": func(t *testing.T, x *scene) { x.Exec(t, "update sso_profiles set idp_slo = 'null'") },
	} {
		s := secureSite(t)
		x := s.scene(t)
		b := s.browser(t)
		x.singleLogout(t, false)
		x.signIn(t, b)
		breaks(t, x)
		x.Exec(t, "update sso_profiles set version = version + 1")
		b.post("/logout").redirected("/login")
		if b.session() != "" {
			t.Errorf("%s: the session is there still", name)
		}
	}
}

func TestTheIdentityProviderSignsOutInAFrame(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	x.singleLogout(t, false)
	signedIn := func() *browser {
		b := s.browser(t)
		x.signIn(t, b)
		return b
	}
	framed := func(p page) {
		t.Helper()
		if h := p.Header(); h.Get("X-Frame-Options") != "" || !strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors https: http:;") || len(h.Values("Set-Cookie")) != 0 {
			t.Errorf("%v", h)
		}
	}
	b := signedIn()
	path, query, _ := x.slo()
	for _, header := range []string{"Sec-Purpose", "Purpose"} {
		r := httptest.NewRequest(http.MethodGet, path+"?"+query, nil)
		r.Header.Set(header, "prefetch")
		if got := s.browser(t).send(r); got.Code != 204 {
			t.Errorf("%s: %d", header, got.Code)
		}
	}
	if got := s.browser(t).send(httptest.NewRequest(http.MethodHead, path+"?"+query, nil)); got.Code != 204 || b.session() == "" {
		t.Errorf("HEAD uses it up: %d", got.Code)
	}
	got := s.browser(t).get(path + "?" + query)
	framed(got)
	m, err := samltest.ReadLogout(got.redirected("https://idp.example/slo?SAMLResponse="))
	if err != nil || m.Status != samltest.Success || m.RelayState != "state" || b.session() != "" {
		t.Errorf("%+v, %v", m, err)
	}
	refused := s.browser(t).get(path+"?"+query).refused(403, "saml_logout_invalid")
	if h := refused.Header(); h.Get("X-Frame-Options") != "DENY" || !strings.Contains(refused.text(), "sent a sign-out that we can&#39;t accept") || strings.Contains(refused.text(), "Try again") {
		t.Errorf("%v %s", h, refused.text())
	}

	b = signedIn()
	path, _, form := x.slo()
	got = b.foreign(path, form)
	framed(got)
	if m, err = samltest.ReadPostedLogout(got.hidden("SAMLResponse")); err != nil || m.Status != samltest.Success || got.hidden("RelayState") != "state" || b.session() != "" {
		t.Errorf("%+v, %v", m, err)
	}

	// Where there is no address for an answer, the page is all.
	x.IdP.SLOURL = ""
	doc := string(x.IdP.Metadata())
	x.Set(t, sso.Input{MetadataXML: &doc})
	b = signedIn()
	path, _, form = x.slo()
	got = b.foreign(path, form)
	framed(got)
	if got.Code != 200 || !strings.Contains(got.text(), "You are signed out here.") || b.session() != "" {
		t.Errorf("%d %s", got.Code, got.text())
	}
}

func TestWhatAnAnswerToOurSignOutSays(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	x.singleLogout(t, false)
	urls := s.SSO.URLs(x.ID)
	for sub, want := range map[string]string{"": "You are signed out here and at your company", "urn:oasis:names:tc:SAML:2.0:status:PartialLogout": "could not sign you out of all other applications",
		"failed": "did not sign you out there"} {
		b := s.browser(t)
		x.signIn(t, b)
		req, err := samltest.ReadLogout(b.post("/logout").redirected("https://idp.example/slo?"))
		if err != nil {
			t.Fatal(err)
		}
		l := x.IdP.LogoutResponse(saml.Config{SLOURL: urls.SLO}, req.ID, s.Now())
		if l.Status.SubCode = sub; sub == "failed" {
			l.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Responder"}
		}
		query := l.Query(samltest.Detached{Key: x.IdP.Key})
		page := b.get(b.get("/saml/" + x.ID + "/slo?" + query).redirected("/signed-out?result="))
		if page.Code != 200 || !strings.Contains(strings.ReplaceAll(page.text(), "&#39;", "'"), want) || strings.Contains(page.text(), "close the browser") != (sub != "") {
			t.Errorf("%q: %d %s", sub, page.Code, page.text())
		}
		again := b.get("/saml/"+x.ID+"/slo?"+query).refused(403, "saml_request_unknown")
		if strings.Contains(again.text(), "This sign-in was not started") || !strings.Contains(again.text(), "If you pressed Sign out, you are signed out here.") {
			t.Error(again.text())
		}
		// As some Identity Providers answer: unsigned.
		unsigned := b.get("/saml/"+x.ID+"/slo?"+l.Query(samltest.Detached{})).refused(403, "saml_logout_invalid")
		posted := b.foreign("/saml/"+x.ID+"/slo", l.Form("")).refused(403, "saml_logout_invalid")
		for _, text := range []string{unsigned.text(), posted.text()} {
			if !strings.Contains(text, "Whether you are signed out there we don&#39;t know") || strings.Contains(text, "Try again") {
				t.Error(text)
			}
		}
		// Signed in again by then.
		x.signIn(t, b)
		b.get("/signed-out?result=done").redirected("/")
	}
	for _, other := range []string{"", "?result=x", "?result=%00<script>", "?result=done&result=failed"} {
		if got := s.browser(t).get("/signed-out" + other); got.Code != 200 || strings.Contains(got.text(), "<script>") {
			t.Errorf("%q: %d", other, got.Code)
		}
	}
}

func TestTheSingleLogoutServiceHasLimits(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	x.singleLogout(t, false)
	path := "/saml/" + x.ID + "/slo"
	b := s.browser(t)
	b.foreign(path, url.Values{"SAMLRequest": {strings.Repeat("A", maxResponse)}}).refused(413, "saml_too_large")
	b.foreign(path, url.Values{"RelayState": {strings.Repeat("A", maxResponse)}}).refused(413, "saml_too_large")
	b.foreign(path, url.Values{"SAMLRequest": {strings.Repeat("A", 2<<20)}}).refused(413, "saml_too_large")
	for _, empty := range []string{"", "?", "?SAMLRequest", "?SAMLResponse=&Signature=", "?" + strings.Repeat("a&", 10_000)} {
		b.get(path+empty).refused(403, "saml_logout_invalid")
	}
	b.foreign(path, nil).refused(403, "saml_logout_invalid")
	for _, none := range []string{"nothing", "sso_00000000000000000000000000"} {
		b.get("/saml/"+none+"/slo").refused(404, "not_found")
		b.foreign("/saml/"+none+"/slo", nil).refused(404, "not_found")
	}
}

func TestOurMetadataIsSignedOnRequest(t *testing.T) {
	s := secureSite(t)
	x := s.scene(t)
	for query, signed := range map[string]bool{"": false, "?signed=1": true, "?signed=0": false, "?signed": false} {
		got := s.browser(t).get("/saml/" + x.ID + "/metadata" + query)
		if got.Code != 200 || strings.Contains(got.text(), "<ds:Signature ") != signed || got.Header().Get("Content-Type") != "application/samlmetadata+xml" {
			t.Errorf("%q: %d %s", query, got.Code, got.text())
		}
	}
}
