package record

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// step bounds one transaction of what goes through many rows.
const step = 500

// lowest is the least id of an attempt at an instant.
func lowest(t time.Time) string { return id.Attempt.First(t) }

// clocksApart is by how much the clock of another node may be ahead, without a
// warning.
const clocksApart = 2 * time.Second

// An erasure asks for the attempts of a user to go.
type erasure struct {
	organizationID, userID, emailKey string
	before                           time.Time
}

// Erase deletes a user's attempts from the record of an organization: the first
// at once, the others soon, and those with them that are under way.
func Erase(tx *db.Tx, organizationID, userID, emailKey string) error {
	e := erasure{organizationID, userID, emailKey, tx.Now().Add(clocksApart)}
	if _, err := eraseStep(tx, e); err != nil {
		return err
	}
	return putErasure(tx, e)
}

func eraseStep(tx *db.Tx, e erasure) (more bool, err error) {
	list, err := attemptsOf(tx, e, step)
	for _, attemptID := range list {
		if err := deleteAttempt(tx, attemptID); err != nil {
			return false, err
		}
	}
	return len(list) == step, err
}

// settled is after how long nothing is under way any more of what was when a
// user was removed.
const settled = time.Hour

// Purge deletes what is older than [Config.Keep], and what is to be erased.
func (s *Service) Purge(ctx context.Context) error {
	err := s.steps(ctx, func(tx *db.Tx) (more bool, err error) {
		n, err := purgeAttempts(tx, lowest(tx.Now().Add(-s.cfg.Keep)), step)
		return n == step, err
	})
	if err != nil {
		return err
	}
	err = s.steps(ctx, func(tx *db.Tx) (more bool, err error) {
		n, err := purgeHours(tx, tx.Now().Add(-s.cfg.Keep), step)
		return n == step, err
	})
	if err != nil {
		return err
	}
	return s.steps(ctx, s.erase)
}

// erase takes a step of each erasure.
func (s *Service) erase(tx *db.Tx) (again bool, err error) {
	list, err := erasures(tx, step)
	for _, e := range list {
		more, err := eraseStep(tx, e)
		switch {
		case err != nil:
			return false, err
		case more:
			return true, nil
		case e.before.Add(settled).Before(tx.Now()):
			if err := deleteErasure(tx, e); err != nil {
				return false, err
			}
		}
	}
	return false, err
}

// steps takes steps until there are no more.
func (s *Service) steps(ctx context.Context, do func(tx *db.Tx) (more bool, err error)) error {
	for {
		var more bool
		err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
			more, err = do(tx)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

type sealedDetails struct {
	attemptID, organizationID string
	sealed                    []byte
}

// Reseal encrypts again what was sealed with another than the current
// key-encryption key, and returns how much that was. Who may the caller has
// checked.
func (s *Service) Reseal(ctx context.Context, actor access.Actor) (total int, err error) {
	for after := ""; ; {
		var list []sealedDetails
		n := 0
		err := s.db.Update(ctx, actor, func(tx *db.Tx) (err error) {
			if list, err = detailsAfter(tx, after, step); err != nil {
				return err
			}
			if n, err = s.reseal(tx, list); err != nil || n == 0 {
				return err
			}
			return s.audit.Append(tx, audit.Event{Action: audit.SecretsResealed, Target: audit.Target{Kind: "installation"},
				Changes: []audit.Change{{Field: "sign_ins", New: n}}})
		})
		if err != nil {
			return total, err
		}
		if total += n; len(list) < step {
			return total, nil
		}
		after = list[len(list)-1].attemptID
	}
}

func (s *Service) reseal(tx *db.Tx, list []sealedDetails) (n int, err error) {
	for _, d := range list {
		if !s.secrets.NeedsRotation(d.sealed) {
			continue
		}
		at := place(d.attemptID, d.organizationID)
		plain, err := s.secrets.Open(at, d.sealed)
		if err != nil {
			return n, err
		}
		sealed, err := s.secrets.Seal(at, plain)
		if err != nil {
			return n, err
		}
		if err := putDetails(tx, d.attemptID, d.organizationID, sealed); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
