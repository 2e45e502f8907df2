package sso

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/saml/metadata"
)

// Profile returns one profile.
func (s *Service) Profile(ctx context.Context, actor access.Actor, profileID string) (v View, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileRead, profileID)
		if err != nil {
			return err
		}
		v, err = s.view(tx, p)
		return err
	})
	return v, err
}

// Profiles lists the profiles of an organization.
func (s *Service) Profiles(ctx context.Context, actor access.Actor, organizationID string, p directory.Page) (list []View, err error) {
	if err := authorize(actor, access.ActProfileRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		found, err := profiles(tx, organizationID, p.After, p.Limit)
		if err != nil {
			return err
		}
		for _, one := range found {
			v, err := s.view(tx, one)
			if err != nil {
				return err
			}
			list = append(list, v)
		}
		return nil
	})
	return list, err
}

// OrganizationOf answers to whom a profile belongs: the resolver for doors that
// are given nothing but its id.
func (s *Service) OrganizationOf(ctx context.Context, profileID string) (organizationID string, known bool, err error) {
	if !id.SSOProfile.Valid(profileID) {
		return "", false, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := profileByID(tx, profileID)
		organizationID = p.OrganizationID
		return err
	})
	if errors.Is(err, fault.NotFound) {
		return "", false, nil
	}
	return organizationID, err == nil, err
}

// Metadata returns the service provider's metadata of a profile, for anybody: a
// draft has it too, so that the Identity Provider can be set up first. Signed, it
// is by the key in use, whose certificate it holds.
func (s *Service) Metadata(ctx context.Context, profileID string, signed bool) ([]byte, error) {
	none := fault.New(fault.NotFound, "There is no such SSO profile.")
	if !id.SSOProfile.Valid(profileID) {
		return nil, none
	}
	var p Profile
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		p, err = profileByID(tx, profileID)
		return err
	})
	if errors.Is(err, fault.NotFound) {
		return nil, none
	}
	if err != nil {
		return nil, err
	}
	e, err := s.prepare(ctx, &p)
	if err != nil {
		return nil, err
	}
	urls := s.URLs(p.ID)
	sp := metadata.ServiceProvider{EntityID: urls.EntityID, ACSURL: urls.ACS, SLOURL: urls.SLO, AuthnRequestsSigned: p.Options.SignRequests}
	for _, k := range e.keys {
		sp.SigningCertificates = append(sp.SigningCertificates, k.Certificate)
	}
	if p.Options.OfferEncryption {
		// Only one: what is encrypted to the new key can be read from now on,
		// and nobody should begin with one that goes.
		sp.EncryptionCertificates = []*x509.Certificate{newest(e.keys).Certificate}
	}
	if !signed {
		return sp.XML(), nil
	}
	if len(e.pairs) == 0 {
		return nil, errors.New("sso: no private key to sign the metadata with")
	}
	sp.ID = "_" + p.ID
	return sp.Signed(e.pairs[0])
}

// CertificateExpiries returns, by profile, when the last of its certificates
// expires.
func (s *Service) CertificateExpiries(ctx context.Context) (map[string]time.Time, error) {
	latest := make(map[string]time.Time)
	err := s.db.View(ctx, func(tx *db.Tx) error {
		clear(latest)
		return eachCertificate(tx, func(profileID string, c *x509.Certificate) {
			if c.NotAfter.After(latest[profileID]) {
				latest[profileID] = c.NotAfter
			}
		})
	})
	return latest, err
}

// A Checker answers what the directory has to know of profiles.
type Checker struct{}

// Exist implements [directory.Profiles].
func (Checker) Exist(tx *db.Tx, organizationID string) (bool, error) {
	n, err := countProfiles(tx, organizationID)
	return n > 0, err
}

// Usable implements [directory.Profiles].
func (Checker) Usable(tx *db.Tx, organizationID, profileID string) error {
	p, err := profileByID(tx, profileID)
	if errors.Is(err, fault.NotFound) || err == nil && p.OrganizationID != organizationID {
		return fault.Invalid(fault.Field{Name: "sso_profile_id", Message: "is no SSO profile of the organization"})
	}
	if err != nil {
		return err
	}
	return p.usable()
}
