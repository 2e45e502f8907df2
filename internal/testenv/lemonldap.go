package testenv

import (
	"bytes"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What Debian's packages of LemonLDAP::NG and of Plack install.
const (
	lemonLDAPPortal    = "/usr/share/lemonldap-ng/portal/htdocs/index.psgi"
	lemonLDAPTemplates = "/usr/share/lemonldap-ng/portal/templates"
)

// A LemonLDAPSP is a service provider that LemonLDAP::NG answers.
type LemonLDAPSP struct {
	// Metadata is the service provider's own document. Its signing key, where
	// it has one, checks its requests.
	Metadata []byte
	// NameID is a Perl expression for the NameID's value, over the attributes
	// of the user: "$uid . '@acme.test'"; $mail if empty.
	NameID string
	// Options are the options of the service provider, without their common
	// beginning: {"SignSSOMessage": 1, "EncryptionMode": "assertion"}.
	Options map[string]any
}

// A LemonLDAPIdP is a running Identity Provider. It ends with its test. Its
// users are those of the product's demonstration, "dwho", "rtyler" and
// "msmith", each with the login as password.
type LemonLDAPIdP struct {
	// EntityID names it in SAML messages, and is where it gives out its
	// metadata. SSOURL and SLOURL are its endpoints for HTTP-Redirect; those
	// for HTTP-POST are the same.
	EntityID, SSOURL, SLOURL string
	// LogoutURL is where its users sign out.
	LogoutURL string
	// CertificatePEM is the RSA certificate that it signs with, KeyPEM the key
	// to it.
	CertificatePEM, KeyPEM []byte

	baseURL string // ends in a slash
	dir     string // configuration, sessions and log
	sps     []LemonLDAPSP
	written int // how many configurations
}

// LemonLDAP starts an Identity Provider that shares no code with us:
// LemonLDAP::NG from the distribution's packages, which speaks SAML by the
// Lasso library, run by Plack's own web server and configured in a directory of
// the test alone. It answers when LemonLDAP returns, and its process ends with
// the test, also where the test is killed.
//
// A machine without the packages fails the test.
func LemonLDAP(t testing.TB) *LemonLDAPIdP {
	t.Helper()
	plackup := lemonLDAPRequire(t)
	idp := &LemonLDAPIdP{dir: t.TempDir()}
	for _, name := range []string{"conf", "sessions", "sessions/lock", "psessions", "psessions/lock", "cache"} {
		if err := os.Mkdir(filepath.Join(idp.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	idp.CertificatePEM, idp.KeyPEM = idpKeyPair(t, "LemonLDAP::NG signing")
	var err error
	// Between our choice of a port and Plack's use of it another program may
	// take it.
	for range 3 {
		if err = idp.tryServe(t, plackup); err == nil {
			return idp
		}
	}
	t.Fatalf("LemonLDAP::NG did not start: %v\n%s", err, idp.LogTail(40))
	return nil
}

func lemonLDAPRequire(t testing.TB) (plackup string) {
	t.Helper()
	plackup, err := exec.LookPath("plackup")
	if err == nil {
		_, err = os.Stat(lemonLDAPPortal)
	}
	if err == nil {
		err = exec.Command("perl", "-MLasso", "-MXML::Simple", "-MIO::String", "-e", "1").Run()
	}
	if err != nil {
		t.Fatalf("this test needs LemonLDAP::NG (%v): apt-get install liblemonldap-ng-portal-perl libplack-perl liblasso-perl libxml-simple-perl libio-string-perl", err)
	}
	return plackup
}

func (idp *LemonLDAPIdP) tryServe(t testing.TB, plackup string) error {
	t.Helper()
	address, err := freeAddress()
	if err != nil {
		return err
	}
	host, port, _ := strings.Cut(address, ":")
	idp.locate(port)
	idp.configure(t)
	log, err := os.OpenFile(idp.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(plackup, "--server", "HTTP::Server::PSGI", "--env", "deployment", "--host", host, "--port", port, lemonLDAPPortal)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=" + idp.dir, "LLNG_DEFAULTCONFFILE=" + filepath.Join(idp.dir, "lemonldap-ng.ini")}
	cmd.Stdout, cmd.Stderr = log, log
	process, err := StartProcess(cmd)
	if err != nil {
		return err
	}
	if err := process.waitAnswer(idp.EntityID); err != nil {
		process.Stop()
		return err
	}
	t.Cleanup(process.Stop)
	return nil
}

// locate fills in the URLs. They have a name, because LemonLDAP::NG's cookies are
// for a domain.
func (idp *LemonLDAPIdP) locate(port string) {
	idp.baseURL = "http://localhost:" + port + "/"
	idp.EntityID = idp.baseURL + "saml/metadata"
	idp.SSOURL = idp.baseURL + "saml/singleSignOn"
	idp.SLOURL = idp.baseURL + "saml/singleLogout"
	idp.LogoutURL = idp.baseURL + "?logout=1"
}

// AddServiceProvider registers sp, or replaces the one of the same entity ID.
// It counts from the next request on.
func (idp *LemonLDAPIdP) AddServiceProvider(t testing.TB, sp LemonLDAPSP) {
	t.Helper()
	if len(sp.Metadata) == 0 {
		t.Fatal("LemonLDAP::NG takes service providers by their metadata alone")
	}
	idp.sps = append(idp.sps, sp)
	idp.configure(t)
}

// RedirectURL is SSOURL.
func (idp *LemonLDAPIdP) RedirectURL() string { return idp.SSOURL }

// IdPInitiatedURL is where a login begins at the Identity Provider, as from
// its portal. It knows no RelayState.
func (idp *LemonLDAPIdP) IdPInitiatedURL(spEntityID, _ string) string {
	return idp.SSOURL + "?" + url.Values{"IDPInitiated": {"1"}, "sp": {spEntityID}}.Encode()
}

// Metadata fetches the Identity Provider's metadata document.
func (idp *LemonLDAPIdP) Metadata(t testing.TB) []byte {
	t.Helper()
	status, body := idpGet(t, idp.Client(t), idp.EntityID)
	if status != http.StatusOK {
		t.Fatalf("metadata of LemonLDAP::NG: %s answered %d\n%s", idp.EntityID, status, idp.LogTail(20))
	}
	return body
}

// Client makes a client without a past, as a browser newly opened: its own
// cookies, following redirects.
func (idp *LemonLDAPIdP) Client(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}
}

// Login is [SimpleSAMLphpIdP.Login] for this Identity Provider.
func (idp *LemonLDAPIdP) Login(t testing.TB, client *http.Client, startURL, user, password string) (action string, form url.Values) {
	t.Helper()
	return idp.Walk(t, client, user, password).Answer(t, startURL)
}

// Walk is how this user walks through the Identity Provider. A nil client
// stands for a new one.
func (idp *LemonLDAPIdP) Walk(t testing.TB, client *http.Client, user, password string) LoginWalk {
	t.Helper()
	if client == nil {
		client = idp.Client(t)
	}
	return LoginWalk{
		Client: client, Fields: map[string]string{"user": user, "password": password},
		Log: func() string { return idp.LogTail(20) },
	}
}

func (idp *LemonLDAPIdP) log() string { return filepath.Join(idp.dir, "lemonldap-ng.log") }

// LogTail returns the last lines that LemonLDAP::NG logged, for messages of
// failing tests.
func (idp *LemonLDAPIdP) LogTail(lines int) string {
	content, err := os.ReadFile(idp.log())
	if err != nil {
		return err.Error()
	}
	all := bytes.Split(bytes.TrimRight(content, "\n"), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}
