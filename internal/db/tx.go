package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/internal/access"
	"sallyport/internal/fault"
)

// A Tx is a transaction of [DB.View] or [DB.Update]. It belongs to the
// goroutine that runs the function, and ends with it.
type Tx struct {
	db    *DB
	q     querier
	ctx   context.Context // of View or Update
	bound context.Context // of the statements: what the engine lets cancel them
	now   time.Time
	actor access.Actor
	hooks []func()

	open   *Rows // that have not been closed yet
	failed error // of the first statement that failed
	done   bool

	changed  string // the first watched table that was changed
	recorded bool
}

// begin makes the Tx for one run of a function.
func (d *DB) begin(ctx, bound context.Context, q querier, actor access.Actor) *Tx {
	return &Tx{
		db: d, q: q, ctx: ctx, bound: bound, actor: actor, now: d.Now(),
	}
}

// Now is the instant of the transaction, in UTC, to the microsecond, which is
// what a row keeps of it.
func (tx *Tx) Now() time.Time { return tx.now }

// Actor is who asked for the Update; anonymous in a View.
func (tx *Tx) Actor() access.Actor { return tx.actor }

// Context is the context of View or Update, marked so that a transaction
// that is begun with it fails with [ErrNested].
func (tx *Tx) Context() context.Context {
	return context.WithValue(tx.ctx, insideKey{}, tx.db)
}

// AfterCommit has the hook run once after the transaction was committed, by
// the goroutine that called Update and before it returns. Nothing runs if the
// transaction fails.
func (tx *Tx) AfterCommit(hook func()) { tx.hooks = append(tx.hooks, hook) }

// Exec runs a statement and tells how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	values, err := tx.prepare(args)
	if err != nil {
		return 0, err
	}
	if tx.db.trace != nil {
		tx.db.trace(query, args)
	}
	result, err := tx.q.ExecContext(tx.bound, query, values...)
	if err != nil {
		return 0, tx.fail(err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, tx.fail(err)
	}
	if n > 0 {
		tx.note(query)
	}
	return n, nil
}

// Query runs a statement that returns rows. They must be closed before the
// next statement; [Collect] and [One] see to that.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) {
	values, err := tx.prepare(args)
	if err != nil {
		return nil, err
	}
	if tx.db.trace != nil {
		tx.db.trace(query, args)
	}
	rows, err := tx.q.QueryContext(tx.bound, query, values...)
	if err != nil {
		return nil, tx.fail(err)
	}
	tx.open = &Rows{tx: tx, rows: rows, query: query}
	return tx.open, nil
}

// QueryRow runs a statement that returns at most one row.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	rows, err := tx.Query(query, args...)
	return &Row{rows: rows, err: err}
}

// run calls fn and settles how the transaction ends: with an error it is to be
// rolled back.
func (tx *Tx) run(fn func(*Tx) error) (err, failed error) {
	defer func() { // if fn panics, too
		tx.open.Close()
		tx.done = true
	}()
	err = fn(tx)
	tx.open.Close()
	if err == nil {
		err = tx.failed
	}
	if err == nil {
		err = tx.ctx.Err()
	}
	if err == nil {
		err = tx.unrecorded()
	}
	return err, tx.failed
}

// prepare refuses a statement that can't be run now and converts its
// arguments.
func (tx *Tx) prepare(args []any) ([]any, error) {
	switch {
	case tx.done:
		return nil, ErrDone
	case tx.failed != nil:
		return nil, tx.failed
	case tx.open != nil:
		return nil, tx.fail(errors.New("the rows of an earlier query are still open"))
	case tx.ctx.Err() != nil:
		return nil, tx.fail(tx.ctx.Err())
	}
	values := make([]any, len(args))
	for i, arg := range args {
		v, err := value(arg)
		if err != nil {
			tx.failed = fmt.Errorf("db: argument %d: %w", i+1, err)
			return nil, tx.failed
		}
		values[i] = v
	}
	return values, nil
}

// fail dooms the transaction, and returns the error that may be logged.
func (tx *Tx) fail(err error) error {
	if tx.failed == nil {
		tx.failed = withoutValues(err)
	}
	return tx.failed
}

// value converts an argument to one of the few types that both drivers take
// in the same way.
func value(arg any) (driver.Value, error) {
	if t, ok := arg.(time.Time); ok {
		if t.IsZero() {
			return nil, nil
		}
		return t.UnixMicro(), nil
	}
	v, err := driver.DefaultParameterConverter.ConvertValue(arg)
	if err != nil {
		return nil, fmt.Errorf("a %T is no value for a database", arg)
	}
	if s, ok := v.(string); ok && (!utf8.ValidString(s) || strings.ContainsRune(s, 0)) {
		return nil, fault.New(fault.Malformed, "It holds characters that are no text.")
	}
	return v, nil
}
