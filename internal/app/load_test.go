package app

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/internal/outbox"
)

const key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

// given are settings as flags.
func given(pairs ...string) Source {
	src := Source{Flags: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		src.Flags[pairs[i]] = pairs[i+1]
	}
	return src
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	got, err := Load(Source{})
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Listen: "127.0.0.1:8400", AdminListen: "127.0.0.1:8401", BaseURL: "http://localhost:8400", Database: "sqlite:sallyport.db",
		Mail: "log:", MailFrom: "sallyport@localhost", OperatorMail: "sallyport@localhost", MaxDomains: 100, DefaultEdition: "enterprise", SelfServiceEdition: "standard",
		OrganizationCreation: "operator", Signup: "open", ThrottleAddress: Rate{10, 15 * time.Minute}, ThrottleSource: Rate{300, time.Minute}, SignInKeep: 30 * 24 * time.Hour,
		ProductName: "Sallyport", AccountRoles: []string{"administrator", "developer", "billing", "support", "viewer"}, LogLevel: "info", LogFormat: "text",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\n not %+v", got, want)
	}
}

// values are good and bad ones of each setting; bad ones are refused with the
// name of the setting.
func values(t *testing.T) map[string]struct{ good, bad []string } {
	file, dir := write(t, "file.pem", "x"), t.TempDir()
	return map[string]struct{ good, bad []string }{
		"listen":                {[]string{":0", "127.0.0.1:8400", "[::1]:8400", "localhost:1", "0.0.0.0:65535"}, []string{"", "8400", "localhost", "a b:1", "x:65536", "x:-1", "x:http", "http://x:1"}},
		"admin-listen":          {[]string{":0"}, []string{"none"}},
		"base-url":              {[]string{"http://localhost:8400", "http://127.0.0.1", "http://[::1]:8400", "https://login.example", "https://LOGIN.example/", "http://app.localhost"}, []string{"", "login.example", "https://", "https://:8400", "ftp://login.example", "https://login.example/path", "https://login.example?x=y", "https://login.example#x", "https://a:b@login.example", "https://login .example"}},
		"insecure-http":         {[]string{"true", "false", "1", "0"}, []string{"", "yes", "on"}},
		"database":              {[]string{"sqlite:x.db", "sqlite:/var/lib/x.db"}, []string{"", "sqlite:", "x.db", "mysql://x", "postgres:x", "file:x.db"}},
		"secret-key-file":       {[]string{"", "/etc/key"}, nil},
		"secret-key":            {[]string{"", key, key + ", " + key}, []string{"short", strings.Repeat("A", 100), key[1:], key + ",", "," + key, key + " " + key}},
		"mail":                  {[]string{"log:", "smtp://mail.example:25", "smtps://u:p@mail.example:465", "file:" + dir}, []string{"", "smtp://", "http://mail.example", "mail.example", "file:" + dir + "/none", "file:" + file, "log", "smtp://mail.example/path"}},
		"mail-from":             {[]string{"", "sallyport@login.example", "Login <login@login.example>"}, []string{"login", "a@b@c"}},
		"operator-mail":         {[]string{"", "operator@login.example", "Operator <operator@login.example>"}, []string{"operator", "a@b@c"}},
		"max-domains":           {[]string{"1", "100", "100000"}, []string{"", "0", "-1", "100001", "many", "1.5"}},
		"dns-resolver":          {[]string{"", "system", "192.0.2.1:53", "192.0.2.1:53,[2001:db8::1]:53"}, []string{"192.0.2.1", "system,192.0.2.1:53", "192.0.2.1:53,", "x"}},
		"outbound-allow":        {[]string{"", "10.0.0.0/8", "10.0.0.0/8, fd00::/8"}, []string{"10.0.0.0", "10.0.0.0/33", "internal", "10.0.0.0/8,"}},
		"trusted-proxies":       {[]string{"", "10.0.0.1/32"}, []string{"10.0.0.1", "*"}},
		"default-edition":       {[]string{"standard", "administration", "enterprise"}, []string{"", "gold", "Enterprise"}},
		"self-service-edition":  {[]string{"standard", "administration", "enterprise"}, []string{"", "none"}},
		"organization-creation": {[]string{"operator", "users"}, []string{"", "all"}},
		"signup":                {[]string{"open", "closed"}, []string{"", "maybe"}},
		"throttle-address":      {[]string{"10/15m", "1/1s", "1000/24h"}, []string{"", "10", "10/", "/15m", "0/15m", "-1/15m", "10/15", "10/1ms", "10/25h", "x/15m"}},
		"throttle-source":       {[]string{"300/1m"}, []string{"300 per minute"}},
		"audit-keep":            {[]string{"forever", "1d", "400d", "36500d"}, []string{"", "0d", "-1d", "36501d", "400", "12h", "d", "never"}},
		"sign-in-keep":          {[]string{"1d", "30d", "400d"}, []string{"", "0d", "401d", "30", "720h", "-1d", "d", "1.5d"}},
		"sales-url":             {[]string{"", "https://example.com/sales", "mailto:sales@example.com"}, []string{"javascript:alert(1)", "example.com", "//example.com", "data:text/html,x", "https://", "https:example.com", "http://:80"}},
		"support-url":           {[]string{"", "http://example.com"}, []string{"javascript:alert(1)"}},
		"product-name":          {[]string{"Sallyport", "Ünïcödé Söftwäre für große Örtchen, GmbH"}, []string{"", " ", "a\nb", strings.Repeat("x", 41)}},
		"account-roles":         {[]string{"viewer", "administrator, viewer", "a-b_c1"}, []string{"", "Admin", "a b", "a,,b", "1a", strings.Repeat("a", 41)}},
		"tls-cert":              {nil, []string{"/none/there", dir}},
		"tls-key":               {nil, []string{"/none/there"}},
		"otlp-endpoint":         {[]string{"", "http://localhost:4318", "https://collector.example/otlp"}, []string{"localhost:4318", "grpc://c:4317", "http://u:p@c"}},
		"log-level":             {[]string{"debug", "info", "warn", "error"}, []string{"", "trace", "INFO"}},
		"log-format":            {[]string{"text", "json"}, []string{"", "xml"}},
		"pprof":                 {[]string{"true", "false"}, []string{"maybe"}},
	}
}

