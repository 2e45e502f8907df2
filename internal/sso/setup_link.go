package sso

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/outbox"
	"sallyport/internal/signin"
)

// A SetupLink lets the administrator of an Identity Provider do their part of one
// profile without an account: enter its data as a [SetupDraft], and test them.
//
//	made ──(the first browser posts)──> that browser's ──> expired
//	  └──────────────────────────────────────┴───────────> revoked
//
// It ends, too, when its maker no longer administers the organization.
type SetupLink struct {
	ID             string
	ProfileID      string
	OrganizationID string
	MakerID        string // the user who made it; empty: the operator
	MakerName      string
	CreatedAt      time.Time
	ExpiresAt      time.Time
	UsedAt         time.Time // last; zero: never
	Uses           int64
	RevokedAt      time.Time

	browserHash []byte
}

// Limits of setup links.
const (
	setupLife      = 72 * time.Hour
	mostSetupLinks = 20                  // of a profile, open at once
	mostUses       = 300                 // of one: each is mailed
	keepSetupLinks = 90 * 24 * time.Hour // after their end
)

// Claimed reports whether a browser has made the link its own.
func (l *SetupLink) Claimed() bool { return len(l.browserHash) > 0 }

// Open reports whether the link can still be used at an instant.
func (l *SetupLink) Open(now time.Time) bool { return l.open(now) }

func (l *SetupLink) open(now time.Time) bool { return l.RevokedAt.IsZero() && now.Before(l.ExpiresAt) }

func (l *SetupLink) target(p *Profile) audit.Target {
	return audit.Target{Kind: "setup_link", ID: l.ID, Name: p.Name}
}

// actor is the holder, for the audit log.
func (l *SetupLink) actor(from access.Actor) access.Actor {
	return access.Actor{Kind: access.KindSetupLink, ID: l.ID, Name: "setup link of " + l.MakerName, Address: from.Address, Agent: from.Agent}
}

// A NewSetupLink is the answer of [Service.CreateSetupLink].
type NewSetupLink struct {
	SetupLink
	URL string // the only copy
}

// CreateSetupLink makes a setup link for a profile.
func (s *Service) CreateSetupLink(ctx context.Context, actor access.Actor, profileID string) (n NewSetupLink, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActSetupLink, profileID)
		if err != nil {
			return err
		}
		if err := s.requireSSO(tx, p.OrganizationID); err != nil {
			return err
		}
		open, err := countSetupLinks(tx, p.ID)
		if err != nil {
			return err
		}
		if open >= mostSetupLinks {
			return fault.Newf(fault.Conflict, "An SSO profile has at most %d open setup links. Revoke one first.", mostSetupLinks)
		}
		token := s.ids.Token()
		n.SetupLink = SetupLink{ID: s.ids.New(id.SetupLink), ProfileID: p.ID, OrganizationID: p.OrganizationID, MakerName: actor.Name,
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(setupLife)}
		switch actor.Kind {
		case access.KindUser:
			n.MakerID = actor.ID
		case access.KindToken:
			n.MakerID = actor.MakerID
		}
		n.URL = s.cfg.BaseURL + "/setup/" + token
		if err := insertSetupLink(tx, &n.SetupLink, id.Hash(token)); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.SetupLinkCreated, Target: n.target(&p),
			Changes: []audit.Change{{Field: "sso_profile_id", New: p.ID}, {Field: "expires_at", New: n.ExpiresAt}}})
	})
	return n, err
}

// SetupLinks returns the latest setup links of a profile, ended ones too.
func (s *Service) SetupLinks(ctx context.Context, actor access.Actor, profileID string, limit int) (list []SetupLink, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileRead, profileID)
		if err != nil {
			return err
		}
		list, err = setupLinksOf(tx, p.ID, limit)
		return err
	})
	return list, err
}

// RevokeSetupLink ends a setup link, whatever the edition: its pages are gone at
// once. What was entered with it stays a draft.
func (s *Service) RevokeSetupLink(ctx context.Context, actor access.Actor, linkID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		l, err := setupLinkByID(tx, linkID)
		if errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "")
		}
		if err != nil {
			return err
		}
		p, err := s.profile(tx, actor, access.ActSetupLink, l.ProfileID)
		if err != nil {
			return err
		}
		if !l.RevokedAt.IsZero() {
			return nil
		}
		if err := revokeSetupLink(tx, l.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.SetupLinkRevoked, Target: l.target(&p)})
	})
}

