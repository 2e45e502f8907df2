// Package browser holds the tests in a real browser: the built binary serves
// HTTPS under one site's name, and the Identity Provider has a site of its own,
// so that the cookies, the form rules and the history at work are those of
// production. Third-party cookies are blocked.
//
// All stand in one test, since they share a server, an Identity Provider and a
// browser. Each has an organization and a private tab of its own.
//
// SCREENSHOTS=DIR leaves a picture of every page in a directory, for people to
// look at.
package browser

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

const (
	appHost = "app.sallyport.test"
	idpHost = "idp.acme.test"
	// movedHost is where an Identity Provider may lead on to.
	movedHost = "login.acme-moved.test"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinary()
	os.Exit(code)
}

func TestInABrowser(t *testing.T) {
	s := newStage(t)
	for _, test := range []struct {
		sentence string
		prove    func(*testing.T, *stage)
	}{
		{"a login ends at the page first asked for", endsAtThePageAskedFor},
		{"a login works through SimpleSAMLphp", throughSimpleSAMLphp},
		{"a login works where the Identity Provider takes requests by POST only", postBinding},
		{"the tile signs in by a restart", tileRestarts},
		{"the tile signs in at once where that is accepted", tileAccepted},
		{"the tile is refused where the profile says so", tileRefused},
		{"two tabs log in at once", twoTabs},
		{"going back after a login shows no error", backAfterLogin},
		{"the finish of a login may be opened again", finishAgain},
		{"the finish of a login is of no use to another browser", finishElsewhere},
		{"a response posted again gets a friendly page", responseAgain},
		{"a refusal reloaded stays friendly", refusalReloaded},
		{"a refusal is told in plain words", refusalInPlainWords},
		{"another user is asked about before anything changes", continueQuestion},
		{"an invited user sets a password once", initialPassword},
		{"a password signs in", passwordSignsIn},
		{"the page after a password may lead to an Identity Provider", passwordThenIdP},
		{"a wrong password is told as such", wrongPassword},
		{"an address that is none is told at its field", noAddress},
		{"a user of single sign-on is led from the password to the Identity Provider", passwordUnderEnforcement},
		{"a password can be changed", changePassword},
		{"another session can be ended", endSession},
		{"after signing out nothing is left to go back to", signOut},
		{"signing out goes on to the Identity Provider and back", signOutEverywhere},
		{"the Identity Provider signs out in a frame", signedOutInAFrame},
		{"an invitation leads to the Console", invitationToConsole},
		{"an invitation leads to the Console without JavaScript", invitationToConsoleWithoutScript},
		{"a known user signs in and agrees to an invitation", agreeToInvitation},
		{"a forgotten password is set again", forgottenPassword},
		{"a forgotten password is set again without JavaScript", forgottenPasswordWithoutScript},
		{"a sign-up is confirmed", signUpAndConfirm},
		{"a sign-up is confirmed without JavaScript", signUpAndConfirmWithoutScript},
		{"login works without JavaScript", loginWithoutScript},
		{"signing out by POST works without JavaScript", signOutWithoutScript},
		{"login by POST works without JavaScript", postWithoutScript},
		{"the initial password works without JavaScript", initialWithoutScript},
		{"the question whether to continue works without JavaScript", continueWithoutScript},
		{"an administrator sets up domains, accounts and users alone", adminWithScript},
		{"the Admin Center works without JavaScript", adminWithoutScript},
		{"a question opens in a dialog, and Escape closes it", dialogsByKeyboard},
		{"the list of users follows what is typed", filtersWhileTyping},
		{"a value is copied by one press", copies},
		{"a dangerous act of a user of single sign-on asks the Identity Provider", freshThroughIdP},
		{"a domain is proved through DNS", domainProof},
		{"a domain is proved without JavaScript", domainProofWithoutScript},
		{"forty known users are taken in", importKnown},
		{"forty known users are taken in without JavaScript", importKnownWithoutScript},
		{"a certificate is approved and another distrusted", certificatesWithScript},
		{"certificates are decided on without JavaScript", certificatesWithoutScript},
		{"users are imported from a file, and the errors corrected", importFile},
		{"importing works without JavaScript", importWithoutScript},
		{"the help finds a guide by a word of it", findsHelpWithScript},
		{"the help works without JavaScript", findsHelpWithoutScript},
		{"a reader says whether a page of the help was helpful", ratesHelp},
		{"a reader says so without JavaScript", ratesHelpWithoutScript},
		{"a domain is enforced after a look at the numbers, and released on the same page", enforceWithScript},
		{"a domain is enforced and released without JavaScript", enforceWithoutScript},
		{"locking every owner out has to be said twice", lockedOutTwice},
		{"a user's own switch is a question with Save", switchInADialog},
		{"an owner gets in by a recovery code when the Identity Provider is out of order", breakGlassWithScript},
		{"break-glass works without JavaScript", breakGlassWithoutScript},
		{"recovery codes are put away, and not shown again", codesArePutAway},
		{"a connection is tested in a tab of its own", testConnection},
		{"a connection is tested without JavaScript", testConnectionWithoutScript},
		{"a failed test says what to change where", testsThatFail},
		{"an administrator finds out why a sign-in failed, and whether it would pass now", findOutWhy},
		{"finding out why works without JavaScript", findOutWhyWithoutScript},
		{"the holder of a setup link does their part, and no more", setupLink},
		{"a setup link works without JavaScript", setupLinkWithoutScript},
		{"an SSO profile is configured by a file", configureByUpload},
		{"an SSO profile is configured by pasting, without JavaScript", configureByPaste},
		{"an SSO profile is configured by hand", configureByHand},
		{"every page is accessible in light, dark, at 320 pixels and by the keyboard", pagesAreAccessible},
		{"the keyboard alone signs in", keyboardSignsIn},
		{"the skip link leads to the content", skipLink},
		{"the browser's language decides", languages},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			t.Parallel()
			test.prove(t, s)
		})
	}
}

