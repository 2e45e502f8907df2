package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// RemoveUser takes a user out of the organization: sessions and roles end, and
// so does a password that was set under management. Who was never active is
// deleted; everybody else becomes independent. An inv_ id revokes that
// invitation. An independent user is deleted.
func (s *Service) RemoveUser(ctx context.Context, actor access.Actor, userID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if id.Invitation.Valid(userID) {
			return s.revoke(tx, actor, userID)
		}
		u, err := s.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := authorize(actor, access.ActUserDelete, u.OrganizationID); err != nil {
			return err
		}
		if err := s.mayRemove(tx, actor, &u); err != nil {
			return err
		}
		return s.remove(tx, u, false)
	})
}

// mayRemove asks for more than the right to remove users where it is an owner,
// and refuses to remove the last one.
func (s *Service) mayRemove(tx *db.Tx, actor access.Actor, u *User) error {
	if u.Role == access.RoleOwner {
		if err := authorize(actor, access.ActUserOwner, u.OrganizationID); err != nil {
			return err
		}
	}
	return s.keepsOwner(tx, u)
}

// remove takes a user out of the organization. Who was never active is kept only
// if asked for.
func (s *Service) remove(tx *db.Tx, u User, keep bool) error {
	organizationID, target := u.OrganizationID, u.target()
	if _, err := s.sessions.EndOfUser(tx, u.ID, ""); err != nil {
		return err
	}
	if err := s.links.End(tx, "", u.ID); err != nil {
		return err
	}
	if err := s.endAddressChange(tx, u.ID); err != nil {
		return err
	}
	if err := deleteMemberships(tx, u.ID); err != nil {
		return err
	}
	fate := "independent"
	if u.ActivatedAt.IsZero() && !keep || organizationID == "" {
		fate = "deleted"
		if err := deleteUser(tx, &u); err != nil {
			return err
		}
	} else {
		if !u.PasswordSetAt.Before(u.ManagedAt) {
			u.PasswordHash = ""
		}
		u.OrganizationID, u.Role, u.SSO, u.ProfileID = "", "", access.SSOInherit, ""
		if err := updateUser(tx, &u); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: audit.UserRemoved, Target: target,
		Changes: []audit.Change{{Field: "user", Old: "managed", New: fate}}})
}

func (s *Service) revoke(tx *db.Tx, actor access.Actor, invitationID string) error {
	i, err := invitationByID(tx, invitationID)
	if err != nil {
		return notFound(err)
	}
	if err := authorize(actor, access.ActUserDelete, i.OrganizationID); err != nil {
		return err
	}
	if i.Role == access.RoleOwner {
		if err := authorize(actor, access.ActUserOwner, i.OrganizationID); err != nil {
			return err
		}
	}
	return s.takeBack(tx, &i)
}

// takeBack revokes an invitation.
func (s *Service) takeBack(tx *db.Tx, i *Invitation) error {
	if err := s.links.End(tx, "", i.ID); err != nil {
		return err
	}
	if err := deleteInvitation(tx, i); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: i.OrganizationID, Action: audit.InvitationRevoked,
		Target: i.target()})
}
