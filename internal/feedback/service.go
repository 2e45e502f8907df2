package feedback

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/throttle"
)

// A Service keeps answers.
type Service struct {
	db     *db.DB
	ids    *id.Source
	audit  *audit.Log
	limits *throttle.Limiter
}

// New makes a Service.
func New(d *db.DB, ids *id.Source, log *audit.Log, limits *throttle.Limiter) *Service {
	return &Service{db: d, ids: ids, audit: log, limits: limits}
}

// PerSource is how many answers one source may give.
var PerSource = throttle.Rate{Count: 10, Per: 10 * time.Minute}

// Give keeps an answer; anybody may. Of address, the network that it is sent
// from, nothing stays but a count for the ten minutes of [PerSource]. A page that
// is not there is fault.NotFound, an answer that does not fit fault.Invalid, and
// one too many, of a source or a day, fault.RateLimited.
func (s *Service) Give(ctx context.Context, address string, in NewAnswer) (a Answer, err error) {
	if a, err = in.answer(); err != nil {
		return a, err
	}
	source := s.limits.Bucket(throttle.Requests, PerSource, "feedback", throttle.Network(address))
	err = s.db.Update(ctx, access.Actor{}, func(tx *db.Tx) error {
		wait, err := s.limits.Take(tx, source)
		if err != nil {
			return err
		}
		if wait > 0 {
			return fault.Limited(wait, "You have answered many times. Wait for "+wait.Round(time.Second).String()+", then send it again.")
		}
		today := tx.Now().UTC().Truncate(24 * time.Hour)
		onPage, onDay, err := givenSince(tx, a.Page, id.Feedback.First(today))
		if err != nil {
			return err
		}
		if onPage >= PerPage || onDay >= PerDay {
			return fault.Limited(today.Add(24*time.Hour).Sub(tx.Now()), "So many answers were given today that no more are taken. Send it again tomorrow.")
		}
		a.ID, a.Time = s.ids.NewAt(id.Feedback, tx.Now()), tx.Now()
		return insert(tx, &a)
	})
	return a, err
}

// purgeBatch bounds one transaction of [Service.Purge].
const purgeBatch = 1000

// Purge deletes answers that were kept for [Keep].
func (s *Service) Purge(ctx context.Context) error {
	for n := int64(purgeBatch); n == purgeBatch; {
		err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
			n, err = purge(tx, id.Feedback.First(tx.Now().Add(-Keep)), purgeBatch)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
