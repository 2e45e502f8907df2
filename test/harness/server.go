package harness

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/secret"
)

// Engines are the databases that every test of behaviour runs on.
var Engines = []string{"sqlite", "postgres"}

// A Server is the running binary.
type Server struct {
	Base   string // public base URL
	Admin  string // base URL of the admin listener
	Token  string // operator-wide
	Engine string
	// Database is the URL of its database, KeyFile the file with its key:
	// what a second node needs.
	Database, KeyFile string

	cmd  *exec.Cmd
	log  *logBuffer
	done chan struct{}
}

// Options change how a server is started.
type Options struct {
	Engine string   // sqlite if empty
	Args   []string // more flags of serve
	Base   string   // base URL; by default loopback with the port that was picked
	// Like is a server whose database and key the new one shares: another node.
	Like *Server
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

func (s *Server) run(t testing.TB, o Options) {
	t.Helper()
	binary, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"serve", "--database", s.Database, "--secret-key-file", s.KeyFile,
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"}, o.Args...)
	port := freePort(t)
	s.Base = o.Base
	if s.Base == "" {
		s.Base = "http://localhost:" + port
		args = append(args, "--listen", "127.0.0.1:"+port)
	}
	args = append(args, "--base-url", s.Base)
	s.cmd = exec.Command(binary, args...)
	s.cmd.Env = cleanEnvironment()
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		s.cmd.Wait()
		close(s.done)
	}()
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", s.log.tail(60))
		}
	})
	s.waitReady(t)
}

var adminAddress = regexp.MustCompile(`admin_listen=(\S+)`)

func (s *Server) waitReady(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-s.done:
			t.Fatalf("the server ended:\n%s", s.log.tail(60))
		default:
		}
		if m := adminAddress.FindStringSubmatch(s.log.String()); m != nil {
			s.Admin = "http://" + m[1]
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

// Log returns what the server has logged.
func (s *Server) Log() string { return s.log.String() }

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
	binary, err := Binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = cleanEnvironment()
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
