package browser

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// leave takes a message for sign-out by either binding: a request is answered,
// an answer shown, in the page around it, too.
func (s *idpSite) leave(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(w, r)
	if !ok {
		return
	}
	m, signed := readLogout(p, r)
	if signed != nil {
		http.Error(w, signed.Error(), http.StatusBadRequest)
		return
	}
	if m.Name == "LogoutResponse" {
		show(w, `<!doctype html><html lang="en"><title>Acme</title><h1>The application said: {{.Status}}</h1>
<script>parent.document.getElementById("said").textContent = "The application said: {{.Status}}"</script>`, map[string]string{"Status": m.Status})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "who" + r.PathValue("profile"), Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteNoneMode})
	answer := p.IdP.LogoutResponse(p.SP, m.ID, time.Now())
	if r.URL.Query().Has("fails") {
		answer.Status.Code = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	}
	http.Redirect(w, r, p.SP.SLOURL+"?"+answer.Query(samltest.Detached{Key: p.IdP.Key}), http.StatusSeeOther)
}

// readLogout reads a message of ours, which has to be signed by our key.
func readLogout(p *harness.Profile, r *http.Request) (*samltest.Received, error) {
	key := p.Ours
	if r.Method == http.MethodGet {
		if err := samltest.VerifyRedirect(r.URL.String(), key); err != nil {
			return nil, err
		}
		return samltest.ReadLogout(r.URL.String())
	}
	value := r.PostFormValue("SAMLRequest") + r.PostFormValue("SAMLResponse")
	if err := samltest.VerifyPosted(value, key); err != nil {
		return nil, err
	}
	return samltest.ReadPostedLogout(value)
}

// everywhere signs a user out of the application, in a frame.
func (s *idpSite) everywhere(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(w, r)
	if !ok {
		return
	}
	frame := "push?who=" + r.FormValue("who")
	if !r.Form.Has("post") {
		frame = p.SP.SLOURL + "?" + p.Order(r.FormValue("who"), "").Query(samltest.Detached{Key: p.IdP.Key})
	}
	show(w, `<!doctype html><html lang="en"><title>Acme</title><h1>Signing out everywhere</h1><p id="said">The application said nothing yet</p>
<iframe src="{{.Frame}}" title="Application"></iframe>`, map[string]string{"Frame": frame})
}

// push is the frame of everywhere that posts.
func (s *idpSite) push(w http.ResponseWriter, r *http.Request) {
	p, ok := s.find(w, r)
	if !ok {
		return
	}
	order := p.Order(r.FormValue("who"), "")
	order.Signing = &samltest.Signing{Key: p.IdP.Key}
	show(w, `<!doctype html><html lang="en"><title>Acme</title><form method="post" action="{{.SLO}}"><input type="hidden" name="SAMLRequest" value="{{.Message}}"></form>
<script>document.forms[0].submit()</script>`, map[string]string{"SLO": p.SP.SLOURL, "Message": order.Form("").Get("SAMLRequest")})
}

// withLogout is a profile whose Identity Provider has Single Logout: with
// requests by POST alone if post is set. A user is signed in with it.
func (s *stage) withLogout(t *testing.T, endpoint string, post bool, options ...testenv.BrowserOption) (b *tab, p *harness.Profile, user string) {
	t.Helper()
	p, user = s.enforced(t, nil)
	p.IdP.SLOURL = strings.TrimSuffix(p.IdP.SSOURL, "/sso") + endpoint
	doc := string(p.IdP.Metadata())
	if post {
		doc = strings.Replace(doc, `<md:SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"`, `<md:SingleLogoutService Binding="urn:none"`, 1)
	}
	p.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"metadata_xml": doc})
	p.MarkTested(t)
	p.Ours = p.Keys(t)["current"]
	b = s.newTab(t)
	b.Show(options...)
	b.path(securityPath)
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	if len(options) > 0 {
		b.Click("On to the application")
	}
	b.WaitURL(s.Base + securityPath)
	b.signedIn(t, user, "sso")
	return b, p, user
}

func signOutEverywhere(t *testing.T, s *stage) {
	for _, post := range []bool{false, true} {
		b, _, _ := s.withLogout(t, "/slo", post)
		b.Click("Sign out")
		b.WaitText("You are signed out here and at your company")
		b.at(t, "/signed-out?result=done")
		b.signedIn(t, "", "")
		if b.cookie(sessionCookie) != nil {
			t.Error("the session's cookie stays behind")
		}
		b.Back()
		b.friendly(t)
		b.signedIn(t, "", "")
		// At the Identity Provider nobody is logged in any more.
		b.path("/signed-out?result=done")
		b.Click("Sign in again")
		b.at(t, loginPath)
	}
	b, _, _ := s.withLogout(t, "/slo?fails", false)
	b.Click("Sign out")
	b.WaitText("did not sign you out there")
	b.WaitText("close the browser")
	b.signedIn(t, "", "")
}

func signOutWithoutScript(t *testing.T, s *stage) {
	b, _, _ := s.withLogout(t, "/slo", true, testenv.NoScript())
	b.Click("Sign out")
	b.answered(t, 200, "")
	b.Click("Continue")
	b.at(t, "/signed-out?result=done")
	b.signedIn(t, "", "")
}

func signedOutInAFrame(t *testing.T, s *stage) {
	for _, query := range []string{"", "&post"} {
		b, p, user := s.withLogout(t, "/slo", query != "")
		b.Open(strings.TrimSuffix(p.IdP.SLOURL, "/slo") + "/everywhere?who=" + user + query)
		b.WaitText("The application said: " + samltest.Success)
		b.signedIn(t, "", "")
		b.path(securityPath)
		b.WaitURL(s.Base + loginPath)
	}
}
