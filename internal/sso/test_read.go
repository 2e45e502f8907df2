package sso

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/signin"
)

// startedIn reports whether a browser with these secrets has started the test.
func (t *Test) startedIn(browserTokens []string) bool {
	if len(t.browserHash) == 0 {
		return false
	}
	_, ok := signin.BoundTo(t.browserHash, browserTokens)
	return ok
}

// viewTest returns a test with what it found. Whoever is not known to administer
// the profile sees less of it, and a setup link's holder less still.
func (s *Service) viewTest(tx *db.Tx, t Test, administers bool) (TestView, error) {
	v, err := s.openTest(t, tx.Now())
	if err != nil {
		return v, err
	}
	p, err := profileByID(tx, t.ProfileID)
	if err != nil {
		return v, err
	}
	if d, ok, err := draftOf(tx, p.ID); err != nil {
		return v, err
	} else if ok && t.Draft {
		d.applyTo(&p)
	}
	v.IdP = p.IdP
	organizationID := p.OrganizationID
	if !administers {
		organizationID = ""
		if t.SetupLinkID != "" {
			v = v.withoutUser()
		}
		v = v.withoutOracle().withoutForeign()
	}
	v.Diagnosis, err = s.diagnose(tx, &p, record.Case{Code: v.Code, Checks: v.Checks, Time: v.AnsweredAt, Asked: v.StartedAt}, organizationID)
	return v, err
}

// administers reports whether an actor may see a test in the Admin Center.
func administers(actor access.Actor, t *Test) bool {
	return access.May(actor, access.ActProfileRead, t.OrganizationID) == access.Allowed
}

// Test returns a test of a profile with what it has found, for those who may see
// the profile.
func (s *Service) Test(ctx context.Context, actor access.Actor, testID string) (v TestView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		t, err := testByID(tx, testID)
		if errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "")
		}
		if err != nil {
			return err
		}
		if _, err := s.profile(tx, actor, access.ActProfileRead, t.ProfileID); err != nil {
			return err
		}
		v, err = s.viewTest(tx, t, true)
		return err
	})
	return v, err
}

// Tests returns the latest tests of a profile, without what they have found.
func (s *Service) Tests(ctx context.Context, actor access.Actor, profileID string, limit int) (list []TestView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileRead, profileID)
		if err != nil {
			return err
		}
		list, err = s.latestTests(tx, &p, "", limit)
		return err
	})
	return list, err
}

func (s *Service) latestTests(tx *db.Tx, p *Profile, setupLinkID string, limit int) (list []TestView, err error) {
	found, err := testsOf(tx, p.ID, setupLinkID, limit)
	for _, t := range found {
		t.sealed = nil
		v, err := s.openTest(t, tx.Now())
		if err != nil {
			return nil, err
		}
		v.IdP = p.IdP
		list = append(list, v)
	}
	return list, err
}

// TestSeenBy returns a test for the browser that started it; to every other it
// is not there. Who may see the profile sees as much there as in [Service.Test].
func (s *Service) TestSeenBy(ctx context.Context, actor access.Actor, testID string, browserTokens []string) (v TestView, err error) {
	none := fault.New(fault.NotFound, "Only the browser that started a test sees its result here. Administrators find it in the Admin Center.")
	if !id.ConnectionTest.Valid(testID) {
		return v, none
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		t, err := testByID(tx, testID)
		if errors.Is(err, db.ErrNoRows) || err == nil && !t.startedIn(browserTokens) {
			return none
		}
		if err != nil {
			return err
		}
		v, err = s.viewTest(tx, t, administers(actor, &t))
		return err
	})
	return v, err
}

// OrganizationOfTest answers to whom a test belongs.
func (s *Service) OrganizationOfTest(ctx context.Context, testID string) (organizationID string, known bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		t, err := testByID(tx, testID)
		organizationID = t.OrganizationID
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return organizationID, err == nil, err
}
