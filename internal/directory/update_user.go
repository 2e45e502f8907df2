package directory

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/link"
	"sallyport/internal/recovery"
)

// A UserChange is the input of [Service.UpdateUser]; nil leaves a field as it
// is.
type UserChange struct {
	Name *string
	// Email asks for another address: it counts once it was confirmed.
	Email  *string
	Status *access.UserStatus // active or deactivated
	Role   *access.Role
	SSO    *SSOChange
}

// An SSOChange sets a user's own switch.
type SSOChange struct {
	Setting access.SSOSetting
	// ProfileID is for SSOEnabled; empty means the profile that the user's
	// domain is enforced with.
	ProfileID string
	// NewPassword, with SSODisabled, takes a password away that the user has
	// from before. The user then needs a link to set one.
	NewPassword bool
}

// UpdateUser changes a user. All of it happens or nothing.
func (s *Service) UpdateUser(ctx context.Context, actor access.Actor, userID string, in UserChange) (v UserView, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u, err := s.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := in.authorize(actor, &u); err != nil {
			return err
		}
		for _, step := range []func(*db.Tx, *User, UserChange) error{s.rename, s.changeStatus, s.changeRole, s.changeSSO, s.changeAddress} {
			if err := step(tx, &u, in); err != nil {
				return err
			}
		}
		v, err = s.View(tx, u)
		return err
	})
	return v, err
}

// authorize checks the right to each part of the change. What touches an
// owner's role or status asks for an owner.
func (in *UserChange) authorize(actor access.Actor, u *User) error {
	// First whether there is such a user for this actor.
	if err := authorize(actor, access.ActUserRead, u.OrganizationID); err != nil {
		return err
	}
	if in.Name != nil || in.Status != nil {
		if err := authorize(actor, access.ActUserUpdate, u.OrganizationID); err != nil {
			return err
		}
	}
	if in.Status != nil && u.Role == access.RoleOwner && *in.Status != u.Status {
		if err := authorize(actor, access.ActUserOwner, u.OrganizationID); err != nil {
			return err
		}
	}
	if in.Email != nil {
		if err := authorize(actor, access.ActUserAddress, u.OrganizationID); err != nil {
			return err
		}
	}
	// Who decides where an owner's mail goes could become one.
	if in.Email != nil && u.Role == access.RoleOwner {
		if err := authorize(actor, access.ActUserOwner, u.OrganizationID); err != nil {
			return err
		}
	}
	if in.Role != nil {
		if err := authorizeRole(actor, u.OrganizationID, u.Role, *in.Role); err != nil {
			return err
		}
	}
	if in.SSO != nil {
		return authorize(actor, access.ActUserSSO, u.OrganizationID)
	}
	return nil
}

func (s *Service) rename(tx *db.Tx, u *User, in UserChange) error {
	if in.Name == nil {
		return nil
	}
	name, why := CleanName(*in.Name, false)
	if why != "" {
		return fault.Invalid(fault.Field{Name: "name", Message: why})
	}
	if name == u.Name {
		return nil
	}
	old := u.Name
	u.Name = name
	if err := updateUser(tx, u); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserUpdated, Target: u.target(),
		Changes: []audit.Change{{Field: "name", Old: old, New: name}}})
}

// changeStatus deactivates a user, which ends every session, or takes that
// back.
func (s *Service) changeStatus(tx *db.Tx, u *User, in UserChange) error {
	if in.Status == nil || *in.Status == u.Status {
		return nil
	}
	old, action := u.Status, audit.UserDeactivated
	switch {
	case *in.Status == access.UserDeactivated:
		if err := s.keepsOwner(tx, u); err != nil {
			return err
		}
		u.Status = access.UserDeactivated
	case *in.Status == access.UserActive && u.Status == access.UserDeactivated:
		action = audit.UserReactivated
		if u.Status = access.UserActive; u.ActivatedAt.IsZero() {
			u.Status = access.UserInvited
		}
	case *in.Status == access.UserActive || *in.Status == access.UserInvited:
		return fault.New(fault.Conflict, "A user becomes active at the first sign-in.")
	default:
		return fault.Invalid(fault.Field{Name: "status", Message: "is active or deactivated"})
	}
	if err := updateUser(tx, u); err != nil {
		return err
	}
	if u.Status == access.UserDeactivated {
		if _, err := s.sessions.EndOfUser(tx, u.ID, ""); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: action, Target: u.target(),
		Changes: []audit.Change{{Field: "status", Old: old, New: u.Status}}})
}

