package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// Leases. Clocks of nodes may differ by what is left of the lease when it is
// renewed.
const (
	lease      = 16 * time.Second
	renewEvery = 4 * time.Second
	pollEvery  = 2 * time.Second
	workers    = 2 // jobs of one node at once
)

// An Observer is told of each run of a task or job; for metrics. The outcome is
// done, failed, or lost to another node.
type Observer func(name, outcome string, took time.Duration)

// A Runner does this node's share of the work.
type Runner struct {
	db      *db.DB
	ids     *id.Source
	logger  *slog.Logger
	observe Observer
	node    string // the holder of leases

	tasks    []*task
	handlers map[string]Handler
	wake     chan struct{}
}

// New makes a Runner. Register and Handle come before Run.
func New(d *db.DB, ids *id.Source, logger *slog.Logger, observe Observer) *Runner {
	return &Runner{db: d, ids: ids, logger: logger, observe: observe, node: ids.Token()[:22],
		handlers: make(map[string]Handler), wake: make(chan struct{}, 1)}
}

// A task comes again and again.
type task struct {
	name  string
	every time.Duration
	do    func(context.Context) error

	mu      sync.Mutex
	running bool // here
}

// Register adds a task that one node does, and again so long after it has
// succeeded; after a failure a minute later or sooner. What it does has to be
// safe to do twice: a node may die in its middle. The name is for good: it
// stands in the database and in metrics.
func (r *Runner) Register(name string, every time.Duration, do func(context.Context) error) {
	for _, t := range r.tasks {
		if t.name == name {
			panic("job: a task is registered twice: " + name)
		}
	}
	r.tasks = append(r.tasks, &task{name: name, every: every, do: do})
}

// Run works until ctx ends, and gives back what it holds.
func (r *Runner) Run(ctx context.Context) {
	var all sync.WaitGroup
	slots := make(chan struct{}, workers)
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	written := false
	for ctx.Err() == nil {
		if !written {
			written = r.try(ctx, "tasks not written", func(tx *db.Tx) error { return insertTasks(tx, r.tasks) })
		}
		r.startTasks(ctx, &all)
		r.startJobs(ctx, &all, slots)
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-r.wake:
		}
	}
	all.Wait()
}

// notify has this process look for jobs.
func (r *Runner) notify() {
	select {
	case r.wake <- struct{}{}:
	default: // it is about to look
	}
}

// try runs an Update whose failure only delays things.
func (r *Runner) try(ctx context.Context, failure string, fn func(tx *db.Tx) error) bool {
	err := r.db.Update(ctx, access.System("job"), fn)
	if err != nil && ctx.Err() == nil {
		r.logger.Warn(failure, "cause", err)
	}
	return err == nil
}

// settle writes how work has ended, also when the node is about to.
func (r *Runner) settle(fn func(tx *db.Tx) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r.try(ctx, "end of a job not written", fn)
}

// startTasks takes the tasks that are due and nobody's.
func (r *Runner) startTasks(ctx context.Context, all *sync.WaitGroup) {
	var due map[string]bool
	err := r.db.View(ctx, func(tx *db.Tx) (err error) {
		due, err = dueTasks(tx)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			r.logger.Warn("tasks not read", "cause", err)
		}
		return
	}
	for _, t := range r.tasks {
		if !due[t.name] || !t.begin() {
			continue
		}
		all.Go(func() {
			defer t.end()
			r.runTask(ctx, t)
		})
	}
}

func (t *task) begin() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running {
		return false
	}
	t.running = true
	return true
}

func (t *task) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running = false
}

func (r *Runner) runTask(ctx context.Context, t *task) {
	ours := false
	r.try(ctx, "task not taken", func(tx *db.Tx) (err error) {
		ours, err = takeTask(tx, t.name, r.node)
		return err
	})
	if !ours {
		return
	}
	start := time.Now()
	held, lost := r.hold(ctx, func(tx *db.Tx) (bool, error) { return renewTask(tx, t.name, r.node) })
	err := guarded(func() error { return t.do(held) })
	stolen := lost()
	next := t.every
	switch {
	case stolen:
		err = ErrLost
	case err != nil && ctx.Err() != nil:
		next, err = 0, nil // another node goes on at once
	case err != nil:
		next = min(t.every, time.Minute)
		r.logger.Warn("task failed", "task", t.name, "cause", err)
	}
	r.observe(t.name, outcome(err), time.Since(start))
	if !stolen {
		r.settle(func(tx *db.Tx) error { return endTask(tx, t.name, r.node, tx.Now().Add(next), err == nil && next > 0) })
	}
}

// ErrLost means that another node has taken the work over.
var ErrLost = errors.New("job: another node has taken this over")

func outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, ErrLost):
		return "lost"
	}
	return "failed"
}

// hold renews a lease until the returned function is called, which reports
// whether it was lost. The context ends when the lease is lost, or could not be
// renewed before its end.
func (r *Runner) hold(ctx context.Context, renew func(tx *db.Tx) (bool, error)) (held context.Context, release func() (lost bool)) {
	held, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	lost := false
	go func() {
		defer close(done)
		ticker := time.NewTicker(renewEvery)
		defer ticker.Stop()
		for until := time.Now().Add(lease); ; {
			select {
			case <-held.Done():
				return
			case <-ticker.C:
			}
			ours := true
			err := r.db.Update(held, access.System("job"), func(tx *db.Tx) (err error) {
				ours, err = renew(tx)
				return err
			})
			switch {
			case held.Err() != nil:
				return
			case err == nil && ours:
				until = time.Now().Add(lease)
			case err == nil, time.Until(until) < renewEvery:
				lost = true
				cancel()
				return
			}
		}
	}()
	return held, func() bool {
		cancel()
		<-done
		return lost
	}
}

// guarded turns a panic into an error: one task's must not end the others.
func guarded(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return do()
}
