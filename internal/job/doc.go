// Package job has one node do each background task, and another one take it
// over when that node dies.
//
// There are two kinds of work. A task comes again and again, such as a purge:
//
//	runner.Register("purge_sessions", time.Minute, sessions.Purge)
//
// A job is done once and may take long, such as an import. It is written in the
// transaction of the use case that asks for it, and done in steps:
//
//	runner.Handle("import", func(ctx context.Context, run *job.Run) error {
//		var at position
//		if err := run.Checkpoint(&at); err != nil { … } // where the last step ended
//		for !at.end() {
//			err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
//				… // what belongs to this step
//				return job.Progress{Checkpoint: at, Done: at.Row, Total: at.Rows}, nil
//			})
//			…
//		}
//		return nil
//	})
//	jobID, err := runner.Enqueue(tx, "import", input)
//
// What a step changes, and how far the job is, are committed together: whoever
// goes on after a kill -9 does nothing twice and leaves nothing out.
//
//	queued ──> running ──> done
//	   ^          │  └───> failed: for a reason, or after some attempts
//	   └──────────┘ the node has ended, or the attempt failed
//
// Whoever works holds a lease and renews it. A node that can't renew it stops
// working before the lease ends; a dead one's work is taken over within
// lease + pollEvery, which is less than half a minute.
//
// The tables job_tasks and jobs belong to this package. app runs the [Runner],
// capability packages register and enqueue.
package job
