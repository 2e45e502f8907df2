package directory

import (
	"context"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/recovery"
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
	if err := recovery.End(tx, u.ID); err != nil {
		return err
	}
	if err := record.Erase(tx, organizationID, u.ID, u.Key); err != nil {
		return err
	}
	if err := s.endAddressChange(tx, u.ID); err != nil {
		return err
	}
	changes, err := s.endMemberships(tx, u.ID)
	if err != nil {
		return err
	}
	changes = append(changes, audit.Change{Field: "role", Old: u.Role})
	if u.SSO != access.SSOInherit {
		changes = append(changes, audit.Change{Field: "sso", Old: u.SSO, New: access.SSOInherit})
	}
	fate := "independent"
	if u.ActivatedAt.IsZero() && !keep || organizationID == "" {
		fate = "deleted"
		if err := deleteUser(tx, &u); err != nil {
			return err
		}
	} else {
		if u.HasPassword() && !u.PasswordSetAt.Before(u.ManagedAt) {
			u.PasswordHash = ""
			changes = append(changes, audit.Change{Field: "password", Old: "set"})
		}
		u.OrganizationID, u.Role, u.SSO, u.ProfileID = "", "", access.SSOInherit, ""
		if err := updateUser(tx, &u); err != nil {
			return err
		}
	}
	first := audit.Change{Field: "user", Old: "managed", New: fate}
	if organizationID == "" {
		first.Old, changes = "independent", nil
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: audit.UserRemoved, Target: target,
		Changes: append([]audit.Change{first}, changes...)})
}

// endMemberships takes a user out of all accounts, and tells of which.
func (s *Service) endMemberships(tx *db.Tx, userID string) (changes []audit.Change, err error) {
	list, err := membershipsOf(tx, userID)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		a, err := accountByID(tx, m.AccountID)
		if err != nil {
			return nil, err
		}
		changes = append(changes, audit.Change{Field: "account", Old: a.Name + ": " + strings.Join(m.Roles, ", ")})
	}
	return changes, deleteMemberships(tx, userID)
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
