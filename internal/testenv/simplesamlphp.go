package testenv

import (
	"bytes"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// simpleSAMLphpHome is where Debian's package puts SimpleSAMLphp.
const simpleSAMLphpHome = "/usr/share/simplesamlphp"

// NameID formats that an Identity Provider can be told to send.
const (
	NameIDEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	NameIDUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
	NameIDPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	NameIDTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
)

// Bindings, as metadata names them.
const (
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

// SimpleSAMLphpConfig describes an Identity Provider. The zero value is one
// without users and without service providers.
type SimpleSAMLphpConfig struct {
	Users            []SimpleSAMLphpUser
	ServiceProviders []SimpleSAMLphpSP
	// EntityID of the Identity Provider; its metadata URL if empty.
	EntityID string
	// Host is the name in the Identity Provider's URLs, for browsers that map
	// it (see [MapHosts]); 127.0.0.1 if empty.
	Host string
	// TLS makes the URLs https. The certificate should be one for Host.
	TLS *TLSFiles
	// Extra goes into saml20-idp-hosted.php as it is, over what stands there:
	// "signature.algorithm", "assertion.lifetime" and so on.
	Extra map[string]any
}

// A SimpleSAMLphpUser can log in at the Identity Provider. Login holds no
// colon.
type SimpleSAMLphpUser struct {
	Login, Password string
	Attributes      map[string][]string
}

// A SimpleSAMLphpSP is a service provider that the Identity Provider answers.
type SimpleSAMLphpSP struct {
	// EntityID and ACSURL say who asks and where the answer goes. Both may be
	// empty where Metadata is given.
	EntityID, ACSURL string
	// Metadata is the service provider's own document, read by
	// SimpleSAMLphp's parser as an administrator would import it. The other
	// fields count before it.
	Metadata []byte
	// SignResponse and SignAssertion say what is signed; with neither set,
	// nothing is.
	SignResponse, SignAssertion bool
	// NameIDFormat is [NameIDEmail] if empty. NameIDAttribute is the attribute
	// that becomes the NameID's value: mail if empty, and none for "-", which
	// leaves the value to SimpleSAMLphp (a random or derived one).
	NameIDFormat, NameIDAttribute string
	// Certificate of the service provider, PEM or DER, to check its signatures
	// and to encrypt for it.
	Certificate []byte
	// ValidateRequests refuses requests without a signature by Certificate.
	ValidateRequests bool
	// Extra goes into the provider's entry of saml20-sp-remote.php as it is,
	// over what stands there: {"assertion.encryption": true} and so on.
	Extra map[string]any
}

// A SimpleSAMLphpIdP is a running Identity Provider. It ends with its test.
type SimpleSAMLphpIdP struct {
	// EntityID names it in SAML messages.
	EntityID string
	// BaseURL ends in a slash; MetadataURL, SSOURL (HTTP-Redirect and
	// HTTP-POST) and SLOURL (HTTP-Redirect) lie below it.
	BaseURL, MetadataURL, SSOURL, SLOURL string
	// CertificatePEM is the RSA certificate that it signs with, KeyPEM the key
	// to it.
	CertificatePEM, KeyPEM []byte

	tls     *TLSFiles
	address string // of the listener behind BaseURL
	dir     string // configuration, sessions and logs
	sps     []SimpleSAMLphpSP
}

// SimpleSAMLphp starts an Identity Provider that shares no code with us:
// SimpleSAMLphp from the distribution's package, run by PHP's own web server,
// configured in a directory of the test alone. It answers when SimpleSAMLphp
// returns, and its processes end with the test, also where the test is killed.
//
// A machine without the package fails the test.
func SimpleSAMLphp(t testing.TB, cfg SimpleSAMLphpConfig) *SimpleSAMLphpIdP {
	t.Helper()
	php := simpleSAMLphpRequire(t)
	idp := &SimpleSAMLphpIdP{dir: t.TempDir(), tls: cfg.TLS}
	backend := idp.listen(t, cfg)
	idp.configure(t, cfg)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("SimpleSAMLphp's logs end with:\n%s", idp.LogTail(40))
		}
	})
	backend(idp.serve(t, php))
	return idp
}

func simpleSAMLphpRequire(t testing.TB) (php string) {
	t.Helper()
	php, err := phpLookup()
	if err == nil {
		_, err = os.Stat(filepath.Join(simpleSAMLphpHome, "www", "saml2", "idp", "SSOService.php"))
	}
	if err != nil {
		t.Fatalf("this test needs SimpleSAMLphp (%v): apt-get install simplesamlphp php-cli php-xml", err)
	}
	return php
}

