package testenv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresVariable names a PostgreSQL server that tests use in place of one of
// their own: the URL of a database where the user may create databases, or the
// directory of the server's socket.
const PostgresVariable = "SALLYPORT_TEST_POSTGRES"

// Postgres makes an empty database for one test and returns its URL. The
// database is dropped when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	return PostgresFrom(t, "template0")
}

// PostgresFrom is [Postgres] with a copy of a database of the server, to which
// nobody may be connected.
func PostgresFrom(t testing.TB, template string) string {
	t.Helper()
	server := PostgresServer(t)
	name := "test_" + strings.ToLower(rand.Text()[:16])
	postgresExec(t, server, "create database "+name+" template "+template)
	t.Cleanup(func() { postgresExec(t, server, "drop database if exists "+name+" with (force)") })
	return PostgresURL(server, name)
}

// PostgresServer returns the URL of the maintenance database of the server
// that this process's tests share. It is started at the first call.
func PostgresServer(t testing.TB) string {
	t.Helper()
	s, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return s.url
}

// PostgresURL returns the URL of another database of the same server.
func PostgresURL(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic("testenv: " + PostgresVariable + " holds no URL")
	}
	u.Path = "/" + database
	return u.String()
}

// sharedPostgres holds the server of this process. It is a package variable
// because tests of one process have nothing else in common, and because a
// server for each of them would take a second each.
var sharedPostgres = sync.OnceValues(func() (*PostgresProcess, error) {
	switch given := os.Getenv(PostgresVariable); {
	case strings.HasPrefix(given, "/"):
		return &PostgresProcess{url: "postgres:///postgres?host=" + url.QueryEscape(given)}, nil
	case given != "":
		return &PostgresProcess{url: given}, nil
	}
	return StartPostgres()
})

func postgresExec(t testing.TB, server, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("test database: %v", err)
	}
}

// A PostgresProcess is a throw-away PostgreSQL server on a socket in a
// temporary directory. It keeps nothing safe and asks for no password.
type PostgresProcess struct {
	url string
	// alive is held open by this process alone. The supervisor reads its other
	// end and takes the server down when it closes, by Stop or by our death.
	alive      *os.File
	supervisor *exec.Cmd
}

// URL returns the URL of the server's maintenance database.
func (p *PostgresProcess) URL() string { return p.url }

// Stop ends the server and removes its directory.
func (p *PostgresProcess) Stop() {
	p.alive.Close()
	p.supervisor.Wait()
}

// postgresSupervisor starts the server and waits for the end of its standard
// input. Nothing else ends it: it has a session of its own.
const postgresSupervisor = `
bin=$1 dir=$2
{
	"$bin/initdb" -D "$dir/data" -U sallyport -A trust -E UTF8 --no-sync --no-instructions \
		--locale=C --locale-provider=icu --icu-locale=en-US &&
	exec "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= -c max_connections=200 \
		-c fsync=off -c full_page_writes=off -c wal_level=minimal -c max_wal_senders=0 \
		-c max_wal_size=256MB -c jit=off
	touch "$dir/failed"
} </dev/null >"$dir/log" 2>&1 &
while read -r _; do :; done
trap '' QUIT
kill -QUIT 0
wait
cd / && rm -rf "$dir"
`

// StartPostgres starts a server from the distribution's package. As root it
// runs as the package's user, since PostgreSQL refuses to run as root.
//
// The server sorts text by the rules of a language, as operators' servers do:
// a statement that relies on the order of octets shows in the tests.
func StartPostgres() (*PostgresProcess, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	dir, attributes, err := postgresDirectory()
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL for tests: %w", err)
	}
	end, alive, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL for tests: %w", err)
	}
	defer end.Close()
	cmd := exec.Command("/bin/sh", "-c", postgresSupervisor, "sh", bin, dir)
	cmd.Dir, cmd.Stdin, cmd.SysProcAttr = dir, end, attributes
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	if err := cmd.Start(); err != nil {
		alive.Close()
		os.RemoveAll(dir)
		return nil, fmt.Errorf("PostgreSQL for tests: %w", err)
	}
	p := &PostgresProcess{
		url:        "postgres:///postgres?user=sallyport&host=" + url.QueryEscape(dir),
		alive:      alive,
		supervisor: cmd,
	}
	if err := p.await(dir); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		p.Stop()
		return nil, fmt.Errorf("PostgreSQL for tests: %w\n%s", err, log[max(0, len(log)-4096):])
	}
	return p, nil
}

// await returns when the server answers.
func (p *PostgresProcess) await(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, p.url)
		if err == nil {
			return conn.Close(ctx)
		}
		if _, failed := os.Stat(filepath.Join(dir, "failed")); failed == nil {
			return errors.New("it did not start")
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it did not answer within a minute: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// postgresPrograms finds the directory of the newest version installed.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL is not installed: apt-get install postgresql")
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// postgresDirectory makes the server's directory and says as whom to run it.
// The path is short: that of a socket may have 107 octets.
func postgresDirectory() (string, *syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setsid: true}
	base := scratchBase()
	if base != memory && (os.Getuid() == 0 || len(base) > 60) {
		base = "/tmp" // another user has to reach it
	}
	dir, err := os.MkdirTemp(base, "sallyport-postgres-")
	if err != nil || os.Getuid() != 0 {
		return dir, attributes, err
	}
	uid, gid, err := postgresUser()
	if err == nil {
		err = os.Chown(dir, uid, gid)
	}
	attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return dir, attributes, err
}

func postgresUser() (uid, gid int, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		u, err = user.Lookup("nobody")
	}
	if err != nil {
		return 0, 0, err
	}
	uid, errUID := strconv.Atoi(u.Uid)
	gid, errGID := strconv.Atoi(u.Gid)
	return uid, gid, errors.Join(errUID, errGID)
}
