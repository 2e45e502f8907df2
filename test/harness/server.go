package harness

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/secret"
	"sallyport/internal/testenv"
)

// Engines are the databases that every test of behaviour runs on.
var Engines = []string{"sqlite", "postgres"}

// A Server is the running binary.
type Server struct {
	Base   string // public base URL: what browsers and Identity Providers see
	Admin  string // base URL of the admin listener
	Token  string // operator-wide
	Engine string
	// Database is the URL of its database, KeyFile the file with its key:
	// what a second node needs.
	Database, KeyFile string
	// MailDir is where its mails go.
	MailDir string

	reach     string // where its public listener is found
	transport http.RoundTripper
	args, env []string
	cmd       *exec.Cmd
	log       *logBuffer
	done      chan struct{}
}

// Options change how a server is started.
type Options struct {
	Engine string   // sqlite if empty
	Args   []string // more flags of serve
	Env    []string // more variables, as NAME=value
	// Base is the base URL; by default loopback with the port that was picked.
	// Whoever sets it sees to it that requests get there.
	Base string
	// Like is a server whose database, key and base URL the new one shares:
	// another node behind the same name.
	Like *Server
	TLS  *testenv.TLSFiles // serve HTTPS, for localhost
}

// Binary returns the path of the binary, built once per test process.
var Binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sallyport-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sallyport")
	cmd := exec.Command("go", "build", "-o", path, "sallyport/cmd/sallyport")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return path, nil
})

// RemoveBinary removes what [Binary] built; for the end of TestMain.
func RemoveBinary() {
	if path, err := Binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
}

// Start runs a server on an empty database and ends it with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Engine == "" {
		o.Engine = "sqlite"
	}
	s := &Server{Engine: o.Engine, log: &logBuffer{}, done: make(chan struct{})}
	if o.Like != nil {
		s.Engine, s.Database, s.KeyFile, s.Token = o.Like.Engine, o.Like.Database, o.Like.KeyFile, o.Like.Token
	} else {
		s.Database = dbtest.URL(t, o.Engine, db.Migrations())
		s.KeyFile = filepath.Join(t.TempDir(), "key")
		if err := secret.CreateKeyFile(s.KeyFile); err != nil {
			t.Fatal(err)
		}
		s.Token = strings.TrimSpace(Command(t, "", "init", "--database", s.Database, "--secret-key-file", s.KeyFile))
	}
	s.run(t, o)
	return s
}

// StartOn runs a server on a database and a key that may not be there yet. It
// has no token.
func StartOn(t testing.TB, o Options, database, keyFile string) *Server {
	t.Helper()
	s := &Server{Engine: o.Engine, Database: database, KeyFile: keyFile, log: &logBuffer{}, done: make(chan struct{})}
	s.run(t, o)
	return s
}

// Restart ends the server and starts it again on what it had, at the same
// address.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Stop()
	s.Again(t)
}

// Again starts a server that was stopped.
func (s *Server) Again(t testing.TB) {
	t.Helper()
	s.done = make(chan struct{})
	s.start(t)
	s.waitReady(t)
}

func (s *Server) run(t testing.TB, o Options) {
	t.Helper()
	port := freePort(t)
	scheme := "http"
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	s.transport = transport
	args := []string{"serve", "--database", s.Database}
	if _, err := os.Stat(s.KeyFile); err == nil {
		args = append(args, "--secret-key-file", s.KeyFile)
	}
	if o.Like != nil {
		s.MailDir = o.Like.MailDir
	} else {
		s.MailDir = testenv.ScratchDir(t)
	}
	// All tests come from one source, and some try one address often.
	args = append(args, "--mail", "file:"+s.MailDir, "--throttle-source", "1000000/1m", "--throttle-address", "1000000/1m")
	// Nobody answers there: only tests that bring a name server of their own ask
	// for names.
	args = append(args, "--listen", "127.0.0.1:"+port, "--admin-listen", "127.0.0.1:0", "--dns-resolver", "127.0.0.1:1")
	if o.TLS != nil {
		scheme = "https"
		args = append(args, "--tls-cert", o.TLS.CertFile, "--tls-key", o.TLS.KeyFile)
		s.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.TLS.Pool, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	}
	s.reach = scheme + "://localhost:" + port
	switch {
	case o.Base != "":
		s.Base, s.reach = o.Base, o.Base
	case o.Like != nil:
		s.Base = o.Like.Base
	default:
		s.Base = s.reach
	}
	s.args = append(append(args, "--base-url", s.Base), o.Args...)
	s.env = append(cleanEnvironment(), o.Env...)
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log.tail(60))
		}
	})
	s.start(t)
	s.waitReady(t)
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	binary, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(binary, s.args...)
	s.cmd.Env = s.env
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, done := s.cmd, s.done
	go func() {
		cmd.Wait()
		close(done)
	}()
}

