package db_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// A holder keeps the write connection in an Update of its own, so that others
// queue up behind it.
type holder struct {
	release chan struct{}
	ended   chan error
}

func hold(t *testing.T, d *db.DB, fn func(tx *db.Tx) error) holder {
	t.Helper()
	h := holder{make(chan struct{}), make(chan error, 1)}
	inside := make(chan struct{})
	go func() {
		h.ended <- d.Update(context.Background(), actor, func(tx *db.Tx) error {
			close(inside)
			<-h.release
			return fn(tx)
		})
	}()
	within(t, 5*time.Second, "getting hold of the write connection", inside)
	return h
}

// queue starts Updates behind a holder and waits until all of them wait.
func queue(t *testing.T, d *db.DB, fns ...func(tx *db.Tx) error) []chan error {
	t.Helper()
	results := make([]chan error, len(fns))
	for i, fn := range fns {
		results[i] = make(chan error, 1)
		before := db.Waiting(d)
		go func() { results[i] <- d.Update(context.Background(), actor, fn) }()
		for db.Waiting(d) == before {
			time.Sleep(time.Millisecond)
		}
	}
	return results
}

func add(id string) func(tx *db.Tx) error {
	return func(tx *db.Tx) error { return insert(tx, id) }
}

func TestWaitingUpdatesShareACommit(t *testing.T) {
	d := sqlite(t)
	db.SetGroupAge(d, time.Minute)
	before := d.Stats()
	h := hold(t, d, add("first"))
	results := queue(t, d, add("1"), add("2"), add("3"), add("4"))
	close(h.release)
	for _, r := range append(results, h.ended) {
		if err := <-r; err != nil {
			t.Error(err)
		}
	}
	after := d.Stats()
	if n := after.Updates - before.Updates; n != 5 || count(t, d) != 5 {
		t.Errorf("%d updates, %d rows", n, count(t, d))
	}
	if n := after.Commits - before.Commits; n != 1 {
		t.Errorf("%d commits for 5 updates", n)
	}
}

func TestOldGroupTakesNoMembers(t *testing.T) {
	d := sqlite(t)
	db.SetGroupAge(d, time.Nanosecond)
	h := hold(t, d, add("first"))
	results := queue(t, d, add("1"), add("2"))
	close(h.release)
	for _, r := range append(results, h.ended) {
		if err := <-r; err != nil {
			t.Error(err)
		}
	}
	if n := d.Stats().Commits; n != 3 {
		t.Errorf("%d commits for 3 updates", n)
	}
}

// TestMembersThatFail puts failures at every place of a group.
func TestMembersThatFail(t *testing.T) {
	reason := errors.New("changed my mind")
	fails := func(id string) func(tx *db.Tx) error {
		return func(tx *db.Tx) error { return errors.Join(insert(tx, id), reason) }
	}
	twice := func(tx *db.Tx) error { insert(tx, "1"); return nil } // the key is there
	for name, c := range map[string]struct {
		first func(tx *db.Tx) error
		rest  []func(tx *db.Tx) error
		rows  int
	}{
		"first":           {fails("0"), []func(*db.Tx) error{add("1"), add("2")}, 2},
		"middle":          {add("0"), []func(*db.Tx) error{add("1"), fails("2"), twice, add("3")}, 3},
		"last":            {add("0"), []func(*db.Tx) error{add("1"), fails("2")}, 2},
		"all but one":     {fails("0"), []func(*db.Tx) error{fails("1"), add("1"), twice}, 1},
		"all":             {fails("0"), []func(*db.Tx) error{fails("1"), fails("2")}, 0},
		"same key, again": {fails("0"), []func(*db.Tx) error{fails("0"), add("0")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := sqlite(t)
			h := hold(t, d, c.first)
			results := append(queue(t, d, c.rest...), h.ended)
			close(h.release)
			won := 0
			for _, r := range results {
				switch err := <-r; {
				case err == nil:
					won++
				case !errors.Is(err, reason) && !db.IsUnique(err):
					t.Error(err)
				}
			}
			if won != c.rows || count(t, d) != c.rows {
				t.Errorf("%d succeeded and %d rows, not %d", won, count(t, d), c.rows)
			}
			update(t, d, add("afterwards"))
		})
	}
}

// TestFailedCommitFailsEverybody breaks a promise that is only looked at when
// the group commits.
func TestFailedCommitFailsEverybody(t *testing.T) {
	orphan := func(tx *db.Tx) error {
		_, err := tx.Exec("insert into children (id, parent) values ('1', 'nobody')")
		return err
	}
	nobodySucceeds(t, orphan)
}

// TestLostTransactionFailsEverybody fills the disk, so to speak: that undoes
// more than the statement that it hits.
func TestLostTransactionFailsEverybody(t *testing.T) {
	nobodySucceeds(t, func(tx *db.Tx) error {
		if _, err := db.Collect(tx, text, "pragma max_page_count = 50"); err != nil {
			return err
		}
		_, err := tx.Exec("insert into things (id, bytes) values ('big', $1)", make([]byte, 1<<20))
		return err
	})
}

