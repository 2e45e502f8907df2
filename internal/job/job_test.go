package job_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/job"
)

// TestMain is a node of its own where a test has started it as one.
func TestMain(m *testing.M) {
	if url := os.Getenv("JOB_TEST_NODE"); url != "" {
		serve(url)
		return
	}
	os.Exit(m.Run())
}

// steps is how many steps the counting job has.
const steps = 60

// register has a node count: each number of the job once, and by the task how
// often that began.
func register(r *job.Runner, d *db.DB, node string, pause time.Duration) {
	r.Handle("count", func(ctx context.Context, run *job.Run) error {
		at := 0
		if err := run.Checkpoint(&at); err != nil {
			return err
		}
		for at < steps {
			err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
				_, err := tx.Exec("insert into counted (number, node) values ($1, $2)", at, node)
				return job.Progress{Checkpoint: at + 1, Done: int64(at + 1), Total: steps}, err
			})
			if err != nil {
				return err
			}
			at++
			time.Sleep(pause)
		}
		return nil
	})
	r.Register("watch", time.Second, func(ctx context.Context) error {
		return d.Update(ctx, access.System("test"), func(tx *db.Tx) error {
			_, err := tx.Exec("insert into watched (node, at) values ($1, $2)", node, tx.Now())
			return err
		})
	})
}

// serve is the other process: it ends only by being killed.
func serve(url string) {
	d, err := db.Open(context.Background(), url, db.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := job.New(d, id.Default(), slog.Default(), func(string, string, time.Duration) {})
	register(r, d, "other", 50*time.Millisecond)
	r.Run(context.Background())
}

// make makes the tables in which nodes leave their marks.
func prepare(t *testing.T, d *db.DB) {
	t.Helper()
	update(t, d, func(tx *db.Tx) error {
		_, err := tx.Exec("create table counted (number bigint primary key, node text not null)")
		if err == nil {
			_, err = tx.Exec("create table watched (node text not null, at bigint not null)")
		}
		return err
	})
}

func update(t *testing.T, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), access.Operator("test"), fn); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, d *db.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := d.View(t.Context(), func(tx *db.Tx) error { return tx.QueryRow(query, args...).Scan(&n) }); err != nil {
		t.Fatal(err)
	}
	return n
}

// a notebook remembers what an observer was told.
type notebook struct {
	mu    sync.Mutex
	notes []string
}

func (n *notebook) observe(name, outcome string, _ time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes = append(n.notes, name+" "+outcome)
}

func (n *notebook) has(note string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.notes, note)
}

func (n *notebook) count(note string) (times int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, one := range n.notes {
		if one == note {
			times++
		}
	}
	return times
}

func newRunner(d *db.DB, n *notebook) *job.Runner {
	return job.New(d, id.NewSource(time.Now, rand.Reader), slog.New(slog.DiscardHandler), n.observe)
}

