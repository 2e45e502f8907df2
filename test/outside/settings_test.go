package outside

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// badSettings holds a value that does not fit for every setting that has one.
var badSettings = map[string]string{
	"listen": "nowhere", "admin-listen": "127.0.0.1:99999", "base-url": "ftp://x.example", "insecure-http": "perhaps", "database": "oracle://x",
	"secret-key": "c2hvcnQ=", "mail": "carrier-pigeon:", "mail-from": "nobody at all", "dns-resolver": "8.8.8.8", "outbound-allow": "10.0.0.0", "trusted-proxies": "everybody",
	"default-edition": "platinum", "self-service-edition": "gold", "organization-creation": "everybody", "signup": "sometimes", "throttle-address": "often", "throttle-source": "0/1m",
	"sales-url": "javascript:x", "support-url": "ftp://x", "product-name": " ", "account-roles": "King Kong", "tls-cert": "/nothing/here.pem", "tls-key": "/nothing/here.key",
	"otlp-endpoint": "localhost:4318", "log-level": "loud", "log-format": "prose", "pprof": "perhaps",
}

// lines splits what stands on the standard error, and drops the program's name.
func lines(stderr string) (all []string) {
	for line := range strings.Lines(stderr) {
		all = append(all, strings.TrimPrefix(strings.TrimSpace(line), "sallyport: "))
	}
	return all
}

// named fails unless exactly one line names the setting, as it was given, and
// says what was expected.
func named(t *testing.T, all []string, setting string) {
	t.Helper()
	n := 0
	for _, line := range all {
		if strings.HasPrefix(line, setting+":") || strings.HasPrefix(line, setting+" in ") {
			n++
			if !strings.Contains(line, "expected ") && !strings.Contains(line, "no such setting") {
				t.Errorf("the line %q does not say what was expected", line)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d lines name %s:\n%s", n, setting, strings.Join(all, "\n"))
	}
}

func variable(setting string) string {
	return "SALLYPORT_" + strings.ToUpper(strings.ReplaceAll(setting, "-", "_"))
}

func TestEveryBadSettingIsNamedAllAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var flags, environment, yaml []string
	for name, value := range badSettings {
		flags = append(flags, "--"+name+"="+value)
		environment = append(environment, variable(name)+"="+value)
		yaml = append(yaml, strings.ReplaceAll(name, "-", "_")+": "+fmt.Sprintf("%q", value))
	}
	file := filepath.Join(dir, "settings.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(yaml, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	for how, c := range map[string]struct {
		env, args []string
		as        func(string) string
	}{
		"flags":       {nil, flags, func(name string) string { return "--" + name }},
		"environment": {environment, nil, variable},
		"file":        {nil, []string{"--config", file}, func(name string) string { return strings.ReplaceAll(name, "-", "_") }},
	} {
		out, stderr, code := harness.RunWith(t, c.env, "", append([]string{"serve"}, c.args...)...)
		if code != 1 || out != "" {
			t.Errorf("%s: exit %d, %q", how, code, out)
		}
		all := lines(stderr)
		for name := range badSettings {
			named(t, all, c.as(name))
		}
		if len(all) != len(badSettings) {
			t.Errorf("%s: %d lines for %d settings:\n%s", how, len(all), len(badSettings), stderr)
		}
		if strings.Contains(stderr, badSettings["secret-key"]) {
			t.Errorf("%s: the secret key is repeated", how)
		}
	}
}

func TestUnknownSettingsAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	serve := func(env []string, args ...string) (string, int) {
		_, stderr, code := harness.RunWith(t, env, "", append([]string{"serve", "--database", "sqlite:" + filepath.Join(dir, "x.db")}, args...)...)
		return stderr, code
	}
	stderr, code := serve([]string{"SALLYPORT_LISTENN=x", "SALLYPORT_NONSENSE=1", "SALLYPORT_SIGNUP=sometimes"}, "--config", write("a.yaml", "nonsense_in_file: 1\nlog_level: loud\n"))
	all := lines(stderr)
	if code != 1 || len(all) != 5 {
		t.Errorf("exit %d:\n%s", code, stderr)
	}
	for _, name := range []string{"SALLYPORT_LISTENN", "SALLYPORT_NONSENSE", "SALLYPORT_SIGNUP", "nonsense_in_file", "log_level"} {
		named(t, all, name)
	}
	// A flag that is none is named, too.
	if stderr, code = serve(nil, "--no-such-setting", "x"); code == 0 || !strings.Contains(stderr, "no-such-setting") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for name, text := range map[string]string{"broken.yaml": "a: [", "list.yaml": "- a\n", "nested.yaml": "listen: {host: x}\n", "twice.yaml": "listen: :0\nlisten: :1\n"} {
		if stderr, code := serve(nil, "--config", write(name, text)); code != 1 || len(lines(stderr)) == 0 {
			t.Errorf("%s: exit %d: %s", name, code, stderr)
		}
	}
	if stderr, code := serve(nil, "--config", filepath.Join(dir, "missing.yaml")); code != 1 || !strings.Contains(stderr, "--config") {
		t.Errorf("a file that is not there: exit %d: %s", code, stderr)
	}
}

func TestUnreachablePartsAreNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	key := filepath.Join(dir, "short.key")
	if err := os.WriteFile(key, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, b := testenv.TLSCertificate(t, "localhost"), testenv.TLSCertificate(t, "localhost")
	good := "sqlite:" + filepath.Join(dir, "good.db")
	for name, c := range map[string]struct {
		args     []string
		settings []string
	}{
		"an address that is taken":     {[]string{"--database", good, "--listen", taken.Addr().String(), "--admin-listen", "127.0.0.1:0"}, []string{"--listen"}},
		"two of them":                  {[]string{"--database", good, "--listen", taken.Addr().String(), "--admin-listen", taken.Addr().String()}, []string{"--listen", "--admin-listen"}},
		"a database that is not there": {[]string{"--database", "postgres:///x?host=" + dir, "--secret-key-file", key}, []string{"--database", "--secret-key-file"}},
		"a directory":                  {[]string{"--database", "sqlite:" + dir}, []string{"--database"}},
		"a key that is none":           {[]string{"--database", good, "--secret-key-file", key}, []string{"--secret-key-file"}},
		"a key that is missing":        {[]string{"--database", good, "--secret-key-file", key + "x"}, []string{"--secret-key-file"}},
		"no key with PostgreSQL":       {[]string{"--database", "postgres:///x?host=" + dir}, []string{"--secret-key-file"}},
		"http for everybody":           {[]string{"--database", good, "--base-url", "http://sallyport.example"}, []string{"--base-url"}},
		"half a certificate":           {[]string{"--database", good, "--tls-cert", a.CertFile}, []string{"--tls-cert, --tls-key"}},
		"no mail server":               {[]string{"--database", good, "--mail", "smtp://127.0.0.1:1"}, []string{"--mail"}},
		"nothing at all":               {[]string{"--database", "postgres:///x?host=" + dir, "--secret-key-file", key, "--mail", "smtp://user:" + planted + "@127.0.0.1:1"}, []string{"--database", "--secret-key-file", "--mail"}},
		"a foreign key":                {[]string{"--database", good, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--tls-cert", a.CertFile, "--tls-key", b.KeyFile}, []string{"--tls-cert, --tls-key"}},
	} {
		_, stderr, code := harness.Run(t, "", append([]string{"serve", "--log-level", "error"}, c.args...)...)
		all := lines(stderr)
		if code != 1 || len(all) < len(c.settings) || strings.Contains(stderr, planted) {
			t.Errorf("%s: exit %d:\n%s", name, code, stderr)
		}
		for _, setting := range c.settings {
			if !slices.ContainsFunc(all, func(line string) bool { return strings.HasPrefix(line, setting+":") }) {
				t.Errorf("%s: no line names %s:\n%s", name, setting, stderr)
			}
		}
	}
	// No password of a database is ever shown.
	_, stderr, code := harness.Run(t, "", "serve", "--database", "postgres://user:"+planted+"@127.0.0.1:1/x", "--secret-key-file", key)
	if code != 1 || strings.Contains(stderr, planted) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

var listening = regexp.MustCompile(`\blisten(?:=|":")127\.0\.0\.1:(\d+)`)

func TestAnyPortIsPickedAndTheFirstLogLineNamesIt(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		s := harness.Start(t, harness.Options{Base: "http://localhost:1", Args: []string{"--listen", "127.0.0.1:0", "--log-format", format}})
		first, _, _ := strings.Cut(s.Log(), "\n")
		m := listening.FindStringSubmatch(first)
		if m == nil || m[1] == "0" {
			t.Fatalf("%s: the first line is %q", format, first)
		}
		res, err := http.Get("http://127.0.0.1:" + m[1] + "/login")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("the login page there: %d", res.StatusCode)
		}
	}
}

func TestAFlagWinsOverAVariableAndThatOverTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "settings.yaml")
	text := "product_name: By File\nsupport_url: https://file.example/\naccount_roles: [by-file, other]\nsignup: closed\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env, args []string
		name      string
	}{
		{nil, []string{"--config", file}, "By File"},
		{[]string{"SALLYPORT_CONFIG=" + file}, nil, "By File"},
		{[]string{"SALLYPORT_PRODUCT_NAME=By Variable"}, []string{"--config", file}, "By Variable"},
		{[]string{"SALLYPORT_PRODUCT_NAME=By Variable"}, []string{"--config", file, "--product-name", "By Flag"}, "By Flag"},
		{nil, nil, "Sallyport"},
	} {
		s := harness.Start(t, harness.Options{Env: c.env, Args: c.args})
		page := s.NewBrowser(t).Get(t, "/login")
		if !strings.Contains(page.Body, c.name) {
			t.Errorf("%v %v: the page does not call the product %s", c.env, c.args, c.name)
		}
		if c.name == "Sallyport" {
			continue
		}
		p, user, id := harness.Enforced(t, s, nil)
		account := harness.ID(s.OK(t, "POST", "/organizations/"+p.Organization.ID+"/accounts", harness.Object{"name": "Account"}))
		s.OK(t, "PUT", "/accounts/"+account+"/members/"+id, harness.Object{"roles": []string{"by-file"}})
		s.Refused(t, 422, "invalid", "PUT", "/accounts/"+account+"/members/"+id, harness.Object{"roles": []string{"viewer"}})
		if a := s.NewBrowser(t).Password(t, user, harness.Password).Refused(t, 403, "sso_required"); !strings.Contains(a.Body, "https://file.example/") {
			t.Error("the page does not lead to the support")
		}
	}
}

