package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/fault"
)

func TestValuesComeBackAsTheyWent(t *testing.T) {
	type thing struct {
		ID     string
		Role   access.Role
		Number int
		Flag   bool
		Bytes  []byte
		At     time.Time
	}
	things := []thing{
		{"1", "owner", 42, true, []byte{0, 1, 0xff}, time.Date(2026, 5, 17, 12, 30, 1, 123456000, time.UTC)},
		{"2", "", -1, false, []byte{}, time.Time{}},
		{"3", "Zoë ' \" \\ $1 ?", 1 << 60, true, nil, time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC)},
	}
	each(t, func(t *testing.T, d *db.DB) {
		nulls := 0
		update(t, d, func(tx *db.Tx) error {
			for _, v := range things {
				// Binds out of order, and one of them twice.
				if _, err := tx.Exec("insert into things (at, bytes, flag, number, name, id) values ($6, $5, $4, $3, $2, $1)",
					v.ID, v.Role, v.Number, v.Flag, v.Bytes, v.At); err != nil {
					return err
				}
			}
			return nil
		})
		var got []thing
		view(t, d, func(tx *db.Tx) (err error) {
			got, err = db.Collect(tx, func(row db.Scanner) (v thing, err error) {
				err = row.Scan(&v.ID, &v.Role, &v.Number, &v.Flag, &v.Bytes, &v.At)
				return v, err
			}, "select id, name, number, flag, bytes, at from things where flag = $1 or flag <> $1 order by id", true)
			if err != nil {
				return err
			}
			return tx.QueryRow("select count(*) from things where bytes is null").Scan(&nulls)
		})
		// Only the driver of SQLite reads empty bytes as nil.
		if diff := cmp.Diff(things, got, cmpopts.EquateEmpty()); diff != "" || nulls != 1 {
			t.Errorf("%d NULLs\n%s", nulls, diff)
		}
	})
}

func TestZeroTimeIsNull(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec("insert into things (id, at) values ('1', $1)", time.Time{})
			return err
		})
		view(t, d, func(tx *db.Tx) error {
			null := false
			if err := tx.QueryRow("select at is null from things").Scan(&null); err != nil || !null {
				t.Errorf("not NULL, %v", err)
			}
			return nil
		})
	})
}

func TestOneInstantAndOneActor(t *testing.T) {
	local := time.FixedZone("somewhere", 3600)
	clock := func() time.Time { return time.Date(2026, 5, 17, 12, 0, 0, 123456789, local) }
	dbtest.EachWith(t, db.Options{Clock: clock}, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			if want := time.Date(2026, 5, 17, 11, 0, 0, 123456000, time.UTC); tx.Now() != want {
				t.Errorf("%s, not %s", tx.Now(), want)
			}
			if tx.Actor() != actor {
				t.Errorf("actor %v", tx.Actor())
			}
			return nil
		})
	})
}

func TestFailedUpdateLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		reason := errors.New("changed my mind")
		hooks := 0
		err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
			tx.AfterCommit(func() { hooks++ })
			if err := insert(tx, "1"); err != nil {
				return err
			}
			return reason
		})
		if err != reason {
			t.Errorf("%v, not fn's own error", err)
		}
		if n := count(t, d); n != 0 || hooks != 0 {
			t.Errorf("%d rows, %d hooks", n, hooks)
		}
	})
}

func TestPanicLeavesNothingAndGoesOn(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		func() {
			defer func() {
				if recover() != "boom" {
					t.Error("the panic was swallowed")
				}
			}()
			d.Update(t.Context(), actor, func(tx *db.Tx) error {
				insert(tx, "1")
				panic("boom")
			})
		}()
		done := make(chan struct{})
		go func() {
			defer close(done)
			d.Update(t.Context(), actor, func(tx *db.Tx) error {
				insert(tx, "2")
				runtime.Goexit() // as t.Fatal does
				return nil
			})
		}()
		<-done
		update(t, d, func(tx *db.Tx) error { return insert(tx, "3") })
		if n := count(t, d); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestHooksRunOnceAfterTheCommit(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var seen []int
		update(t, d, func(tx *db.Tx) error {
			tx.AfterCommit(func() { seen = append(seen, count(t, d)) })
			tx.AfterCommit(func() { seen = append(seen, -1) })
			return insert(tx, "1")
		})
		if diff := cmp.Diff([]int{1, -1}, seen); diff != "" {
			t.Error(diff)
		}
	})
}

