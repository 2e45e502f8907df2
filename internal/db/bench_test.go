package db_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
)

// Where the disk counts, SQLite stands on it; the server of the tests flushes
// nothing.
func benchmarks(b *testing.B, run func(b *testing.B, d *db.DB)) {
	b.Run("sqlite", func(b *testing.B) {
		d, err := db.Open(b.Context(), "sqlite:"+filepath.Join(b.TempDir(), "x.db"), db.Options{Migrations: tables})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { d.Close() })
		if err := d.Migrate(b.Context()); err != nil {
			b.Fatal(err)
		}
		run(b, d)
	})
	b.Run("postgres", func(b *testing.B) {
		run(b, dbtest.Open(b, dbtest.PostgresEngine, db.Options{Migrations: tables, Watch: []string{}}))
	})
}

func BenchmarkUpdate(b *testing.B) {
	benchmarks(b, func(b *testing.B, d *db.DB) {
		for _, goroutines := range []int{1, 32} {
			b.Run(fmt.Sprint(goroutines), func(b *testing.B) { benchmarkUpdate(b, d, goroutines) })
		}
	})
}

var benchmarkID atomic.Int64

func benchmarkUpdate(b *testing.B, d *db.DB, goroutines int) {
	b.ReportAllocs()
	before := d.Stats()
	left := atomic.Int64{}
	left.Store(int64(b.N))
	done := make(chan error, goroutines)
	b.ResetTimer()
	for range goroutines {
		go func() {
			for left.Add(-1) >= 0 {
				id := fmt.Sprintf("thing_%020d", benchmarkID.Add(1))
				if err := d.Update(context.Background(), actor, func(tx *db.Tx) error {
					_, err := tx.Exec("insert into things (id, name, number, at) values ($1, $2, $3, $4)", id, "a name", 42, tx.Now())
					return err
				}); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range goroutines {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	after := d.Stats()
	b.ReportMetric(float64(after.Commits-before.Commits)/float64(after.Updates-before.Updates), "commits/op")
	b.ReportMetric(float64(after.Retries-before.Retries)/float64(after.Updates-before.Updates), "retries/op")
}

func BenchmarkView(b *testing.B) {
	benchmarks(b, func(b *testing.B, d *db.DB) {
		update(b, d, add("1"))
		ctx, cancel := context.WithCancel(b.Context())
		defer cancel()
		b.ReportAllocs()
		for b.Loop() {
			if err := d.View(ctx, func(tx *db.Tx) error {
				_, err := db.One(tx, text, "select id from things where id = $1", "1")
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
