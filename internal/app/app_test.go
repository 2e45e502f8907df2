package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/token"
)

var silent = slog.New(slog.DiscardHandler)

// settings are those of a server on a database of its own and on any ports.
func settings(t *testing.T, pairs ...string) Settings {
	t.Helper()
	s, err := Load(given(append([]string{"database", "sqlite:" + filepath.Join(t.TempDir(), "x.db"), "listen", "127.0.0.7:0", "admin-listen", "127.0.0.1:0"}, pairs...)...))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, s Settings) *App {
	t.Helper()
	a, err := Open(t.Context(), s, "test", silent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func TestOpenPreparesADatabaseAndItsKey(t *testing.T) {
	s := settings(t)
	a := open(t, s)
	path := strings.TrimPrefix(s.Database, "sqlite:")
	for _, name := range []string{path, path + ".key"} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if n, err := a.DB.Pending(t.Context()); n != 0 || err != nil {
		t.Errorf("%d migrations pending, %v", n, err)
	}
	before, err := os.ReadFile(path + ".key")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, s)
	if after, _ := os.ReadFile(path + ".key"); string(after) != string(before) {
		t.Error("the second start made another key")
	}
}

func TestOpenWorksOnPostgreSQL(t *testing.T) {
	a := open(t, settings(t, "database", dbtest.URL(t, dbtest.PostgresEngine, nil), "secret-key", key))
	if has, err := a.Tokens.HasOperatorToken(t.Context()); has || err != nil {
		t.Errorf("%v, %v", has, err)
	}
}

func TestAllThatCanNotBeReachedIsToldAtOnce(t *testing.T) {
	s := settings(t)
	s.SecretKeyFile, s.Database = "/none/there/key", "sqlite:/none/there/x.db"
	_, err := Open(t.Context(), s, "test", silent)
	if err == nil || !strings.Contains(err.Error(), "--secret-key-file: ") || !strings.Contains(err.Error(), "--database: ") {
		t.Error(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	certFile, _ := pair(t, t.TempDir(), "x")
	s = settings(t, "listen", taken.Addr().String(), "admin-listen", taken.Addr().String(), "tls-cert", certFile, "tls-key", certFile)
	err = open(t, s).Serve(t.Context())
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Errorf("%v", err)
	}
	for _, want := range []string{"--listen: ", "--admin-listen: ", "--tls-cert, --tls-key: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not told: %v", want, err)
		}
	}
}

func TestAKeyThatIsWrongIsRefusedAndNotShown(t *testing.T) {
	s := settings(t)
	s.SecretKeyFile = write(t, "key", "hunter2")
	if _, err := Open(t.Context(), s, "test", silent); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "--secret-key-file") {
		t.Error(err)
	}
	s.SecretKeyFile, s.SecretKey = "", "hunter2"
	if _, err := Open(t.Context(), s, "test", silent); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "--secret-key") {
		t.Error(err)
	}
}

// lines are what a server logs.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	select {
	case l <- string(b):
	default:
	}
	return len(b), nil
}