// A stage is what the tests share.
type stage struct {
	*harness.Server
	idp      *idpSite
	files    *testenv.TLSFiles
	dns      *testenv.DNS // that the server asks for proofs of domains
	chromium *testenv.Chromium

	fullOnce sync.Once
	full     *fullOffice
}

func newStage(t *testing.T) *stage {
	files := testenv.TLSCertificate(t, appHost, idpHost, movedHost)
	s := &stage{files: files, dns: testenv.StartDNS(t), chromium: testenv.Browser(t, browserOptions(files)...)}
	reach(files)
	address := freeAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	s.Server = harness.Start(t, harness.Options{
		Base: "https://" + net.JoinHostPort(appHost, port),
		Args: []string{"--listen", address, "--tls-cert", files.CertFile, "--tls-key", files.KeyFile, "--support-url", "https://support.sallyport.test/",
			"--dns-resolver", s.dns.Address, "--outbound-allow", "127.0.0.0/8"},
	})
	s.idp = newIdPSite(t, files)
	return s
}

func browserOptions(files *testenv.TLSFiles, more ...testenv.BrowserOption) []testenv.BrowserOption {
	return append(more, testenv.MapHosts(appHost, idpHost, movedHost), testenv.TrustKey(files), testenv.BlockThirdPartyCookies())
}

// reach lets Go's own client come to our sites as the browser does: the harness
// calls the API by the base URL.
func reach(files *testenv.TLSFiles) {
	transport := http.DefaultTransport.(*http.Transport)
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, port, err := net.SplitHostPort(address); err == nil && strings.HasSuffix(host, ".test") {
			address = net.JoinHostPort("127.0.0.1", port)
		}
		return dial(ctx, network, address)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: files.Pool}
}

// freeAddress returns an address that nobody listens on: the base URL has to be
// known before the server listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A tab is a browser's tab in a test.
type tab struct {
	*testenv.Page
	stage *stage
}

// newTab opens a tab that has not been anywhere. A test fails if anything went
// wrong on its pages, such as what the content security policy stops.
func (s *stage) newTab(t *testing.T) *tab {
	t.Helper()
	return s.watch(t, s.chromium.NewPrivateTab(t))
}

func (s *stage) watch(t *testing.T, page *testenv.Page) *tab {
	t.Helper()
	t.Cleanup(func() {
		for _, problem := range page.Problems() {
			t.Errorf("in the browser: %s", problem)
		}
	})
	return &tab{Page: page, stage: s}
}

// path opens a page of the server.
func (b *tab) path(path string) { b.Open(b.stage.Base + path) }

// at fails unless the page is the one of this path.
func (b *tab) at(t *testing.T, path string) {
	t.Helper()
	if got := b.URL(); got != b.stage.Base+path {
		status, header := b.Response()
		t.Fatalf("the browser is at %s (%d %s), not at %s:\n%s", got, status, header.Get("Sallyport-Error"), path, b.Text("body"))
	}
}

// answered fails unless the page that the server sent last has this status and
// code; an empty code stands for none.
func (b *tab) answered(t *testing.T, status int, code string) {
	t.Helper()
	gotStatus, header := b.Response()
	if got := header.Get("Sallyport-Error"); gotStatus != status || got != code {
		t.Fatalf("%s answered %d %q, not %d %q:\n%s", b.URL(), gotStatus, got, status, code, b.Text("body"))
	}
}

const sessionCookie = "__Host-sallyport_session"

// cookie returns the browser's cookie of this name; nil if it has none.
func (b *tab) cookie(name string) *http.Cookie {
	for _, c := range b.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// signedIn fails unless the browser's session is this user's, begun by this
// method; with an empty address, unless there is none.
func (b *tab) signedIn(t *testing.T, email, method string) {
	t.Helper()
	session := b.cookie(sessionCookie)
	switch {
	case session == nil && email == "":
		return
	case session == nil:
		t.Fatalf("nobody is signed in at %s:\n%s", b.URL(), b.Text("body"))
	}
	browser := b.stage.NewBrowser(t)
	answer := browser.Send(t, http.MethodGet, "/session", nil, http.Header{"Cookie": {session.Name + "=" + session.Value}})
	switch {
	case email == "" && answer.Status != http.StatusUnauthorized:
		t.Fatalf("somebody is signed in: %s", answer.Body)
	case email != "" && (!strings.Contains(answer.Body, `"email":"`+email+`"`) || !strings.Contains(answer.Body, `"method":"`+method+`"`)):
		t.Fatalf("signed in is %s, not %s by %s", answer.Body, email, method)
	}
	if !session.Secure || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != appHost {
		t.Errorf("the session's cookie is %+v", session)
	}
}