// keepsOwner refuses to take the last active owner away.
func (s *Service) keepsOwner(tx *db.Tx, u *User) error {
	if u.Role != access.RoleOwner || u.Status != access.UserActive {
		return nil
	}
	owners, err := activeOwners(tx, u.OrganizationID)
	if err == nil && len(owners) < 2 {
		return fault.New(fault.LastOwner, "The organization would have no active owner left. Appoint another one first.")
	}
	return err
}

// endRecovery ends what an owner holds for break-glass: it would be good again
// if the user ever became an owner once more.
func (s *Service) endRecovery(tx *db.Tx, userID string) error {
	return errors.Join(recovery.End(tx, userID), s.links.End(tx, link.Recovery, userID))
}

func (s *Service) changeRole(tx *db.Tx, u *User, in UserChange) error {
	if in.Role == nil || *in.Role == u.Role {
		return nil
	}
	switch {
	case u.OrganizationID == "":
		return fault.New(fault.Conflict, "Only managed users have an organization role.")
	case !validRole(*in.Role):
		return fault.Invalid(fault.Field{Name: "role", Message: "is owner, administrator or member"})
	}
	if err := s.keepsOwner(tx, u); err != nil {
		return err
	}
	old := u.Role
	u.Role = *in.Role
	if err := updateUser(tx, u); err != nil {
		return err
	}
	if old == access.RoleOwner {
		if err := s.endRecovery(tx, u.ID); err != nil {
			return err
		}
	}
	if err := s.tellRole(tx, u); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserRoleChanged, Target: u.target(),
		Changes: []audit.Change{{Field: "role", Old: old, New: u.Role}}})
}

// changeSSO sets the user's own switch. Disabled is always possible for a
// managed user; Enabled needs a profile that can be relied on, and a domain
// that the organization holds.
func (s *Service) changeSSO(tx *db.Tx, u *User, in UserChange) error {
	if in.SSO == nil {
		return nil
	}
	if u.OrganizationID == "" {
		return fault.New(fault.Conflict, "Only managed users sign in through an organization.")
	}
	if any, err := s.profiles.Exist(tx, u.OrganizationID); err != nil {
		return err
	} else if !any {
		return fault.New(fault.SSOProfileMissing, "The organization has no SSO profile yet.")
	}
	switch in.SSO.Setting {
	case access.SSODisabled:
		if err := s.setSSO(tx, u, access.SSODisabled, ""); err != nil || !in.SSO.NewPassword || !u.HasPassword() {
			return err
		}
		u.PasswordHash = ""
		if err := updateUser(tx, u); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserPasswordCleared, Target: u.target()})
	case access.SSOInherit, access.SSOEnabled:
	default:
		return fault.Invalid(fault.Field{Name: "sso.setting", Message: "is inherit, enabled or disabled"})
	}
	o, err := s.OrganizationByID(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	if err := o.RequireSSO(); err != nil {
		return err
	}
	if in.SSO.Setting == access.SSOInherit {
		return s.setSSO(tx, u, access.SSOInherit, "")
	}
	return s.enablePilot(tx, u, in.SSO.ProfileID)
}

func (s *Service) enablePilot(tx *db.Tx, u *User, profileID string) error {
	holder, held, err := s.Holder(tx, u.Domain)
	if err != nil {
		return err
	}
	ours := held && holder.OrganizationID == u.OrganizationID
	if profileID == "" && ours {
		profileID = holder.ProfileID
	}
	if profileID == "" {
		return fault.Invalid(fault.Field{Name: "sso.profile_id", Message: "is needed: the user's domain is not enforced"})
	}
	if err := s.profiles.Usable(tx, u.OrganizationID, profileID); err != nil {
		return err
	}
	if !ours {
		return fault.Newf(fault.DomainNotVerified, "The organization does not hold the domain %s.", u.Domain)
	}
	return s.setSSO(tx, u, access.SSOEnabled, profileID)
}
