package web

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/internal/directory"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// link makes a setup link in the Admin Center and returns its path.
func (x *trial) link(t testing.TB) string {
	t.Helper()
	page := x.b.post(x.home + "/setup")
	_, rest, ok := strings.Cut(page.text(), `data-copy="`+parts.BaseURL)
	if page.Code != 200 || !ok {
		t.Fatalf("%d %s", page.Code, page.text())
	}
	path, _, _ := strings.Cut(rest, `"`)
	if again := x.b.get(x.home + "/setup"); strings.Contains(again.text(), path) {
		t.Error("the link is shown twice")
	}
	return path
}

func TestTheHolderOfASetupLinkDoesTheirPart(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newSite(t, p, parts.BaseURL)
		x := s.trial(t)
		path := x.link(t)
		h, other := s.browser(t), s.browser(t)
		for _, b := range []*browser{h, other} { // looking claims nothing
			if page := b.get(path); page.Code != 200 || !strings.Contains(page.text(), "Acme asks you to connect") || strings.Contains(page.text(), "<select") {
				t.Fatalf("%d %s", page.Code, page.text())
			}
		}
		h.get(path + "/idp").redirected(path)
		h.post(path).redirected(path)
		for _, c := range h.set {
			if !strings.HasPrefix(c.Name, "__Host-sallyport_setup_lnk") && !strings.HasPrefix(c.Name, "__Host-sallyport_setup_0") || !c.HttpOnly || !c.Secure {
				t.Errorf("%s", c)
			}
		}
		for _, forms := range []string{"", "/product", "/idp", "/test"} {
			other.post(path+forms, "idp", "okta").refused(410, "link_used")
		}
		other.get(path).refused(410, "link_used")
		other.get(path+"/idp").refused(410, "link_used")

		if page := h.get(path); !strings.Contains(page.text(), `<option value="okta" selected>`) {
			t.Error(page.text())
		}
		h.post(path+"/product", "idp", "nothing").refusedForm(t, 422, "invalid")
		h.post(path+"/product", "idp", "entra").redirected(path + "/idp")
		guide := h.get(path + "/idp")
		urls := x.SSO.URLs(x.ID)
		for _, want := range []string{"Microsoft Entra ID", urls.EntityID, urls.ACS, "Reply URL"} {
			if !strings.Contains(guide.text(), want) {
				t.Errorf("%q is not on the page", want)
			}
		}
		if len(guide.text()) > 60<<10 {
			t.Errorf("%d octets", len(guide.text()))
		}
		if wrong := h.upload(path+"/idp", "metadata_xml", "metadata.xml", "<html>log in</html>"); wrong.Code != 422 || wrong.Header().Get("Sallyport-Error") != "metadata_invalid" || !strings.Contains(wrong.text(), `id="errors"`) {
			t.Errorf("%d %s", wrong.Code, wrong.text())
		}
		h.post(path+"/idp?by=hand", "entity_id", "x", "sso_url", "javascript:alert(1)", "certificates", "y").refusedForm(t, 422, "invalid")
		h.post(path+"/idp?by=url", "metadata_url", "https://127.0.0.1/metadata").refusedForm(t, 422, "metadata_fetch_failed")
		idp := otherIdP()
		reading := h.upload(path+"/idp", "metadata_xml", "metadata.xml", string(idp.Metadata())).redirected(path + "/idp/")
		if page := h.get(reading); !strings.Contains(page.text(), "This is what was read") || !strings.Contains(page.text(), "https://other.example/sso") {
			t.Error(page.text())
		}
		other.get(reading).refused(410, "link_used")
		other.post(reading).refused(410, "link_used")
		if page := h.get(path); strings.Contains(page.text(), "https://other.example/sso") {
			t.Error("it is kept before it is shown")
		}
		h.post(reading, "entity_id", idp.EntityID).redirected(path + "#read")
		page := h.get(path)
		for _, want := range []string{"https://other.example/metadata", "https://other.example/sso</code>", "HTTP-Redirect", "SHA-256"} {
			if !strings.Contains(page.text(), want) {
				t.Errorf("%q is not on the page: %s", want, page.text())
			}
		}
		x.Pass(time.Millisecond)
		start := h.post(path + "/test").redirected("/test/")
		req, err := samltest.ReadRequest(h.get(start).redirected("https://other.example/sso?"))
		if err != nil {
			t.Fatal(err)
		}
		x.IdP = idp
		finish := h.deliver(answering(x.Answer(req.ID, "nobody@acme.test"), req)).redirected("/login/finish")
		result := h.get(finish).redirected("/test/tst_")
		tested := h.get(result)
		own := h.get(path + "/test/" + strings.Split(result, "/")[2])
		for _, page := range [2]*httptest.ResponseRecorder{tested.ResponseRecorder, own.ResponseRecorder} {
			text := page.Body.String()
			if page.Code != 200 || !strings.Contains(text, "The test has passed.") || !strings.Contains(text, "nobody@acme.test") ||
				!strings.Contains(text, "shown to administrators only") || strings.Contains(text, "user_not_found") {
				t.Errorf("%d %s", page.Code, text)
			}
		}
		if got := h.session(); got != "" {
			t.Errorf("%s is signed in", got)
		}
		// The administrator looks, and applies.
		if page := x.b.get(x.home + "/setup"); !strings.Contains(page.text(), x.home+"/draft") || !strings.Contains(page.text(), "In use") {
			t.Error(page.text())
		}
		draft := x.b.get(x.home + "/draft")
		for _, want := range []string{"https://idp.example/metadata", "https://other.example/metadata", "https://other.example/sso (HTTP-POST)", "Microsoft Entra ID", "Exactly this has passed a test.", ">New<", ">Goes<"} {
			if !strings.Contains(draft.text(), want) {
				t.Errorf("%q is not on the page: %s", want, draft.text())
			}
		}
		h.post(h.upload(path+"/idp", "metadata_xml", "metadata.xml", string(idp.Metadata())).redirected(path + "/idp/")).redirected(path) // meanwhile
		if stale := x.b.post(x.home+"/draft", "version", draft.hidden("version")); stale.Code != 409 {
			t.Errorf("%d %s", stale.Code, stale.text())
		}
		draft = x.b.get(x.home + "/draft")
		x.b.post(x.home+"/draft", "version", draft.hidden("version")).redirected(x.home + "/test")
		if v, err := x.SSO.Profile(t.Context(), parts.Operator(), x.ID); err != nil || v.State != sso.Tested || v.IdP != "entra" {
			t.Errorf("%+v, %v", v, err)
		}
		x.b.get(x.home+"/draft").refused(404, "not_found")
	})
}

