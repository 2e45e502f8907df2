package sso

import (
	"context"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// A CertificateState is how a certificate of an Identity Provider counts.
type CertificateState string

const (
	CertificateUsed       CertificateState = "used"
	CertificateWaiting    CertificateState = "waiting"
	CertificateRefused    CertificateState = "refused"
	CertificateDistrusted CertificateState = "distrusted"
)

// A CertificateView is a certificate as doors show it.
type CertificateView struct {
	Certificate
	State       CertificateState
	FoundAt     time.Time // when a refresh saw it first, or it was distrusted; zero: entered by hand
	UseAt       time.Time // when one that waits is used without anybody's word
	GoneAt      time.Time // since when the metadata does not hold it; zero: it does, or never did
	DropAt      time.Time // when it goes for that; zero: when its successor was seen
	FirstSeenAt time.Time // in a sign-in
	SeenAt      time.Time // in a sign-in, to the hour
}

// A MetadataView is where the data of a profile come from.
type MetadataView struct {
	URL        string // empty: entered by hand
	TriedAt    time.Time
	FetchedAt  time.Time // when it was good last
	FailedAt   time.Time // since when it is not; zero: it is
	NextAt     time.Time
	ValidUntil time.Time
	Failure    *Failure
	Other      *OtherEntity // waits for an administrator
}

// A Failure says why the metadata could not be refreshed.
type Failure struct {
	Reason string // for translation
	Line   int
	Detail string // of a document, in English; empty for other reasons
	Text   string // a sentence in English
}

// A TrustView is what a profile trusts and why.
type TrustView struct {
	View
	Metadata     MetadataView
	Certificates []CertificateView // the ones in use first
	Keys         []KeyView         // ours
}

// Certificates tells what a profile trusts: its certificates, those that wait or
// were turned away, and how its metadata fares.
func (s *Service) Certificates(ctx context.Context, actor access.Actor, profileID string) (v TrustView, err error) {
	keys, err := s.Keys(ctx, actor, profileID)
	if err != nil {
		return v, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := s.profile(tx, actor, access.ActProfileRead, profileID)
		if err != nil {
			return err
		}
		v = TrustView{Keys: keys}
		if v.View, err = s.view(tx, p); err != nil {
			return err
		}
		m, err := feedOf(tx, p.ID)
		if err != nil {
			return err
		}
		l, err := ledgerOf(tx, p.ID)
		if err != nil {
			return err
		}
		v.Metadata, v.Certificates = m.view(&p), l.view(&p)
		return nil
	})
	return v, err
}

func (m *feed) view(p *Profile) MetadataView {
	v := MetadataView{URL: p.MetadataURL}
	if v.URL == "" {
		return v
	}
	v.TriedAt, v.FetchedAt, v.FailedAt, v.NextAt = m.triedAt, m.fetchedAt, m.failedAt, m.nextAt
	v.ValidUntil, v.Other = m.validUntil, m.waiting
	if m.failure != "" {
		e := &fetchError{Reason: m.failure, Line: m.line, Detail: m.detail}
		v.Failure = &Failure{e.Reason, e.Line, e.Detail, e.sentence()}
	}
	return v
}

// view lists all certificates of a profile that anything is known of.
func (l *ledger) view(p *Profile) (list []CertificateView) {
	add := func(c Certificate, state CertificateState) {
		seen := l.uses[c.SHA256]
		v := CertificateView{Certificate: c, State: state, FirstSeenAt: seen.first, SeenAt: seen.last}
		if st := l.standings[c.SHA256]; st != nil {
			v.FoundAt, v.UseAt, v.GoneAt = st.foundAt, st.useAt, st.goneAt
			v.DropAt = l.dropAt(p, &c, l.listed)
		}
		list = append(list, v)
	}
	for _, c := range p.Certificates {
		add(c, CertificateUsed)
	}
	for _, one := range []struct {
		standing Standing
		state    CertificateState
	}{{Waiting, CertificateWaiting}, {Refused, CertificateRefused}, {Distrusted, CertificateDistrusted}} {
		for _, sha256 := range l.with(one.standing) {
			if c := l.standings[sha256].cert; c != nil {
				add(*c, one.state)
			}
		}
	}
	return list
}

// ParseFingerprint reads the SHA-256 of a certificate as people write it: in
// hexadecimal, with colons or without.
func ParseFingerprint(text string) (sha256 string, ok bool) {
	sha256 = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), ":", ""))
	return sha256, len(sha256) == 64 && !strings.ContainsFunc(sha256, func(r rune) bool {
		return !(r >= '0' && r <= '9' || r >= 'a' && r <= 'f')
	})
}

// A NoticeKind says what of a profile somebody should look at.
type NoticeKind string

const (
	NoticeExpired NoticeKind = "certificate_expired"
	NoticeExpires NoticeKind = "certificate_expires"
	NoticeKey     NoticeKind = "key_expires" // ours
	NoticeWaiting NoticeKind = "certificate_waiting"
	NoticeEntity  NoticeKind = "entity_waiting"
	NoticeFailing NoticeKind = "metadata_failing"
	NoticeSignIns NoticeKind = "sign_ins_failing"
)

// noticeFor is how long before the end of a certificate it is worth a look.
const noticeFor = 60 * 24 * time.Hour

// A Notice is something that somebody should look at.
type Notice struct {
	ProfileID, Name string // of the profile
	Kind            NoticeKind
	At              time.Time // when it ends, is used, or began to fail; zero: no matter
	// Urgent is set where people may soon not be able to sign in: it ends within
	// 30 days and nothing is there to follow, or somebody has to decide.
	Urgent bool
}

// Notices tells what of the certificates and the metadata of an organization's
// profiles somebody should look at, the urgent first.
func (s *Service) Notices(ctx context.Context, actor access.Actor, organizationID string) (list []Notice, err error) {
	if err := authorize(actor, access.ActProfileRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found, err := endings(tx, organizationID, func(*ending) bool { return true })
		if err != nil {
			return err
		}
		if list, err = openNotices(tx, organizationID); err != nil {
			return err
		}
		list = append(list, expiring(found, tx.Now())...)
		return nil
	})
	slices.SortStableFunc(list, func(a, b Notice) int {
		switch {
		case a.Urgent == b.Urgent:
			return 0
		case a.Urgent:
			return -1
		}
		return 1
	})
	return list, err
}

// expiring picks what ends soon.
func expiring(all []ending, now time.Time) (list []Notice) {
	const urgent = 30 * 24 * time.Hour
	type side struct {
		profileID string
		ours      bool
	}
	last := make(map[side]time.Time) // when the last one ends
	for _, e := range all {
		if at := last[side{e.profileID, e.ours}]; e.notAfter.After(at) {
			last[side{e.profileID, e.ours}] = e.notAfter
		}
	}
	for _, e := range all {
		if now.Add(noticeFor).Before(e.notAfter) {
			continue
		}
		n := Notice{ProfileID: e.profileID, Name: e.profile, Kind: NoticeExpires, At: e.notAfter}
		switch {
		case e.ours:
			n.Kind = NoticeKey
		case now.After(e.notAfter):
			n.Kind = NoticeExpired
		}
		// One that had ended when it was entered is used so on purpose.
		n.Urgent = now.Add(urgent).After(last[side{e.profileID, e.ours}]) && e.notAfter.After(e.addedAt)
		list = append(list, n)
	}
	return list
}
