package harness

import (
	"context"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// Exec changes rows of the server's database behind its back: it puts things
// back in time, for what would take hours otherwise. It returns how many rows
// were changed. Times are [time.Time] values.
func (s *Server) Exec(t testing.TB, statement string, args ...any) int64 {
	t.Helper()
	var n int64
	s.open(t, func(d *db.DB) error {
		return d.Update(context.Background(), access.System("test"), func(tx *db.Tx) (err error) {
			n, err = tx.Exec(statement, args...)
			return err
		})
	})
	return n
}

// Count counts rows.
func (s *Server) Count(t testing.TB, query string, args ...any) int64 {
	t.Helper()
	var n int64
	s.open(t, func(d *db.DB) error {
		return d.View(context.Background(), func(tx *db.Tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	})
	return n
}

func (s *Server) open(t testing.TB, f func(*db.DB) error) {
	t.Helper()
	d, err := db.Open(context.Background(), s.Database, db.Options{Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := f(d); err != nil {
		t.Fatal(err)
	}
}
