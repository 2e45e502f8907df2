package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// UserCounts are numbers of users whom an organization manages.
type UserCounts struct {
	Total, Active, Invited, Deactivated int64
	Owners, Administrators              int64 // of those who are not deactivated
}

// CountUsers counts the managed users of an organization.
func (s *Service) CountUsers(ctx context.Context, actor access.Actor, organizationID string) (c UserCounts, err error) {
	if err := authorize(actor, access.ActUserRead, organizationID); err != nil {
		return c, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		c, err = countUsers(tx, organizationID)
		return err
	})
	return c, err
}
