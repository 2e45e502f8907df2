package sso

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/recovery"
)

// LocksOwnersOut reports whether setting a user's own switch would leave no owner
// of the organization who can get in without the Identity Provider, while there
// is one now.
func (s *Service) LocksOwnersOut(ctx context.Context, actor access.Actor, userID string, setting access.SSOSetting) (locks bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		u, err := s.directory.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := authorize(actor, access.ActUserSSO, u.OrganizationID); err != nil {
			return err
		}
		if !access.Recovers(u.Role, u.Status) {
			return nil
		}
		owners, err := s.directory.ActiveOwners(tx, u.OrganizationID)
		if err != nil {
			return err
		}
		before, after := false, false
		for _, o := range owners {
			subject, err := s.directory.Subject(tx, &o)
			if err != nil {
				return err
			}
			now, err := withoutIdP(tx, &o, access.SignIn(subject))
			then := now
			if err == nil && o.ID == u.ID {
				subject.SSO, subject.SSOProfileID = setting, "some"
				then, err = withoutIdP(tx, &o, access.SignIn(subject))
			}
			if err != nil {
				return err
			}
			before, after = before || now, after || then
		}
		locks = before && !after
		return nil
	})
	return locks, err
}

// withoutIdP reports whether an owner who signs in as was decided can get in
// without the Identity Provider: with the password, or with a recovery code.
func withoutIdP(tx *db.Tx, o *directory.User, d access.Decision) (bool, error) {
	if d.Method == access.MethodPassword {
		return true, nil
	}
	stock, err := recovery.Left(tx, o.ID)
	return stock.Left > 0, err
}
