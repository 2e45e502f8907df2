package sso

import (
	"fmt"
	"strings"

	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/saml"
)

// The checks behind those of package saml, where they were not reached.
var (
	unreachedDomain = record.Check{Name: record.CheckDomain, Code: fault.DomainNotVerified, Status: saml.NotReached}
	unreachedUser   = record.Check{Name: record.CheckUser, Code: fault.UserNotFound, Status: saml.NotReached}
)

// policyChecks are the two checks of what [Service.decide] has decided on an
// address: its domain, and its user.
func (s *Service) policyChecks(tx *db.Tx, p *Profile, email string, u *directory.User, f *fault.Error) ([]record.Check, error) {
	domain, user := unreachedDomain, unreachedUser
	_, domain.Found, _ = strings.Cut(email, "@")
	if f != nil && f.Code == fault.DomainNotVerified {
		var err error
		domain.Status = saml.Failed
		domain.Note = "the organization holds no such domain: verify it, or have the Identity Provider send another address"
		domain.Expected, err = s.heldDomains(tx, p.OrganizationID)
		return []record.Check{domain, user}, err
	}
	domain.Status, domain.Expected = saml.Passed, "a domain that the organization holds"
	user.Status, user.Expected, user.Found = saml.Passed, "an active user whom the organization manages", email
	if u.ID != "" {
		user.Found = fmt.Sprintf("%s, %s", u.Email, u.Status)
	}
	if f != nil {
		user.Status, user.Code, user.Note = saml.Failed, f.Code, userNotes[f.Code]
	}
	return []record.Check{domain, user}, nil
}

// userNotes say why a user is not signed in all the same.
var userNotes = map[fault.Code]string{
	fault.UserNotFound:         "nobody with this address has been added to the organization",
	fault.UserDeactivated:      "the user is deactivated",
	fault.SSONotEnabledForUser: "the user signs in with a password now: neither is the domain enforced with this profile nor SSO enabled for the user",
	fault.SSOProfileMismatch:   "the user signs in with another SSO profile",
}

// heldDomains names the domains that an organization holds, the first of them.
func (s *Service) heldDomains(tx *db.Tx, organizationID string) (string, error) {
	list, err := s.directory.DomainsOf(tx, organizationID)
	if err != nil {
		return "", err
	}
	var names []string
	for _, d := range list {
		if d.Status.Held() && len(names) < 10 {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return "a verified domain; the organization has none", nil
	}
	return strings.Join(names, ", "), nil
}
