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
		before, after := 0, 0
		for _, o := range owners {
			now, then, err := s.getsIn(tx, &o, o.ID == u.ID, setting)
			if err != nil {
				return err
			}
			before, after = before+now, after+then
		}
		locks = before > 0 && after == 0
		return nil
	})
	return locks, err
}

// getsIn counts an owner who can get in without the Identity Provider: now, and
// if the switch of the one who changes is set.
func (s *Service) getsIn(tx *db.Tx, o *directory.User, changes bool, setting access.SSOSetting) (now, then int, err error) {
	stock, err := recovery.Left(tx, o.ID)
	if err != nil || stock.Left > 0 {
		return 1, 1, err
	}
	subject, err := s.directory.Subject(tx, o)
	if access.SignIn(subject).Method == access.MethodPassword {
		now = 1
	}
	if changes {
		subject.SSO, subject.SSOProfileID = setting, "some"
	}
	if access.SignIn(subject).Method == access.MethodPassword {
		then = 1
	}
	return now, then, err
}
