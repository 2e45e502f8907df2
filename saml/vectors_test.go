package saml_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sallyport/saml"
	"sallyport/saml/internal/dsig"
	"sallyport/saml/samltest"
)

var update = flag.Bool("update", false, "write the generated vectors")

const vectorDir = "testdata/vectors"

// A vector is one file: see testdata/README.md.
type vector struct {
	name   string
	header map[string]string
	// message is what the file holds behind the header, decoded; the value of
	// the form field where the encoding is "field".
	message string
}

var vectorKeys = []string{"comment", "verdict", "code", "warnings", "email", "in-response-to", "name-id", "session-indexes", "status",
	"relay-state", "now", "entity-id", "acs-url", "slo-url", "idp", "certificates", "keys", "mode", "options", "requests", "consumed", "encoding", "pad"}

// outcomeKeys are those that say what has to come of a message.
var outcomeKeys = []string{"verdict", "code", "warnings", "email", "in-response-to", "name-id", "session-indexes", "status", "relay-state"}

// vectors are all that stand in the directory.
func vectors(t testing.TB) (all []vector) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		all = append(all, readVector(t, path))
	}
	return all
}

func readVector(t testing.TB, path string) vector {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, body, ok := strings.Cut(string(text), "\n\n")
	if !ok {
		t.Fatalf("%s: no empty line", path)
	}
	v := vector{name: strings.TrimSuffix(filepath.Base(path), ".txt"), header: make(map[string]string), message: body}
	for line := range strings.SplitSeq(head, "\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok || v.header[key] != "" || !strings.Contains(" "+strings.Join(vectorKeys, " ")+" ", " "+key+" ") {
			t.Fatalf("%s: the line %q", path, line)
		}
		v.header[key] = value
	}
	if v.header["encoding"] == "base64" {
		raw, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		v.message = string(raw)
	}
	if pad := v.header["pad"]; pad != "" {
		n, err := strconv.Atoi(pad)
		if err != nil {
			t.Fatal(err)
		}
		v.message += strings.Repeat("A", n)
	}
	return v
}

func (v vector) String() string {
	var b strings.Builder
	for _, key := range vectorKeys {
		if value := v.header[key]; value != "" {
			fmt.Fprintf(&b, "%s: %s\n", key, value)
		}
	}
	b.WriteByte('\n')
	if v.header["encoding"] == "base64" {
		return b.String() + samltest.EncodeLines(v.message, 76, "\n") + "\n"
	}
	return b.String() + v.message
}

// config is the service provider that a vector describes.
func (v vector) config(t *testing.T) saml.Config {
	t.Helper()
	cfg := saml.Config{EntityID: v.header["entity-id"], ACSURL: v.header["acs-url"], SLOURL: v.header["slo-url"],
		Keys: samltest.SPKeys(strings.Fields(v.header["keys"])...), Mode: saml.Mode(v.header["mode"]),
		Algorithms: saml.DefaultAlgorithms(), IdP: saml.IdentityProvider{EntityID: v.header["idp"]}}
	certified(strings.Fields(v.header["certificates"])...)(&cfg)
	for option := range strings.FieldsSeq(v.header["options"]) {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "again": // for received
		case "require-signed-response":
			cfg.RequireSignedResponse = true
		case "refuse-expired-certificate":
			cfg.RefuseExpiredCertificate = true
		case "require-encryption":
			cfg.RequireEncryption = true
		case "content":
			cfg.Algorithms.ContentEncryption = []string{value}
		case "exclusive-only":
			cfg.Algorithms.Canonicalizations = []string{dsig.ExcC14N}
		case "allow-sha1":
			cfg.Algorithms = cfg.Algorithms.With(saml.InsecureSHA1())
		case "allow-cbc":
			cfg.Algorithms = cfg.Algorithms.With(saml.InsecureCBC())
		case "allow-rsa15":
			cfg.Algorithms = cfg.Algorithms.With(saml.InsecureRSA15())
		case "authn-context":
			cfg.AuthnContext = value
		case "tolerance":
			d, err := time.ParseDuration(value)
			if err != nil {
				t.Fatal(err)
			}
			if cfg.Tolerance = d; d == 0 {
				cfg.Tolerance = -1
			}
		default:
			t.Fatalf("%s: unknown option %q", v.name, name)
		}
	}
	return cfg
}

// judge lets the library judge the message, and returns what came of it in the
// keys of a header, and the checks for people.
func (v vector) judge(t *testing.T) (got map[string]string, checks string) {
	t.Helper()
	cfg := v.config(t)
	if e := v.header["encoding"]; e == "query" || e == "form" {
		answer, refused := logout(t, cfg, v.logout(t))
		if refused != nil {
			return refusedOutcome(refused), describe(nil, refused)
		}
		return logoutOutcome(answer), ""
	}
	res, refused := judge(t, cfg, v.received(t))
	return outcome(res, refused), describe(res, refused)
}

func (v vector) now(t *testing.T) time.Time {
	t.Helper()
	now, err := time.Parse(time.RFC3339, v.header["now"])
	if err != nil {
		t.Fatal(err)
	}
	return now
}

func (v vector) requests(t *testing.T) func(string) saml.RequestState {
	t.Helper()
	states := make(map[string]saml.RequestState)
	for entry := range strings.FieldsSeq(v.header["requests"]) {
		id, state, _ := strings.Cut(entry, "=")
		states[id] = map[string]saml.RequestState{"pending": saml.RequestPending, "used": saml.RequestUsed, "expired": saml.RequestExpired}[state]
		if states[id] == saml.RequestUnknown {
			t.Fatalf("%s: the request %q", v.name, entry)
		}
	}
	return func(id string) saml.RequestState { return states[id] }
}

