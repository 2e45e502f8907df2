package directory

import (
	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
)

// These change a user in the transaction of a sign-in.

// Activate makes an invited user active, with a password or, where hash is
// empty, without one. The address counts as proved: the user came by a link
// that was mailed there, or the Identity Provider of the domain's holder has
// vouched for it.
func (s *Service) Activate(tx *db.Tx, u *User, hash string) error {
	u.Status, u.ActivatedAt = access.UserActive, tx.Now()
	if u.ProvedAt.IsZero() {
		u.ProvedAt = tx.Now()
	}
	changes := []audit.Change{{Field: "status", Old: access.UserInvited, New: access.UserActive}}
	if hash != "" {
		u.PasswordHash, u.PasswordSetAt = hash, tx.Now()
		changes = append(changes, audit.Change{Field: "password", New: "set"})
	}
	if err := updateUser(tx, u); err != nil {
		return err
	}
	if err := s.links.Spend(tx, link.Invitation, u.ID); err != nil {
		return err
	}
	if hash != "" {
		if err := s.Write(tx, u, outbox.Letter{Kind: outbox.PasswordSet, Values: outbox.Values{"time": tx.Now()}}); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserActivated, Target: u.target(), Changes: changes})
}

// SetPassword replaces a user's password, and tells the user. Links that were
// to do the same end.
func (s *Service) SetPassword(tx *db.Tx, u *User, hash string) error {
	u.PasswordHash, u.PasswordSetAt = hash, tx.Now()
	if err := updateUser(tx, u); err != nil {
		return err
	}
	if err := s.links.End(tx, link.Reset, u.ID); err != nil {
		return err
	}
	if err := s.Write(tx, u, outbox.Letter{Kind: outbox.PasswordChanged, Values: outbox.Values{"time": tx.Now()}}); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserPasswordChanged, Target: u.target()})
}

// Rehash replaces the hash of a password that did not change: its parameters
// are older than today's.
func (s *Service) Rehash(tx *db.Tx, u *User, hash string) error {
	tx.Recorded() // nothing that anybody could notice has changed
	u.PasswordHash = hash
	return updateUser(tx, u)
}