// listen opens the address that clients see and fills in the URLs. PHP's web
// server speaks no TLS and cannot be given an open socket, so a proxy stands
// before it: its port is ours from the start, and every URL in the
// configuration is known before PHP runs. The function that it returns tells
// the proxy where PHP answers.
func (idp *SimpleSAMLphpIdP) listen(t testing.TB, cfg SimpleSAMLphpConfig) (backend func(*url.URL)) {
	target := new(url.URL)
	quiet := log.New(io.Discard, "", 0) // a browser may go before its answer comes
	front := httptest.NewUnstartedServer(simpleSAMLphpWhole(&httputil.ReverseProxy{
		ErrorLog: quiet,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
	}))
	front.Config.ErrorLog = quiet
	scheme := "http"
	if cfg.TLS != nil {
		scheme = "https"
		front.TLS = &tls.Config{Certificates: []tls.Certificate{cfg.TLS.Certificate}}
	}
	idp.address = front.Listener.Addr().String()
	host := cfg.Host
	if host == "" {
		host = "127.0.0.1"
	}
	_, port, _ := net.SplitHostPort(idp.address)
	idp.BaseURL = scheme + "://" + net.JoinHostPort(host, port) + "/simplesaml/"
	idp.MetadataURL = idp.BaseURL + "saml2/idp/metadata.php"
	idp.SSOURL = idp.BaseURL + "saml2/idp/SSOService.php"
	idp.SLOURL = idp.BaseURL + "saml2/idp/SingleLogoutService.php"
	idp.EntityID = cfg.EntityID
	if idp.EntityID == "" {
		idp.EntityID = idp.MetadataURL
	}
	t.Cleanup(front.Close)
	return func(u *url.URL) {
		target = u
		if cfg.TLS != nil {
			front.StartTLS()
		} else {
			front.Start()
		}
	}
}

// simpleSAMLphpWhole takes in a form before the proxy sends it on. Otherwise the
// proxy may begin its answer while it has yet to see that the form is at its
// end; the server then closes the form, and the proxy takes that for an error
// in the middle of the answer.
func simpleSAMLphpWhole(proxy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(form)), int64(len(form))
		if len(form) == 0 {
			r.Body = http.NoBody
		}
		proxy.ServeHTTP(w, r)
	})
}

// RedirectURL is SSOURL.
func (idp *SimpleSAMLphpIdP) RedirectURL() string { return idp.SSOURL }

// IdPInitiatedURL is where a login begins at the Identity Provider, as from
// its portal. relayState may be empty.
func (idp *SimpleSAMLphpIdP) IdPInitiatedURL(spEntityID, relayState string) string {
	query := url.Values{"spentityid": {spEntityID}}
	if relayState != "" {
		query.Set("RelayState", relayState)
	}
	return idp.SSOURL + "?" + query.Encode()
}

// Metadata fetches the Identity Provider's metadata document.
func (idp *SimpleSAMLphpIdP) Metadata(t testing.TB) []byte {
	t.Helper()
	status, body := idpGet(t, idp.Client(t), idp.MetadataURL)
	if status != http.StatusOK {
		t.Fatalf("metadata of SimpleSAMLphp: %s answered %d\n%s", idp.MetadataURL, status, idp.LogTail(20))
	}
	return body
}

// Client makes a client without a past, as a browser newly opened: its own
// cookies, following redirects. It trusts the Identity Provider's certificate
// and reaches it under its host name; other names resolve as usual.
func (idp *SimpleSAMLphpIdP) Client(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: idp.dial}
	if idp.tls != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: idp.tls.Pool}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}
}

// LogTail returns the last lines that SimpleSAMLphp and PHP's web server
// logged, for messages of failing tests.
func (idp *SimpleSAMLphpIdP) LogTail(lines int) string {
	var out strings.Builder
	for _, name := range []string{"php.log", "simplesamlphp.log"} {
		content, err := os.ReadFile(filepath.Join(idp.dir, "log", name))
		if err != nil {
			continue
		}
		all := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
		out.WriteString("--- " + name + "\n")
		out.WriteString(strings.Join(all[max(0, len(all)-lines):], "\n"))
		out.WriteString("\n")
	}
	return out.String()
}