func (v vector) received(t *testing.T) saml.Message {
	t.Helper()
	m := saml.Message{Received: v.now(t), Record: true, Again: slices.Contains(strings.Fields(v.header["options"]), "again"), Values: []string{v.message}, Requests: v.requests(t),
		Consumed: func(id string) bool { return strings.Contains(" "+v.header["consumed"]+" ", " "+id+" ") }}
	switch v.header["encoding"] {
	case "field":
	case "body":
		form, err := url.ParseQuery(v.message)
		if err != nil {
			t.Fatal(err)
		}
		m.Values = form["SAMLResponse"]
	default:
		m.Values[0] = samltest.Encode(v.message)
	}
	return m
}

func (v vector) logout(t *testing.T) saml.LogoutMessage {
	t.Helper()
	m := saml.LogoutMessage{Received: v.now(t), Requests: v.requests(t)}
	if v.header["encoding"] == "query" {
		m.Query = v.message
		return m
	}
	form, err := url.ParseQuery(v.message)
	if err != nil {
		t.Fatal(err)
	}
	m.Form = form
	return m
}

func refusedOutcome(r *saml.Refusal) map[string]string {
	return map[string]string{"verdict": "reject", "code": string(r.Code)}
}

func logoutOutcome(l *saml.Logout) map[string]string {
	got := map[string]string{"verdict": "accept", "warnings": warnings(l.Checks), "relay-state": l.RelayState}
	if l.Request != nil {
		got["name-id"], got["session-indexes"] = l.Request.NameID.Value, strings.Join(l.Request.SessionIndexes, " ")
		return got
	}
	got["in-response-to"], got["status"] = l.Response.InResponseTo, "failure"
	if l.Response.Success {
		got["status"] = "success"
	}
	return got
}

// warnings are the codes of all warnings, each once.
func warnings(list []saml.Check) string {
	var codes []string
	for _, c := range list {
		if c.Status == saml.Warning && !slices.Contains(codes, string(c.Code)) {
			codes = append(codes, string(c.Code))
		}
	}
	return strings.Join(codes, " ")
}

// outcome is what came of a message, in the keys of a header.
func outcome(res *saml.Result, refused *saml.Refusal) map[string]string {
	switch {
	case refused != nil:
		return refusedOutcome(refused)
	case res.Restart:
		return map[string]string{"verdict": "restart"}
	}
	return map[string]string{"verdict": "accept", "warnings": warnings(res.Checks),
		"email": res.Assertion.Email, "in-response-to": res.Assertion.InResponseTo}
}

func TestVectors(t *testing.T) {
	generated := generatedVectors(t)
	if *update {
		writeVectors(t, generated)
	}
	paths, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(paths) < 300 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	verdicts := make(map[string]int)
	for _, path := range paths {
		v := readVector(t, path)
		t.Run(v.name, func(t *testing.T) {
			got, checks := v.judge(t)
			for _, key := range outcomeKeys {
				if got[key] != v.header[key] {
					t.Errorf("%s: got %q, want %q\n%s", key, got[key], v.header[key], checks)
				}
			}
			verdicts[v.header["verdict"]]++
			if want, ok := generated[v.name]; ok {
				if text, _ := os.ReadFile(path); string(text) != want.String() {
					t.Errorf("%s is not what its description says; run go test ./saml -run TestVectors -update", path)
				}
			}
		})
	}
	t.Logf("%v", verdicts)
	if verdicts["accept"] < 80 {
		t.Errorf("only %d vectors are accepted", verdicts["accept"])
	}
	for name := range generated {
		if _, err := os.Stat(filepath.Join(vectorDir, name+".txt")); err != nil {
			t.Errorf("%v; run go test ./saml -run TestVectors -update", err)
		}
	}
}

func writeVectors(t *testing.T, generated map[string]vector) {
	t.Helper()
	for name, v := range generated {
		if err := os.WriteFile(filepath.Join(vectorDir, name+".txt"), []byte(v.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range pemFiles() {
		if err := os.WriteFile(filepath.Join(vectorDir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// pemFiles hold the certificates, and the private keys of the service provider.
func pemFiles() map[string][]byte {
	var certificates, private bytes.Buffer
	for _, name := range samltest.KeyNames() {
		key := samltest.NamedKey(name)
		fmt.Fprintf(&certificates, "# %s\n%s", name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Certificate.Raw}))
		if !strings.HasPrefix(name, samltest.SP) {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(key.Private)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(&private, "# %s\n%s", name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	return map[string][]byte{"certificates.pem": certificates.Bytes(), "keys.pem": private.Bytes()}
}

func TestTheKeysOfTheVectors(t *testing.T) {
	for name, want := range pemFiles() {
		if text, err := os.ReadFile(filepath.Join(vectorDir, name)); err != nil || !bytes.Equal(text, want) {
			t.Errorf("%s is not what the keys say: %v", name, err)
		}
	}
}

// encodingOf is xml where a text file can hold the message as it is.
func encodingOf(message string) string {
	if !utf8.ValidString(message) || strings.ContainsAny(message, "\r\x00") || strings.HasPrefix(message, "\uFEFF") {
		return "base64"
	}
	return "xml"
}
