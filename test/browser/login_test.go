package browser

import (
	"net/url"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

const (
	securityPath = "/account/security"
	loginPath    = "/login"
)

// enforced makes an organization whose domain is enforced, with one active
// user.
func (s *stage) enforced(t *testing.T, options harness.Object) (p *harness.Profile, user string) {
	t.Helper()
	org := harness.NewOrganization(t, s.Server)
	user = org.Address("user")
	org.AddUser(t, user)
	p = s.idp.newProfile(t, org, options)
	p.Enforce(t)
	return p, user
}

// identify types an address at the login page.
func (b *tab) identify(email string) {
	b.Fill("E-mail address", email)
	b.Click("Continue")
}

func endsAtThePageAskedFor(t *testing.T, s *stage) {
	_, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.path(securityPath)
	b.at(t, loginPath+"?return_to="+url.QueryEscape(securityPath))
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.WaitURL(s.Base + securityPath)
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
	if b.cookie("__Host-sallyport_way") != nil {
		t.Error("the browser prefers a password after a login without one")
	}
	for _, c := range b.Cookies() {
		if strings.Contains(c.Name, "sallyport_flow_") {
			t.Errorf("a cookie of the login stays behind: %s", c.Name)
		}
	}
}

func throughSimpleSAMLphp(t *testing.T, s *stage) {
	org := harness.NewOrganization(t, s.Server)
	user := org.Address("user")
	org.AddUser(t, user)
	idp := testenv.SimpleSAMLphp(t, testenv.SimpleSAMLphpConfig{Host: idpHost, TLS: s.files, Users: []testenv.SimpleSAMLphpUser{
		{Login: "user", Password: "at the company", Attributes: map[string][]string{"mail": {user}}},
	}})
	profile := s.OK(t, "POST", "/organizations/"+org.ID+"/sso-profiles",
		harness.Object{"name": "SimpleSAMLphp", "idp": "simplesamlphp", "metadata_xml": string(idp.Metadata(t))})
	p := &harness.Profile{Organization: org, ID: harness.ID(profile)}
	p.MarkTested(t)
	p.Enforce(t)
	metadata := s.NewBrowser(t).Get(t, "/saml/"+p.ID+"/metadata")
	idp.AddServiceProvider(t, testenv.SimpleSAMLphpSP{Metadata: []byte(metadata.Body), SignAssertion: true})

	b := s.newTab(t)
	b.path(securityPath)
	b.identify(user)
	b.Fill("Username", "user")
	b.Fill("Password", "at the company")
	b.Click("Login")
	b.WaitURL(s.Base)
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
}

// An Identity Provider may lead on to another site of its own: the browser
// holds the policy of the page that posted against every hop.
func postBinding(t *testing.T, s *stage) {
	p, user := s.enforced(t, nil)
	postOnly(t, p, "/sso")
	b := s.newTab(t)
	b.path(loginPath)
	b.identify(user)
	b.WaitURL(p.IdP.SSOURL)
	b.logIn(user)
	b.WaitURL(s.Base + "/")
	b.at(t, "/")
	b.signedIn(t, user, "sso")

	moved, user := s.enforced(t, nil)
	postOnly(t, moved, "/moved")
	b = s.newTab(t)
	b.path(loginPath)
	b.identify(user)
	b.WaitURL("https://" + movedHost)
	b.logIn(user)
	b.WaitURL(s.Base + "/")
	b.signedIn(t, user, "sso")
}

func tileRestarts(t *testing.T, s *stage) {
	p, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.Open(tileURL(p, securityPath))
	b.logIn(user)
	b.WaitURL(s.Base + securityPath)
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
	restarted := false
	for _, asked := range b.Requested() {
		restarted = restarted || strings.HasPrefix(asked, s.Base+"/saml/"+p.ID+"/start?restart=")
	}
	if !restarted {
		t.Errorf("no login of our own took the tile's place: %q", b.Requested())
	}
}

func tileAccepted(t *testing.T, s *stage) {
	p, user := s.enforced(t, harness.Object{"idp_initiated": "accept"})
	b := s.newTab(t)
	b.Open(tileURL(p, securityPath))
	b.logIn(user)
	b.WaitURL(s.Base + securityPath)
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")
	for _, asked := range b.Requested() {
		if strings.Contains(asked, "/start") {
			t.Errorf("the login began again: %s", asked)
		}
	}
}

func tileRefused(t *testing.T, s *stage) {
	p, user := s.enforced(t, harness.Object{"idp_initiated": "refuse"})
	b := s.newTab(t)
	b.Open(tileURL(p, ""))
	b.logIn(user)
	b.WaitURL(p.SP.ACSURL)
	b.answered(t, 403, "saml_idp_initiated_refused")
	b.plain(t)
	b.signedIn(t, "", "")
	// The page tells the way, and it works.
	b.Click("Try again")
	b.identify(user)
	b.WaitURL(s.Base + "/")
	b.signedIn(t, user, "sso")
}

func twoTabs(t *testing.T, s *stage) {
	_, user := s.enforced(t, nil)
	first := s.newTab(t)
	second := s.watch(t, first.NewTab())
	for _, b := range []*tab{first, second} {
		b.path(securityPath)
		b.identify(user)
		b.WaitURL(s.idp.base)
	}
	for _, b := range []*tab{first, second} {
		b.logIn(user)
		b.WaitURL(s.Base + securityPath)
	}
	for _, b := range []*tab{second, first} {
		b.Reload()
		b.at(t, securityPath)
		b.signedIn(t, user, "sso")
	}
}

// friendly fails unless a page of ours that is in the way says how to go on, or
// the user is in.
func (b *tab) friendly(t *testing.T) {
	t.Helper()
	if !strings.HasPrefix(b.URL(), b.stage.Base) {
		return
	}
	var form bool
	b.Eval(`document.querySelector('main form') !== null`, &form)
	if status, header := b.Response(); header.Get("Sallyport-Error") != "" && !form {
		if status >= 500 {
			t.Errorf("%s answered %d", b.URL(), status)
		}
		b.plain(t)
		if !strings.Contains(b.Text("main"), "Try again") {
			t.Errorf("%s offers no new try:\n%s", b.URL(), b.Text("body"))
		}
	}
}

func backAfterLogin(t *testing.T, s *stage) {
	p, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.path(securityPath)
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.WaitURL(s.Base + securityPath)
	b.Reload()
	b.at(t, securityPath)

	// Back at the Identity Provider's page, and once more through it: a second
	// answer to the request that is done.
	b.Back()
	b.logIn(user)
	b.WaitURL(p.SP.ACSURL)
	b.answered(t, 403, "saml_replayed")
	b.friendly(t)
	b.signedIn(t, user, "sso")
	for range 5 {
		if strings.HasPrefix(b.URL(), s.Base+loginPath) {
			break
		}
		b.Back()
		b.friendly(t)
	}
	b.at(t, loginPath+"?return_to="+url.QueryEscape(securityPath))
	b.signedIn(t, user, "sso")

	// The login page, looked at afresh, knows who is in; used again, it works.
	b.Reload()
	b.WaitText("You are signed in as " + user)
	b.identify(user)
	b.WaitURL(s.Base + securityPath)
	b.signedIn(t, user, "sso")
}

// finishURL is the link that ended the browser's last login.
func (b *tab) finishURL(t *testing.T) string {
	t.Helper()
	found := ""
	for _, asked := range b.Requested() {
		if strings.HasPrefix(asked, b.stage.Base+"/login/finish?ticket=") {
			found = asked
		}
	}
	if found == "" {
		t.Fatalf("no login was finished: %q", b.Requested())
	}
	return found
}

func finishAgain(t *testing.T, s *stage) {
	_, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.path(securityPath)
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.WaitURL(s.Base + securityPath)
	b.Open(b.finishURL(t))
	b.friendly(t)
	b.at(t, securityPath)
	b.signedIn(t, user, "sso")

	// For who has signed out since, it is nothing but a way to try again.
	b.Click("Sign out")
	b.Open(b.finishURL(t))
	b.friendly(t)
	b.answered(t, 403, "saml_request_unknown")
	b.signedIn(t, "", "")
	b.Click("Try again")
	b.at(t, loginPath)
}

func finishElsewhere(t *testing.T, s *stage) {
	p, user := s.enforced(t, nil)
	org, mine := p.Organization, p.Address("visitor")
	org.AddUser(t, mine)
	b := s.newTab(t)
	b.path(loginPath)
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.WaitURL(s.Base + "/")

	other := s.newTab(t)
	other.Open(b.finishURL(t))
	other.answered(t, 403, "saml_request_unknown")
	other.friendly(t)
	other.signedIn(t, "", "")
	other.Click("Try again")
	other.identify(mine)
	other.logIn(mine)
	other.WaitURL(s.Base + "/")
	other.signedIn(t, mine, "sso")
}

// responseAgain posts one response twice, as a browser does whose user goes
// back to the page that had posted it.
func responseAgain(t *testing.T, s *stage) {
	_, user := s.enforced(t, nil)
	b := s.newTab(t)
	b.Show(testenv.NoScript()) // the Identity Provider's page stays in the history
	b.path(loginPath)
	b.identify(user)
	b.WaitURL(s.idp.base)
	b.logIn(user)
	b.Click("On to the application")
	b.at(t, "/")
	b.Back()
	b.Click("On to the application")
	b.answered(t, 403, "saml_replayed")
	b.friendly(t)
	b.Reload()
	b.answered(t, 403, "saml_replayed")
	b.friendly(t)
	b.signedIn(t, user, "sso")
	b.Click("Try again")
	b.WaitText("You are signed in as " + user)
	b.Click("Go on to the Console")
	b.at(t, "/")
}

func refusalReloaded(t *testing.T, s *stage) {
	p, _ := s.enforced(t, nil)
	b := s.newTab(t)
	b.path(loginPath)
	b.identify(p.Address("stranger"))
	b.logIn(p.Address("stranger"))
	b.WaitURL(p.SP.ACSURL)
	b.answered(t, 403, "user_not_found")
	for range 2 {
		b.Reload()
		b.friendly(t)
		b.answered(t, 403, "saml_replayed")
	}
	b.Back()
	b.friendly(t)
	b.signedIn(t, "", "")
}