func TestGoodAndBadValuesOfEverySetting(t *testing.T) {
	table := values(t)
	for _, s := range Table() {
		c, ok := table[s.Name]
		if !ok {
			t.Errorf("the test forgets %s", s.Name)
		}
		if s.Help == "" {
			t.Errorf("%s has no help", s.Name)
		}
		for _, good := range c.good {
			if _, err := Load(given(s.Name, good)); err != nil {
				t.Errorf("%s=%q: %v", s.Name, good, err)
			}
		}
		for _, bad := range c.bad {
			_, err := Load(given(s.Name, bad))
			if err == nil || !strings.Contains(err.Error(), "--"+s.Name+": expected ") {
				t.Errorf("%s=%q: %v", s.Name, bad, err)
			}
		}
	}
}

func TestWhereTheOperatorIsWrittenTo(t *testing.T) {
	for want, pairs := range map[string][]string{
		"sallyport@login.example": {"base-url", "https://login.example"},
		"mail@login.example":      {"mail-from", "Login <mail@login.example>"},
		"operator@login.example":  {"mail-from", "mail@login.example", "operator-mail", "The Operator <operator@login.example>"},
	} {
		if got, err := Load(given(pairs...)); err != nil || got.OperatorMail != want {
			t.Errorf("%v: %q, %v", pairs, got.OperatorMail, err)
		}
	}
}

