package feedback

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// A Query says which answers are asked for. The zero one asks for all.
type Query struct {
	Page         string // only of this path
	Rating       Rating // only these
	Since, Until time.Time
	After        string // where the page before ended
	Limit        int    // at most so many
}

// List returns answers, newest first.
func (s *Service) List(ctx context.Context, actor access.Actor, q Query) (found []Answer, err error) {
	if err := may(actor, access.ActFeedbackRead); err != nil {
		return nil, err
	}
	if q.After != "" && !id.Feedback.Valid(q.After) {
		return []Answer{}, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found, err = list(tx, q)
		return err
	})
	return found, err
}

// exportBatch is how many answers are read at a time for a file.
const exportBatch = 200

// Each calls do with every answer that is asked for, newest first. Open is called
// once it is sure that they may be read, before the first.
func (s *Service) Each(ctx context.Context, actor access.Actor, q Query, open func() error, do func(Answer) error) error {
	q.Limit = exportBatch
	for first := true; ; first = false {
		found, err := s.List(ctx, actor, q)
		if err != nil {
			return err
		}
		if first {
			if err := open(); err != nil {
				return err
			}
		}
		for _, a := range found {
			if err := do(a); err != nil {
				return err
			}
			q.After = a.ID
		}
		if len(found) < q.Limit {
			return nil
		}
	}
}

// A Summary is how often a page was called helpful, and not.
type Summary struct {
	Page     string
	Yes, No  int64
	Reasons  map[Reason]int64 // how often each was given
	LatestAt time.Time
}

// Summarize counts the answers by page: those pages first that were called not
// helpful most often. A zero time is no bound.
func (s *Service) Summarize(ctx context.Context, actor access.Actor, since, until time.Time) (all []Summary, err error) {
	if err := may(actor, access.ActFeedbackRead); err != nil {
		return nil, err
	}
	var groups []group
	if since.IsZero() {
		since = time.Unix(0, 0) // the zero time is no value for a database
	}
	if until.IsZero() {
		until = time.Unix(1<<34, 0)
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		groups, err = counts(tx, since, until)
		return err
	})
	at := map[string]int{}
	for _, g := range groups {
		i, ok := at[g.page]
		if !ok {
			i = len(all)
			at[g.page], all = i, append(all, Summary{Page: g.page, Reasons: map[Reason]int64{}})
		}
		p := &all[i]
		if g.rating == Yes {
			p.Yes += g.answers
		} else {
			p.No += g.answers
		}
		for _, r := range g.reasons {
			p.Reasons[r] += g.answers
		}
		if g.latestAt.After(p.LatestAt) {
			p.LatestAt = g.latestAt
		}
	}
	slices.SortStableFunc(all, func(a, b Summary) int {
		return cmp.Or(cmp.Compare(b.No, a.No), cmp.Compare(b.Yes, a.Yes), cmp.Compare(a.Page, b.Page))
	})
	return all, err
}

// Delete deletes an answer, such as one that holds somebody's name. The log says
// that one of a page was deleted, and nothing of what it held.
func (s *Service) Delete(ctx context.Context, actor access.Actor, answerID string) error {
	if err := may(actor, access.ActFeedbackDelete); err != nil {
		return err
	}
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		page, err := remove(tx, answerID)
		if errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "")
		}
		if err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{Action: audit.FeedbackDeleted, Target: audit.Target{Kind: "feedback", ID: answerID, Name: page}})
	})
}

// may refuses who is not the operator: answers are about the installation as a
// whole.
func may(actor access.Actor, action access.Action) error {
	switch access.May(actor, action, "") {
	case access.Allowed:
		return nil
	case access.Unauthenticated:
		return fault.New(fault.Unauthenticated, "")
	}
	return fault.New(fault.Forbidden, "")
}
