package sso

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/job"
	"sallyport/internal/outbox"
	"sallyport/saml"
	"sallyport/saml/metadata"
)

// When metadata is fetched again.
const (
	refreshEvery = 24 * time.Hour
	refreshLeast = time.Hour        // whatever a document says of how long it may be kept
	retryAfter   = time.Hour        // after a failure
	askEvery     = 10 * time.Minute // for responses with unknown keys
	refreshPause = time.Second      // between two that somebody asks for
	refreshLease = 5 * time.Minute  // for a node that fetches
	refreshBatch = 64
)

// refreshJob is the kind of job that fetches the metadata of one profile soon.
const refreshJob = "refresh_metadata"

type refreshInput struct {
	ProfileID string `json:"sso_profile_id"`
}

// A feed is what came of fetching the metadata of a profile.
type feed struct {
	nextAt, askedAt              time.Time
	triedAt, fetchedAt, failedAt time.Time
	failure, detail              string
	line                         int
	validUntil                   time.Time
	waiting                      *OtherEntity // another Identity Provider that the document names
	refused                      string       // its entity ID, where an administrator does not want it
}

// An OtherEntity is what a document says that names another Identity Provider
// than the profile's. It waits for an administrator.
type OtherEntity struct {
	EntityID     string          `json:"entity_id"`
	SSO          []saml.Endpoint `json:"sso"`
	SLO          []saml.Endpoint `json:"slo"`
	Certificates [][]byte        `json:"certificates"` // DER
	FoundAt      time.Time       `json:"found_at"`
}

func otherEntity(f *fetched) *OtherEntity {
	idp := f.entity.IdP
	o := &OtherEntity{EntityID: idp.EntityID, SSO: idp.SSO, SLO: idp.SLO, FoundAt: f.at}
	for _, c := range idp.Certificates {
		o.Certificates = append(o.Certificates, c.Raw)
	}
	return o
}

// Parsed returns its certificates.
func (o *OtherEntity) Parsed() (list []Certificate) {
	for _, der := range o.Certificates {
		if c, err := x509.ParseCertificate(der); err == nil { // it was read before
			list = append(list, newCertificate(c, o.FoundAt))
		}
	}
	return list
}

// fetched turns what waits back into a document.
func (o *OtherEntity) fetched(now time.Time) (*fetched, error) {
	idp := &saml.IdentityProvider{EntityID: o.EntityID, SSO: o.SSO, SLO: o.SLO}
	for _, der := range o.Certificates {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		idp.Certificates = append(idp.Certificates, c)
	}
	return &fetched{entity: metadata.Entity{ID: o.EntityID, IdP: idp}, at: now}, nil
}

// same reports whether both say the same.
func (o *OtherEntity) same(b *OtherEntity) bool {
	if o == nil || b == nil {
		return o == b
	}
	return o.EntityID == b.EntityID && slices.Equal(o.SSO, b.SSO) && slices.Equal(o.SLO, b.SLO) &&
		slices.EqualFunc(o.Certificates, b.Certificates, slices.Equal)
}

// good notes a document that was read, and plans the next fetch.
func (m *feed) good(f *fetched, l *ledger) {
	m.triedAt, m.fetchedAt, m.failedAt = f.at, f.at, time.Time{}
	m.failure, m.detail, m.line, m.validUntil = "", "", 0, f.entity.ValidUntil
	pause := refreshEvery
	if d := f.entity.CacheDuration; d > 0 {
		pause = min(pause, d)
	}
	if until := f.entity.ValidUntil; !until.IsZero() {
		pause = min(pause, until.Sub(f.at)/2)
	}
	m.nextAt = f.at.Add(max(pause, refreshLeast))
	for _, st := range l.standings {
		if st.standing == Waiting && st.useAt.Before(m.nextAt) {
			m.nextAt = st.useAt
		}
	}
	if least := f.at.Add(time.Minute); m.nextAt.Before(least) {
		m.nextAt = least
	}
}

// bad notes a failure. All that was known stays.
func (m *feed) bad(e *fetchError, now time.Time) {
	if m.failedAt.IsZero() {
		m.failedAt = now
	}
	m.triedAt, m.nextAt = now, now.Add(retryAfter)
	m.failure, m.detail, m.line = e.Reason, e.Detail, e.Line
}