// OrganizationOfSetupLink answers to whom a setup link belongs.
func (s *Service) OrganizationOfSetupLink(ctx context.Context, linkID string) (organizationID string, known bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		l, err := setupLinkByID(tx, linkID)
		organizationID = l.OrganizationID
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return organizationID, err == nil, err
}

// A SetupKey is what a browser shows at the pages of a setup link.
type SetupKey struct {
	Token         string
	BrowserTokens []string // of the browser's setup cookies
}

// A Setup is what the pages of a setup link show.
type Setup struct {
	Link         SetupLink
	Organization string
	Profile      string // its name
	ProfileID    string
	IdP          string // as chosen with the link, else as the profile says
	URLs         URLs
	Options      Options
	Entered      Profile // what was entered, with the profile's options; without an entity ID: no more than the product
	Warnings     []Warning
	Testable     bool
	Tests        []TestView
}

// holder returns the link and profile of a key, if it opens. The error is
// fault.LinkUsed for another browser than the one whose link it is, and
// fault.LinkExpired for a link that has ended or never was.
func (s *Service) holder(tx *db.Tx, k SetupKey) (l SetupLink, p Profile, err error) {
	over := fault.New(fault.LinkExpired, "Ask whoever sent you the link for another one.")
	l, err = setupLinkByToken(tx, id.Hash(k.Token))
	switch {
	case errors.Is(err, db.ErrNoRows):
		return l, p, over
	case err != nil:
		return l, p, err
	case !l.open(tx.Now()):
		return l, p, over
	}
	if l.Claimed() {
		if _, ok := signin.BoundTo(l.browserHash, k.BrowserTokens); !ok {
			return l, p, fault.New(fault.LinkUsed, "It belongs to the browser that used it first. Ask whoever sent you the link for another one.")
		}
	}
	if l.MakerID != "" {
		u, err := s.directory.UserByID(tx, l.MakerID)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return l, p, err
		}
		if err != nil || u.OrganizationID != l.OrganizationID || !u.Role.Administers() || u.Status == access.UserDeactivated {
			return l, p, over
		}
	}
	if p, err = profileByID(tx, l.ProfileID); err != nil {
		return l, p, err
	}
	return l, p, s.requireSSO(tx, p.OrganizationID)
}

// Setup returns what the holder of a link sees. To look changes nothing: programs
// that go through mails open every link.
func (s *Service) Setup(ctx context.Context, k SetupKey) (v Setup, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		l, p, err := s.holder(tx, k)
		if err != nil {
			return err
		}
		v, err = s.viewSetup(tx, l, p)
		return err
	})
	return v, err
}

func (s *Service) viewSetup(tx *db.Tx, l SetupLink, p Profile) (v Setup, err error) {
	o, err := s.directory.OrganizationByID(tx, p.OrganizationID)
	if err != nil {
		return v, err
	}
	v = Setup{Link: l, Organization: o.Name, Profile: p.Name, ProfileID: p.ID, IdP: p.IdP, URLs: s.URLs(p.ID), Options: p.Options}
	if !l.Claimed() {
		return v, nil
	}
	v.Entered.Options = p.Options
	d, ok, err := draftOf(tx, p.ID)
	if err != nil {
		return v, err
	}
	if ok {
		v.IdP = d.IdP
		if d.EntityID != "" {
			d.applyTo(&v.Entered)
			d.applyTo(&p)
			v.Warnings = p.Warnings(tx.Now(), false)
		}
	}
	v.Entered.IdP = v.IdP
	v.Testable = p.EntityID != "" && !p.Disabled
	v.Tests, err = s.latestTests(tx, &p, l.ID, 10)
	return v, err
}

// What the holder of a link did with it, as its maker is told.
const (
	setupOpened  = outbox.Word("setup.opened")
	setupEntered = outbox.Word("setup.entered")
	setupTested  = outbox.Word("setup.tested")
)

