package imports

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/job"
)

// UndoImport takes an import back, in the background: whom it made managed
// becomes independent again, whom it created is removed, and what it changed is
// as before. What somebody has changed since stays. Asking again changes nothing.
func (s *Service) UndoImport(ctx context.Context, actor access.Actor, importID string) (i Import, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if i, err = s.find(tx, actor, access.ActUserDelete, importID); err != nil {
			return err
		}
		switch {
		case i.DryRun:
			return fault.New(fault.Conflict, "A dry run has changed nothing.")
		case i.Status != job.Done && i.Status != job.Failed:
			return fault.New(fault.Conflict, "The import has not ended yet.")
		case i.Undo.Status != "" && i.Undo.Status != job.Failed:
			return nil
		}
		if kept, err := uploadKept(tx, i.uploadID); err != nil {
			return err
		} else if !kept {
			return fault.New(fault.Conflict, "The rows of the import were deleted, so that nobody knows what to take back.")
		}
		i.Undo.Status = job.Queued
		if i.Undo.JobID, err = s.jobs.Enqueue(tx, jobUndo, i.ID); err != nil {
			return err
		}
		if err := updateImport(tx, &i); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: i.OrganizationID, Action: audit.ImportUndone, Target: i.target()})
	})
	return i, err
}

// runUndo is the job that takes an import back, from its last row to its first.
func (s *Service) runUndo(ctx context.Context, run *job.Run) error {
	var importID string
	if err := run.Input(&importID); err != nil {
		return err
	}
	var p pace
	for {
		var i Import
		var took time.Duration
		p.begin()
		err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
			started := time.Now()
			var err error
			if i, err = s.stepBack(tx, importID, run.Actor(), p.next()); err != nil {
				return job.Progress{}, err
			}
			took = time.Since(started)
			return job.Progress{Done: i.Undo.Undone + i.Undo.Kept, Total: i.Created + i.Updated}, nil
		})
		if err != nil {
			return err
		}
		if i.Undo.Status == job.Done {
			return nil
		}
		p.took(took)
	}
}

func (s *Service) stepBack(tx *db.Tx, importID string, actor access.Actor, limit int) (Import, error) {
	i, err := importByID(tx, importID)
	if err != nil || i.Undo.Status == job.Done {
		return i, err
	}
	if actor, err = s.still(tx, actor, i.OrganizationID); err != nil {
		return i, err
	}
	if err := authorize(actor, access.ActUserDelete, i.OrganizationID); err != nil {
		return i, err
	}
	if i.Undo.Status = job.Running; i.Undo.position == 0 {
		i.Undo.position = 1 << 62
	}
	list, err := resultsBefore(tx, importID, i.Undo.position, limit)
	if err != nil {
		return i, err
	}
	for _, r := range list {
		if i.Undo.position = r.Number; !r.changed() {
			continue
		}
		undone, err := s.directory.TakeBack(tx, actor, i.OrganizationID, r.UserID, r.before)
		if err != nil {
			return i, err
		}
		what := "kept"
		if undone {
			what = "undone"
			i.Undo.Undone++
		} else {
			i.Undo.Kept++
		}
		if err := markUndone(tx, importID, r.Number, what); err != nil {
			return i, err
		}
	}
	if len(list) < limit {
		i.Undo.Status = job.Done
	}
	return i, updateImport(tx, &i)
}
