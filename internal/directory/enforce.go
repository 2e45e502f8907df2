package directory

import (
	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// These change who signs in by SSO, in the transaction of sso, which decides
// whether a profile is fit for it.

// DomainCounts are numbers of managed users at a domain.
type DomainCounts struct {
	Total        int64
	Inherit      int64 // whose way of signing in is the domain's
	KeepPassword int64 // whose SSO is set to Disabled
	NeverActive  int64
}

// CountAtDomain counts the managed users at a domain of an organization.
func (s *Service) CountAtDomain(tx *db.Tx, d *Domain) (DomainCounts, error) {
	return countAtDomain(tx, d.OrganizationID, d.Name)
}

// ActiveOwners returns the owners of an organization who can sign in.
func (s *Service) ActiveOwners(tx *db.Tx, organizationID string) ([]User, error) {
	return activeOwners(tx, organizationID)
}

// SetEnforcement enforces a domain with a profile, or releases it where
// profileID is empty. The first enforcement needs a verified domain; moving
// from one profile to another is possible as long as the domain is held.
func (s *Service) SetEnforcement(tx *db.Tx, d *Domain, profileID string) error {
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
		Changes: []audit.Change{{Field: "sso_profile_id", Old: old, New: profileID}},
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

// EndSessionsAtDomain ends the sessions of those whose way of signing in is
// the domain's. It returns how many they were.
func (s *Service) EndSessionsAtDomain(tx *db.Tx, d *Domain) (int64, error) {
	ids, err := userIDsAtDomain(tx, d.OrganizationID, d.Name)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, userID := range ids {
		ended, err := s.sessions.EndOfUser(tx, userID, "")
		if err != nil {
			return n, err
		}
		n += ended
	}
	if n == 0 {
		return 0, nil
	}
	return n, s.audit.Append(tx, audit.Event{
		OrganizationID: d.OrganizationID, Action: audit.SessionsEnded, Target: d.target(),
		Changes: []audit.Change{{Field: "sessions", Old: n}},
	})
}
