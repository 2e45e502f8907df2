package sso

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/saml"
)

// Diagnose says what was wrong with a recorded attempt and what to change, as the
// SSO profile is now. It is for those who may read the record. An attempt that was
// not refused has no diagnosis.
func (s *Service) Diagnose(ctx context.Context, r *record.Record) (d record.Diagnosis, err error) {
	if r.Outcome != record.Refused {
		return d, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := profileByID(tx, r.ProfileID)
		if errors.Is(err, fault.NotFound) || err == nil && p.OrganizationID != r.OrganizationID {
			p, err = Profile{}, nil // deleted since, or none had to do with it
		}
		if err != nil {
			return err
		}
		d, err = s.diagnose(tx, &p, record.Case{Code: r.Code, Checks: r.Checks, Time: r.Time}, r.OrganizationID)
		return err
	})
	return d, err
}

// diagnose adds to a case what the profile knows, and for the people of the
// organization, if it is named, what the directory does.
func (s *Service) diagnose(tx *db.Tx, p *Profile, c record.Case, organizationID string) (record.Diagnosis, error) {
	if c.Code == "" {
		return record.Diagnosis{}, nil
	}
	if p.ID != "" {
		if err := s.knownOf(tx, p, &c); err != nil {
			return record.Diagnosis{}, err
		}
	}
	if organizationID != "" && (c.Code == fault.UserNotFound || c.Code == fault.DomainNotVerified) {
		email := named(c.Checks)
		like, err := s.directory.Resembling(tx, organizationID, email)
		if err != nil {
			return record.Diagnosis{}, err
		}
		c.Person = record.Person{Email: email, Similar: like.Similar, Independent: like.Independent, Elsewhere: like.Elsewhere, Pending: like.Pending, Parent: like.Parent}
	}
	return record.Diagnose(c), nil
}

// knownOf fills in what an SSO profile knows.
func (s *Service) knownOf(tx *db.Tx, p *Profile, c *record.Case) error {
	urls := s.URLs(p.ID)
	c.IdP, c.EntityID, c.ACSURL, c.OfferEncryption, c.MetadataURL = p.IdP, urls.EntityID, urls.ACS, p.Options.OfferEncryption, p.MetadataURL
	var err error
	switch c.Code {
	case fault.SAMLCertificateUnknown:
		l, err := ledgerOf(tx, p.ID)
		if err != nil {
			return err
		}
		c.Waiting, c.Refused, c.Distrusted = l.with(Waiting), l.with(Refused), l.with(Distrusted)
		m, err := feedOf(tx, p.ID)
		if err != nil {
			return err
		}
		c.FetchedAt = m.fetchedAt
	case fault.SAMLExpired, fault.SAMLNotYetValid:
		if c.Asked.IsZero() {
			if c.Asked, err = askedAt(tx, p.ID, c.Checks); err != nil {
				return err
			}
		}
		c.Clocks, err = s.record.Clocks(tx, p.OrganizationID, p.ID)
	}
	return err
}

// named is whom a message names, as its checks have found.
func named(checks []record.Check) string {
	for _, name := range []string{"nameid_email", "nameid", record.CheckUser} {
		if i := slices.IndexFunc(checks, func(c record.Check) bool { return c.Name == name }); i >= 0 && strings.Contains(checks[i].Found, "@") {
			return strings.TrimSpace(checks[i].Found)
		}
	}
	return ""
}

// askedAt is when the request left that a message answers; zero if it answers
// none, or none that is known still.
func askedAt(tx *db.Tx, profileID string, checks []record.Check) (time.Time, error) {
	i := slices.IndexFunc(checks, func(c record.Check) bool { return c.Name == checkRequest && c.Status == saml.Passed })
	if i < 0 || checks[i].Found == "" {
		return time.Time{}, nil
	}
	r, err := requestByID(tx, profileID, checks[i].Found)
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	return r.createdAt, err
}
