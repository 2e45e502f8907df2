package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// A Status is where a job stands.
type Status string

const (
	Queued  Status = "queued"
	Running Status = "running"
	Done    Status = "done"
	Failed  Status = "failed"
)

// A Job is work that is done once.
type Job struct {
	ID          string
	Kind        string
	Status      Status
	Done, Total int64 // as of the last step; Total is zero while it is unknown
	Code        fault.Code
	CreatedAt   time.Time
	FinishedAt  time.Time // zero: not yet

	actor, input, checkpoint string
	attempts                 int
}

// A Handler does a job, from where the last step left it. An error makes
// another attempt, some time later; a fault other than internal or overloaded
// ends the job as failed with its code. It returns soon after ctx ends.
type Handler func(ctx context.Context, run *Run) error

// Handle says how jobs of a kind are done. A node leaves kinds that it does not
// know to others.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Enqueue writes a job in the transaction of the use case that asks for it, and
// returns its id. Input is kept as JSON, readable by whoever reads the database.
// The job's steps act as the one who asks.
func (r *Runner) Enqueue(tx *db.Tx, kind string, input any) (string, error) {
	if r.handlers[kind] == nil {
		return "", fmt.Errorf("job: nobody handles %q", kind)
	}
	text, err := json.Marshal(input)
	if err != nil {
		return "", err
	}
	actor, err := json.Marshal(tx.Actor())
	if err != nil {
		return "", err
	}
	jobID := r.ids.New(id.Job)
	tx.AfterCommit(r.notify)
	return jobID, insertJob(tx, &Job{ID: jobID, Kind: kind, actor: string(actor), input: string(text), CreatedAt: tx.Now()})
}

// Job returns a job; the error is [db.ErrNoRows] if there is none. Jobs are
// forgotten [keep] after their end.
func (r *Runner) Job(tx *db.Tx, jobID string) (Job, error) { return jobByID(tx, jobID) }

// keep is how long a job that has ended can be asked for.
const keep = 30 * 24 * time.Hour

// Purge deletes jobs that ended long ago.
func (r *Runner) Purge(ctx context.Context) error {
	return r.db.Update(ctx, access.System("purge"), func(tx *db.Tx) error { return purge(tx, tx.Now().Add(-keep)) })
}

// Count returns the jobs that have not ended, by status; for metrics.
func (r *Runner) Count(ctx context.Context) (queued, running int64, err error) {
	err = r.db.View(ctx, func(tx *db.Tx) error {
		queued, running, err = count(tx)
		return err
	})
	return queued, running, err
}

// Ages returns how long ago each of the registered tasks has last succeeded, on
// any node; for metrics. A task that never did is left out.
func (r *Runner) Ages(ctx context.Context) (map[string]time.Duration, error) {
	ages := make(map[string]time.Duration)
	err := r.db.View(ctx, func(tx *db.Tx) error {
		at, err := successes(tx)
		for _, t := range r.tasks { // one that an earlier release did is over
			if last, ok := at[t.name]; ok {
				ages[t.name] = max(0, tx.Now().Sub(last))
			}
		}
		return err
	})
	return ages, err
}

// startJobs takes jobs that are due, as far as there are workers.
func (r *Runner) startJobs(ctx context.Context, all *sync.WaitGroup, slots chan struct{}) {
	for ctx.Err() == nil {
		select {
		case slots <- struct{}{}:
		default:
			return
		}
		j, ok := r.takeJob(ctx)
		if !ok {
			<-slots
			return
		}
		all.Go(func() {
			defer func() {
				<-slots
				r.notify() // there may be another one
			}()
			r.runJob(ctx, j)
		})
	}
}

// takeJob takes the next job that this node knows how to do.
func (r *Runner) takeJob(ctx context.Context) (taken Job, ok bool) {
	var due []Job
	err := r.db.View(ctx, func(tx *db.Tx) (err error) {
		due, err = dueJobs(tx)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			r.logger.Warn("jobs not read", "cause", err)
		}
		return taken, false
	}
	for _, j := range due {
		if r.handlers[j.Kind] == nil {
			continue
		}
		r.try(ctx, "job not taken", func(tx *db.Tx) error {
			taken, err = takeJob(tx, j.ID, r.node)
			ok = err == nil
			if errors.Is(err, db.ErrNoRows) { // somebody was faster
				return nil
			}
			return err
		})
		if ok {
			return taken, true
		}
	}
	return taken, false
}

