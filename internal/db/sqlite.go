package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
)

// A sqliteEngine writes through one connection and reads through several. In
// WAL mode these don't wait for each other.
type sqliteEngine struct {
	write, read *sql.DB
	turns       queue // for the write connection
	writeDSN    string
}

func openSQLite(ctx context.Context, path string, readers int) (*sqliteEngine, error) {
	if path == "" || path == ":memory:" {
		return nil, errors.New("database: expected sqlite:PATH with the path of a file")
	}
	fail := func(err error) (*sqliteEngine, error) {
		return nil, fmt.Errorf("database sqlite:%s: expected a SQLite file that can be written: %w", path, err)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return fail(err)
	}
	// SQLite would make the file readable for everybody. A file that is there
	// is not even opened here: closing it again would drop the locks that
	// other connections of this process hold on it.
	file, err := os.OpenFile(full, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fail(err)
	}
	s := &sqliteEngine{turns: queue{limit: queueLimit, age: groupAge}, writeDSN: sqliteDSN(full, "rw")}
	if s.write, err = openPool(s.writeDSN, 1); err != nil {
		return fail(err)
	}
	if err := s.prepare(ctx); err != nil {
		s.write.Close()
		return fail(err)
	}
	if s.read, err = openPool(sqliteDSN(full, "ro"), readers); err != nil {
		s.write.Close()
		return fail(err)
	}
	return s, nil
}

// prepare makes the first connection, which turns a new file to WAL mode. For
// that SQLite does not wait until others, who may be doing the same, are done.
func (s *sqliteEngine) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	for {
		err := s.write.PingContext(ctx)
		if !isBusy(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// sqliteDSN makes the driver's name for a file, with the settings of every
// connection.
func sqliteDSN(path, mode string) string {
	q := url.Values{
		"mode":          {mode},
		"_busy_timeout": {"10000"}, // another process may be writing: a command, a backup
		"_foreign_keys": {"on"},
		"_dqs":          {"false"},
		"_pragma":       {"case_sensitive_like(1)"},
	}
	if mode == "rw" {
		q.Set("_journal_mode", "wal")
		q.Set("_synchronous", "full")
		q.Set("_txlock", "immediate") // for migrations; see begin for the others
		q.Add("_pragma", "journal_size_limit(67108864)")
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// openPool makes a pool whose connections keep their prepared statements.
func openPool(dsn string, size int) (*sql.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(statementKeeper{c})
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

func (s *sqliteEngine) name() string { return "sqlite" }

func (s *sqliteEngine) view(ctx context.Context, run runner) error {
	conn, err := s.read.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "begin"); err != nil {
		discard(conn)
		return withoutValues(err)
	}
	defer rollback(conn) // there is nothing to commit
	err, _ = run(ctx, conn)
	return err
}

func (s *sqliteEngine) migrating(context.Context) (*sql.DB, func(), error) {
	pool, err := sql.Open("sqlite", s.writeDSN)
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxOpenConns(1)
	return pool, func() { pool.Close() }, nil
}

func (s *sqliteEngine) clock(context.Context) (time.Time, error) { return time.Time{}, nil }

func (s *sqliteEngine) ping(ctx context.Context) error {
	// Reading something real tells whether the file is still there and whole.
	_, err := s.read.ExecContext(ctx, "select count(*) from sqlite_schema")
	return err
}

func (s *sqliteEngine) stats() Stats {
	return Stats{Write: s.write.Stats(), Read: s.read.Stats(), Commits: s.turns.commits.Load()}
}

// close leaves one file. The last connection folds the log into it, if it may
// write and has seen the log, so the writer looks at it, and closes last.
func (s *sqliteEngine) close() error {
	_, err := s.write.Exec("select count(*) from sqlite_schema")
	return errors.Join(err, s.read.Close(), s.write.Close())
}

// rollback undoes what is open on a connection. If that fails the connection
// is in a state that nobody knows, and goes.
func rollback(conn *sql.Conn) {
	if _, err := conn.ExecContext(context.Background(), "rollback"); err != nil {
		discard(conn)
	}
}
