package imports

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/job"
)

// run is the job of an import.
func (s *Service) run(ctx context.Context, run *job.Run) error {
	var p pace
	for {
		var i Import
		var took time.Duration
		p.begin()
		err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
			started := time.Now()
			var err error
			if i, err = s.step(tx, run.ID(), run.Actor(), p.next()); err != nil {
				return job.Progress{}, err
			}
			took = time.Since(started)
			return job.Progress{Done: i.Done, Total: i.Total}, nil
		})
		if err != nil {
			return err
		}
		if i.Status == job.Done {
			return nil
		}
		p.took(took)
	}
}

// step imports the next rows.
func (s *Service) step(tx *db.Tx, importID string, actor access.Actor, limit int) (Import, error) {
	i, err := importByID(tx, importID)
	if err != nil || i.Status == job.Done {
		return i, err
	}
	if actor, err = s.still(tx, actor, i.OrganizationID); err != nil {
		return i, err
	}
	if i.Status == job.Queued {
		i.Status = job.Running
		if i.Source == FromDomain {
			if i.Total, err = s.directory.CountIndependent(tx, i.domains); err != nil {
				return i, err
			}
		}
	}
	rows, end, err := s.rows(tx, &i, limit)
	if err != nil {
		return i, err
	}
	if err := s.bring(tx, &i, actor, rows); err != nil {
		return i, err
	}
	if end {
		if err := s.finish(tx, &i); err != nil {
			return i, err
		}
	}
	return i, updateImport(tx, &i)
}

// still returns who asked for the import as who they are now. Whoever may not
// administer any more, or has left, imports nothing more either.
func (s *Service) still(tx *db.Tx, actor access.Actor, organizationID string) (access.Actor, error) {
	userID := actor.MakerID
	if actor.Kind == access.KindUser {
		userID = actor.ID
	}
	if userID != "" {
		u, err := s.directory.UserByID(tx, userID)
		if err != nil || u.Status != access.UserActive || u.OrganizationID != actor.OrganizationID {
			return actor, fault.New(fault.Forbidden, "Whoever asked for the import may not do so any more.")
		}
		actor.Role = u.Role
	}
	return actor, authorize(actor, access.ActUserCreate, organizationID)
}

// rows returns the next rows, and whether they are the last ones.
func (s *Service) rows(tx *db.Tx, i *Import, limit int) (rows []Row, end bool, err error) {
	if i.Source == FromCSV {
		rows, err = rowsAfter(tx, i.uploadID, i.position, limit)
		return rows, len(rows) < limit, err
	}
	for len(rows) < limit && i.atDomain < len(i.domains) {
		found, err := s.directory.Independent(tx, i.domains[i.atDomain], i.afterUser, limit-len(rows))
		if err != nil {
			return nil, false, err
		}
		for _, u := range found {
			rows = append(rows, Row{Number: i.position + int64(len(rows)) + 1, Email: u.Email, Name: u.Name, Cells: []string{u.Email, u.Name}})
			i.afterUser = u.ID
		}
		if len(found) == 0 {
			i.atDomain, i.afterUser = i.atDomain+1, ""
		}
	}
	if len(rows) > 0 {
		err = insertRows(tx, i.uploadID, rows)
	}
	return rows, len(rows) < limit, err
}

// bring has the rows brought in and keeps the results.
func (s *Service) bring(tx *db.Tx, i *Import, actor access.Actor, rows []Row) error {
	repeated, err := s.repeated(tx, i, rows)
	if err != nil {
		return err
	}
	in := directory.Bring{OrganizationID: i.OrganizationID, Actor: actor, DryRun: i.DryRun}
	for _, r := range rows {
		in.Rows = append(in.Rows, directory.BringRow{Email: r.Email, Name: r.Name, Role: access.Role(r.Role), Fault: r.Fault, Repeated: repeated[r.first]})
	}
	brought, err := s.directory.BringIn(tx, in)
	if err != nil {
		return err
	}
	if err := insertResults(tx, i.ID, rows, brought); err != nil {
		return err
	}
	for n, b := range brought {
		i.add(b)
		i.position = rows[n].Number
	}
	i.Done += int64(len(rows))
	i.Total = max(i.Total, i.Done)
	return nil
}

// repeated returns the first rows of addresses that stand in these rows again, as
// far as they have brought somebody in.
func (s *Service) repeated(tx *db.Tx, i *Import, rows []Row) (map[int64]bool, error) {
	var numbers []int64
	for _, r := range rows {
		if r.first != 0 {
			numbers = append(numbers, r.first)
		}
	}
	return broughtIn(tx, i.ID, numbers)
}

// finish ends an import, and has the mails written.
func (s *Service) finish(tx *db.Tx, i *Import) error {
	i.Status, i.FinishedAt, i.Total = job.Done, tx.Now(), i.Done
	if i.DryRun {
		return nil
	}
	if i.Created+i.Updated > 0 {
		if _, err := s.jobs.Enqueue(tx, jobMails, i.ID); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: i.OrganizationID, Action: audit.ImportFinished, Target: i.target(),
		Changes: []audit.Change{{Field: "created", New: i.Created}, {Field: "updated", New: i.Updated},
			{Field: "unchanged", New: i.Unchanged}, {Field: "failed", New: i.Failed}}})
}

// runMails is the job that writes to those whom an import has brought in.
func (s *Service) runMails(ctx context.Context, run *job.Run) error {
	var importID string
	if err := run.Input(&importID); err != nil {
		return err
	}
	var at int64 // number of the last row
	if err := run.Checkpoint(&at); err != nil {
		return err
	}
	var p pace
	for end := false; !end; {
		var took time.Duration
		p.begin()
		err := run.Step(ctx, func(tx *db.Tx) (job.Progress, error) {
			started := time.Now()
			i, err := importByID(tx, importID)
			if err != nil {
				return job.Progress{}, err
			}
			limit, last := p.next(), at
			list, err := resultsAfter(tx, importID, at, limit)
			if err != nil {
				return job.Progress{}, err
			}
			for _, r := range list {
				if err := s.tell(tx, &i, &r); err != nil {
					return job.Progress{}, err
				}
				last = r.Number
			}
			end, took = len(list) < limit, time.Since(started)
			at = last
			return job.Progress{Checkpoint: at, Done: last}, nil
		})
		if err != nil {
			return err
		}
		p.took(took)
	}
	return nil
}

// tell writes to one of those who were brought in, unless that was taken back in
// the meantime.
func (s *Service) tell(tx *db.Tx, i *Import, r *Result) error {
	if r.Undone != "" || !r.changed() {
		return nil
	}
	return s.directory.TellBrought(tx, i.OrganizationID, r.UserID, r.before, i.Invite)
}
