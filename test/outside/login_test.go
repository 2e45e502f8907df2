package outside

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

func TestSPInitiatedLoginEndsAtThePageFirstAskedFor(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.Get(t, "/account/security").Redirected(t, "/login?return_to=%2Faccount%2Fsecurity")
		b.SSO(t, p, user, "/account/security").Redirected(t, "/account/security")
		b.SignedIn(t, user, "sso")
	})
}

func TestDeepLinksSurviveTheRoundTripByTheLoginPageAndByThePassword(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		exempt := p.Address("exempt")
		s.OK(t, "PATCH", "/users/"+p.AddUser(t, exempt), harness.Object{"sso": harness.Object{"setting": "disabled"}})
		for _, deep := range []string{"/account/security?tab=sessions&q=a%20b%2Fc%26d", "/account/security?q=gr%C3%BC%C3%9Fe", "/account/security?x=1;y=2"} {
			b := s.NewBrowser(t)
			toLogin := b.Get(t, deep)
			page := b.Get(t, toLogin.Location)
			kept := page.Field(t, "return_to")
			if toLogin.Status != http.StatusSeeOther || kept != deep {
				t.Fatalf("%d to %q keeps %q of %q", toLogin.Status, toLogin.Location, kept, deep)
			}
			b.SSO(t, p, user, kept).Redirected(t, deep)

			b = s.NewBrowser(t)
			page = b.Get(t, "/login/password?return_to="+url.QueryEscape(deep))
			b.Post(t, "/login/password", url.Values{"email": {exempt}, "password": {harness.Password}, "return_to": {page.Field(t, "return_to")}}).
				Redirected(t, deep)
		}
	})
}

func TestTheLoginPageItselfRedirectsWithAWellFormedRequest(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		a := s.NewBrowser(t).Post(t, "/login", url.Values{"email": {user}})
		req := a.Request(t)
		to, err := url.Parse(a.Location)
		if err != nil || to.Scheme+"://"+to.Host+to.Path != p.IdP.SSOURL {
			t.Fatalf("the browser is sent to %s, not to %s", a.Location, p.IdP.SSOURL)
		}
		if req.Issuer != p.SP.EntityID || req.ACSURL != p.SP.ACSURL || req.Destination != p.IdP.SSOURL || req.ForceAuthn {
			t.Errorf("the request says %+v", req)
		}
		if first := req.ID[0]; first != '_' && (first|0x20 < 'a' || first|0x20 > 'z') {
			t.Errorf("the request's ID %q does not start with a letter or underscore", req.ID)
		}
		if req.RelayState == "" || len(req.RelayState) > 80 {
			t.Errorf("RelayState %q is not of 1 to 80 octets", req.RelayState)
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("headers of the redirect: %v", a.Header)
		}
	})
}

func TestTheStartLinkOfAProfileSignsIn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		b := s.NewBrowser(t)
		b.StartSSO(t, p, user, "").Redirected(t, "/")
		b.SignedIn(t, user, "sso")
		b = s.NewBrowser(t)
		b.StartSSO(t, p, user, "/account/security?a=b").Redirected(t, "/account/security?a=b")
		b.SignedIn(t, user, "sso")

		b.Get(t, "/saml/sso_0000000000000000000000000c/start").Refused(t, 404, "not_found")
		b.Get(t, "/saml/"+p.ID+"x/start").Refused(t, 404, "not_found")
	})
}

func TestADraftStartsNothingAndADisabledProfileSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		draft := harness.ID(s.OK(t, "POST", "/organizations/"+org.ID+"/sso-profiles", harness.Object{"name": "Draft"}))
		b := s.NewBrowser(t)
		b.Get(t, "/saml/"+draft+"/start").Refused(t, 404, "not_found")
		b.PostForeign(t, "/saml/"+draft+"/acs", url.Values{"SAMLResponse": {"x"}}).Refused(t, 404, "not_found")

		p := org.NewProfile(t, nil)
		req := b.Get(t, "/saml/"+p.ID+"/start").Request(t)
		s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"state": "disabled"})
		b.Get(t, "/saml/"+p.ID+"/start").Refused(t, 403, "sso_profile_disabled")
		b.Deliver(t, p, p.Response(user, req.ID), req.RelayState).Refused(t, 403, "sso_profile_disabled")
		b.SignedIn(t, "", "")
	})
}