// TestFailedStatementDoomsItsTransaction: SQLite alone would let it go on.
func TestFailedStatementDoomsItsTransaction(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
			if err := insert(tx, "1"); err != nil {
				return err
			}
			if err := insert(tx, "1"); !db.IsUnique(err) {
				t.Errorf("the same key twice: %v", err)
			}
			if err := insert(tx, "2"); !db.IsUnique(err) {
				t.Errorf("a statement after the failed one: %v", err)
			}
			return nil
		})
		if !db.IsUnique(err) || count(t, d) != 0 {
			t.Errorf("%v, %d rows", err, count(t, d))
		}
	})
}

func TestIsUnique(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		try := func(statement string) error {
			return d.Update(t.Context(), actor, func(tx *db.Tx) error {
				tx.Recorded()
				_, err := tx.Exec(statement)
				return fault.Wrap(err, fault.Conflict, "") // stays to be told
			})
		}
		update(t, d, func(tx *db.Tx) error {
			tx.Recorded()
			_, err := tx.Exec("insert into users (id, email) values ('1', 'a@b.test')")
			return err
		})
		for statement, want := range map[string]bool{
			"insert into users (id, email) values ('1', 'c@d.test')": true, // primary key
			"insert into users (id, email) values ('2', 'a@b.test')": true, // unique
			"insert into users (id, email) values ('2', null)":       false,
			"insert into no_such_table (id) values ('1')":            false,
		} {
			if err := try(statement); err == nil || db.IsUnique(err) != want {
				t.Errorf("%s: %v", statement, err)
			}
		}
		if db.IsUnique(nil) {
			t.Error("nil is no violation")
		}
	})
}

func TestNoRows(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			var s string
			if err := tx.QueryRow("select id from things").Scan(&s); err != db.ErrNoRows {
				t.Errorf("QueryRow: %v", err)
			}
			if _, err := db.One(tx, text, "select id from things"); err != db.ErrNoRows {
				t.Errorf("One: %v", err)
			}
			all, err := db.Collect(tx, text, "select id from things")
			if err != nil || all == nil || len(all) != 0 {
				t.Errorf("Collect: %v, %v", all, err)
			}
			return insert(tx, "1") // it is no failure
		})
		if count(t, d) != 1 {
			t.Error("it doomed the transaction")
		}
	})
}

func TestReturning(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			id, err := db.One(tx, text, "insert into things (id) values ($1) returning id", "1")
			if err != nil || id != "1" {
				t.Errorf("One: %q, %v", id, err)
			}
			return err
		})
		if count(t, d) != 1 {
			t.Error("the row is not there")
		}
	})
}

func TestOpenRowsAreAnError(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error { return errors.Join(insert(tx, "1"), insert(tx, "2")) })
		err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
			rows, err := tx.Query("select id from things")
			if err != nil {
				return err
			}
			rows.Next()
			return insert(tx, "3")
		})
		if err == nil || !strings.Contains(err.Error(), "still open") {
			t.Errorf("%v", err)
		}
		// Rows that were forgotten don't hold anything up.
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.Query("select id from things")
			return err
		})
		update(t, d, func(tx *db.Tx) error { return insert(tx, "3") })
	})
}

func TestTransactionEnds(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var kept *db.Tx
		update(t, d, func(tx *db.Tx) error { kept = tx; return nil })
		if err := insert(kept, "1"); err != db.ErrDone {
			t.Errorf("%v", err)
		}
	})
}

func TestViewDoesNotWrite(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for _, statement := range []string{
			"insert into things (id) values ('1')",
			"insert into things (id) values ('1') returning id",
			"create table more (id text)",
		} {
			err := d.View(t.Context(), func(tx *db.Tx) error {
				_, err := db.Collect(tx, text, statement)
				return err
			})
			if err == nil {
				t.Errorf("%s: done", statement)
			}
		}
		if count(t, d) != 0 {
			t.Error("written")
		}
	})
}

func TestViewSeesOneState(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		view(t, d, func(tx *db.Tx) error {
			for range 2 {
				var n int
				if err := tx.QueryRow("select count(*) from things").Scan(&n); err != nil || n != 0 {
					t.Errorf("%d rows, %v", n, err)
				}
				update(t, d, func(tx *db.Tx) error {
					_, err := tx.Exec("insert into things (id) values ('1') on conflict (id) do nothing")
					return err
				})
			}
			return nil
		})
	})
}

func TestNestingIsAnError(t *testing.T) {
	nothing := func(*db.Tx) error { return nil }
	each(t, func(t *testing.T, d *db.DB) {
		other := sqlite(t)
		inside := func(tx *db.Tx) error {
			if err := d.Update(tx.Context(), actor, nothing); err != db.ErrNested {
				t.Errorf("Update: %v", err)
			}
			if err := d.View(tx.Context(), nothing); err != db.ErrNested {
				t.Errorf("View: %v", err)
			}
			if err := other.View(tx.Context(), nothing); err != nil {
				t.Errorf("of another database: %v", err)
			}
			return nil
		}
		update(t, d, inside)
		view(t, d, inside)
	})
}