// run runs a node until the returned function is called, or the test ends.
func run(t *testing.T, r *job.Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		r.Run(ctx)
		close(done)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

func enqueue(t *testing.T, d *db.DB, r *job.Runner, kind string, input any) (jobID string) {
	t.Helper()
	update(t, d, func(tx *db.Tx) (err error) {
		jobID, err = r.Enqueue(tx, kind, input)
		return err
	})
	return jobID
}

func read(t *testing.T, d *db.DB, r *job.Runner, jobID string) (j job.Job) {
	t.Helper()
	err := d.View(t.Context(), func(tx *db.Tx) (err error) {
		j, err = r.Job(tx, jobID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func each(t *testing.T, test func(t *testing.T, d *db.DB)) {
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, dbtest.Open(t, engine, db.Options{}))
		})
	}
}

// TestANodeThatIsKilled in the middle of a job: the other one goes on where the
// last step ended, within half a minute, and nothing is done twice.
func TestANodeThatIsKilled(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t, dbtest.PostgresEngine, nil)
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	prepare(t, d)
	notes := &notebook{}
	r := newRunner(d, notes)
	register(r, d, "ours", 0)
	jobID := enqueue(t, d, r, "count", nil)

	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "JOB_TEST_NODE="+url)
	var out bytes.Buffer
	other.Stdout, other.Stderr = &out, &out
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	killed := sync.OnceFunc(func() {
		other.Process.Kill()
		other.Wait()
	})
	t.Cleanup(killed)
	eventually(t, 20*time.Second, "ten steps of the other node", func() bool { return number(t, d, "select count(*) from counted") >= 10 })

	run(t, r) // beside it: nothing is taken from a living node
	time.Sleep(500 * time.Millisecond)
	if n := number(t, d, "select count(*) from counted where node = 'ours'"); n != 0 {
		t.Fatalf("%d steps were taken from a living node", n)
	}
	killed()
	at := time.Now()
	eventually(t, 30*time.Second, "the job is taken over: "+out.String(), func() bool {
		return number(t, d, "select count(*) from counted where node = 'ours'") > 0
	})
	t.Logf("taken over after %v", time.Since(at).Round(100*time.Millisecond))
	eventually(t, 10*time.Second, "the job is done", func() bool { return read(t, d, r, jobID).Status == job.Done })
	j := read(t, d, r, jobID)
	if j.Done != steps || j.Total != steps || j.FinishedAt.IsZero() || j.Code != "" {
		t.Errorf("%+v", j)
	}
	if n := number(t, d, "select count(*) from counted"); n != steps {
		t.Errorf("%d of %d steps", n, steps)
	}
	if number(t, d, "select count(*) from counted where node = 'other'") < 10 {
		t.Error("the other node's steps are gone")
	}
	// The task that comes again and again goes on as well.
	last := func() int {
		return number(t, d, "select count(*) from watched where node = 'ours' and at > $1", at)
	}
	eventually(t, 30*time.Second, "the task is taken over", func() bool { return last() > 1 })
}

// TestATaskIsOneNodesAtATime: three nodes, and no run overlaps another.
func TestATaskIsOneNodesAtATime(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var now, most, runs atomic.Int64
		for range 3 {
			r := newRunner(d, &notebook{})
			r.Register("alone", 10*time.Millisecond, func(ctx context.Context) error {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(30 * time.Millisecond)
				now.Add(-1)
				runs.Add(1)
				return nil
			})
			run(t, r)
		}
		eventually(t, 20*time.Second, "five runs", func() bool { return runs.Load() >= 5 })
		if most.Load() != 1 {
			t.Errorf("%d nodes did it at once", most.Load())
		}
	})
}

func TestATaskThatFailsOrPanicsComesAgain(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		notes := &notebook{}
		r := newRunner(d, notes)
		var runs atomic.Int64
		r.Register("unlucky", 10*time.Millisecond, func(context.Context) error {
			switch runs.Add(1) {
			case 1:
				return errors.New("no")
			case 2:
				panic("no")
			}
			return nil
		})
		run(t, r)
		eventually(t, 20*time.Second, "it succeeds", func() bool { return notes.has("unlucky done") })
		if notes.count("unlucky failed") != 2 {
			t.Errorf("%v", notes.notes)
		}
	})
}

// TestEndOfANode gives back what it holds: the next one need not wait.
func TestEndOfANode(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		prepare(t, d)
		a, b := newRunner(d, &notebook{}), newRunner(d, &notebook{})
		slow := func(ctx context.Context, run *job.Run) error {
			<-ctx.Done()
			return ctx.Err()
		}
		a.Handle("count", slow)
		register(b, d, "b", 0)
		jobID := enqueue(t, d, a, "count", nil)
		stop := run(t, a)
		eventually(t, 10*time.Second, "it runs", func() bool { return read(t, d, a, jobID).Status == job.Running })
		stop()
		if j := read(t, d, a, jobID); j.Status != job.Queued {
			t.Errorf("%+v", j)
		}
		start := time.Now()
		run(t, b)
		eventually(t, 5*time.Second, "the next one does it", func() bool { return read(t, d, a, jobID).Status == job.Done })
		t.Logf("after %v", time.Since(start))
	})
}

