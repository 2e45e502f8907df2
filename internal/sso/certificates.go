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

// Attention tells of each profile of an organization what of its certificates and
// metadata somebody should look at, by profile.
func (s *Service) Attention(ctx context.Context, actor access.Actor, organizationID string) (list []TrustView, err error) {
	if err := authorize(actor, access.ActProfileRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		found, err := profiles(tx, organizationID, "", maxProfiles)
		if err != nil {
			return err
		}
		for _, p := range found {
			v := TrustView{View: View{Profile: p}}
			m, err := feedOf(tx, p.ID)
			if err != nil {
				return err
			}
			l, err := ledgerOf(tx, p.ID)
			if err != nil {
				return err
			}
			keys, err := keysOf(tx, p.ID)
			if err != nil {
				return err
			}
			for _, k := range keys {
				v.Keys = append(v.Keys, KeyView{Key: k})
			}
			v.Metadata, v.Certificates = m.view(&p), l.view(&p)
			list = append(list, v)
		}
		return nil
	})
	return list, err
}

// Expiring returns what of a profile ends within a time, of ours too, leaving out
// what the metadata does not hold any more.
func (v *TrustView) Expiring(now time.Time, within time.Duration) (theirs []CertificateView, ours []KeyView) {
	for _, c := range v.Certificates {
		if c.State == CertificateUsed && c.GoneAt.IsZero() && now.Add(within).After(c.NotAfter) {
			theirs = append(theirs, c)
		}
	}
	for _, k := range v.Keys {
		if k.RemoveAt.IsZero() && now.Add(within).After(k.Certificate.NotAfter) {
			ours = append(ours, k)
		}
	}
	slices.SortFunc(theirs, func(a, b CertificateView) int { return a.NotAfter.Compare(b.NotAfter) })
	return theirs, ours
}
