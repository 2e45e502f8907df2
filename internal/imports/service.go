package imports

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/job"
)

// The kinds of jobs.
const (
	jobImport = "import"
	jobMails  = "import_mails"
	jobUndo   = "import_undo"
)

// A Service holds the use cases of imports.
type Service struct {
	db        *db.DB
	ids       *id.Source
	audit     *audit.Log
	directory *directory.Service
	jobs      *job.Runner
	logger    *slog.Logger
}

// New makes a Service, and has the runner do its jobs.
func New(d *db.DB, ids *id.Source, log *audit.Log, dir *directory.Service, jobs *job.Runner, logger *slog.Logger) *Service {
	s := &Service{db: d, ids: ids, audit: log, directory: dir, jobs: jobs, logger: logger}
	jobs.Handle(jobImport, s.run)
	jobs.Handle(jobMails, s.runMails)
	jobs.Handle(jobUndo, s.runUndo)
	return s
}

func authorize(actor access.Actor, action access.Action, organizationID string) error {
	return directory.Refusal(access.May(actor, action, organizationID))
}

// find returns an import for an actor who may take an action on it.
func (s *Service) find(tx *db.Tx, actor access.Actor, action access.Action, importID string) (Import, error) {
	i, err := importByID(tx, importID)
	if errors.Is(err, db.ErrNoRows) {
		return i, fault.New(fault.NotFound, "")
	}
	if err != nil {
		return i, err
	}
	if err := authorize(actor, action, i.OrganizationID); err != nil {
		return i, err
	}
	return i, s.overtake(tx, &i)
}

// overtake takes over what became of a job that ended without having said so
// here: it failed.
func (s *Service) overtake(tx *db.Tx, i *Import) error {
	if i.Status != job.Done && i.Status != job.Failed {
		j, err := s.jobs.Job(tx, i.ID)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		if err != nil || j.Status == job.Failed { // jobs are forgotten in the end
			i.Status, i.Code, i.FinishedAt = job.Failed, cmp.Or(j.Code, fault.Internal), j.FinishedAt
		}
	}
	if i.Undo.Status == job.Queued || i.Undo.Status == job.Running {
		j, err := s.jobs.Job(tx, i.Undo.JobID)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		if err != nil || j.Status == job.Failed {
			i.Undo.Status = job.Failed
		}
	}
	return nil
}

// OrganizationOf answers to whom an import belongs.
func (s *Service) OrganizationOf(ctx context.Context, importID string) (organizationID string, known bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		i, err := importByID(tx, importID)
		organizationID = i.OrganizationID
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return organizationID, err == nil, err
}

// Import returns one import.
func (s *Service) Import(ctx context.Context, actor access.Actor, importID string) (i Import, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		i, err = s.find(tx, actor, access.ActUserRead, importID)
		return err
	})
	return i, err
}

// Imports lists the imports of an organization, newest first.
func (s *Service) Imports(ctx context.Context, actor access.Actor, organizationID string, p directory.Page) (list []Import, err error) {
	if err := authorize(actor, access.ActUserRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if list, err = importsOf(tx, organizationID, p); err != nil {
			return err
		}
		for n := range list {
			if err := s.overtake(tx, &list[n]); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// A pace finds how many rows a step may do, so that those who sign in meanwhile
// get their turn soon.
type pace struct {
	rows  int
	tries int // of this step
}

// turn is how long a step may keep others from writing.
const turn = 15 * time.Millisecond

// begin starts a step.
func (p *pace) begin() { p.tries = 0 }

// next is how many rows to do in a try of a step. Where conflicts have undone the
// tries before, it is fewer and fewer: a short step meets few others.
func (p *pace) next() int {
	if p.rows == 0 {
		p.rows = 10
	}
	if p.tries++; p.tries > 2 {
		p.rows = max(1, p.rows/2)
	}
	return p.rows
}

// took adapts to what the last step took.
func (p *pace) took(d time.Duration) {
	switch {
	case d > turn:
		p.rows = max(1, p.rows*2/3)
	case d < turn*2/3:
		p.rows = min(200, p.rows+max(1, p.rows/4))
	}
}
