package imports

import (
	"context"
	"errors"
	"io"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/job"
)

// Options are how an import is done.
type Options struct {
	DryRun bool // find out what would happen; nothing changes
	Silent bool // no invitations; known users are told all the same
}

// uploadBatch is how many rows one transaction of an upload keeps.
const uploadBatch = 200

// maxOpen is how many imports of an organization may wait or run.
const maxOpen = 10

// ImportCSV keeps the rows of a file and has them imported. It reads the file as
// it comes, and keeps nothing of one that it refuses.
func (s *Service) ImportCSV(ctx context.Context, actor access.Actor, organizationID string, file io.Reader, o Options) (i Import, err error) {
	if err := s.mayImport(ctx, actor, organizationID); err != nil {
		return i, err
	}
	uploadID, rows, err := s.keep(ctx, actor, organizationID, file)
	if err == nil {
		err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
			if err := completeUpload(tx, uploadID, rows); err != nil {
				return err
			}
			i, err = s.enqueue(tx, Import{OrganizationID: organizationID, Source: FromCSV, Total: rows, uploadID: uploadID}, o)
			return err
		})
	}
	if err != nil && uploadID != "" {
		// Whoever sent it is gone, perhaps.
		if e := s.drop(context.WithoutCancel(ctx), uploadID); e != nil {
			s.logger.Warn("an upload was not dropped", "upload", uploadID, "cause", e)
		}
	}
	return i, err
}

func (s *Service) mayImport(ctx context.Context, actor access.Actor, organizationID string) error {
	if err := authorize(actor, access.ActUserCreate, organizationID); err != nil {
		return err
	}
	return s.db.View(ctx, func(tx *db.Tx) error {
		if _, err := s.directory.OrganizationByID(tx, organizationID); err != nil {
			return err
		}
		return s.room(tx, organizationID)
	})
}

// room refuses one import too many.
func (s *Service) room(tx *db.Tx, organizationID string) error {
	open, err := openImports(tx, organizationID)
	if err != nil || len(open) < maxOpen {
		return err
	}
	n := 0
	for _, i := range open {
		if err := s.overtake(tx, &i); err != nil {
			return err
		}
		if i.Open() {
			n++
		}
	}
	if n >= maxOpen {
		return fault.Newf(fault.Conflict, "%d imports of the organization have not ended yet.", maxOpen)
	}
	return nil
}

// keep reads a file into rows. With an error it may have kept some.
func (s *Service) keep(ctx context.Context, actor access.Actor, organizationID string, file io.Reader) (uploadID string, rows int64, err error) {
	r, err := newReader(file)
	if err != nil {
		return "", 0, err
	}
	uploadID = s.ids.New(id.Upload)
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error { return insertUpload(tx, uploadID, organizationID, r.header) })
	for end := false; err == nil && !end; {
		var batch []Row
		for len(batch) < uploadBatch && !end && err == nil {
			var row Row
			switch row, err = r.next(); {
			case errors.Is(err, io.EOF):
				end, err = true, nil
			case err == nil:
				batch = append(batch, row)
			}
		}
		if err == nil && len(batch) > 0 {
			err = s.db.Update(ctx, actor, func(tx *db.Tx) error { return insertRows(tx, uploadID, batch) })
			rows += int64(len(batch))
		}
	}
	if err == nil && rows == 0 {
		err = invalid("The file holds no rows below its first line.")
	}
	return uploadID, rows, err
}

// ImportDomains has the independent users imported whose address is in one of
// these domains of the organization, or in any of them. Each has to be verified.
func (s *Service) ImportDomains(ctx context.Context, actor access.Actor, organizationID string, domainIDs []string, o Options) (i Import, err error) {
	if err := s.mayImport(ctx, actor, organizationID); err != nil {
		return i, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		names, err := s.verified(tx, organizationID, domainIDs)
		if err != nil {
			return err
		}
		uploadID := s.ids.New(id.Upload)
		if err := insertUpload(tx, uploadID, organizationID, []string{"email", "name"}); err != nil {
			return err
		}
		if err := completeUpload(tx, uploadID, 0); err != nil {
			return err
		}
		i, err = s.enqueue(tx, Import{OrganizationID: organizationID, Source: FromDomain, uploadID: uploadID, domains: names}, o)
		return err
	})
	return i, err
}

