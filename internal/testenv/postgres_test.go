package testenv

import (
	"bufio"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func connectPostgres(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func TestEachTestHasItsDatabase(t *testing.T) {
	first, second := connectPostgres(t, Postgres(t)), connectPostgres(t, Postgres(t))
	if _, err := first.Exec(t.Context(), "create table things (id text)"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Exec(t.Context(), "select id from things"); err == nil {
		t.Error("one test's table stands in another one's database")
	}
}

func TestDatabaseIsDropped(t *testing.T) {
	var gone string
	t.Run("inner", func(t *testing.T) {
		gone = Postgres(t)
		connectPostgres(t, gone) // even while somebody is connected
	})
	if conn, err := pgx.Connect(t.Context(), gone); err == nil {
		conn.Close(t.Context())
		t.Error("it is still there")
	}
}

func TestServerIsOnItsSocketAloneAndStopRemovesIt(t *testing.T) {
	p, err := StartPostgres()
	if err != nil {
		t.Fatal(err)
	}
	var addresses string
	row := connectPostgres(t, p.URL()).QueryRow(t.Context(), "show listen_addresses")
	if err := row.Scan(&addresses); err != nil || addresses != "" {
		t.Errorf("listens on %q, %v", addresses, err)
	}
	dir := socketDirectory(t, p.URL())
	p.Stop()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

// TestServerDiesWithItsProcess kills a process that started a server. The
// process is this test again, with a variable set.
func TestServerDiesWithItsProcess(t *testing.T) {
	const variable = "SALLYPORT_TEST_POSTGRES_VICTIM"
	if os.Getenv(variable) != "" {
		p, err := StartPostgres()
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString(p.URL() + "\n")
		time.Sleep(time.Minute)
	}
	victim := exec.Command(os.Args[0], "-test.run=^TestServerDiesWithItsProcess$")
	victim.Env = append(os.Environ(), variable+"=1")
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	server := lines.Text()
	conn := connectPostgres(t, server)
	victim.Process.Kill()
	victim.Wait()

	dir := socketDirectory(t, server)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Error("the server still answers")
	}
}

func socketDirectory(t *testing.T, server string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil || u.Query().Get("host") == "" {
		t.Fatalf("%q: %v", server, err)
	}
	return u.Query().Get("host")
}
