package imports

import (
	"context"
	"encoding/csv"
	"errors"
	"io"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/job"
	"sallyport/internal/sheet"
)

// A ResultQuery selects rows of an import, in the order of the file.
type ResultQuery struct {
	ImportID string
	Result   directory.BroughtResult // empty: any
	Undone   string                  // undone or kept; empty: any
	After    int64                   // number of the last row seen
	Limit    int
}

// Results lists rows with what became of them.
func (s *Service) Results(ctx context.Context, actor access.Actor, q ResultQuery) (list []Result, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		i, err := s.find(tx, actor, access.ActUserRead, q.ImportID)
		if err != nil {
			return err
		}
		list, err = results(tx, &i, q)
		return err
	})
	return list, err
}

// fileBatch is how many rows of a file are read at once.
const fileBatch = 500

// File writes the rows of an import as a CSV file, each with its result and, where
// it failed, the reason: ready to be corrected and uploaded again. With a result
// it writes only those rows. Open is called once it is sure that there is a file,
// before its first octet.
func (s *Service) File(ctx context.Context, actor access.Actor, q ResultQuery, open func() io.Writer) error {
	var i Import
	var header []string
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if i, err = s.find(tx, actor, access.ActUserRead, q.ImportID); err != nil {
			return err
		}
		header, err = uploadHeader(tx, i.uploadID)
		if errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "The rows of an import are deleted after 30 days.")
		}
		return err
	})
	if err != nil {
		return err
	}
	w := csv.NewWriter(open())
	w.UseCRLF = true
	line := slices.Concat(header, ours)
	for n := range line {
		line[n] = sheet.Guard(line[n])
	}
	if err := w.Write(line); err != nil {
		return err
	}
	for q.Limit = fileBatch; ; {
		var list []Result
		err := s.db.View(ctx, func(tx *db.Tx) (err error) {
			list, err = results(tx, &i, q)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range list {
			if err := w.Write(r.line(len(header))); err != nil {
				return err
			}
			q.After = r.Number
		}
		if w.Flush(); w.Error() != nil || len(list) < q.Limit {
			return w.Error()
		}
	}
}

// line is the row as it was sent, and its result.
func (r *Result) line(columns int) []string {
	line := slices.Clone(r.Cells)
	for len(line) < columns {
		line = append(line, "")
	}
	line = append(line, string(r.Result), string(r.Code), r.Reason, r.UserID)
	for n := range line {
		line[n] = sheet.Guard(line[n])
	}
	return line
}

// Open reports whether the import is still to go on.
func (i *Import) Open() bool { return i.Status == job.Queued || i.Status == job.Running }
