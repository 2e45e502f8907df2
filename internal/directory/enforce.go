package directory

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// These change who signs in by SSO, in the transaction of sso, which decides
// whether a profile is fit for it.

// DomainCounts are numbers of users at a domain. Total is the sum of the four
// that follow it.
type DomainCounts struct {
	Total       int64 // managed by the organization
	Inherit     int64 // whose way of signing in is the domain's
	Disabled    int64 // whose SSO is set to Disabled
	Enabled     int64 // whose SSO is set to Enabled
	Deactivated int64
	NeverActive int64 // invited, and counted among the others
	Independent int64 // managed by nobody, and not in the total
}

// CountAtDomain counts the users at a domain of an organization.
func (s *Service) CountAtDomain(tx *db.Tx, d *Domain) (c DomainCounts, err error) {
	if c, err = countAtDomain(tx, d.OrganizationID, d.Name); err != nil {
		return c, err
	}
	c.Independent, err = countIndependent(tx, d.Name)
	return c, err
}

// ActiveOwners returns the owners of an organization who can sign in.
func (s *Service) ActiveOwners(tx *db.Tx, organizationID string) ([]User, error) {
	return activeOwners(tx, organizationID)
}

// SetEnforcement enforces a domain with a profile, or releases it where
// profileID is empty. The first enforcement needs a verified domain; moving
// from one profile to another is possible as long as the domain is held. The log
// tells the details with it.
func (s *Service) SetEnforcement(tx *db.Tx, d *Domain, profileID string, details ...audit.Change) error {
	if d.ProfileID == profileID {
		return nil
	}
	switch {
	case profileID == "":
	case d.ProfileID == "" && d.Status != access.DomainVerified,
		!d.Status.Held():
		return fault.Newf(fault.DomainNotVerified, "The domain %s is not verified.", d.Name)
	}
	old := d.ProfileID
	d.ProfileID = profileID
	if err := updateDomain(tx, d); err != nil {
		return err
	}
	action := audit.DomainEnforced
	if profileID == "" {
		action = audit.DomainReleased
	}
	return s.audit.Append(tx, audit.Event{
		OrganizationID: d.OrganizationID, Action: action, Target: d.target(),
		Changes: append([]audit.Change{{Field: "sso_profile_id", Old: old, New: profileID}}, details...),
	})
}

// Exempt sets a managed user's SSO to Disabled, as part of an enforcement.
func (s *Service) Exempt(tx *db.Tx, organizationID, userID string) error {
	u, err := s.UserByID(tx, userID)
	if err != nil || u.OrganizationID != organizationID {
		return fault.Invalid(fault.Field{Name: "exempt_user_ids", Message: "holds a user whom the organization does not manage"})
	}
	return s.setSSO(tx, &u, access.SSODisabled, "")
}

// setSSO changes a user's switch.
func (s *Service) setSSO(tx *db.Tx, u *User, setting access.SSOSetting, profileID string) error {
	if u.SSO == setting && u.ProfileID == profileID {
		return nil
	}
	changes := []audit.Change{{Field: "sso", Old: u.SSO, New: setting}}
	if u.ProfileID != profileID {
		changes = append(changes, audit.Change{Field: "sso_profile_id", Old: u.ProfileID, New: profileID})
	}
	u.SSO, u.ProfileID = setting, profileID
	if err := updateUser(tx, u); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserSSOChanged, Target: u.target(), Changes: changes})
}

// EndSessionsAtDomain ends sessions of some of those whose way of signing in is
// the domain's: of at most so many users, behind one. Sessions that the domain's
// profile began stay, and those begun later than a time. It returns how many it
// has ended, and behind whom to go on; empty at the end. The caller records it.
func (s *Service) EndSessionsAtDomain(tx *db.Tx, d *Domain, before time.Time, after string, limit int) (ended int64, next string, err error) {
	ids, err := userIDsAtDomain(tx, d.OrganizationID, d.Name, after, limit)
	if err != nil || len(ids) == 0 {
		return 0, "", err
	}
	if len(ids) == limit {
		next = ids[limit-1]
	}
	ended, err = s.sessions.EndOthers(tx, ids, d.ProfileID, before)
	return ended, next, err
}

// SessionsEnded records that sessions were ended by an enforcement.
func (s *Service) SessionsEnded(tx *db.Tx, d *Domain, n int64) error {
	return s.audit.Append(tx, audit.Event{
		OrganizationID: d.OrganizationID, Action: audit.SessionsEnded, Target: d.target(),
		Changes: []audit.Change{{Field: "sessions", Old: n}},
	})
}

// DomainOf returns an organization's domain as it is now; the error is
// fault.NotFound if it has none of that id.
func (s *Service) DomainOf(tx *db.Tx, organizationID, domainID string) (Domain, error) {
	d, err := domainByID(tx, domainID)
	if err == nil && d.OrganizationID != organizationID {
		err = db.ErrNoRows
	}
	return d, notFound(err)
}
