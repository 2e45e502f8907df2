package session

import (
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// A Service begins, finds and ends sessions.
type Service struct {
	db  *db.DB
	ids *id.Source
}

// New makes a Service.
func New(d *db.DB, ids *id.Source) *Service { return &Service{db: d, ids: ids} }

// A Start is what a new session begins with.
type Start struct {
	UserID                          string
	Method                          access.Method
	ProfileID, NameID, SessionIndex string
	NameIDDetails, Certificate      string
	AuthenticatedAt                 time.Time // of the transaction if zero
	NotOnOrAfter                    time.Time
}

// Begin begins a session in the transaction that consumed what proved the user.
// The token is the only copy; it goes into the browser's cookie.
func (s *Service) Begin(tx *db.Tx, in Start) (token string, begun Session, err error) {
	token = s.ids.Token()
	if in.AuthenticatedAt.IsZero() || in.AuthenticatedAt.After(tx.Now()) {
		in.AuthenticatedAt = tx.Now()
	}
	begun = Session{
		ID: s.ids.New(id.Session), UserID: in.UserID, Method: in.Method,
		ProfileID: in.ProfileID, NameID: in.NameID, NameIDDetails: in.NameIDDetails, SessionIndex: in.SessionIndex,
		Certificate:     in.Certificate,
		AuthenticatedAt: in.AuthenticatedAt, NotOnOrAfter: in.NotOnOrAfter,
		CreatedAt: tx.Now(), LastSeenAt: tx.Now(),
		Address: tx.Actor().Address, Agent: tx.Actor().Agent,
	}
	return token, begun, insert(tx, &begun, id.Hash(token))
}

// Find returns the session of a token; ok is false if there is none. Whether it
// is over depends on limits that the caller knows.
func (s *Service) Find(tx *db.Tx, token string) (found Session, ok bool, err error) {
	if token == "" {
		return Session{}, false, nil
	}
	found, err = byToken(tx, id.Hash(token))
	if errors.Is(err, db.ErrNoRows) {
		return Session{}, false, nil
	}
	return found, err == nil, err
}

// touchAfter is how old LastSeenAt may get before it is written again: a
// request in between costs no write.
const touchAfter = time.Minute

// Touch notes that a session is in use.
func (s *Service) Touch(ctx context.Context, sess Session, now time.Time) error {
	if now.Sub(sess.LastSeenAt) < touchAfter {
		return nil
	}
	return s.db.Update(ctx, access.System("session"), func(tx *db.Tx) error {
		return touch(tx, sess.ID)
	})
}

// OfUser returns the sessions of a user, newest first, those included that are
// over and not deleted yet.
func (s *Service) OfUser(tx *db.Tx, userID string) ([]Session, error) { return ofUser(tx, userID) }

// End ends one session of a user, and reports whether there was one. The caller
// records it.
func (s *Service) End(tx *db.Tx, userID, sessionID string) (bool, error) {
	n, err := endOne(tx, userID, sessionID)
	return n > 0, err
}

// EndOfUser ends all sessions of a user but one, and returns how many they
// were. An empty id spares none. The caller records it.
func (s *Service) EndOfUser(tx *db.Tx, userID, spare string) (int64, error) {
	return endOfUser(tx, userID, spare)
}

// EndOthers ends the sessions of users that were begun up to a time and in
// another way than with a profile, but for those of break-glass. It returns how
// many they were. The caller records it.
func (s *Service) EndOthers(tx *db.Tx, userIDs []string, profileID string, before time.Time) (n int64, err error) {
	for chunk := range slices.Chunk(userIDs, 100) {
		ended, err := endOthers(tx, chunk, profileID, before)
		if err != nil {
			return n, err
		}
		n += ended
	}
	return n, nil
}

// EndOfNameID ends the sessions of whom a profile's Identity Provider calls so
// and returns them: those of which the index is meant. The caller records it.
func (s *Service) EndOfNameID(tx *db.Tx, profileID, nameID string, meant func(index string) bool) (ended []Session, err error) {
	found, err := ofNameID(tx, profileID, nameID)
	if err != nil {
		return nil, err
	}
	for _, one := range found {
		if !meant(one.SessionIndex) {
			continue
		}
		if _, err := endOne(tx, one.UserID, one.ID); err != nil {
			return nil, err
		}
		ended = append(ended, one)
	}
	return ended, nil
}

// EndOfCertificate ends sessions of a profile whose sign-in was verified with a
// certificate, and those of which that is not known, at most limit, and returns
// how many they were. The caller records it.
func (s *Service) EndOfCertificate(tx *db.Tx, profileID, sha256 string, limit int) (n int64, err error) {
	for _, certificate := range []string{sha256, ""} {
		ended, err := endOfCertificate(tx, profileID, certificate, int64(limit)-n)
		if err != nil {
			return n, err
		}
		n += ended
	}
	return n, nil
}

// Count returns the number of sessions in the table.
func (s *Service) Count(ctx context.Context) (n int64, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		n, err = count(tx)
		return err
	})
	return n, err
}

// purgeBatch bounds one transaction of [Service.Purge].
const purgeBatch = 500

// Purge deletes sessions that are over under any limits an organization may
// choose.
func (s *Service) Purge(ctx context.Context) error {
	for {
		var n int64
		err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
			tx.Recorded() // that time has passed is no event
			n, err = purge(tx, purgeBatch)
			return err
		})
		if err != nil || n < purgeBatch {
			return err
		}
	}
}
