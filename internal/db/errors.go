package db

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNoRows means that a query for one row found none. It does not doom the
// transaction.
var ErrNoRows = sql.ErrNoRows

// ErrNested means that a transaction was begun inside another one.
var ErrNested = errors.New("db: a transaction inside a transaction")

// ErrDone means that a transaction was used after its end.
var ErrDone = errors.New("db: the transaction has ended")

// IsUnique reports whether err is the violation of a primary key or a unique
// constraint.
func IsUnique(err error) bool {
	switch code := sqliteCode(err); code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return true
	}
	return sqlState(err) == "23505"
}

// isConflict reports whether a transaction failed for what others did at the
// same time, and may succeed when it is run again.
func isConflict(err error) bool {
	switch sqlState(err) {
	case "40001", "40P01": // serialization failure, deadlock
		return true
	}
	return false
}

// isBusy reports whether another process kept SQLite's write lock too long.
func isBusy(err error) bool { return sqliteCode(err)&0xff == sqlite3.SQLITE_BUSY }

// isMissingTable reports whether a statement named a table that is not there.
func isMissingTable(err error) bool {
	if sqliteCode(err) == sqlite3.SQLITE_ERROR {
		return strings.Contains(err.Error(), "no such table")
	}
	return sqlState(err) == "42P01"
}

func sqliteCode(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

func sqlState(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// A statementError is a driver's error without the values that some of them
// quote. The error itself stays reachable for errors.As.
type statementError struct {
	text  string
	cause error
}

func (e *statementError) Error() string { return e.text }
func (e *statementError) Unwrap() error { return e.cause }

// withoutValues makes an error that can be logged of one that a driver made of
// a statement and its arguments, or of a row and its destinations.
func withoutValues(err error) error {
	text := err.Error()
	switch state := sqlState(err); {
	case strings.HasPrefix(state, "22"): // data exceptions quote the data
		text = "a value was refused (SQLSTATE " + state + ")"
	case strings.Contains(text, "failed to encode args["):
		_, text, _ = strings.Cut(text, "failed to encode ")
		text, _, _ = strings.Cut(text, ":")
		text += " does not fit its place"
	case strings.HasPrefix(text, "sql: Scan error on column"):
		text, _, _ = strings.Cut(text, `": `)
		text += `"`
	}
	return &statementError{text: "db: " + text, cause: err}
}