// postOnly makes a profile whose Identity Provider takes requests by HTTP-POST
// alone.
func postOnly(t *testing.T, o *harness.Organization) *harness.Profile {
	t.Helper()
	p := o.NewProfile(t, nil)
	var lines []string
	for line := range strings.Lines(string(p.IdP.Metadata())) {
		if !strings.Contains(line, "HTTP-Redirect") {
			lines = append(lines, line)
		}
	}
	o.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"metadata_xml": strings.Join(lines, "")})
	p.MarkTested(t)
	return p
}

func TestAnIdentityProviderThatTakesPostsGetsAPageThatSendsItself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		org := harness.NewOrganization(t, s)
		user := org.Address("user")
		org.AddUser(t, user)
		p := postOnly(t, org)
		p.Enforce(t)
		for name, depart := range map[string]func(*harness.Browser) harness.Answer{
			"login": func(b *harness.Browser) harness.Answer {
				return b.Post(t, "/login", url.Values{"email": {user}, "return_to": {"/account/security"}})
			},
			"start": func(b *harness.Browser) harness.Answer {
				return b.Get(t, "/saml/"+p.ID+"/start?return_to=%2Faccount%2Fsecurity")
			},
		} {
			b := s.NewBrowser(t)
			a := depart(b)
			if a.Status != http.StatusOK {
				t.Fatalf("%s: %d %s", name, a.Status, a.Code)
			}
			req, err := samltest.ReadPostedRequest(a.Field(t, "SAMLRequest"))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(a.Body, `action="`+p.IdP.SSOURL+`"`) || req.Destination != p.IdP.SSOURL {
				t.Fatalf("%s: the form does not go to %s:\n%s", name, p.IdP.SSOURL, a.Body)
			}
			policy := a.Header.Get("Content-Security-Policy")
			if action := between(policy, "form-action ", ";"); !strings.Contains(action, "https:") {
				t.Errorf("%s: the policy %q does not let the form go to the Identity Provider", name, policy)
			}
			nonce := between(a.Body, `<script nonce="`, `"`)
			if nonce == "" || !strings.Contains(policy, "'nonce-"+nonce+"'") {
				t.Errorf("%s: the script with the nonce %q does not run under %q", name, nonce, policy)
			}
			a = b.Deliver(t, p, p.Response(user, req.ID), a.Field(t, "RelayState"))
			b.Get(t, a.Location).Redirected(t, "/account/security")
			b.SignedIn(t, user, "sso")
		}
	})
}

// between returns what stands between two texts.
func between(text, before, after string) string {
	_, rest, ok := strings.Cut(text, before)
	if !ok {
		return ""
	}
	found, _, ok := strings.Cut(rest, after)
	if !ok {
		return ""
	}
	return found
}

// tile is what an Identity Provider sends when a user clicks it there.
type tile struct{ inResponseTo, relayState string }

// tiles are good ones: without InResponseTo, or, where dummy is set, with one
// that was never ours.
func (x tile) deliver(t *testing.T, b *harness.Browser, p *harness.Profile, user string) harness.Answer {
	t.Helper()
	return b.Deliver(t, p, p.Response(user, x.inResponseTo), x.relayState)
}

func TestATileRestartsByDefaultAndTheUserNoticesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		for _, c := range []struct {
			tile
			ends string
		}{
			{tile{"", ""}, "/"},
			{tile{"", "/account/security?a=1&b=2"}, "/account/security?a=1&b=2"},
			{tile{"", "default"}, "/"},
			{tile{"", "https://sp.example/start"}, "/"},
			{tile{"_dummy", ""}, "/"},
			{tile{"_dummy", "/account/security"}, "/account/security"},
			{tile{"IDP_INITIATED", strings.Repeat("x", 3000)}, "/"},
		} {
			b := s.NewBrowser(t)
			a := c.deliver(t, b, p, user)
			if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/saml/"+p.ID+"/start?restart=") &&
				!strings.Contains(a.Location, "restart=") {
				t.Fatalf("%+v: %d %s to %q", c.tile, a.Status, a.Code, a.Location)
			}
			b.SignedIn(t, "", "")
			req := b.Get(t, a.Location).Request(t)
			a = b.Deliver(t, p, p.Response(user, req.ID), req.RelayState)
			b.Get(t, a.Location).Redirected(t, c.ends)
			b.SignedIn(t, user, "sso")
		}
	})
}