// nobodySucceeds puts one Update between two others in a group, and expects
// all to fail, and the next one not to.
func nobodySucceeds(t *testing.T, bad func(tx *db.Tx) error) {
	t.Helper()
	d := sqlite(t)
	db.SetGroupAge(d, time.Minute)
	hooks := atomic.Int32{}
	hooked := func(fn func(tx *db.Tx) error) func(tx *db.Tx) error {
		return func(tx *db.Tx) error { tx.AfterCommit(func() { hooks.Add(1) }); return fn(tx) }
	}
	h := hold(t, d, hooked(add("1")))
	results := append(queue(t, d, hooked(bad), hooked(bad)), h.ended)
	close(h.release)
	for _, r := range results {
		if err := <-r; err == nil {
			t.Error("a member of a group that was not committed succeeded")
		} else {
			t.Log(err)
		}
	}
	if n := count(t, d); n != 0 || hooks.Load() != 0 {
		t.Errorf("%d rows, %d hooks", n, hooks.Load())
	}
	update(t, d, add("2"))
	if n := count(t, d); n != 1 {
		t.Errorf("afterwards: %d rows", n)
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	d := sqlite(t)
	h := hold(t, d, add("first"))
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- d.Update(ctx, actor, add("cancelled")) }()
	for db.Waiting(d) == 0 {
		time.Sleep(time.Millisecond)
	}
	behind := queue(t, d, add("behind"))
	cancel()
	select {
	case err := <-gone:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it waits on")
	}
	close(h.release)
	if err := errors.Join(<-h.ended, <-behind[0]); err != nil {
		t.Error(err)
	}
	if n := count(t, d); n != 2 {
		t.Errorf("%d rows", n)
	}
}

// TestUpdateInsideUpdate with a foreign context waits for itself.
func TestUpdateInsideUpdate(t *testing.T) {
	d := sqlite(t)
	db.SetQueueLimit(d, 50*time.Millisecond)
	err := d.Update(t.Context(), actor, func(tx *db.Tx) error {
		return d.Update(t.Context(), actor, add("1"))
	})
	if !errors.Is(err, fault.Overloaded) {
		t.Error(err)
	}
	update(t, d, add("2"))
}

// TestQueueIsFair: Updates run in the order in which they came.
func TestQueueIsFair(t *testing.T) {
	d := sqlite(t)
	h := hold(t, d, add("first"))
	var order []int // only the holder of the baton touches it
	var fns []func(tx *db.Tx) error
	for i := range 100 { // more than one group
		fns = append(fns, func(tx *db.Tx) error { order = append(order, i); return nil })
	}
	results := queue(t, d, fns...)
	close(h.release)
	for _, r := range append(results, h.ended) {
		if err := <-r; err != nil {
			t.Error(err)
		}
	}
	for i, n := range order {
		if i != n {
			t.Fatalf("order %v", order)
		}
	}
}

// TestGroupsUnderStress has 64 goroutines do everything that can go wrong, and
// readers look on. At the end exactly the rows of those who succeeded are
// there.
func TestGroupsUnderStress(t *testing.T) {
	const workers, rounds = 64, 40
	d := sqlite(t)
	var committed, failed sync.Map
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					lookOn(t, d)
				}
			}
		})
	}
	for w := range workers {
		writers.Go(func() {
			for r := range rounds {
				id := fmt.Sprintf("%d.%d", w, r)
				if mishap(t, d, id) {
					committed.Store(id, true)
				} else {
					failed.Store(id, true)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	within(t, time.Minute, "stress", done)
	close(stop)
	readers.Wait()

	var rows []string
	view(t, d, func(tx *db.Tx) (err error) {
		rows, err = db.Collect(tx, text, "select id from things where id not like '%b'")
		return err
	})
	there := map[string]bool{}
	for _, id := range rows {
		there[id] = true
		if _, ok := failed.Load(id); ok {
			t.Errorf("%s failed, and its row is there", id)
		}
	}
	committed.Range(func(id, _ any) bool {
		if !there[id.(string)] {
			t.Errorf("%s succeeded, and its row is not there", id)
		}
		return true
	})
	s := d.Stats()
	t.Logf("%d updates in %d commits", s.Updates, s.Commits)
	if int(s.Updates) != len(rows) {
		t.Errorf("%d updates, %d rows", s.Updates, len(rows))
	}
}

// mishap runs an Update that inserts two rows, unless one of several things
// comes in between. It reports whether the Update succeeded.
func mishap(t *testing.T, d *db.DB, id string) (ok bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	what := rand.N(8)
	if what == 0 {
		go func() { time.Sleep(rand.N(3 * time.Millisecond)); cancel() }()
	}
	hook := false
	defer func() {
		if r := recover(); r != nil && r != "mishap" {
			t.Error(r)
		}
		if hook != ok {
			t.Errorf("%s: ended %v, its hook ran: %v", id, ok, hook)
		}
	}()
	err := d.Update(ctx, actor, func(tx *db.Tx) error {
		tx.AfterCommit(func() { hook = true })
		if err := insert(tx, id); err != nil {
			return err
		}
		switch what {
		case 1:
			return errors.New("mishap")
		case 2:
			panic("mishap")
		case 3:
			insert(tx, id) // the same key again; fn doesn't care
		}
		return insert(tx, id+"b")
	})
	expected := err == nil || what == 0 && errors.Is(err, context.Canceled) ||
		what == 1 && err.Error() == "mishap" || what == 3 && db.IsUnique(err)
	if !expected {
		t.Errorf("%s: %v", id, err)
	}
	return err == nil
}

// lookOn reads what has been committed: always both rows of an Update.
func lookOn(t *testing.T, d *db.DB) {
	view(t, d, func(tx *db.Tx) error {
		halves, err := db.Collect(tx, text, `select a.id from things a
			where not exists (select 1 from things b where b.id = a.id || 'b') and a.id not like '%b'`)
		if len(halves) > 0 {
			t.Errorf("half of an update can be seen: %v", halves)
		}
		return err
	})
}