// RefreshMetadata fetches the metadata of a profile's Identity Provider now, and
// follows it. The error is fault.MetadataFetchFailed or fault.MetadataInvalid
// where it showed nothing of use: the profile stays as it is, and shows why.
func (s *Service) RefreshMetadata(ctx context.Context, actor access.Actor, profileID string) error {
	err := s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := profileByID(tx, profileID)
		if err != nil {
			return err
		}
		if err := authorize(actor, access.ActProfileRefresh, p.OrganizationID); err != nil {
			return err
		}
		if p.MetadataURL == "" {
			return fault.New(fault.Conflict, "The SSO profile has no metadata URL.")
		}
		ok, err := claimFeed(tx, p.ID, tx.Now().Add(-refreshPause), tx.Now().Add(refreshLease))
		if err == nil && !ok {
			return fault.Limited(refreshPause, "The metadata was fetched a moment ago.")
		}
		return err
	})
	if err != nil {
		return err
	}
	return refusedFetch(s.refresh(ctx, actor, profileID))
}

// refresh fetches the metadata of a profile and follows it. A failure is noted,
// and is a [*fetchError].
func (s *Service) refresh(ctx context.Context, actor access.Actor, profileID string) error {
	var p Profile
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		p, err = profileByID(tx, profileID)
		return err
	})
	if err != nil || p.MetadataURL == "" {
		return err
	}
	f, err := s.fetch(ctx, p.MetadataURL, &p.Options, metadata.Which{EntityID: p.EntityID, OrOnly: true})
	var failure *fetchError
	if err != nil && !errors.As(err, &failure) || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error { return s.take(tx, &p, &f, failure) })
	if err == nil && failure != nil {
		return failure
	}
	return err
}

// take does what follows from a fetch, unless the profile takes its metadata
// from elsewhere by now.
func (s *Service) take(tx *db.Tx, was *Profile, f *fetched, failure *fetchError) error {
	p, err := profileByID(tx, was.ID)
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.MetadataURL != was.MetadataURL || p.Options.MetadataPin != was.Options.MetadataPin {
		return nil
	}
	m, err := feedOf(tx, p.ID)
	if err != nil {
		return err
	}
	l, err := ledgerOf(tx, p.ID)
	if err != nil {
		return err
	}
	switch {
	case failure != nil:
		return s.failed(tx, &p, &m, failure)
	case f.entity.ID != p.EntityID && f.entity.ID == m.refused:
		m.waiting = nil
		return s.failed(tx, &p, &m, &fetchError{Reason: reasonEntity})
	case f.entity.ID != p.EntityID:
		return s.otherFound(tx, &p, &m, &l, f)
	}
	return s.followed(tx, &p, &m, &l, f)
}

// followed has the profile follow the document.
func (s *Service) followed(tx *db.Tx, p *Profile, m *feed, l *ledger, f *fetched) error {
	old := *p
	old.Certificates = slices.Clone(p.Certificates)
	waiting := l.with(Waiting)
	p.follow(l, f)
	m.waiting, m.refused = nil, ""
	m.good(f, l)
	if err := errors.Join(putFeed(tx, p.ID, m), putStandings(tx, p.ID, l)); err != nil {
		return err
	}
	changes := differences(&old, p)
	if len(changes) > 0 {
		if err := updateProfile(tx, p); err != nil {
			return err
		}
	}
	changes = append(changes, l.changes(waiting)...)
	if len(changes) == 0 {
		return nil
	}
	if len(l.with(Waiting)) > len(waiting) {
		err := s.tell(tx, p, outbox.CertificateWaiting, outbox.Values{"profile": p.Name, "until": tx.Now().Add(waitTime)})
		if err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileRefreshed, Target: p.target(), Changes: changes})
}

// otherFound keeps what a document says of another Identity Provider until an
// administrator has looked at it. Nothing else of it counts.
func (s *Service) otherFound(tx *db.Tx, p *Profile, m *feed, l *ledger, f *fetched) error {
	next := otherEntity(f)
	known := m.waiting != nil && m.waiting.EntityID == next.EntityID
	if m.waiting.same(next) {
		next = m.waiting
	}
	m.waiting = next
	m.good(f, l)
	if err := putFeed(tx, p.ID, m); err != nil || known {
		return err
	}
	if err := s.tell(tx, p, outbox.EntityChanged, outbox.Values{"profile": p.Name}); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileEntityFound, Target: p.target(),
		Changes: []audit.Change{{Field: "idp_entity_id", Old: p.EntityID, New: next.EntityID}}})
}

// failed notes that a fetch showed nothing of use. The log tells where it begins.
func (s *Service) failed(tx *db.Tx, p *Profile, m *feed, e *fetchError) error {
	first := m.failure != e.Reason
	m.bad(e, tx.Now())
	if err := putFeed(tx, p.ID, m); err != nil || !first {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileRefreshFailed, Target: p.target(),
		Outcome: audit.Refused, Code: string(e.fault("").Code), Changes: []audit.Change{{Field: "failure", New: e.Reason}}})
}

