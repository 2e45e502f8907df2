package db

import (
	"database/sql"
	"fmt"
	"time"
)

// A Scanner is a row to be read: a [*Row], or [*Rows] at one of them.
type Scanner interface {
	Scan(dest ...any) error
}

// Collect runs a query and reads each row with scan. Without rows it returns
// an empty slice.
func Collect[T any](tx *Tx, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

// One runs a query and reads its first row with scan. Without rows its error is
// [ErrNoRows].
func One[T any](tx *Tx, scan func(Scanner) (T, error), query string, args ...any) (T, error) {
	var none T
	row := tx.QueryRow(query, args...)
	if !row.next() {
		return none, row.err
	}
	defer row.rows.Close()
	v, err := scan(row.rows)
	if err != nil {
		return none, err
	}
	return v, row.rows.Close()
}

// Rows are the result of a query.
type Rows struct {
	tx    *Tx
	rows  *sql.Rows
	query string
	noted bool
}

// Next goes to the next row. After the last one, or an error, it is false and
// the rows are closed.
func (r *Rows) Next() bool {
	if r.rows.Next() {
		if !r.noted { // once: there may be a million
			r.tx.note(r.query)
			r.noted = true
		}
		return true
	}
	r.Close()
	return false
}

// Scan copies the columns of the row to which dest points. A *time.Time takes
// microseconds, NULL as the zero Time; every other type that may be NULL needs
// a [sql.Null].
func (r *Rows) Scan(dest ...any) error {
	copied := false
	for i, d := range dest {
		t, ok := d.(*time.Time)
		if !ok {
			continue
		}
		if !copied {
			dest, copied = append([]any(nil), dest...), true
		}
		dest[i] = (*micros)(t)
	}
	if err := r.rows.Scan(dest...); err != nil {
		return withoutValues(err)
	}
	return nil
}

// Err tells why Next was false: nil after the last row.
func (r *Rows) Err() error { return r.tx.failed }

// Close ends the query. It may be called again.
func (r *Rows) Close() error {
	if r == nil || r.tx.open != r {
		return nil
	}
	r.tx.open = nil
	err := r.rows.Close()
	if err == nil {
		err = r.rows.Err()
	}
	if err != nil {
		return r.tx.fail(err)
	}
	return nil
}

// A Row is the result of a query for one row.
type Row struct {
	rows *Rows
	err  error
}

// Scan copies the columns of the first row; see [Rows.Scan]. Without rows its
// error is [ErrNoRows].
func (r *Row) Scan(dest ...any) error {
	if !r.next() {
		return r.err
	}
	defer r.rows.Close()
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}

// next goes to the row, or sets err.
func (r *Row) next() bool {
	if r.err != nil || r.rows.Next() {
		return r.err == nil
	}
	if r.err = r.rows.Err(); r.err == nil {
		r.err = ErrNoRows
	}
	return false
}

// micros reads a time from a bigint.
type micros time.Time

func (m *micros) Scan(from any) error {
	switch v := from.(type) {
	case nil:
		*m = micros{}
	case int64:
		*m = micros(time.UnixMicro(v).UTC())
	default:
		return fmt.Errorf("a %T is no time", from)
	}
	return nil
}
