package db_test

import (
	"fmt"
	"testing"

	"sallyport/internal/db"
)

// TestMoreStatementsThanAreKept goes round more statements than a connection
// keeps.
func TestMoreStatementsThanAreKept(t *testing.T) {
	d := sqlite(t)
	for range 2 {
		update(t, d, func(tx *db.Tx) error {
			for i := range 600 {
				var n int
				if err := tx.QueryRow(fmt.Sprintf("select $1 + %d", i), 1).Scan(&n); err != nil || n != i+1 {
					return fmt.Errorf("statement %d: %d, %w", i, n, err)
				}
			}
			return nil
		})
	}
}

// TestKeptStatementSeesANewColumn prepares before a migration and runs after it.
func TestKeptStatementSeesANewColumn(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		find := func() error {
			return d.Update(t.Context(), actor, func(tx *db.Tx) error {
				_, err := db.One(tx, text, "select id from things where id = $1", "1")
				return err
			})
		}
		update(t, d, add("1"))
		if err := find(); err != nil {
			t.Fatal(err)
		}
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec("alter table things add column more text")
			return err
		})
		if err := find(); err != nil {
			t.Error(err)
		}
	})
}