func TestCancelledContext(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		before, cancel := context.WithCancel(t.Context())
		cancel()
		ran := false
		err := d.Update(before, actor, func(tx *db.Tx) error { ran = true; return nil })
		if !errors.Is(err, context.Canceled) || ran {
			t.Errorf("before: %v, ran %v", err, ran)
		}

		during, cancel := context.WithCancel(t.Context())
		err = d.Update(during, actor, func(tx *db.Tx) error {
			if err := insert(tx, "1"); err != nil {
				return err
			}
			cancel()
			if err := insert(tx, "2"); !errors.Is(err, context.Canceled) {
				t.Errorf("a statement afterwards: %v", err)
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("during: %v", err)
		}

		late, cancel := context.WithCancel(t.Context())
		err = d.Update(late, actor, func(tx *db.Tx) error { defer cancel(); return insert(tx, "3") })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("late: %v", err)
		}
		if n := count(t, d); n != 0 {
			t.Errorf("%d rows", n)
		}
		update(t, d, func(tx *db.Tx) error { return insert(tx, "4") })
	})
}

// TestCancellingStopsAQuery interrupts a read that would take minutes.
func TestCancellingStopsAQuery(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := d.View(ctx, func(tx *db.Tx) error {
			var n int
			return tx.QueryRow(`with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000000)
				select count(*) from n`).Scan(&n)
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		count(t, d) // the connection, or another one, is fit for use
	})
}

// TestBothEnginesReadTheSame holds what the package comment says about SQL.
func TestBothEnginesReadTheSame(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			for i, name := range []string{"b", "a", "B", "_", "é", "1", "A"} {
				if _, err := tx.Exec("insert into things (id, name) values ($1, $2)", fmt.Sprint(i), name); err != nil {
					return err
				}
			}
			return nil
		})
		for query, want := range map[string][]string{
			"select name from things order by name":                               {"1", "A", "B", "_", "a", "b", "é"},
			"select name from things where name >= 'B' and name < 'b' order by 1": {"B", "_", "a"},
			"select name from things where name like 'a%'":                        {"a"},
			`select name from things where name like '\_' escape '\'`:             {"_"},
		} {
			view(t, d, func(tx *db.Tx) error {
				got, err := db.Collect(tx, text, query)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s:\n%s", query, diff)
				}
				return err
			})
		}
		err := d.View(t.Context(), func(tx *db.Tx) error {
			_, err := db.Collect(tx, text, `select id from things where name = "a"`)
			return err
		})
		if err == nil {
			t.Error("double quotes made a string")
		}
	})
}