// tell writes to those who can do something about a profile.
func (s *Service) tell(tx *db.Tx, p *Profile, kind outbox.Kind, values outbox.Values) error {
	return s.tellAt(tx, p, kind, values, s.certificatesURL(p))
}

// tellAt is tell with another page to look at.
func (s *Service) tellAt(tx *db.Tx, p *Profile, kind outbox.Kind, values outbox.Values, link string) error {
	o, err := s.directory.OrganizationByID(tx, p.OrganizationID)
	if err != nil {
		return err
	}
	values["organization"] = o.Name
	list, err := s.directory.ActiveAdministrators(tx, p.OrganizationID)
	if err != nil {
		return err
	}
	for i := range list {
		err := s.directory.Write(tx, &list[i], outbox.Letter{Kind: kind, Values: values, Link: link})
		if err != nil {
			return err
		}
	}
	return nil
}

// certificatesURL is the page in the Admin Center where certificates are.
func (s *Service) certificatesURL(p *Profile) string {
	return s.cfg.BaseURL + "/admin/" + p.OrganizationID + "/sso/" + p.ID + "/certificates"
}

// RefreshDue fetches all metadata that is due. Several nodes may do it at once.
func (s *Service) RefreshDue(ctx context.Context) error {
	for {
		var due []string
		err := s.db.View(ctx, func(tx *db.Tx) (err error) {
			due, err = dueFeeds(tx, 1)
			return err
		})
		if err != nil || len(due) == 0 {
			return err
		}
		err = s.db.Update(ctx, access.System("metadata"), func(tx *db.Tx) error {
			if due, err = dueFeeds(tx, refreshBatch); err != nil {
				return err
			}
			for _, profileID := range due {
				if err := leaseFeed(tx, profileID, tx.Now().Add(refreshLease)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if err := s.refreshAll(ctx, due); err != nil {
			return err
		}
	}
}

// refreshAll refreshes several profiles at once. What a document lacks is no
// error of the work.
func (s *Service) refreshAll(ctx context.Context, due []string) (failed error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	work := make(chan string, len(due))
	for _, profileID := range due {
		work <- profileID
	}
	close(work)
	for range min(fetches/2, len(due)) {
		all.Go(func() {
			for profileID := range work {
				if err := s.refreshQuietly(ctx, profileID); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return failed
}

func (s *Service) refreshQuietly(ctx context.Context, profileID string) error {
	err := s.refresh(ctx, access.System("metadata"), profileID)
	var failure *fetchError
	if errors.As(err, &failure) {
		s.logger.Info("metadata not refreshed", "profile", profileID, "reason", failure.Reason)
		return nil
	}
	if errors.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// refreshAsked does a job of the kind [refreshJob].
func (s *Service) refreshAsked(ctx context.Context, run *job.Run) error {
	var in refreshInput
	if err := run.Input(&in); err != nil {
		return err
	}
	return s.refreshQuietly(ctx, in.ProfileID)
}

// askRefresh has the metadata fetched soon after a response whose key is not
// known: the Identity Provider may have a new one. The response need not be its
// own, so that it counts only where the issuer is right, and once in
// [askEvery].
func (s *Service) askRefresh(ctx context.Context, actor access.Actor, p *Profile, r *saml.Refusal) error {
	if p.MetadataURL == "" || !unknownKey(r) || !s.asked.due(p.ID, s.now()) {
		return nil
	}
	err := s.db.Update(ctx, actor, func(tx *db.Tx) error {
		ok, err := askFeed(tx, p.ID, tx.Now().Add(-askEvery))
		if err != nil || !ok {
			return err
		}
		_, err = s.cfg.Jobs.Enqueue(tx, refreshJob, refreshInput{p.ID})
		return err
	})
	if err == nil {
		s.asked.done(p.ID, s.now())
	}
	return err
}

// asked remembers when this node has asked for the metadata of which profile, so
// that a flood of responses costs no transaction each.
type asked struct {
	mu sync.Mutex
	at map[string]time.Time
}

func (a *asked) due(profileID string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.at[profileID]
	return !ok || now.Sub(at) >= time.Second
}

func (a *asked) done(profileID string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.at) >= keepPrepared {
		clear(a.at)
	}
	a.at[profileID] = now
}

// unknownKey reports whether a message of the right issuer was signed with
// another key than those that are known. What an encrypted assertion holds must
// not show in what follows, so that its failures are none of these.
func unknownKey(r *saml.Refusal) bool {
	if r.Code != saml.CodeCertificateUnknown && r.Code != saml.CodeSignatureInvalid {
		return false
	}
	issued := false
	for _, c := range r.Checks {
		if c.Code == saml.CodeIssuerMismatch {
			if c.Status == saml.Failed {
				return false
			}
			issued = issued || c.Status == saml.Passed
		}
	}
	return issued
}
