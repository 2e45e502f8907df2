package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// UsersFound reports whether the operator lets users make organizations.
func (s *Service) UsersFound() bool { return s.cfg.SelfServiceEdition != "" }

// FoundOrganization makes an organization for the user who asks, who becomes
// managed by it as its first owner. The user's links end, and every session but
// the one in which this is asked for: whoever else is signed in as the user must
// not become an owner with them.
func (s *Service) FoundOrganization(ctx context.Context, actor access.Actor, name string) (o Organization, err error) {
	if err := authorize(actor, access.ActOrganizationFound, ""); err != nil {
		return o, err
	}
	if !s.UsersFound() {
		return o, fault.New(fault.Forbidden, "Only the operator makes organizations here.")
	}
	clean, why := CleanName(name, true)
	if why != "" {
		return o, fault.Invalid(fault.Field{Name: "name", Message: why})
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u, err := s.UserByID(tx, actor.ID)
		if err != nil {
			return err
		}
		if err := mayFound(&u); err != nil {
			return err
		}
		if o, err = s.newOrganization(tx, clean, s.cfg.SelfServiceEdition); err != nil {
			return err
		}
		u.OrganizationID, u.Role, u.ManagedAt = o.ID, access.RoleOwner, tx.Now()
		if err := updateUser(tx, &u); err != nil {
			return err
		}
		if _, err := s.sessions.EndOfUser(tx, u.ID, actor.SessionID); err != nil {
			return err
		}
		if err := s.links.End(tx, "", u.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: o.ID, Action: audit.UserManaged, Target: u.target(),
			Changes: []audit.Change{{Field: "role", New: u.Role}, {Field: "status", New: u.Status}}})
	})
	return o, err
}

// mayFound asks again in the transaction: an organization may manage the user by
// now.
func mayFound(u *User) error {
	switch {
	case u.OrganizationID != "":
		return fault.New(fault.Conflict, "An organization manages you already.")
	case u.Status != access.UserActive || u.ProvedAt.IsZero():
		return fault.New(fault.UserNotActivated, "Prove your e-mail address first.")
	}
	return nil
}
