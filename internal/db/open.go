package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/trace"
)

// Options are what a database needs besides its URL. Zero values are those of
// a running server.
type Options struct {
	Clock  func() time.Time // what [Tx.Now] tells
	Logger *slog.Logger     // nil logs nothing; arguments are never logged

	// Migrations holds the *.sql files; nil means those of this release.
	Migrations fs.FS

	// Watch names tables that may only change together with an audit event.
	// It is for tests: see [Tx.Recorded].
	Watch []string
	// Trace is told of every statement before it runs. It is for tests, which
	// ask the engine how it would go about it.
	Trace func(query string, args []any)

	Readers     int // SQLite: connections that read; the default depends on the processors
	Connections int // PostgreSQL: connections; 16 by default
}

// A DB is an open database. It may be used by several goroutines at once.
type DB struct {
	engine     engine
	clock      func() time.Time
	logger     *slog.Logger
	migrations fs.FS
	watch      map[string]bool // nil outside tests
	trace      func(query string, args []any)
	updates    atomic.Uint64
	system     string // what traces call the engine
	close      func() error
}

// An engine is what differs between SQLite and PostgreSQL.
type engine interface {
	name() string

	// view and update call run between the begin and the end of a transaction.
	// update may call it again after a conflict.
	view(ctx context.Context, run runner) error
	update(ctx context.Context, run runner) error

	// migrating opens a pool for migrations and keeps those of other nodes
	// away, where the engine has a lock for that. done ends both.
	migrating(ctx context.Context) (pool *sql.DB, done func(), err error)
	// clock tells the database's time, or the zero Time where it is ours.
	clock(ctx context.Context) (time.Time, error)
	ping(ctx context.Context) error
	stats() Stats
	close() error
}

// A runner runs a transaction's function; bound is the context for statements.
// Besides its error it returns that of the statement that failed, if one did:
// they can differ.
type runner func(bound context.Context, q querier) (err, failed error)

type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Open opens the database of a URL: sqlite:PATH, postgres://… or
// postgresql://…. It makes a SQLite file that is not there, readable by its
// owner alone, and connects to PostgreSQL. It does not migrate.
//
// Its errors name what was expected, and no password.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	d := &DB{clock: o.Clock, logger: o.Logger, migrations: o.Migrations, watch: watched(o.Watch), trace: o.Trace}
	if d.clock == nil {
		d.clock = time.Now
	}
	if d.logger == nil {
		d.logger = slog.New(slog.DiscardHandler)
	}
	if d.migrations == nil {
		d.migrations = Migrations()
	}
	if o.Readers == 0 {
		o.Readers = max(4, runtime.GOMAXPROCS(0))
	}
	if o.Connections == 0 {
		o.Connections = 16
	}
	scheme, rest, _ := strings.Cut(url, ":")
	var err error
	switch {
	case scheme == "sqlite":
		d.system = "sqlite"
		d.engine, err = openSQLite(ctx, rest, o.Readers)
	case (scheme == "postgres" || scheme == "postgresql") && strings.HasPrefix(rest, "//"):
		d.system = "postgresql"
		d.engine, err = openPostgres(ctx, url, o.Connections, d.logger)
	default:
		// The URL may hold a password: not a word of it.
		return nil, fmt.Errorf("database: expected sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
	}
	if err != nil {
		return nil, err
	}
	d.close = sync.OnceValue(d.engine.close)
	return d, nil
}

// Engine is "sqlite" or "postgres".
func (d *DB) Engine() string { return d.engine.name() }

// Now is what [Tx.Now] of a transaction that begins now would tell.
func (d *DB) Now() time.Time { return d.clock().UTC().Truncate(time.Microsecond) }

// Ping reports whether the database answers.
func (d *DB) Ping(ctx context.Context) error { return d.engine.ping(ctx) }

// Close waits for the statements under way and closes the database. No
// transaction can begin afterwards. Closing again changes nothing.
func (d *DB) Close() error { return d.close() }

// Stats are numbers since Open, for metrics.
type Stats struct {
	Write, Read sql.DBStats // with PostgreSQL the same pool
	Updates     uint64      // that succeeded
	Commits     uint64      // with SQLite fewer than Updates where they share one
	Retries     uint64      // PostgreSQL: runs that a conflict undid
}

// Stats returns the numbers of now.
func (d *DB) Stats() Stats {
	s := d.engine.stats()
	s.Updates = d.updates.Load()
	return s
}

// ClockDifference tells how far this node's clock is ahead of the database's;
// negative if it is behind. With SQLite both are one clock.
func (d *DB) ClockDifference(ctx context.Context) (time.Duration, error) {
	before := d.clock()
	theirs, err := d.engine.clock(ctx)
	if err != nil || theirs.IsZero() {
		return 0, err
	}
	after := d.clock()
	return before.Add(after.Sub(before) / 2).Sub(theirs), nil
}

// View runs fn in a read-only transaction, in which nothing that others commit
// in the meantime shows.
//
// fn must use the transaction from its own goroutine and not begin another
// one; see [DB.Update].
func (d *DB) View(ctx context.Context, fn func(tx *Tx) error) (err error) {
	if err := d.enter(ctx); err != nil {
		return err
	}
	ctx, span := trace.Start(ctx, "db.view")
	defer func() { d.traced(span, err) }()
	return d.engine.view(ctx, func(bound context.Context, q querier) (error, error) {
		span.Event("begun")
		return d.begin(ctx, bound, q, access.Actor{}).run(fn)
	})
}

// traced ends the span of a transaction. That there is no row is an answer.
func (d *DB) traced(span trace.Span, err error) {
	if errors.Is(err, ErrNoRows) {
		err = nil
	}
	span.Set(trace.Engine, d.system)
	span.End(err)
}

// Update runs fn in a serializable transaction and commits it if fn returns
// nil. If fn returns an error or panics, nothing has happened.
//
// fn can run several times, so it must have no effect outside tx but through
// [Tx.AfterCommit], and it must set whatever it hands out on every run. It must
// not begin another transaction: with the context of [Tx.Context] that is an
// error; with another one it waits for itself, with SQLite until an error after
// half a minute.
//
// An Update that met conflicts on every try, that waited too long for its turn,
// or that found no server, fails with fault.Overloaded.
func (d *DB) Update(ctx context.Context, actor access.Actor, fn func(tx *Tx) error) (err error) {
	if err := d.enter(ctx); err != nil {
		return err
	}
	ctx, span := trace.Start(ctx, "db.update")
	defer func() { d.traced(span, err) }()
	var tx *Tx
	err = d.engine.update(ctx, func(bound context.Context, q querier) (error, error) {
		span.Event("begun") // its turn has come; once more after a conflict
		tx = d.begin(ctx, bound, q, actor)
		return tx.run(fn)
	})
	if err != nil {
		return err
	}
	d.updates.Add(1)
	for _, hook := range tx.hooks {
		hook()
	}
	return nil
}

// enter refuses a transaction inside another one of the same database.
func (d *DB) enter(ctx context.Context) error {
	if ctx.Value(insideKey{}) == d {
		return ErrNested
	}
	return ctx.Err()
}

// insideKey marks the contexts that transactions hand out, with their DB.
type insideKey struct{}

// discard closes a connection in place of giving it back to its pool. The
// database undoes what was open on it and frees its locks.
func discard(conn *sql.Conn) {
	conn.Raw(func(any) error { return driver.ErrBadConn })
}