func TestWhatBecomesOfAJob(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := newRunner(d, &notebook{})
		var attempts atomic.Int64
		r.Handle("refused", func(context.Context, *job.Run) error { return fault.New(fault.Forbidden, "no") })
		r.Handle("second", func(context.Context, *job.Run) error {
			if attempts.Add(1) == 1 {
				panic("at first")
			}
			return nil
		})
		type input struct{ Name string }
		var actor access.Actor
		var got input
		r.Handle("reads", func(_ context.Context, run *job.Run) error {
			actor = run.Actor()
			return run.Input(&got)
		})
		run(t, r)
		refused, second, reads := enqueue(t, d, r, "refused", nil), enqueue(t, d, r, "second", nil), enqueue(t, d, r, "reads", input{"x"})
		for jobID, want := range map[string]job.Status{refused: job.Failed, second: job.Done, reads: job.Done} {
			eventually(t, 10*time.Second, string(want), func() bool { return read(t, d, r, jobID).Status == want })
		}
		if j := read(t, d, r, refused); j.Code != fault.Forbidden {
			t.Errorf("%+v", j)
		}
		if got.Name != "x" || !actor.Operator || actor.Name != "test" {
			t.Errorf("%+v %+v", got, actor)
		}
		if err := r.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := number(t, d, "select count(*) from jobs"); n != 3 {
			t.Errorf("%d jobs are left", n)
		}
		update(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec("update jobs set finished_at = $1", tx.Now().Add(-31*24*time.Hour))
			return err
		})
		if err := r.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := number(t, d, "select count(*) from jobs"); n != 0 {
			t.Errorf("%d jobs are left", n)
		}
	})
}

// TestAStepOfANodeThatLostTheJob changes nothing.
func TestAStepOfANodeThatLostTheJob(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		prepare(t, d)
		r := newRunner(d, &notebook{})
		result := make(chan error, 1)
		r.Handle("robbed", func(ctx context.Context, run *job.Run) error {
			update(t, d, func(tx *db.Tx) error {
				_, err := tx.Exec("update jobs set holder = 'another', held_until = $1", tx.Now().Add(time.Hour))
				return err
			})
			err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
				_, err := tx.Exec("insert into counted (number, node) values (1, 'x')")
				return job.Progress{}, err
			})
			result <- err
			return err
		})
		run(t, r)
		jobID := enqueue(t, d, r, "robbed", nil)
		if err := <-result; !errors.Is(err, job.ErrLost) {
			t.Errorf("%v", err)
		}
		if n := number(t, d, "select count(*) from counted"); n != 0 {
			t.Error("the step was committed")
		}
		time.Sleep(100 * time.Millisecond)
		if j := read(t, d, r, jobID); j.Status != job.Running {
			t.Errorf("the job of another node is %s", j.Status)
		}
	})
}

// TestNothingIsEnqueuedThatIsRolledBack, and nothing that nobody can do.
func TestNothingIsEnqueuedThatIsRolledBack(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r := newRunner(d, &notebook{})
		r.Handle("known", func(context.Context, *job.Run) error { return nil })
		failed := errors.New("no")
		err := d.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
			_, err := r.Enqueue(tx, "known", nil)
			return errors.Join(err, failed)
		})
		if !errors.Is(err, failed) || number(t, d, "select count(*) from jobs") != 0 {
			t.Errorf("%v", err)
		}
		err = d.Update(t.Context(), access.System("test"), func(tx *db.Tx) error {
			_, err := r.Enqueue(tx, "unknown", nil)
			return err
		})
		if err == nil {
			t.Error("an unknown job was taken")
		}
	})
}
