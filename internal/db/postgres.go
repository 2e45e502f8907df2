package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"sallyport/internal/fault"
)

// A postgresEngine runs Updates side by side and again where they were in each
// other's way.
type postgresEngine struct {
	config  *pgx.ConnConfig
	pool    *sql.DB
	logger  *slog.Logger
	alone   chan struct{} // holds one: whoever of this process tries alone
	commits atomic.Uint64
	retries atomic.Uint64
}

const (
	connectLimit = 10 * time.Second // to find out that nobody answers

	// tries of an Update beside others, and then while others wait.
	besideTries = 4
	aloneTries  = 12

	// the longest pauses between the first two tries, and the last two.
	pauseFirst = time.Millisecond
	pauseLast  = 100 * time.Millisecond
)

// Advisory locks: any numbers that nobody else uses in this database, here
// "sallypo" in ASCII and an octet of their own.
const (
	migrationLock int64 = 0x73616c6c79706f01
	conflictLock  int64 = 0x73616c6c79706f02
)

func openPostgres(ctx context.Context, url string, connections int, logger *slog.Logger) (*postgresEngine, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// pgx leaves passwords out of what it quotes, but not of every URL
		// that it can't take apart.
		return nil, errors.New("database: expected postgres://USER:PASSWORD@HOST:PORT/NAME, and this can't be read")
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "sallyport"
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectLimit
	}
	p := &postgresEngine{
		config: config, logger: logger,
		pool: stdlib.OpenDB(*config), alone: make(chan struct{}, 1),
	}
	p.pool.SetMaxOpenConns(connections)
	p.pool.SetMaxIdleConns(connections)
	p.pool.SetConnMaxIdleTime(5 * time.Minute)
	p.pool.SetConnMaxLifetime(30 * time.Minute) // so that a restarted standby gets its share
	if err := p.pool.PingContext(ctx); err != nil {
		p.pool.Close()
		return nil, fmt.Errorf("database: expected a PostgreSQL server that answers: %w", err)
	}
	return p, nil
}

func (p *postgresEngine) name() string { return "postgres" }

func (p *postgresEngine) view(ctx context.Context, run runner) error {
	err, _ := try(ctx, p.pool, sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, run)
	return err
}

func (p *postgresEngine) update(ctx context.Context, run runner) error {
	again, err := p.attempt(ctx, p.pool, besideTries, run)
	if !again {
		return err
	}
	// Where many change one row, trying again beside them would leave it to
	// chance who gets through: those who met several conflicts go on one by
	// one, over all nodes.
	return p.oneByOne(ctx, func(conn *sql.Conn) error {
		again, err := p.attempt(ctx, conn, aloneTries, run)
		if !again {
			return err
		}
		p.logger.WarnContext(ctx, "database update gave up after conflicts")
		return fault.Wrap(err, fault.Overloaded, "")
	})
}

// attempt runs an Update until it succeeds or fails for another reason than a
// conflict. After so many tries it asks to be called again.
func (p *postgresEngine) attempt(ctx context.Context, on beginner, tries int, run runner) (again bool, err error) {
	collided := false
	for n := 1; ; n++ {
		err, failed := try(ctx, on, sql.TxOptions{Isolation: sql.LevelSerializable}, run)
		switch {
		case err == nil:
			p.commits.Add(1)
			return false, nil
		case IsUnique(failed) && !collided:
			// The row may be younger than what fn saw when it made sure that
			// there was none. Now fn sees it, and can refuse in its own words.
			collided = true
		case !isConflict(failed):
			return false, err
		}
		p.retries.Add(1)
		if n == tries {
			return true, failed
		}
		if err := pause(ctx, n); err != nil {
			return false, err
		}
	}
}

// oneByOne calls fn while nobody else on any node runs in it.
func (p *postgresEngine) oneByOne(ctx context.Context, fn func(*sql.Conn) error) error {
	select { // those of this node wait without a connection: there are few
	case p.alone <- struct{}{}:
		defer func() { <-p.alone }()
	case <-ctx.Done():
		return ctx.Err()
	}
	conn, err := p.pool.Conn(ctx)
	if err != nil {
		return unavailable(ctx, err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "select pg_advisory_lock($1)", conflictLock); err != nil {
		return unavailable(ctx, err)
	}
	defer func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "select pg_advisory_unlock($1)", conflictLock); err != nil {
			discard(conn) // the lock falls with it
		}
	}()
	return fn(conn)
}

// try runs one transaction. A commit that fails counts as a failed statement.
func try(ctx context.Context, on beginner, o sql.TxOptions, run runner) (err, failed error) {
	tx, err := on.BeginTx(ctx, &o)
	if err != nil {
		return unavailable(ctx, err), nil
	}
	defer tx.Rollback() // after the commit it does nothing
	if err, failed := run(ctx, tx); err != nil {
		return err, failed
	}
	if err := tx.Commit(); err != nil {
		return withoutValues(err), err
	}
	return nil, nil
}

// unavailable is the error of a transaction that could not even begin.
func unavailable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Wrap(withoutValues(err), fault.Overloaded, "")
}

// A beginner is a pool, or one connection of it.
type beginner interface {
	BeginTx(ctx context.Context, o *sql.TxOptions) (*sql.Tx, error)
}

// pause waits before another try, longer after each and at random, so that
// those who met don't meet again.
func pause(ctx context.Context, n int) error {
	timer := time.NewTimer(rand.N(min(pauseFirst<<(n-1), pauseLast)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *postgresEngine) migrating(ctx context.Context) (*sql.DB, func(), error) {
	pool := stdlib.OpenDB(*p.config)
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	done := func() { // the lock falls with its connection
		conn.Close()
		pool.Close()
	}
	_, err = conn.ExecContext(ctx, "select pg_advisory_lock($1)", migrationLock)
	if err == nil {
		// SQLite's name for the order of octets; migrations may use it.
		_, err = conn.ExecContext(ctx, `create collation if not exists "binary" from "C"`)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return pool, done, nil
}

func (p *postgresEngine) clock(ctx context.Context) (time.Time, error) {
	var µs int64
	row := p.pool.QueryRowContext(ctx, "select (extract(epoch from clock_timestamp()) * 1000000)::bigint")
	if err := row.Scan(&µs); err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(µs), nil
}

func (p *postgresEngine) ping(ctx context.Context) error {
	_, err := p.pool.ExecContext(ctx, "select 1")
	return err
}

func (p *postgresEngine) stats() Stats {
	s := p.pool.Stats()
	return Stats{Write: s, Read: s, Commits: p.commits.Load(), Retries: p.retries.Load()}
}

func (p *postgresEngine) close() error { return p.pool.Close() }