// TestTheHolderIsNotShownWhatOthersEncrypted: the page says so, with the checks and
// what to change; the administrator's has all of it.
func TestTheHolderIsNotShownWhatOthersEncrypted(t *testing.T) {
	s := secureSite(t)
	x := s.trial(t)
	path, h, idp := x.link(t), s.browser(t), otherIdP()
	h.post(path).redirected(path)
	h.post(h.upload(path+"/idp", "metadata_xml", "metadata.xml", string(idp.Metadata())).redirected(path+"/idp/"), "entity_id", idp.EntityID).redirected(path + "#read")
	keys, err := x.SSO.Keys(t.Context(), parts.Operator(), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	x.Pass(time.Millisecond)
	req, err := samltest.ReadRequest(h.get(h.post(path + "/test").redirected("/test/")).redirected("https://other.example/sso?"))
	if err != nil {
		t.Fatal(err)
	}
	x.IdP = idp
	answer := answering(x.Answer(req.ID, "captured@acme.test", func(r *samltest.Response) {
		r.Confirmation().InResponseTo = "_captured"
		r.Assertion.Conditions.Audiences = [][]string{{"https://captured.example"}}
		r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{{Certificate: keys[0].Certificate}}}
	}), req)
	result := h.get(h.deliver(answer).redirected("/login/finish")).redirected("/test/tst_")
	own := path + "/test/" + strings.Split(result, "/")[2]
	for _, at := range []string{result, own} {
		page := h.get(at)
		if page.Code != 200 || strings.Contains(page.text(), "captured") {
			t.Errorf("%d %s", page.Code, page.text())
		}
		for _, want := range []string{"The test has failed", "What was found is not shown here", "saml_audience_mismatch", "What to change", `<li class="failed">`} {
			if !strings.Contains(page.text(), want) {
				t.Errorf("%q is not on the page: %s", want, page.text())
			}
		}
	}
	page := x.b.get(x.home + "/test/" + strings.Split(result, "/")[2])
	if !strings.Contains(page.text(), "https://captured.example") || strings.Contains(page.text(), "is not shown here") {
		t.Errorf("the administrator's: %s", page.text())
	}
}

// refusedForm fails the test unless the page is a form with what is wrong.
func (p page) refusedForm(t testing.TB, status int, code string) {
	t.Helper()
	if p.Code != status || p.Header().Get("Sallyport-Error") != code || !strings.Contains(p.text(), `id="errors"`) {
		t.Errorf("%d %s: %s", p.Code, p.Header().Get("Sallyport-Error"), p.text())
	}
}

// otherIdP is another one than that of a profile.
func otherIdP() *samltest.IdP {
	idp := samltest.NewIdP()
	idp.EntityID, idp.SSOURL, idp.Key = "https://other.example/metadata", "https://other.example/sso", samltest.NamedKey(samltest.RSA2048Other)
	return idp
}