// retries are the pauses between the attempts at a job, counted from its last
// step: when they are used up it has failed.
var retries = [...]time.Duration{2 * time.Second, 10 * time.Second, time.Minute, 5 * time.Minute}

func (r *Runner) runJob(ctx context.Context, j Job) {
	start := time.Now()
	run := &Run{runner: r, job: j}
	held, lost := r.hold(ctx, func(tx *db.Tx) (bool, error) {
		if !run.stepping.TryLock() {
			return true, nil // the step renews it
		}
		defer run.stepping.Unlock()
		return renewJob(tx, j.ID, r.node)
	})
	err := json.Unmarshal([]byte(j.actor), &run.actor)
	if err == nil {
		err = guarded(func() error { return r.handlers[j.Kind](held, run) })
	}
	if lost() {
		err = ErrLost
	}
	if err != nil && ctx.Err() != nil && !errors.Is(err, ErrLost) {
		r.settle(func(tx *db.Tx) error { return releaseJob(tx, j.ID, r.node, tx.Now(), 0) })
		return
	}
	r.observe(j.Kind, outcome(err), time.Since(start))
	switch code := fault.From(err); {
	case err == nil:
		r.settle(func(tx *db.Tx) error { return endJob(tx, j.ID, r.node, Done, "") })
	case errors.Is(err, ErrLost):
		r.logger.Warn("job lost to another node", "job", j.ID, "kind", j.Kind)
	case code.Code != fault.Internal && code.Code != fault.Overloaded, run.attempts() >= len(retries):
		r.logger.Warn("job failed", "job", j.ID, "kind", j.Kind, "code", code.Code, "cause", err)
		r.settle(func(tx *db.Tx) error { return endJob(tx, j.ID, r.node, Failed, code.Code) })
	default:
		pause := retries[run.attempts()]
		r.logger.Warn("job tried again", "job", j.ID, "kind", j.Kind, "pause", pause, "cause", err)
		r.settle(func(tx *db.Tx) error { return releaseJob(tx, j.ID, r.node, tx.Now().Add(pause), 1) })
	}
}

// A Run is one node's work on a job.
type Run struct {
	runner   *Runner
	job      Job
	actor    access.Actor
	stepped  bool
	stepping sync.Mutex // one change of the job's row at a time
}

// ID is that of the job.
func (r *Run) ID() string { return r.job.ID }

// Actor is who asked for the job.
func (r *Run) Actor() access.Actor { return r.actor }

// Input reads what the job was enqueued with.
func (r *Run) Input(into any) error { return json.Unmarshal([]byte(r.job.input), into) }

// Checkpoint reads the one of the last step; into stays as it is before the
// first.
func (r *Run) Checkpoint(into any) error {
	if r.job.checkpoint == "" {
		return nil
	}
	return json.Unmarshal([]byte(r.job.checkpoint), into)
}

// Progress is how far a job is after a step.
type Progress struct {
	Checkpoint  any // kept as JSON: where the next step goes on
	Done, Total int64
}

// Step does a part of the job, as the one who asked for it. Everything that fn
// changes is committed together with the progress that it returns, or not at
// all. It takes well less time than a lease. [ErrLost] means that another node
// does the job now, and this one has to stop; nothing of this step remains.
func (r *Run) Step(ctx context.Context, fn func(tx *db.Tx) (Progress, error)) error {
	r.stepping.Lock()
	defer r.stepping.Unlock()
	var checkpoint string
	err := r.runner.db.Update(ctx, r.actor, func(tx *db.Tx) error {
		p, err := fn(tx)
		if err != nil {
			return err
		}
		text, err := json.Marshal(p.Checkpoint)
		if err != nil {
			return err
		}
		checkpoint = string(text)
		ours, err := stepJob(tx, r.job.ID, r.runner.node, checkpoint, p.Done, p.Total)
		if err == nil && !ours {
			err = ErrLost
		}
		return err
	})
	if err == nil {
		r.stepped, r.job.checkpoint = true, checkpoint
	}
	return err
}

// attempts are those that failed since the last step.
func (r *Run) attempts() int {
	if r.stepped {
		return 0
	}
	return r.job.attempts
}
