package idps

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// A nodeIdP is an Identity Provider that Node runs: what npm has, with a server
// around it where that is a library.
type nodeIdP struct {
	base    string // no slash at its end
	sso     string // path of its endpoint for requests
	spField string // of a query that starts a login
	// userField is the login page's field, if it has one. Its value becomes the
	// NameID.
	userField string
	log       *nodeLog
}

// nodeKey is what both sign with.
var nodeKey = samltest.NamedKey(samltest.RSA2048)

// startNode runs a program of test/idps. Its output names the port that it
// listens on.
func startNode(t testing.TB, port *regexp.Regexp, script string, args ...string) (log *nodeLog, base string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join("node_modules", "samlp", "package.json"))
	}
	if err != nil {
		t.Fatalf("this test needs Node and what npm has (%v): apt-get install nodejs npm, npm ci --prefix test/idps", err)
	}
	cmd := exec.Command(node, append([]string{"--no-deprecation", script}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "NODE_ENV=production"}
	log = new(nodeLog)
	cmd.Stdout, cmd.Stderr = log, log
	process, err := testenv.StartProcess(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Stop)
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if found := port.FindStringSubmatch(log.String()); found != nil {
			return log, "http://127.0.0.1:" + found[1]
		}
		select {
		case err := <-process.Exited:
			t.Fatalf("%s ended: %v\n%s", script, err, log.String())
		default:
		}
	}
	t.Fatalf("%s does not say where it listens:\n%s", script, log.String())
	return nil, ""
}

// keyFiles writes nodeKey where Node can read it.
func keyFiles(t testing.TB) (certificate, key string) {
	t.Helper()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(nodeKey.Private)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "idp.crt"), filepath.Join(dir, "idp.pem")
	for name, content := range map[string]string{certificate: harness.PEM(nodeKey), key: string(private)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func (idp *nodeIdP) RedirectURL() string { return idp.base + idp.sso }

func (idp *nodeIdP) IdPInitiatedURL(spEntityID, relayState string) string {
	query := url.Values{idp.spField: {spEntityID}}
	if relayState != "" {
		query.Set("RelayState", relayState)
	}
	return idp.RedirectURL() + "?" + query.Encode()
}

func (idp *nodeIdP) Metadata(t testing.TB) []byte {
	t.Helper()
	res, err := http.Get(idp.base + "/metadata")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("metadata: %s %v", res.Status, err)
	}
	return b.Bytes()
}

func (idp *nodeIdP) Client(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := new(http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}
}

func (idp *nodeIdP) Walk(t testing.TB, client *http.Client, user, _ string) testenv.LoginWalk {
	t.Helper()
	if client == nil {
		client = idp.Client(t)
	}
	walk := testenv.LoginWalk{Client: client, Log: func() string { return idp.LogTail(20) }}
	if idp.userField != "" {
		walk.Fields = map[string]string{idp.userField: user}
	}
	return walk
}

func (idp *nodeIdP) LogTail(lines int) string {
	all := strings.Split(strings.TrimRight(idp.log.String(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// A nodeLog collects what a program prints.
type nodeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *nodeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *nodeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// auth0samlp is the library that Auth0's own Identity Provider is made of.
var auth0samlp = &product{
	name: "samlp", kind: "auth0",
	start: sync.OnceValue(func() peer {
		certificate, key := keyFiles(&kept)
		log, base := startNode(&kept, regexp.MustCompile(`port (\d+)`), "samlp.js", "urn:test:samlp", certificate, key)
		return &nodeIdP{base: base, sso: "/sso", spField: "sp", log: log}
	}),
	// It has no users of its own: whoever comes is the one of the entry.
	logins: func(c *customer) (user, stranger login) { return login{local: "user"}, login{local: "stranger"} },
	register: func(t *testing.T, c *customer, m manner) {
		t.Helper()
		c.putSAMLP(t, harness.Object{"signResponse": m.SignResponse, "signAssertion": m.SignAssertion})
	},
	manners: []manner{signsAssertion, signsResponse, signsBoth},
}

// putSAMLP registers this customer at samlp.js, or replaces its entry.
func (c *customer) putSAMLP(t *testing.T, more harness.Object) {
	t.Helper()
	entry := harness.Object{"entityID": c.EntityID, "acsURL": c.ACSURL, "email": c.Email, "signResponse": true}
	for name, value := range more {
		entry[name] = value
	}
	body, err := json.Marshal(entry)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPut, c.idp.(*nodeIdP).base+"/service-providers", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("samlp.js answered %s", res.Status)
	}
}

// samlIDP serves one service provider at a time. Its page of settings changes
// all that it was started with.
var samlIDP = &product{
	name: "saml-idp", kind: "other",
	start: sync.OnceValue(func() peer {
		certificate, key := keyFiles(&kept)
		log, base := startNode(&kept, regexp.MustCompile(`localhost:(\d+)/metadata`), filepath.Join("node_modules", "saml-idp", "bin", "run.js"),
			"--host", "127.0.0.1", "--port", "0", "--issuer", "urn:test:saml-idp", "--cert", certificate, "--key", key,
			"--acsUrl", "http://unset.test/acs", "--sloUrl", "http://unset.test/slo", "--audience", "http://unset.test")
		return &nodeIdP{base: base, sso: "/saml/sso", spField: "for", userField: "userName", log: log}
	}),
	logins: func(c *customer) (user, stranger login) {
		return login{name: c.Address("user"), local: "user"}, login{name: c.Address("stranger"), local: "stranger"}
	},
	register: func(t *testing.T, c *customer, m manner) {
		t.Helper()
		c.setSAMLIDP(t, harness.Object{"signResponse": m.SignResponse, "signAssertion": m.SignAssertion})
	},
	manners: []manner{signsAssertion, signsResponse, signsBoth},
}

// setSAMLIDP fills in saml-idp's page of settings for this customer.
func (c *customer) setSAMLIDP(t *testing.T, more harness.Object) {
	t.Helper()
	settings := url.Values{}
	for name, value := range (harness.Object{
		"audience": c.EntityID, "serviceProviderId": c.EntityID, "acsUrl": c.ACSURL, "destination": c.ACSURL, "recipient": c.ACSURL,
		"encryptAssertion": false,
	}) {
		settings.Set(name, fmt.Sprint(value))
	}
	for name, value := range more {
		settings.Set(name, fmt.Sprint(value))
	}
	res, err := http.PostForm(c.idp.(*nodeIdP).base+"/settings", settings)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("saml-idp answered %s", res.Status)
	}
}