var adminAddress = regexp.MustCompile(`admin_listen(?:=|":")([^\s"]+)`)

func (s *Server) waitReady(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		select {
		case <-s.done:
			t.Fatalf("the server ended:\n%s", s.log.tail(60))
		default:
		}
		// The last one: the log goes on when the server is started again.
		if all := adminAddress.FindAllStringSubmatch(s.log.String(), -1); all != nil {
			s.Admin = "http://" + all[len(all)-1][1]
			if res, err := http.Get(s.Admin + "/readyz"); err == nil {
				res.Body.Close()
				if res.StatusCode == http.StatusOK {
					return
				}
			}
		}
	}
	t.Fatalf("the server did not become ready:\n%s", s.log.tail(60))
}

// Stop asks the server to end, and waits.
func (s *Server) Stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(20 * time.Second):
		s.Kill()
	}
}

// Kill ends the server at once, as a power failure would.
func (s *Server) Kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// PID is the process of the server.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Memory returns a line of what the kernel knows of the server's memory, such as
// VmRSS, in octets.
func (s *Server) Memory(t testing.TB, line string) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", s.PID()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if fields := strings.Fields(scan.Text()); len(fields) >= 2 && fields[0] == line+":" {
			n, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no %s", line)
	return 0
}

// Log returns what the server has logged.
func (s *Server) Log() string { return s.log.String() }

// LogTail returns the last lines of it.
func (s *Server) LogTail(lines int) string { return s.log.tail(lines) }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// ExitCode is that of a server that has ended.
func (s *Server) ExitCode() int { return s.cmd.ProcessState.ExitCode() }

// Signal sends the server a signal.
func (s *Server) Signal(t testing.TB, signal os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// Send sends a request to the server's own listener, whatever the base URL,
// and follows no redirect. The path is that of the request.
func (s *Server) Send(req *http.Request) (*http.Response, error) {
	there, err := url.Parse(s.reach)
	if err != nil {
		return nil, err
	}
	if req.Host == "" {
		req.Host = req.URL.Host
	}
	req.URL.Scheme, req.URL.Host = there.Scheme, there.Host
	return s.transport.RoundTrip(req)
}

// Address is the host and port of its public listener.
func (s *Server) Address() string {
	_, address, _ := strings.Cut(s.reach, "://")
	return address
}

// A logBuffer collects a log for a test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) tail(n int) string {
	lines := strings.Split(strings.TrimRight(l.String(), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// cleanEnvironment leaves out settings of whoever runs the tests.
func cleanEnvironment() []string {
	var clean []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "SALLYPORT_") {
			clean = append(clean, pair)
		}
	}
	return clean
}

// Command runs a command of the binary with text on its standard input, and
// returns what it prints. It has to succeed.
func Command(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, stderr, code := Run(t, stdin, args...)
	if code != 0 {
		t.Fatalf("sallyport %s: exit %d: %s", strings.Join(args, " "), code, stderr)
	}
	return out
}

// Run runs a command of the binary and returns what it prints and its exit
// code.
func Run(t testing.TB, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return RunWith(t, nil, stdin, args...)
}

// RunWith is [Run] with more variables, as NAME=value.
func RunWith(t testing.TB, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	binary, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(cleanEnvironment(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