func TestADraftOfAnEnforcedProfileIsAcknowledged(t *testing.T) {
	s := secureSite(t)
	x := s.trial(t)
	x.Test(t)
	x.Enforce(t, x.domainOf(t))
	h, path := s.browser(t), x.link(t)
	h.post(h.post(path+"/idp?by=paste", "metadata_xml", string(otherIdP().Metadata())).redirected(path + "/idp/")).redirected(path) // the first that posts owns it
	h.get(path)
	page := x.b.get(x.home + "/draft")
	if !strings.Contains(page.text(), "The SSO profile is enforced") || !strings.Contains(page.text(), "This has not passed a test.") {
		t.Error(page.text())
	}
	version := page.hidden("version")
	x.b.post(x.home+"/draft", "version", version).refusedForm(t, 422, "invalid")
	x.b.post(x.home+"/draft", "version", version, "acknowledge", "1").redirected(x.home + "/test")
	v, err := x.SSO.Profile(t.Context(), parts.Operator(), x.ID)
	if err != nil || v.Profile.EntityID != "https://other.example/metadata" || v.State != sso.Enforced {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestARevokedSetupLinkIsGone(t *testing.T) {
	s := secureSite(t)
	x := s.trial(t)
	h, path := s.browser(t), x.link(t)
	h.post(path).redirected(path)
	_, rest, _ := strings.Cut(x.b.get(x.home+"/setup").text(), `href="`+x.home+"/setup/")
	revoke, _, _ := strings.Cut(rest, `"`)
	if q := x.b.get(x.home + "/setup/" + revoke); q.Code != 200 || !strings.Contains(q.text(), "autofocus") {
		t.Errorf("%d", q.Code)
	}
	x.b.post(x.home + "/setup/" + revoke).redirected(x.home + "/setup")
	for _, sub := range []string{"", "/idp"} {
		h.get(path+sub).refused(410, "link_expired")
		h.post(path+sub).refused(410, "link_expired")
	}
	h.post(path+"/test").refused(410, "link_expired")
	s.browser(t).get("/setup/nothing").refused(410, "link_expired")
}

// TestTheHolderOfASetupLinkReachesNothingElse asks for every route with the
// cookies of somebody who holds a link: the answer is that to nobody at all.
func TestTheHolderOfASetupLinkReachesNothingElse(t *testing.T) {
	s := secureSite(t)
	acme := s.office(t, "Acme")
	s.delegate(t, acme)
	d := acme.delegated
	cookie := s.web.cookieName(cookieSetup) + strings.TrimPrefix(d.link, "lnk_")
	before, asked := s.snapshot(t), 0
	for _, pattern := range routes(t) {
		if strings.Contains(pattern, "/scim/") || strings.Contains(pattern, "/setup/{token}") && !strings.Contains(pattern, "/admin/") {
			continue
		}
		for _, target := range []string{pattern, strings.NewReplacer("/admin/{organization}", acme.home(), "{user}", acme.user.ID, "{domain}", acme.domain.ID, "{account}", acme.account.ID,
			"{profile}", d.profile, "{test}", d.test, "{link}", d.link, "{token}", d.token, "{import}", acme.imported.ID).Replace(pattern)} {
			var answers [2]string
			for i := range answers {
				b := s.browser(t)
				if i == 1 {
					b.cookies[cookie] = d.browser
					// Nor does it stand for another cookie.
					for _, name := range []string{cookieSession, cookieFlow + "1"} {
						b.cookies[s.web.cookieName(name)] = d.browser
					}
				}
				for _, r := range visits(target) {
					p := b.send(r)
					asked++
					location, _, _ := strings.Cut(p.Header().Get("Location"), "SAMLRequest=") // another one each time
					answers[i] += fmt.Sprint(r.Method, " ", p.Code, " ", p.Header().Get("Sallyport-Error"), " ", location, "\n")
				}
			}
			if answers[0] != answers[1] {
				t.Errorf("%s:\nnobody:\n%sthe holder:\n%s", target, answers[0], answers[1])
			}
		}
	}
	if asked < 300 {
		t.Errorf("only %d were asked for", asked)
	}
	if after := s.snapshot(t); strings.Split(after, "sessions")[0] != strings.Split(before, "sessions")[0] {
		t.Errorf("something has changed:\n%s\n%s", before, after)
	}
	// Below the link: its own profile and tests alone.
	globex := s.office(t, "Globex")
	s.delegate(t, globex)
	b := s.browser(t)
	b.cookies[cookie] = d.browser
	if p := b.get("/setup/" + d.token); p.Code != 200 {
		t.Errorf("%d", p.Code)
	}
	b.get("/setup/"+d.token+"/test/"+d.test).refused(404, "not_found") // an administrator's
	b.get("/setup/"+d.token+"/test/"+globex.delegated.test).refused(404, "not_found")
	b.get("/setup/"+globex.delegated.token).refused(410, "link_used")
}

// domainOf is the domain of the trial's organization.
func (x *trial) domainOf(t testing.TB) directory.Domain {
	t.Helper()
	list, err := x.Directory.Domains(t.Context(), parts.Operator(), x.Organization.ID, all)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
}
