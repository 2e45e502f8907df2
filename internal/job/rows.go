package job

import (
	"time"

	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// insertTasks enters tasks that were not there, due at once.
func insertTasks(tx *db.Tx, tasks []*task) error {
	for _, t := range tasks {
		_, err := tx.Exec(`insert into job_tasks (name, due_at, holder, held_until) values ($1, $2, '', 0)
			on conflict do nothing`, t.name, tx.Now())
		if err != nil {
			return err
		}
	}
	return nil
}

// dueTasks names those that are due and that nobody holds.
func dueTasks(tx *db.Tx) (map[string]bool, error) {
	names, err := db.Collect(tx, func(row db.Scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, `select name from job_tasks where due_at <= $1 and held_until <= $1`, tx.Now())
	due := make(map[string]bool)
	for _, name := range names {
		due[name] = true
	}
	return due, err
}

func takeTask(tx *db.Tx, name, node string) (bool, error) {
	n, err := tx.Exec(`update job_tasks set holder = $2, held_until = $3 where name = $1 and due_at <= $4 and held_until <= $4`,
		name, node, tx.Now().Add(lease), tx.Now())
	return n > 0, err
}

func renewTask(tx *db.Tx, name, node string) (bool, error) {
	n, err := tx.Exec(`update job_tasks set held_until = $3 where name = $1 and holder = $2`, name, node, tx.Now().Add(lease))
	return n > 0, err
}

func endTask(tx *db.Tx, name, node string, next time.Time, succeeded bool) error {
	_, err := tx.Exec(`update job_tasks set holder = '', held_until = 0, due_at = $3,
			succeeded_at = case when $4 then $5 else succeeded_at end
		where name = $1 and holder = $2`, name, node, next, succeeded, tx.Now())
	return err
}

// successes tells when each task has last succeeded, those left out that never
// did.
func successes(tx *db.Tx) (map[string]time.Time, error) {
	type success struct {
		name string
		at   time.Time
	}
	list, err := db.Collect(tx, func(row db.Scanner) (s success, err error) {
		err = row.Scan(&s.name, &s.at)
		return s, err
	}, `select name, succeeded_at from job_tasks where succeeded_at is not null`)
	at := make(map[string]time.Time)
	for _, s := range list {
		at[s.name] = s.at
	}
	return at, err
}

// jobs

const jobColumns = `id, kind, status, actor, input, checkpoint, done, total, attempts, code, created_at, finished_at`

func scanJob(row db.Scanner) (j Job, err error) {
	err = row.Scan(&j.ID, &j.Kind, &j.Status, &j.actor, &j.input, &j.checkpoint, &j.Done, &j.Total, &j.attempts, &j.Code,
		&j.CreatedAt, &j.FinishedAt)
	return j, err
}

func insertJob(tx *db.Tx, j *Job) error {
	_, err := tx.Exec(`insert into jobs (id, kind, status, actor, input, checkpoint, done, total, attempts, code, due_at, holder,
			held_until, created_at)
		values ($1, $2, 'queued', $3, $4, '', 0, 0, 0, '', $5, '', 0, $5)`, j.ID, j.Kind, j.actor, j.input, j.CreatedAt)
	return err
}

func jobByID(tx *db.Tx, jobID string) (Job, error) {
	return db.One(tx, scanJob, `select `+jobColumns+` from jobs where id = $1`, jobID)
}

// dueJobs returns some that nobody holds, the longest due first.
func dueJobs(tx *db.Tx) ([]Job, error) {
	return db.Collect(tx, scanJob, `select `+jobColumns+` from jobs
		where finished_at is null and due_at <= $1 and held_until <= $1 order by due_at, id limit 20`, tx.Now())
}

func takeJob(tx *db.Tx, jobID, node string) (Job, error) {
	return db.One(tx, scanJob, `update jobs set status = 'running', holder = $2, held_until = $3
		where id = $1 and finished_at is null and due_at <= $4 and held_until <= $4
		returning `+jobColumns, jobID, node, tx.Now().Add(lease), tx.Now())
}

func renewJob(tx *db.Tx, jobID, node string) (bool, error) {
	n, err := tx.Exec(`update jobs set held_until = $3 where id = $1 and holder = $2`, jobID, node, tx.Now().Add(lease))
	return n > 0, err
}

func stepJob(tx *db.Tx, jobID, node, checkpoint string, done, total int64) (bool, error) {
	n, err := tx.Exec(`update jobs set checkpoint = $3, done = $4, total = $5, attempts = 0, held_until = $6
		where id = $1 and holder = $2`, jobID, node, checkpoint, done, total, tx.Now().Add(lease))
	return n > 0, err
}

func releaseJob(tx *db.Tx, jobID, node string, due time.Time, attempts int) error {
	_, err := tx.Exec(`update jobs set status = 'queued', holder = '', held_until = 0, due_at = $3, attempts = attempts + $4
		where id = $1 and holder = $2`, jobID, node, due, attempts)
	return err
}

func endJob(tx *db.Tx, jobID, node string, status Status, code fault.Code) error {
	_, err := tx.Exec(`update jobs set status = $3, code = $4, holder = '', held_until = 0, finished_at = $5
		where id = $1 and holder = $2`, jobID, node, string(status), string(code), tx.Now())
	return err
}

func count(tx *db.Tx) (queued, running int64, err error) {
	err = tx.QueryRow(`select coalesce(sum(case when status = 'queued' then 1 else 0 end), 0),
			coalesce(sum(case when status = 'running' then 1 else 0 end), 0)
		from jobs where finished_at is null`).Scan(&queued, &running)
	return queued, running, err
}

func purge(tx *db.Tx, before time.Time) error {
	_, err := tx.Exec(`delete from jobs where finished_at < $1`, before)
	return err
}