func TestWhatIsNoTextIsRefused(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for _, bad := range []string{"a\x00b", "\xff", "\xed\xa0\x80"} {
			err := d.View(t.Context(), func(tx *db.Tx) error {
				_, err := db.Collect(tx, text, "select id from things where id = $1", bad)
				return err
			})
			if !errors.Is(err, fault.Malformed) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

// TestErrorsHoldNoValues looks for an argument, and for a stored value, in the
// text of every error that they can cause.
func TestErrorsHoldNoValues(t *testing.T) {
	const value = "hunter2"
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec("insert into things (id, name) values ($1, $1)", value)
			return err
		})
		var number int
		var at time.Time
		for name, try := range map[string]func(tx *db.Tx) error{
			"unique":       func(tx *db.Tx) error { return insert(tx, value) },
			"not a number": func(tx *db.Tx) error { return tx.QueryRow("select id from things").Scan(&number) },
			"not a time":   func(tx *db.Tx) error { return tx.QueryRow("select id from things").Scan(&at) },
			"no type":      func(tx *db.Tx) error { return insertAny(tx, struct{ s string }{value}) },
			"list":         func(tx *db.Tx) error { return insertAny(tx, []string{value}) },
			"no text":      func(tx *db.Tx) error { return insertAny(tx, value+"\x00") },
			"syntax":       func(tx *db.Tx) error { return tx.QueryRow("selekt $1", value).Scan(&number) },
		} {
			err := d.Update(t.Context(), actor, try)
			if err == nil || strings.Contains(err.Error(), value) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if d.Engine() == dbtest.SQLiteEngine {
			return // it takes any type anywhere
		}
		for name, try := range map[string]func(tx *db.Tx) error{
			"encoding": func(tx *db.Tx) error { return tx.QueryRow("select 1 where number = $1", value).Scan(&number) },
			"cast":     func(tx *db.Tx) error { return tx.QueryRow("select $1::text::bigint", value).Scan(&number) },
		} {
			err := d.Update(t.Context(), actor, try)
			if err == nil || strings.Contains(err.Error(), value) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func insertAny(tx *db.Tx, id any) error {
	_, err := tx.Exec("insert into things (id) values ($1)", id)
	return err
}

// TestUpdatesAreSerializable reads, then writes what follows from it, from many
// sides at once.
func TestUpdatesAreSerializable(t *testing.T) {
	const workers, rounds = 16, 10
	each(t, func(t *testing.T, d *db.DB) {
		update(t, d, func(tx *db.Tx) error { return insert(tx, "counter") })
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range rounds {
					err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
						var n int
						if err := tx.QueryRow("select number from things where id = 'counter'").Scan(&n); err != nil {
							return err
						}
						_, err := tx.Exec("update things set number = $1 where id = 'counter'", n+1)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		view(t, d, func(tx *db.Tx) error {
			var n int
			err := tx.QueryRow("select number from things where id = 'counter'").Scan(&n)
			if n != workers*rounds {
				t.Errorf("%d, not %d", n, workers*rounds)
			}
			return err
		})
		s := d.Stats()
		t.Logf("%d updates, %d commits, %d retries", s.Updates, s.Commits, s.Retries)
	})
}

// TestCheckThenInsert: whoever comes second sees the first one's row, and not a
// unique violation.
func TestCheckThenInsert(t *testing.T) {
	taken := errors.New("taken")
	each(t, func(t *testing.T, d *db.DB) {
		for round := range 10 {
			id := fmt.Sprint(round)
			results := make(chan error, 8)
			for range cap(results) {
				go func() {
					results <- d.Update(t.Context(), actor, func(tx *db.Tx) error {
						_, err := db.One(tx, text, "select id from things where id = $1", id)
						if err == nil {
							return taken
						}
						if err != db.ErrNoRows {
							return err
						}
						return insert(tx, id)
					})
				}()
			}
			won := 0
			for range cap(results) {
				switch err := <-results; err {
				case nil:
					won++
				case taken:
				default:
					t.Error(err)
				}
			}
			if won != 1 {
				t.Errorf("%d inserted %s", won, id)
			}
		}
	})
}

func TestConflictsEndInOverloaded(t *testing.T) {
	d := dbtest.Open(t, dbtest.PostgresEngine, db.Options{Migrations: tables})
	update(t, d, func(tx *db.Tx) error { return insert(tx, "1") })
	runs := 0
	err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
		runs++
		var n int
		if err := tx.QueryRow("select number from things").Scan(&n); err != nil {
			return err
		}
		update(t, d, func(tx *db.Tx) error { // somebody else is always faster
			_, err := tx.Exec("update things set number = number + 1")
			return err
		})
		if _, err := tx.Exec("update things set number = $1", n); err == nil {
			t.Error("no conflict")
		}
		return errors.New("hidden from whoever retries")
	})
	if !errors.Is(err, fault.Overloaded) || runs != 16 {
		t.Errorf("%v after %d runs", err, runs)
	}
}

func TestWatch(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for statement, watched := range map[string]bool{
			"insert into users (id, email) values ('2', 'x')":                                          true,
			"INSERT  INTO\n Users (id, email) values ('2', 'x') returning id":                          true,
			"update users set email = 'y'":                                                             true,
			"delete from users where id = '1'":                                                         true,
			"with gone as (select '1' as x) delete from users where id in (select x from gone)":        true,
			"delete from users where id = '0'":                                                         false, // nothing changed
			"insert into users (id, email) values ('1', 'x') on conflict (id) do nothing returning id": false,
			"insert into things (id, name) values ('1', 'update users')":                               true, // better too careful
			"insert into things (id) values ('1')":                                                     false,
			"select id from users":                                                                     false,
		} {
			run := func(recorded bool) error {
				err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
					if recorded {
						tx.Recorded()
					}
					if strings.Contains(statement, "returning") || strings.HasPrefix(statement, "select") {
						_, err := db.Collect(tx, text, statement)
						return err
					}
					_, err := tx.Exec(statement)
					return err
				})
				reset(t, d)
				return err
			}
			reset(t, d)
			if err := run(true); err != nil {
				t.Errorf("%s, recorded: %v", statement, err)
			}
			err := run(false)
			if !watched && err != nil || watched && (err == nil || !strings.Contains(err.Error(), "table users")) {
				t.Errorf("%s: %v", statement, err)
			}
		}
	})
}

func reset(t *testing.T, d *db.DB) {
	t.Helper()
	update(t, d, func(tx *db.Tx) error {
		tx.Recorded()
		_, e1 := tx.Exec("delete from things")
		_, e2 := tx.Exec("delete from users")
		_, e3 := tx.Exec("insert into users (id, email) values ('1', 'a@b.test')")
		return errors.Join(e1, e2, e3)
	})
}
