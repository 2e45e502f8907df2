package db_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
)

var (
	actor = access.System("test")

	tables = fstest.MapFS{
		"00001_things.sql": {Data: []byte(`-- +goose Up
create table things (
	id text primary key,
	name text collate "binary",
	number bigint,
	flag boolean,
	bytes bytea,
	at bigint
);
create table users (id text primary key, email text not null unique);
`)},
		"00002_children.sql": {Data: []byte(`-- +goose Up
create table children (
	id text primary key,
	parent text not null references things (id) deferrable initially deferred
);
`)},
	}
)

// each runs a test on both engines, with the tables above.
func each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	t.Helper()
	dbtest.EachWith(t, db.Options{Migrations: tables}, test)
}

func sqlite(t testing.TB) *db.DB {
	t.Helper()
	return dbtest.Open(t, dbtest.SQLiteEngine, db.Options{Migrations: tables})
}

// update runs an Update that has to succeed.
func update(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Update(context.Background(), actor, fn); err != nil {
		t.Fatal(err)
	}
}

// view runs a View that has to succeed.
func view(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.View(context.Background(), fn); err != nil {
		t.Fatal(err)
	}
}

func insert(tx *db.Tx, id string) error {
	_, err := tx.Exec("insert into things (id, number) values ($1, 0)", id)
	return err
}

// count tells how many things are there.
func count(t testing.TB, d *db.DB) (n int) {
	t.Helper()
	view(t, d, func(tx *db.Tx) error {
		return tx.QueryRow("select count(*) from things").Scan(&n)
	})
	return n
}

func text(row db.Scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// within fails a test that hangs.
func within(t testing.TB, limit time.Duration, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s: not within %s", what, limit)
	}
}
