package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
)

func TestOpenNamesWhatItExpected(t *testing.T) {
	dir := t.TempDir()
	page := filepath.Join(dir, "page.html")
	if err := os.WriteFile(page, []byte(strings.Repeat("<html>", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"":                              "sqlite:PATH or postgres://",
		"sallyport.db":                  "sqlite:PATH or postgres://",
		"mysql://u:hunter2@host/db":     "sqlite:PATH or postgres://",
		"postgres:hunter2":              "sqlite:PATH or postgres://",
		"sqlite:":                       "the path of a file",
		"sqlite::memory:":               "the path of a file",
		"sqlite:" + dir:                 "can be written",
		"sqlite:" + dir + "/no/such.db": "no such file or directory",
		"sqlite:" + page:                "not a database",
		"postgres://u:hunter2@[::1/db":  "postgres://USER",
		"postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=1": "server that answers",
		"postgres:///db?host=" + dir:                            "server that answers",
	} {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err == nil {
			d.Close()
			t.Errorf("%s: opened", url)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestSQLiteFilesAreTheOwnersAlone(t *testing.T) {
	dir := t.TempDir()
	// What would be more than a name in a URL is part of this one.
	d := open(t, "sqlite:"+filepath.Join(dir, "a file?mode=memory#100%25.db"), db.Options{Migrations: tables})
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	update(t, d, add("1"))
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Errorf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil || info.Mode().Perm() != 0o600 || !strings.HasPrefix(f.Name(), "a file?mode=memory#100%25.db") {
			t.Errorf("%s: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

// TestCloseLeavesOneFile, whole by itself, even if nothing was written.
func TestCloseLeavesOneFile(t *testing.T) {
	for _, write := range []bool{false, true} {
		dir := t.TempDir()
		url := "sqlite:" + filepath.Join(dir, "x.db")
		d := open(t, url, db.Options{Migrations: tables})
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if write {
			update(t, d, add("1"))
		}
		pending(t, d)
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if files, _ := os.ReadDir(dir); len(files) != 1 {
			t.Errorf("%d files", len(files))
		}
		if n := pending(t, open(t, url, db.Options{Migrations: tables})); n != 0 {
			t.Errorf("%d pending in what was left", n)
		}
	}
}

// TestTwoWritersOfOneFile: a command may work on the file of a server.
func TestTwoWritersOfOneFile(t *testing.T) {
	url := dbtest.URL(t, dbtest.SQLiteEngine, tables)
	results := make(chan error)
	for writer := range 2 {
		d := open(t, url, db.Options{})
		go func() {
			var err error
			for i := 0; i < 50 && err == nil; i++ {
				err = d.Update(context.Background(), actor, add(fmt.Sprint(writer, ".", i)))
			}
			results <- err
		}()
	}
	if err := errors.Join(<-results, <-results); err != nil {
		t.Error(err)
	}
	if n := count(t, open(t, url, db.Options{})); n != 100 {
		t.Errorf("%d rows", n)
	}
}

func TestPingStatsAndEngine(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		if err := d.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		update(t, d, add("1"))
		d.Update(t.Context(), actor, func(*db.Tx) error { return errors.New("no") })
		if s := d.Stats(); s.Updates != 1 || s.Commits != 1 || s.Write.MaxOpenConnections == 0 {
			t.Errorf("%+v", s)
		}
		if want := filepath.Base(t.Name()); d.Engine() != want {
			t.Errorf("%s, not %s", d.Engine(), want)
		}
		d.Close()
		if err := d.Ping(t.Context()); err == nil {
			t.Error("a closed database answers")
		}
		if err := d.Update(t.Context(), actor, add("2")); err == nil {
			t.Error("a closed database takes updates")
		}
	})
}

func TestClockDifference(t *testing.T) {
	ahead := func() time.Time { return time.Now().Add(time.Hour) }
	dbtest.EachWith(t, db.Options{Clock: ahead}, func(t *testing.T, d *db.DB) {
		got, err := d.ClockDifference(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := time.Duration(0)
		if d.Engine() == dbtest.PostgresEngine {
			want = time.Hour
		}
		if (got - want).Abs() > 10*time.Second {
			t.Errorf("%s, not %s", got, want)
		}
	})
}