func TestServeAnswersUntilItIsToldToEnd(t *testing.T) {
	certFile, keyFile := pair(t, t.TempDir(), "localhost")
	for name, pairs := range map[string][]string{"http": nil, "https": {"tls-cert", certFile, "tls-key", keyFile}} {
		log := make(lines, 100)
		a, err := Open(t.Context(), settings(t, pairs...), "v1", NewLogger(log, "info", "text"))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Serve(ctx) }()
		first := <-log
		if !strings.Contains(first, "msg=listening") || !strings.Contains(first, "version=v1") {
			t.Errorf("the first line is %s", first)
		}
		_, rest, _ := strings.Cut(first, " listen=")
		address, _, _ := strings.Cut(rest, " ")
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		conn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := net.Dial("tcp", address); err == nil {
			t.Errorf("%s: still listening", name)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

func get(h http.Handler, path string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestTheAdminListener(t *testing.T) {
	a := open(t, settings(t))
	if code, text := get(a.admin(), "/healthz"); code != 200 || text != "ok\n" {
		t.Errorf("%d %s", code, text)
	}
	if code, text := get(a.admin(), "/readyz"); code != 200 || text != "ready\n" {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := get(a.admin(), "/debug/pprof/"); code != 404 {
		t.Errorf("pprof unasked for: %d", code)
	}
	a.Settings.Pprof = true
	if code, _ := get(a.admin(), "/debug/pprof/"); code != 200 {
		t.Errorf("pprof: %d", code)
	}
	for _, path := range []string{"/metrics", "/readyz", "/debug/pprof/"} {
		if code, text := get(a.Public(), path); code != 404 {
			t.Errorf("%s in public: %d %s", path, code, text)
		}
	}
}

func TestANodeIsNotReady(t *testing.T) {
	a := open(t, settings(t))
	for difference, ready := range map[time.Duration]bool{0: true, 30 * time.Second: true, -30 * time.Second: true, 31 * time.Second: false, -time.Hour: false} {
		a.clock.difference.Store(int64(difference))
		if err := a.ready(t.Context()); (err == nil) != ready {
			t.Errorf("%v: %v", difference, err)
		}
	}
	a.clock.difference.Store(0)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if code, text := get(a.admin(), "/readyz"); code != 503 || text != "the database does not answer\n" {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := get(a.admin(), "/healthz"); code != 200 {
		t.Errorf("healthz: %d", code)
	}
}

func TestMetricsHaveTheNamesOfTheContract(t *testing.T) {
	a := open(t, settings(t))
	a.metrics.signIn(access.MethodSSO, "refused", "saml_expired")
	a.metrics.validation(time.Millisecond)
	public := a.Public()
	get(public, "/login")
	get(public, "/api/v1/organizations?secret=hunter2")
	get(public, "/help/errors/hunter2")
	w := httptest.NewRecorder()
	public.ServeHTTP(w, httptest.NewRequest("HUNTER2", "/login", nil))
	if err := a.gauge(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, text := get(a.admin(), "/metrics")
	for _, want := range []string{
		`sallyport_sign_ins_total{code="saml_expired",method="sso",outcome="refused"} 1`, "sallyport_saml_validation_seconds_count 1",
		`sallyport_http_request_duration_seconds_count{method="GET",route="/login",status="200"} 1`,
		`sallyport_http_request_duration_seconds_count{method="GET",route="/api/v1/organizations",status="401"} 1`,
		`method="other"`, "sallyport_sessions_active 0", `sallyport_jobs_open{status="queued"} 0`, "sallyport_mails_waiting 0", "sallyport_db_updates_total", "sallyport_db_commits_total", "go_goroutines", "process_cpu_seconds_total",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(text, "hunter2") || strings.Contains(text, "HUNTER2") {
		t.Error("a path, a query or a method of a visitor's making is a label")
	}
}

func TestPurgesSucceedOrSayWhyNot(t *testing.T) {
	a := open(t, settings(t))
	if _, _, err := a.Tokens.Create(t.Context(), access.Operator("test"), token.NewToken{Scope: access.ScopeAdmin}); err != nil {
		t.Fatal(err)
	}
	for name, purge := range a.purges() {
		if err := purge(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	a.Close()
	for name, purge := range a.purges() {
		if purge(t.Context()) == nil {
			t.Errorf("%s: no error without a database", name)
		}
	}
}

// TestTheDoorsStandWhereTheyBelong asks for a page, an operation of the API and
// what is none of both.
func TestTheDoorsStandWhereTheyBelong(t *testing.T) {
	public := open(t, settings(t)).Public()
	for path, want := range map[string]struct {
		code int
		kind string
	}{
		"/login": {200, "text/html; charset=utf-8"}, "/api/v1/openapi.json": {200, "application/openapi+json"},
		"/api/v1/none": {404, "application/problem+json"}, "/api/v2/none": {404, "text/html; charset=utf-8"}, "/scim/v2/Users": {501, "application/problem+json"},
	} {
		w := httptest.NewRecorder()
		public.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := w.Header().Get("Content-Type"); w.Code != want.code || got != want.kind {
			body, _ := io.ReadAll(w.Body)
			t.Errorf("%s: %d %s %.200s", path, w.Code, got, body)
		}
	}
}
