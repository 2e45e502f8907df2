package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/testenv"
)

// empty makes a database without any tables and returns its URL.
func empty(t *testing.T, engine string) string {
	t.Helper()
	if engine == dbtest.PostgresEngine {
		return testenv.Postgres(t)
	}
	return "sqlite:" + filepath.Join(testenv.ScratchDir(t), "empty.db")
}

func open(t *testing.T, url string, o db.Options) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func pending(t *testing.T, d *db.DB) int {
	t.Helper()
	n, err := d.Pending(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func eachEmpty(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) { test(t, empty(t, engine)) })
	}
}

func TestMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		d := open(t, url, db.Options{Migrations: tables})
		if n := pending(t, d); n != 2 {
			t.Errorf("%d pending before", n)
		}
		for range 2 {
			if err := d.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := pending(t, d); n != 0 {
			t.Errorf("%d pending afterwards", n)
		}
		update(t, d, add("1"))
	})
}

func TestReleasedMigrations(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if n := pending(t, d); n != 0 {
			t.Errorf("%d pending", n)
		}
		view(t, d, func(tx *db.Tx) error {
			_, err := db.Collect(tx, text, "select value from installation where key = $1", "x")
			return err
		})
	})
}

// TestNodesMigrateAtOnce has several nodes start on an empty database. The
// last migration would count how often it ran.
func TestNodesMigrateAtOnce(t *testing.T) {
	many := fstest.MapFS{}
	for _, n := range []string{"1", "2", "3", "4", "5"} {
		many["0000"+n+"_n.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\ncreate table t" + n + " (id bigint);\n")}
	}
	many["00006_rows.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\ninsert into t1 (id) values (1);\n")}
	eachEmpty(t, func(t *testing.T, url string) {
		const nodes = 4
		results := make(chan error, nodes)
		for range nodes {
			go func() {
				d, err := db.Open(t.Context(), url, db.Options{Migrations: many})
				if err == nil {
					err = errors.Join(d.Migrate(t.Context()), d.Close())
				}
				results <- err
			}()
		}
		for range nodes {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		view(t, open(t, url, db.Options{}), func(tx *db.Tx) error {
			var n int
			if err := tx.QueryRow("select count(*) from t1").Scan(&n); err != nil || n != 1 {
				t.Errorf("the last migration ran %d times, %v", n, err)
			}
			return nil
		})
	})
}

func TestFailedMigrationIsUndone(t *testing.T) {
	bad := fstest.MapFS{
		"00001_good.sql": tables["00001_things.sql"],
		"00002_bad.sql":  {Data: []byte("-- +goose Up\ncreate table more (id text);\ncreate table more (id text);\n")},
	}
	eachEmpty(t, func(t *testing.T, url string) {
		d := open(t, url, db.Options{Migrations: bad})
		err := d.Migrate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "version:2") {
			t.Errorf("%v", err)
		}
		if n := pending(t, d); n != 1 {
			t.Errorf("%d pending", n)
		}
		good := open(t, url, db.Options{Migrations: fstest.MapFS{
			"00001_good.sql": tables["00001_things.sql"],
			"00002_more.sql": {Data: []byte("-- +goose Up\ncreate table more (id text);\n")},
		}})
		if err := good.Migrate(t.Context()); err != nil {
			t.Errorf("what the failed one did is still there: %v", err)
		}
	})
}

// TestOlderReleaseLeavesANewerDatabaseAlone runs releases N and N+1 side by side.
func TestOlderReleaseLeavesANewerDatabaseAlone(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		newer := open(t, url, db.Options{Migrations: tables})
		if err := newer.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		older := open(t, url, db.Options{Migrations: fstest.MapFS{"00001_things.sql": tables["00001_things.sql"]}})
		if err := older.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
		if n := pending(t, older); n != 0 {
			t.Errorf("%d pending for the older one", n)
		}
		if n := pending(t, newer); n != 0 {
			t.Errorf("%d pending for the newer one", n)
		}
	})
}

func TestMigrateWhileUpdatesRun(t *testing.T) {
	eachEmpty(t, func(t *testing.T, url string) {
		d := open(t, url, db.Options{Migrations: fstest.MapFS{"00001_things.sql": tables["00001_things.sql"]}})
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		stop := make(chan struct{})
		ended := make(chan error)
		go func() {
			for {
				select {
				case <-stop:
					ended <- nil
					return
				default:
				}
				if err := d.Update(context.Background(), actor, func(tx *db.Tx) error {
					_, err := tx.Exec("insert into things (id) values ('1') on conflict (id) do nothing")
					return err
				}); err != nil {
					ended <- err
					return
				}
			}
		}()
		if err := open(t, url, db.Options{Migrations: tables}).Migrate(t.Context()); err != nil {
			t.Error(err)
		}
		close(stop)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
