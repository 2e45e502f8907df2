package dbtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"sallyport/internal/db"
	"sallyport/internal/testenv"
)

// The engines, by the names of [db.DB.Engine].
const (
	SQLiteEngine   = "sqlite"
	PostgresEngine = "postgres"
)

// Watched are the tables whose changes belong into the audit log: those of the
// directory, the SSO profiles, the sessions and the tokens.
func Watched() []string {
	return []string{
		"organizations", "domains", "users", "accounts", "account_members",
		"sso_profiles", "sessions", "api_tokens",
	}
}

// Each runs a test on SQLite and on PostgreSQL, as two subtests.
func Each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	EachWith(t, db.Options{}, test)
}

// EachWith is [Each] with a clock, say.
func EachWith(t *testing.T, o db.Options, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, engine := range []string{SQLiteEngine, PostgresEngine} {
		t.Run(engine, func(t *testing.T) { test(t, Open(t, engine, o)) })
	}
}

// SQLite opens a database in a temporary file, in memory where there is room.
func SQLite(t testing.TB) *db.DB { return Open(t, SQLiteEngine, db.Options{}) }

// Postgres opens a new database of the test server.
func Postgres(t testing.TB) *db.DB { return Open(t, PostgresEngine, db.Options{}) }

// Open opens a new, migrated database of an engine. Without a list of its own
// it watches the tables of [Watched]. It goes when the test ends.
func Open(t testing.TB, engine string, o db.Options) *db.DB {
	t.Helper()
	if o.Watch == nil {
		o.Watch = Watched()
	}
	d, err := db.Open(context.Background(), URL(t, engine, o.Migrations), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// URL makes a new, migrated database and returns its URL, for tests of what
// opens it itself. Nil migrations are those of this release.
func URL(t testing.TB, engine string, migrations fs.FS) string {
	t.Helper()
	if migrations == nil {
		migrations = db.Migrations()
	}
	name := fingerprint(t, migrations)
	if engine == PostgresEngine {
		template := "sallyport_" + name
		makePostgresTemplate(t, template, migrations)
		return testenv.PostgresFrom(t, template)
	}
	path := filepath.Join(testenv.ScratchDir(t), "sallyport.db")
	if err := os.WriteFile(path, sqliteTemplate(t, name, migrations), 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// templates holds a migrated SQLite file for each set of migrations that this
// process tests. It is a package variable because migrating for every test
// would take most of the tests' time; what it holds does not depend on who
// filled it.
var templates struct {
	sync.Mutex
	files map[string][]byte
}

func sqliteTemplate(t testing.TB, name string, migrations fs.FS) []byte {
	t.Helper()
	templates.Lock()
	defer templates.Unlock()
	if file, ok := templates.files[name]; ok {
		return file
	}
	path := filepath.Join(testenv.ScratchDir(t), "template.db")
	migrate(t, "sqlite:"+path, migrations)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if templates.files == nil {
		templates.files = map[string][]byte{}
	}
	templates.files[name] = file
	return file
}

// makePostgresTemplate sees to a migrated database on the server, which
// processes share: the name tells the migrations.
func makePostgresTemplate(t testing.TB, name string, migrations fs.FS) {
	t.Helper()
	server := testenv.PostgresServer(t)
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	exists := false
	check := func(statement string) {
		t.Helper()
		if err := conn.QueryRow(ctx, statement).Scan(&exists); err != nil {
			t.Fatal(err)
		}
	}
	const inList = "select exists (select from pg_database where datname = '%s')"
	if check(fmt.Sprintf(inList, name)); exists {
		return
	}
	// One process makes it, under another name until it is whole.
	check("select pg_advisory_lock(7) is null") // falls with the connection
	if check(fmt.Sprintf(inList, name)); exists {
		return
	}
	for _, statement := range []string{
		"drop database if exists " + name + "_making with (force)",
		"create database " + name + "_making template template0",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	migrate(t, testenv.PostgresURL(server, name+"_making"), migrations)
	if _, err := conn.Exec(ctx, "alter database "+name+"_making rename to "+name); err != nil {
		t.Fatal(err)
	}
}

// fingerprint names a set of migrations by its content.
func fingerprint(t testing.TB, migrations fs.FS) string {
	t.Helper()
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	for _, name := range names {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(sum, "%q %q\n", name, text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

func migrate(t testing.TB, url string, migrations fs.FS) {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{Migrations: migrations})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
