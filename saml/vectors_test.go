package saml_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sallyport/saml"
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

var vectorKeys = []string{"comment", "verdict", "code", "warnings", "email", "in-response-to", "now", "entity-id", "acs-url", "idp",
	"certificates", "mode", "options", "requests", "consumed", "encoding"}

func readVector(t *testing.T, path string) vector {
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
	cfg := saml.Config{EntityID: v.header["entity-id"], ACSURL: v.header["acs-url"], Mode: saml.Mode(v.header["mode"]),
		IdP: saml.IdentityProvider{EntityID: v.header["idp"]}}
	certified(strings.Fields(v.header["certificates"])...)(&cfg)
	for option := range strings.FieldsSeq(v.header["options"]) {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "require-signed-response":
			cfg.RequireSignedResponse = true
		case "refuse-expired-certificate":
			cfg.RefuseExpiredCertificate = true
		case "allow-sha1":
			allowSHA1(&cfg)
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

func (v vector) received(t *testing.T) saml.Message {
	t.Helper()
	now, err := time.Parse(time.RFC3339, v.header["now"])
	if err != nil {
		t.Fatal(err)
	}
	states := make(map[string]saml.RequestState)
	for entry := range strings.FieldsSeq(v.header["requests"]) {
		id, state, _ := strings.Cut(entry, "=")
		states[id] = map[string]saml.RequestState{"pending": saml.RequestPending, "used": saml.RequestUsed, "expired": saml.RequestExpired}[state]
		if states[id] == saml.RequestUnknown {
			t.Fatalf("%s: the request %q", v.name, entry)
		}
	}
	m := saml.Message{Received: now, Record: true, Values: []string{v.message},
		Requests: func(id string) saml.RequestState { return states[id] },
		Consumed: func(id string) bool { return strings.Contains(" "+v.header["consumed"]+" ", " "+id+" ") }}
	if v.header["encoding"] != "field" {
		m.Values[0] = samltest.Encode(v.message)
	}
	return m
}

// outcome is what came of a message, in the keys of a header.
func outcome(res *saml.Result, refused *saml.Refusal) map[string]string {
	switch {
	case refused != nil:
		return map[string]string{"verdict": "reject", "code": string(refused.Code)}
	case res.Restart:
		return map[string]string{"verdict": "restart"}
	}
	var warnings []string
	for _, c := range res.Checks {
		if c.Status == saml.Warning && !strings.Contains(strings.Join(warnings, " "), string(c.Code)) {
			warnings = append(warnings, string(c.Code))
		}
	}
	return map[string]string{"verdict": "accept", "warnings": strings.Join(warnings, " "),
		"email": res.Assertion.Email, "in-response-to": res.Assertion.InResponseTo}
}

func TestVectors(t *testing.T) {
	generated := generatedVectors(t)
	if *update {
		writeVectors(t, generated)
	}
	paths, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(paths) < 150 {
		t.Fatalf("%d vectors, %v", len(paths), err)
	}
	for _, path := range paths {
		v := readVector(t, path)
		t.Run(v.name, func(t *testing.T) {
			res, refused := judge(t, v.config(t), v.received(t))
			got := outcome(res, refused)
			for _, key := range []string{"verdict", "code", "warnings", "email", "in-response-to"} {
				if got[key] != v.header[key] {
					t.Errorf("%s: got %q, want %q\n%s", key, got[key], v.header[key], describe(res, refused))
				}
			}
			if want, ok := generated[v.name]; ok {
				if text, _ := os.ReadFile(path); string(text) != want.String() {
					t.Errorf("%s is not what its description says; run go test ./saml -run TestVectors -update", path)
				}
			}
		})
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
	if err := os.WriteFile(filepath.Join(vectorDir, "certificates.pem"), certificatesPEM(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func certificatesPEM() []byte {
	var b bytes.Buffer
	for _, name := range samltest.KeyNames() {
		fmt.Fprintf(&b, "# %s\n%s", name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: samltest.NamedKey(name).Certificate.Raw}))
	}
	return b.Bytes()
}

func TestTheCertificatesOfTheVectors(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(vectorDir, "certificates.pem"))
	if err != nil || !bytes.Equal(text, certificatesPEM()) {
		t.Errorf("certificates.pem is not what the keys say: %v", err)
	}
}

// encodingOf is xml where a text file can hold the message as it is.
func encodingOf(message string) string {
	if !utf8.ValidString(message) || strings.ContainsAny(message, "\r\x00") || strings.HasPrefix(message, "\uFEFF") {
		return "base64"
	}
	return "xml"
}
