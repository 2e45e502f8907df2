package harness

import (
	"context"
	"testing"
	"time"

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

// DueNow has the server do every task that comes again and again, such as
// purges, and returns when it has: within seconds.
func (s *Server) DueNow(t testing.TB) {
	t.Helper()
	start := time.Now()
	s.Exec(t, "update job_tasks set due_at = 0")
	for deadline := start.Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		left := s.Count(t, "select count(*) from job_tasks where succeeded_at is null or succeeded_at < $1", start)
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d tasks were not done:\n%s", left, s.LogTail(20))
		}
	}
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
