package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// MaxCount is how far users of one status and role are counted. A larger number
// of a [UserCounts] stands for more than that: counting half a million takes
// longer than anybody wants to wait for a page.
const MaxCount = 10_000

// UserCounts are numbers of users whom an organization manages.
type UserCounts struct {
	Total, Active, Invited, Deactivated int64
	Owners, Administrators, Members     int64 // of those who are not deactivated
}

// CountUsers counts the managed users of an organization.
func (s *Service) CountUsers(ctx context.Context, actor access.Actor, organizationID string) (c UserCounts, err error) {
	if err := authorize(actor, access.ActUserRead, organizationID); err != nil {
		return c, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		c = UserCounts{}
		byStatus := map[access.UserStatus]*int64{access.UserActive: &c.Active, access.UserInvited: &c.Invited, access.UserDeactivated: &c.Deactivated}
		byRole := map[access.Role]*int64{access.RoleOwner: &c.Owners, access.RoleAdministrator: &c.Administrators, access.RoleMember: &c.Members}
		for status, ofStatus := range byStatus {
			for role, ofRole := range byRole {
				n, err := countUsers(tx, organizationID, status, role, MaxCount+1)
				if err != nil {
					return err
				}
				c.Total += n
				*ofStatus += n
				if status != access.UserDeactivated {
					*ofRole += n
				}
			}
		}
		return nil
	})
	return c, err
}
