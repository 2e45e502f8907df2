package link

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// A Purpose is what a link is for. Its value is the path below which it stands.
type Purpose string

const (
	Invitation  Purpose = "invitation" // of a user, or of somebody who is to become one
	Reset       Purpose = "reset"
	VerifyEmail Purpose = "verify-email"
	Recovery    Purpose = "recovery" // break-glass, of an owner
)

// Life is how long a link can be used.
func (p Purpose) Life() time.Duration {
	switch p {
	case Invitation:
		return 7 * 24 * time.Hour
	case VerifyEmail:
		return 24 * time.Hour
	case Recovery:
		return 15 * time.Minute
	}
	return time.Hour
}

// A Link is one that was issued.
type Link struct {
	Purpose   Purpose
	SubjectID string // a user's or an invitation's
	ExpiresAt time.Time

	hash            []byte
	usedAt, endedAt time.Time
}

// A Service issues links and uses them.
type Service struct {
	db   *db.DB
	ids  *id.Source
	base string
}

// New makes a Service. Base is the installation's base URL.
func New(d *db.DB, ids *id.Source, base string) *Service {
	return &Service{db: d, ids: ids, base: base}
}

// Issue makes a link and returns its URL, the only copy.
func (s *Service) Issue(tx *db.Tx, p Purpose, subjectID string) (url string, until time.Time, err error) {
	token := s.ids.Token()
	l := Link{Purpose: p, SubjectID: subjectID, ExpiresAt: tx.Now().Add(p.Life()), hash: id.Hash(token)}
	return s.base + "/" + string(p) + "/" + token, l.ExpiresAt, insert(tx, &l)
}

// Find returns a link that can be used. The error is fault.LinkUsed, or
// fault.LinkExpired also for what never was a link.
func (s *Service) Find(tx *db.Tx, p Purpose, token string) (Link, error) {
	expired := fault.New(fault.LinkExpired, "Ask for another one.")
	l, err := byHash(tx, id.Hash(token))
	switch {
	case errors.Is(err, db.ErrNoRows):
		return Link{}, expired
	case err != nil:
		return Link{}, err
	case l.Purpose != p:
		return Link{}, expired
	case !l.usedAt.IsZero():
		return Link{}, fault.New(fault.LinkUsed, "Sign in; if you can't, ask for another link.")
	case !l.endedAt.IsZero(), !tx.Now().Before(l.ExpiresAt):
		return Link{}, expired
	}
	return l, nil
}

// Use uses a link up, and with it all others for the same.
func (s *Service) Use(tx *db.Tx, l Link) error { return use(tx, l.Purpose, l.SubjectID) }

// Spend marks the links of a purpose as used: what they are for is done.
func (s *Service) Spend(tx *db.Tx, p Purpose, subjectID string) error { return use(tx, p, subjectID) }

// End ends the links of a purpose, or, with an empty one, all of a subject's.
func (s *Service) End(tx *db.Tx, p Purpose, subjectID string) error { return end(tx, p, subjectID) }

// keep is how long it is remembered what became of a link.
const keep = 90 * 24 * time.Hour

// purgeBatch bounds one transaction of [Service.Purge].
const purgeBatch = 1000

// Purge forgets links that expired long ago.
func (s *Service) Purge(ctx context.Context) error {
	for {
		var n int64
		err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
			n, err = purge(tx, tx.Now().Add(-keep), purgeBatch)
			return err
		})
		if err != nil || n < purgeBatch {
			return err
		}
	}
}