// post is what every form of the link's pages does first: an open link becomes
// the browser's own. BrowserToken is then its secret, for a cookie.
func (s *Service) post(tx *db.Tx, k SetupKey) (l SetupLink, p Profile, browserToken string, err error) {
	l, p, err = s.holder(tx, k)
	switch {
	case err != nil:
		return l, p, "", err
	case l.Uses >= mostUses:
		return l, p, "", fault.New(fault.RateLimited, "This link was used too often. Ask whoever sent you the link for another one.")
	case l.Claimed():
		return l, p, "", nil
	}
	browserToken = s.ids.Token()
	l.browserHash = id.Hash(browserToken)
	claimed, err := claimSetupLink(tx, l.ID, l.browserHash)
	if err != nil {
		return l, p, "", err
	}
	if !claimed {
		return l, p, "", fault.New(fault.LinkUsed, "It belongs to the browser that used it first. Ask whoever sent you the link for another one.")
	}
	if err := s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.SetupLinkClaimed, Target: l.target(&p)}); err != nil {
		return l, p, "", err
	}
	return l, p, browserToken, s.tellMaker(tx, &l, &p, setupOpened)
}

// ClaimSetup makes a link the browser's own, if it is nobody's yet. The id of the
// link names the cookie for its secret.
func (s *Service) ClaimSetup(ctx context.Context, actor access.Actor, k SetupKey) (linkID, browserToken string, err error) {
	err = s.asHolder(ctx, actor, k, func(tx *db.Tx) error {
		l, _, token, err := s.post(tx, k)
		linkID, browserToken = l.ID, token
		return err
	})
	return linkID, browserToken, err
}

// asHolder runs a transaction whose actor is the holder of a link.
func (s *Service) asHolder(ctx context.Context, from access.Actor, k SetupKey, fn func(tx *db.Tx) error) error {
	var l SetupLink
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		l, _, err = s.holder(tx, k)
		return err
	})
	if err != nil {
		return err
	}
	return s.db.Update(ctx, l.actor(from), fn)
}

// TestSetup prepares a test for the holder of a link: of the draft, or of the
// profile where nothing was entered.
func (s *Service) TestSetup(ctx context.Context, actor access.Actor, k SetupKey) (n NewTest, err error) {
	err = s.asHolder(ctx, actor, k, func(tx *db.Tx) error {
		l, p, _, err := s.post(tx, k)
		if err != nil {
			return err
		}
		d, ok, err := draftOf(tx, p.ID)
		if err != nil {
			return err
		}
		if n, err = s.newTest(tx, &p, ok && d.EntityID != "", l.ID, "setup link of "+l.MakerName); err != nil {
			return err
		}
		return s.tellMaker(tx, &l, &p, setupTested)
	})
	return n, err
}

// SetupTest returns a test that the holder of a link has asked for.
func (s *Service) SetupTest(ctx context.Context, k SetupKey, testID string) (v TestView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		l, _, err := s.holder(tx, k)
		if err != nil {
			return err
		}
		t, err := testByID(tx, testID)
		if errors.Is(err, db.ErrNoRows) || err == nil && (t.SetupLinkID != l.ID || !l.Claimed()) {
			return fault.New(fault.NotFound, "")
		}
		if err != nil {
			return err
		}
		v, err = s.viewTest(tx, t, false)
		return err
	})
	return v, err
}

// tellMaker mails the maker of a link that it was used, and remembers when.
func (s *Service) tellMaker(tx *db.Tx, l *SetupLink, p *Profile, what outbox.Word) error {
	if err := useSetupLink(tx, l.ID); err != nil {
		return err
	}
	o, err := s.directory.OrganizationByID(tx, l.OrganizationID)
	if err != nil {
		return err
	}
	letter := outbox.Letter{Kind: outbox.SetupLinkUsed, Link: s.cfg.BaseURL + "/admin/" + l.OrganizationID + "/sso/" + p.ID + "/setup",
		Values: outbox.Values{"organization": o.Name, "profile": p.Name, "what": what, "time": tx.Now(), "address": tx.Actor().Address}}
	if l.MakerID == "" {
		return s.directory.WriteOperator(tx, letter)
	}
	u, err := s.directory.UserByID(tx, l.MakerID)
	if err != nil {
		return err
	}
	return s.directory.Write(tx, &u, letter)
}