func TestNoBadValueIsRepeatedWhereItMayBeSecret(t *testing.T) {
	for name, value := range map[string]string{
		"secret-key": "hunter2", "database": "mysql://root:hunter2@db/x", "mail": "imap://root:hunter2@mail", "base-url": "https://root:hunter2@x",
	} {
		if _, err := Load(given(name, value)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFlagWinsOverAVariableThatOverTheFile(t *testing.T) {
	file := write(t, "s.yaml", "product_name: file\nsignup: closed\nlog_level: debug\n")
	got, err := Load(Source{
		Flags:       map[string]string{"product-name": "flag"},
		Environment: []string{"SALLYPORT_PRODUCT_NAME=variable", "SALLYPORT_LOG_LEVEL=warn", "PATH=/bin", "SALLYPORT_SERVER=x", "SALLYPORT_TOKEN=y", "SALLYPORT_CONFIG=z"},
		File:        file,
	})
	if err != nil || got.ProductName != "flag" || got.LogLevel != "warn" || got.Signup != "closed" || got.LogFormat != "text" {
		t.Errorf("%+v, %v", got, err)
	}
	// A value that is given counts, even where it is empty.
	if got, err = Load(Source{Environment: []string{"SALLYPORT_SUPPORT_URL="}, File: write(t, "t.yaml", "support_url: https://example.com")}); err != nil || got.SupportURL != "" {
		t.Errorf("%q, %v", got.SupportURL, err)
	}
	// What is overridden is not complained of.
	if _, err = Load(Source{Flags: map[string]string{"signup": "open"}, Environment: []string{"SALLYPORT_SIGNUP=nonsense"}}); err != nil {
		t.Error(err)
	}
}

func TestEverySettingHasAVariableAndAKey(t *testing.T) {
	var text strings.Builder
	var environment []string
	for _, s := range Table() {
		fmt.Fprintf(&text, "%s: %q\n", strings.ReplaceAll(s.Name, "-", "_"), s.Default)
		environment = append(environment, "SALLYPORT_"+strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))+"="+s.Default)
	}
	for name, src := range map[string]Source{"file": {File: write(t, "s.yaml", text.String())}, "environment": {Environment: environment}} {
		if _, err := Load(src); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListsInTheFile(t *testing.T) {
	got, err := Load(Source{File: write(t, "s.yaml", "trusted_proxies:\n  - 10.0.0.0/8\n  - fd00::/8\naccount_roles: [administrator, viewer]\npprof: true\nthrottle_address: 5/1m\n")})
	if err != nil || len(got.TrustedProxies) != 2 || got.TrustedProxies[1].String() != "fd00::/8" || !slices.Equal(got.AccountRoles, []string{"administrator", "viewer"}) ||
		!got.Pprof || got.ThrottleAddress != (Rate{5, time.Minute}) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Load(Source{File: write(t, "empty.yaml", "")}); err != nil {
		t.Errorf("an empty file: %v", err)
	}
}

func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	file := write(t, "s.yaml", "nonsense: 1\nlog_level: loud\nsignup: {a: b}\n")
	_, err := Load(Source{Flags: map[string]string{"listen": "x", "base-url": "http://login.example"},
		Environment: []string{"SALLYPORT_MAIL=pigeon", "SALLYPORT_NONSENSE=1", "SALLYPORT_=1"}, File: file})
	problems, ok := err.(Problems)
	if !ok {
		t.Fatalf("%T", err)
	}
	want := []string{
		"SALLYPORT_NONSENSE: no such setting; see sallyport serve --help", "SALLYPORT_: no such setting; see sallyport serve --help",
		"nonsense in " + file + ": no such setting; see sallyport serve --help", "signup in " + file + ": expected a value or a list of values",
		"--listen: expected HOST:PORT", "SALLYPORT_MAIL: expected " + outbox.Expected, "log_level in " + file + ": expected debug or info or warn or error",
		"--base-url: expected https outside loopback; --insecure-http allows http",
	}
	if !slices.Equal(problems, want) || strings.Count(err.Error(), "\n") != len(want)-1 {
		t.Errorf("got\n%s\nwant\n%s", err, strings.Join(want, "\n"))
	}
}

func TestFilesThatAreNoSettings(t *testing.T) {
	for name, text := range map[string]string{
		"a list": "- a\n", "a text": "hello", "broken": "a: [", "twice": "signup: open\nsignup: closed\n", "deep": "signup: [[open]]",
	} {
		if _, err := Load(Source{File: write(t, "s.yaml", text)}); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := Load(Source{File: "/none/there"}); err == nil || !strings.Contains(err.Error(), "--config: expected a YAML file") {
		t.Error(err)
	}
}

func TestWhatMustFitTogether(t *testing.T) {
	file := write(t, "f.pem", "x")
	for name, c := range map[string]struct {
		src  Source
		want string // empty: they fit
	}{
		"http outside loopback":      {given("base-url", "http://login.example"), "--base-url"},
		"http on a private address":  {given("base-url", "http://10.0.0.1"), "--base-url"},
		"http on another loopback":   {given("base-url", "http://127.9.9.9:80"), ""},
		"a name like localhost":      {given("base-url", "http://localhost.example"), "--base-url"},
		"http that is wanted":        {given("base-url", "http://login.example", "insecure-http", "true"), ""},
		"https":                      {given("base-url", "https://login.example"), ""},
		"a certificate without key":  {given("tls-cert", file), "--tls-cert, --tls-key"},
		"a key without certificate":  {given("tls-key", file), "--tls-cert, --tls-key"},
		"both":                       {given("tls-cert", file, "tls-key", file), ""},
		"two keys":                   {given("secret-key", key, "secret-key-file", "x"), "--secret-key, --secret-key-file"},
		"PostgreSQL without key":     {given("database", "postgres://x/y"), "--secret-key-file"},
		"postgresql without key":     {given("database", "postgresql://x/y"), "--secret-key-file"},
		"PostgreSQL with a key":      {given("database", "postgres://x/y", "secret-key", key), ""},
		"PostgreSQL with a key file": {given("database", "postgres://x/y", "secret-key-file", "x"), ""},
	} {
		_, err := Load(c.src)
		if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want+":") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatFollowsFromOtherSettings(t *testing.T) {
	for base, want := range map[string]string{
		"https://login.example:8443": "sallyport@login.example", "http://127.0.0.1:8400": "sallyport@[127.0.0.1]", "http://[::1]": "sallyport@[::1]",
	} {
		if got, err := Load(given("base-url", base)); err != nil || got.MailFrom != want {
			t.Errorf("%s: %q, %v", base, got.MailFrom, err)
		}
	}
	if got, err := Load(given("base-url", "HTTPS://Login.Example/", "mail-from", "x@y.example")); err != nil || got.MailFrom != "x@y.example" || got.BaseURL != "https://login.example" {
		t.Errorf("%+v, %v", got, err)
	}
}
