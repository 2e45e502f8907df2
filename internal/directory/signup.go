package directory

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/outbox"
)

// A NewSignUp is who signs up.
type NewSignUp struct {
	Address
	Name     string
	Hash     string // of the password
	Language string
}

// SignUp makes an independent user whose address is not proved, or, where that
// address signed up before and was never proved, has this sign-up take the place
// of that one.
func (s *Service) SignUp(tx *db.Tx, before User, in NewSignUp) (User, error) {
	u := before
	u.PasswordHash, u.PasswordSetAt = in.Hash, tx.Now()
	if u.ID == "" {
		u.ID, u.Email, u.Key, u.Domain = s.ids.New(id.User), in.Typed, in.Key, in.Domain
		u.Name, u.Status, u.SSO, u.CreatedAt = in.Name, access.UserInvited, access.SSOInherit, tx.Now()
		ok, err := insertUser(tx, &u)
		if err != nil {
			return u, err
		}
		if !ok {
			return u, fault.New(fault.Conflict, "Somebody has this address.")
		}
	} else {
		u.Name = in.Name
		if err := updateUser(tx, &u); err != nil {
			return u, err
		}
	}
	if err := s.SetLanguage(tx, u.ID, in.Language); err != nil {
		return u, err
	}
	return u, s.audit.Append(tx, audit.Event{Action: audit.SignedUp, Target: u.target(),
		Changes: []audit.Change{{Field: "status", Old: before.Status, New: u.Status}}})
}

// TellKnown tells an active user that somebody wanted to sign up with their
// address.
func (s *Service) TellKnown(tx *db.Tx, u *User) error {
	way, err := s.wayIn(tx, u)
	if err != nil {
		return err
	}
	return s.Write(tx, u, outbox.Letter{Kind: outbox.SignUpKnown, Link: way})
}

// Sign-ups that were never proved are forgotten after a week.
const (
	unprovedLife = 7 * 24 * time.Hour
	purgeBatch   = 200
)

// PurgeSignUps deletes sign-ups whose address was never proved.
func (s *Service) PurgeSignUps(ctx context.Context) error {
	for {
		n := 0
		err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) error {
			old, err := unprovedSignUps(tx, tx.Now().Add(-unprovedLife), purgeBatch)
			n = len(old)
			for i := range old {
				if err == nil {
					err = s.remove(tx, old[i], false)
				}
			}
			return err
		})
		if err != nil || n < purgeBatch {
			return err
		}
	}
}