func TestTheBaseURLCountsWhateverHostIsAsked(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	p, _, _ := harness.Enforced(t, s, nil)
	for _, host := range []string{"evil.example", "127.0.0.1", "sallyport.internal:1234"} {
		req, err := http.NewRequest("GET", s.Base+"/saml/"+p.ID+"/start", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("X-Forwarded-Host", host)
		req.Header.Set("X-Forwarded-Proto", "https")
		res, err := s.Send(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		a := harness.Answer{Status: res.StatusCode, Location: res.Header.Get("Location")}
		if r := a.Request(t); r.ACSURL != p.SP.ACSURL || r.Issuer != p.SP.EntityID {
			t.Errorf("asked as %s the request names %s", host, r.ACSURL)
		}
		for _, c := range res.Cookies() {
			if c.Secure || c.Domain != "" {
				t.Errorf("asked as %s the cookie is %v", host, c)
			}
		}
	}
}

func TestHTTPOutsideLoopbackHasToBeAllowedAndThenItsFormsWork(t *testing.T) {
	t.Parallel()
	const base = "http://sallyport.example"
	s := harness.Start(t, harness.Options{Base: base, Args: []string{"--insecure-http", "--listen", "127.0.0.1:0"}})
	m := listening.FindStringSubmatch(s.Log())
	if m == nil || !strings.Contains(s.Log(), "base_url="+base) {
		t.Fatalf("the log begins with %.300s", s.Log())
	}
	there := "http://127.0.0.1:" + m[1]
	res, err := http.Get(there + "/login")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	// Browsers send no Sec-Fetch-Site to such a place. Without a referrer they
	// would send "Origin: null" as well.
	if policy := res.Header.Get("Referrer-Policy"); policy != "origin" {
		t.Errorf("Referrer-Policy is %q", policy)
	}
	for origin, want := range map[string]int{base: 303, "null": 403, "http://evil.example": 403} {
		req, err := http.NewRequest("POST", there+"/login", strings.NewReader("email=user%40free.test"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "sallyport.example"
		req.Header = http.Header{"Origin": {origin}, "Content-Type": {"application/x-www-form-urlencoded"}}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("a form from %s: %d, not %d", origin, res.StatusCode, want)
		}
	}
	for _, base := range []string{"http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1", "http://x.localhost"} {
		// Refused for the database, not for the base URL.
		_, stderr, code := harness.Run(t, "", "serve", "--database", "sqlite:"+t.TempDir(), "--base-url", base)
		if code != 1 || strings.Contains(stderr, "--base-url") {
			t.Errorf("%s: exit %d: %s", base, code, stderr)
		}
	}
}

func TestEverySettingIsInTheHelp(t *testing.T) {
	t.Parallel()
	out := harness.Command(t, "", "serve", "--help")
	for _, name := range []string{"listen", "admin-listen", "base-url", "database", "secret-key-file", "secret-key", "mail", "mail-from", "dns-resolver", "outbound-allow", "trusted-proxies",
		"default-edition", "self-service-edition", "organization-creation", "signup", "throttle-address", "throttle-source", "sales-url", "support-url", "product-name", "account-roles",
		"tls-cert", "tls-key", "insecure-http"} {
		if !strings.Contains(out, "--"+name+" ") || !strings.Contains(out, "["+variable(name)+"]") {
			t.Errorf("the help does not explain %s", name)
		}
	}
}