// verified returns the names of verified domains.
func (s *Service) verified(tx *db.Tx, organizationID string, domainIDs []string) (names []string, err error) {
	all, err := s.directory.DomainsOf(tx, organizationID)
	if err != nil {
		return nil, err
	}
	byID := map[string]directory.Domain{}
	for _, d := range all {
		byID[d.ID] = d
		if len(domainIDs) == 0 && d.Status == access.DomainVerified {
			names = append(names, d.Name)
		}
	}
	for _, domainID := range domainIDs {
		d, ok := byID[domainID]
		if !ok {
			return nil, fault.Invalid(fault.Field{Name: "domain_ids", Message: "holds a domain that the organization has not claimed"})
		}
		if d.Status != access.DomainVerified {
			return nil, fault.Newf(fault.DomainNotVerified, "The domain %s is not verified.", d.Name)
		}
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return nil, fault.New(fault.DomainNotVerified, "The organization has no verified domain.")
	}
	return names, nil
}

// Confirm does what a dry run has shown: it imports the same rows, or the users
// who are at the same domains by now.
func (s *Service) Confirm(ctx context.Context, actor access.Actor, importID string, silent bool) (i Import, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		shown, err := s.find(tx, actor, access.ActUserCreate, importID)
		if err != nil {
			return err
		}
		if !shown.DryRun || shown.Status != job.Done {
			return fault.New(fault.Conflict, "Only a dry run that has ended can be confirmed.")
		}
		if err := s.room(tx, shown.OrganizationID); err != nil {
			return err
		}
		next := Import{OrganizationID: shown.OrganizationID, Source: shown.Source, uploadID: shown.uploadID, domains: shown.domains}
		switch shown.Source {
		case FromCSV:
			next.Total = shown.Total
			if kept, err := uploadKept(tx, shown.uploadID); err != nil || !kept {
				return errors.Join(err, fault.New(fault.Conflict, "The rows were deleted in the meantime. Upload them again."))
			}
		case FromDomain:
			next.uploadID = s.ids.New(id.Upload)
			if err := insertUpload(tx, next.uploadID, next.OrganizationID, []string{"email", "name"}); err != nil {
				return err
			}
			if err := completeUpload(tx, next.uploadID, 0); err != nil {
				return err
			}
		}
		i, err = s.enqueue(tx, next, Options{Silent: silent})
		return err
	})
	return i, err
}

// enqueue writes an import and its job.
func (s *Service) enqueue(tx *db.Tx, i Import, o Options) (Import, error) {
	var err error
	if i.ID, err = s.jobs.Enqueue(tx, jobImport, nil); err != nil {
		return i, err
	}
	i.DryRun, i.Invite, i.Status = o.DryRun, !o.Silent, job.Queued
	i.CreatedAt, i.CreatedBy = tx.Now(), tx.Actor().Name
	if err := insertImport(tx, &i); err != nil || i.DryRun {
		return i, err
	}
	return i, s.audit.Append(tx, audit.Event{OrganizationID: i.OrganizationID, Action: audit.ImportStarted, Target: i.target(),
		Changes: []audit.Change{{Field: "source", New: i.Source}, {Field: "rows", New: i.Total}, {Field: "invite", New: i.Invite}}})
}

// dropBatch bounds one transaction that deletes rows.
const dropBatch = 500

// drop deletes an upload with its rows.
func (s *Service) drop(ctx context.Context, uploadID string) error {
	for {
		var n int64
		err := s.db.Update(ctx, access.System("import"), func(tx *db.Tx) (err error) {
			if n, err = deleteRows(tx, uploadID, dropBatch); err == nil && n < dropBatch {
				err = deleteUpload(tx, uploadID)
			}
			return err
		})
		if err != nil || n < dropBatch {
			return err
		}
	}
}
