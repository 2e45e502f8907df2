package sso

import (
	"context"
	"errors"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/saml"
)

// A NewTest is the answer of [Service.NewTest].
type NewTest struct {
	TestView
	// StartURL starts the test, once, in whatever browser opens it. It is a
	// capability: it needs no session.
	StartURL  string
	ExpiresAt time.Time
}

// NewTest prepares a test of a profile as it is. With draft it is one of what the
// holder of a setup link has entered; so it is, too, where the profile has no
// Identity Provider yet and a draft has one.
func (s *Service) NewTest(ctx context.Context, actor access.Actor, profileID string, draft bool) (n NewTest, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileTest, profileID)
		if err != nil {
			return err
		}
		n, err = s.newTest(tx, &p, draft, "", actor.Name)
		return err
	})
	return n, err
}

// newTest makes a test that somebody may ask for.
func (s *Service) newTest(tx *db.Tx, p *Profile, ofDraft bool, setupLinkID, askedBy string) (n NewTest, err error) {
	if err := s.requireSSO(tx, p.OrganizationID); err != nil {
		return n, err
	}
	d, hasDraft, err := draftOf(tx, p.ID)
	if err != nil {
		return n, err
	}
	switch {
	case p.Disabled:
		return n, errSwitchedOff()
	case p.EntityID == "" && hasDraft && d.EntityID != "":
		ofDraft = true
	case ofDraft && (!hasDraft || d.EntityID == ""):
		return n, fault.New(fault.Conflict, "Nobody has entered a draft with the Identity Provider's data.")
	case !ofDraft && p.EntityID == "":
		return n, errNoIdP()
	}
	token := s.ids.Token()
	t := Test{ID: s.ids.New(id.ConnectionTest), ProfileID: p.ID, OrganizationID: p.OrganizationID, SetupLinkID: setupLinkID,
		AskedBy: askedBy, Draft: ofDraft, Status: TestPending, CreatedAt: tx.Now()}
	if err := insertTest(tx, &t, id.Hash(token)); err != nil {
		return n, err
	}
	if err := dropTests(tx, p.ID, mostTests); err != nil {
		return n, err
	}
	n = NewTest{TestView: TestView{Test: t, IdP: p.IdP}, StartURL: s.cfg.BaseURL + "/test/" + token, ExpiresAt: t.CreatedAt.Add(startFor)}
	return n, s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileTestStarted, Target: p.target(),
		Changes: []audit.Change{{Field: "test_id", New: t.ID}, {Field: "draft", New: t.Draft}}})
}

func errSwitchedOff() error {
	return fault.New(fault.SSOProfileDisabled, "Enable the SSO profile first: while it is disabled it takes no answers.")
}

func errNoIdP() error {
	return fault.New(fault.Conflict, "The SSO profile is a draft: it has no Identity Provider yet.")
}

// testMark begins the ids of requests that tests send, which tells them from all
// others without a look into the database.
const testMark = "test"

func isTestRequest(requestID string) bool { return strings.HasPrefix(requestID, testMark+"_") }

// StartTest sends the browser that opened a start URL to the Identity Provider,
// with the request that a sign-in would send. The error is fault.LinkUsed or
// fault.LinkExpired if the URL has done its work.
func (s *Service) StartTest(ctx context.Context, token string) (d Departure, err error) {
	var t Test
	var live, p Profile
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if t, err = s.startable(tx, token); err != nil {
			return err
		}
		live, p, err = s.underTest(tx, &t)
		return err
	})
	if err != nil {
		return d, err
	}
	sp, err := s.testProvider(ctx, &live, &p)
	if err != nil {
		return d, err
	}
	var req *saml.AuthnRequest
	err = s.db.Update(ctx, access.System("connection test"), func(tx *db.Tx) error {
		d.BrowserToken = s.ids.Token()
		t.requestID, t.StartedAt = testMark+saml.NewID(), tx.Now()
		t.configHash, t.browserHash = p.hash(), id.Hash(d.BrowserToken)
		if req, err = sp.AuthnRequest(saml.RequestOptions{ID: t.requestID, Now: tx.Now()}); err != nil {
			return err
		}
		started, err := startTest(tx, &t)
		if err == nil && !started {
			return errStarted()
		}
		return err
	})
	if err != nil {
		return d, err
	}
	err = d.send(req)
	return d, err
}

func errStarted() error {
	return fault.New(fault.LinkUsed, "A test can be started once. Ask for another test.")
}

// startable returns the test of a start URL that can still be opened.
func (s *Service) startable(tx *db.Tx, token string) (Test, error) {
	over := fault.New(fault.LinkExpired, "A test has to be started within 15 minutes. Ask for another test.")
	t, err := testByStart(tx, id.Hash(token))
	switch {
	case errors.Is(err, db.ErrNoRows):
		return t, over
	case err != nil:
		return t, err
	case !t.StartedAt.IsZero():
		return t, errStarted()
	case t.expired(tx.Now()) != "":
		return t, over
	}
	if t.SetupLinkID != "" {
		l, err := setupLinkByID(tx, t.SetupLinkID)
		if err != nil || !l.open(tx.Now()) {
			return t, errors.Join(err, over)
		}
	}
	return t, nil
}

// underTest returns the profile as it is, and as a test of it or of its draft
// sees it.
func (s *Service) underTest(tx *db.Tx, t *Test) (live, p Profile, err error) {
	if live, err = profileByID(tx, t.ProfileID); err != nil {
		return live, p, err
	}
	if err := s.requireSSO(tx, live.OrganizationID); err != nil {
		return live, p, err
	}
	p = live
	if t.Draft {
		d, ok, err := draftOf(tx, t.ProfileID)
		if err != nil {
			return live, p, err
		}
		if !ok || d.EntityID == "" {
			return live, p, fault.New(fault.Conflict, "The draft that was to be tested was applied or discarded.")
		}
		d.applyTo(&p)
	}
	switch {
	case p.Disabled:
		return live, p, errSwitchedOff()
	case p.EntityID == "":
		return live, p, errNoIdP()
	}
	return live, p, nil
}

// testProvider is our side of the relation that is tested. What answers no
// request of ours fails there, whatever the profile does with it.
func (s *Service) testProvider(ctx context.Context, live, p *Profile) (*saml.ServiceProvider, error) {
	e, err := s.prepare(ctx, live)
	if err != nil {
		return nil, err
	}
	cfg := s.samlConfig(p, e.pairs)
	cfg.Mode = saml.Refuse
	return saml.New(cfg)
}