func TestARestartBelievesNothingOfTheResponse(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		stolen := p.Response(user, "")
		stolen.Assertion.Conditions.Audiences = [][]string{{"https://elsewhere.example/"}}
		stolen.ResponseSigning, stolen.AssertionSigning = nil, nil
		b := s.NewBrowser(t)
		a := b.Deliver(t, p, stolen, "")
		if a.Status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.Status, a.Code)
		}
		b.Get(t, a.Location).Request(t)
		b.SignedIn(t, "", "")

		// What is no well-formed Success response restarts nothing.
		failed := p.Response(user, "")
		failed.Status = samltest.Status{Code: "urn:oasis:names:tc:SAML:2.0:status:Responder"}
		b.Deliver(t, p, failed, "").Refused(t, 403, "saml_status_not_success")
	})
}

func TestATileIsAcceptedWhereTheProfileSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "accept"})
		for relayState, ends := range map[string]string{
			"": "/", "/account/security?a=1": "/account/security?a=1", "https://evil.example/": "/", "opaque": "/",
		} {
			b := s.NewBrowser(t)
			a := tile{"", relayState}.deliver(t, b, p, user)
			if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location, "/login/finish?ticket=") {
				t.Fatalf("RelayState %q: %d %s to %q", relayState, a.Status, a.Code, a.Location)
			}
			b.Get(t, a.Location).Redirected(t, ends)
			b.SignedIn(t, user, "sso")
		}
	})
}

func TestATileIsRefusedWhereTheProfileSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, harness.Object{"idp_initiated": "refuse"})
		for _, relayState := range []string{"", "/account/security"} {
			b := s.NewBrowser(t)
			a := tile{"", relayState}.deliver(t, b, p, user).Refused(t, 403, "saml_idp_initiated_refused")
			p.Recorded(t, a)
			b.SignedIn(t, "", "")
		}
		// Its own logins work.
		b := s.NewBrowser(t)
		b.SSO(t, p, user, "").Redirected(t, "/")
		b.SignedIn(t, user, "sso")
	})
}

func TestADummyInResponseToIsHarmlessOnRestartAndUnknownOtherwise(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, user, _ := harness.Enforced(t, s, nil)
		other, _, _ := harness.Enforced(t, s, nil)
		foreign := s.NewBrowser(t).Get(t, "/saml/"+other.ID+"/start").Request(t).ID
		for _, mode := range []string{"restart", "accept", "refuse"} {
			s.OK(t, "PATCH", "/sso-profiles/"+p.ID, harness.Object{"options": harness.Object{"idp_initiated": mode}})
			for _, dummy := range []string{"_dummy", "n/a", foreign} {
				b := s.NewBrowser(t)
				a := tile{dummy, ""}.deliver(t, b, p, user)
				if mode == "restart" {
					if a.Status != http.StatusSeeOther || !strings.Contains(a.Location, "restart=") {
						t.Fatalf("%s, %s: %d %s", mode, dummy, a.Status, a.Code)
					}
					continue
				}
				p.Recorded(t, a.Refused(t, 403, "saml_request_unknown"))
				b.SignedIn(t, "", "")
			}
		}
	})
}

func TestTheLoginPageKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		b := s.NewBrowser(t)
		for _, typed := range []string{"", "nobody", "a@", "@b.test", "a b@c.test", "a@b", "<script>@x.test", strings.Repeat("a", 300) + "@x.test"} {
			a := b.Post(t, "/login", url.Values{"email": {typed}, "return_to": {"/account/security"}})
			if a.Status != http.StatusUnprocessableEntity || a.Code != "invalid" {
				t.Fatalf("%q: %d %s", typed, a.Status, a.Code)
			}
			if a.Field(t, "email") != typed || a.Field(t, "return_to") != "/account/security" {
				t.Errorf("%q: the page has forgotten what was typed:\n%s", typed, a.Body)
			}
			if strings.Contains(a.Body, "<script>@") {
				t.Error("what was typed became markup")
			}
		}
		typed := fmt.Sprintf("somebody@free%d.test", len(s.Base))
		b.Post(t, "/login", url.Values{"email": {typed}}).Redirected(t, "/login/password")
		if got := b.Get(t, "/login/password").Field(t, "email"); got != typed {
			t.Errorf("the password page has %q, not %q", got, typed)
		}
	})
}
