package sso

import (
	"slices"
	"time"

	"sallyport/internal/audit"
	"sallyport/saml"
)

// A Standing is what the metadata document, or an administrator, says of a
// certificate of an Identity Provider.
//
//	waiting ──(24 hours, or yes)──> listed ──(gone, and its successor is in use)──> forgotten
//	   └──(no)──> refused
//
//	any ──(Distrust)──> distrusted
type Standing string

const (
	Listed     Standing = "listed"     // in use, and in the document, at least once
	Waiting    Standing = "waiting"    // in the document, in the place of those in use
	Refused    Standing = "refused"    // an administrator does not want it
	Distrusted Standing = "distrusted" // no refresh brings it back
)

// Times of the rules.
const (
	waitTime = 24 * time.Hour     // before what replaces a certificate is used
	keepTime = 7 * 24 * time.Hour // for which one stays after its successor was seen
	goneTime = 24 * time.Hour     // for which a document has to be without it, besides
)

// A standing is a row of what is known of a certificate.
type standing struct {
	sha256   string
	standing Standing
	cert     *Certificate // nil for one that is in use
	foundAt  time.Time
	useAt    time.Time // of one that waits
	goneAt   time.Time // of a listed one: since when the document does not hold it
}

// A use is when sign-ins were verified with a certificate.
type use struct{ first, last time.Time }

// A ledger is all that is known of a profile's certificates.
type ledger struct {
	standings map[string]*standing
	uses      map[string]use
}

func (l *ledger) distrusts(sha256 string) bool {
	st := l.standings[sha256]
	return st != nil && st.standing == Distrusted
}

// with returns the fingerprints of a standing, in order.
func (l *ledger) with(s Standing) []string {
	list := []string{}
	for sha256, st := range l.standings {
		if st.standing == s {
			list = append(list, sha256)
		}
	}
	slices.Sort(list)
	return list
}

// believed returns what a document says of the signing certificates, without
// those that are not to come back.
func (l *ledger) believed(f *fetched) (list []Certificate) {
	for _, c := range f.entity.IdP.Certificates {
		if next := newCertificate(c, f.at); !l.distrusts(next.SHA256) {
			list = append(list, next)
		}
	}
	return list
}

// adopt takes over all that a document says: an administrator has given it, or
// has agreed to it. It reports false, and does nothing, where no certificate of
// it may be used.
func (p *Profile) adopt(l *ledger, f *fetched) bool {
	list := l.believed(f)
	if len(list) == 0 {
		return false
	}
	for i := range list {
		if j := slices.IndexFunc(p.Certificates, func(c Certificate) bool { return c.SHA256 == list[i].SHA256 }); j >= 0 {
			list[i].AddedAt = p.Certificates[j].AddedAt
		}
	}
	idp := f.entity.IdP
	p.EntityID, p.SSO, p.SLO, p.Certificates = idp.EntityID, idp.SSO, idp.SLO, list
	for sha256, st := range l.standings {
		if st.standing != Distrusted {
			delete(l.standings, sha256)
		}
	}
	for _, c := range list {
		l.standings[c.SHA256] = &standing{sha256: c.SHA256, standing: Listed, foundAt: f.at}
	}
	return true
}

// byHand notes that an administrator has entered the certificates of a profile,
// whatever was decided on them before.
func (l *ledger) byHand(p *Profile) {
	for sha256, st := range l.standings {
		if has := p.has(sha256); has && st.standing != Listed || !has && st.standing == Listed {
			delete(l.standings, sha256)
		}
	}
}

// follow brings a profile to what a fetched document of its Identity Provider
// says, by the rules of refreshing: a certificate beside a known one is used at
// once, and so is any where the document's signature is pinned and holds; others
// wait. Endpoints count as far as the document does. What a test has proved it
// goes on proving whatever becomes of certificates here.
func (p *Profile) follow(l *ledger, f *fetched) {
	tested := p.isTested()
	document := l.believed(f)
	in := func(sha256 string) bool {
		return slices.ContainsFunc(document, func(c Certificate) bool { return c.SHA256 == sha256 })
	}
	trusted := f.pinned || slices.ContainsFunc(p.Certificates, func(c Certificate) bool { return in(c.SHA256) })
	p.mark(l, in, f.at)
	for _, c := range document {
		if !p.has(c.SHA256) && l.admit(&c, trusted, f.at) && len(p.Certificates) < saml.MaxCertificates {
			p.Certificates = append(p.Certificates, c)
			l.standings[c.SHA256] = &standing{sha256: c.SHA256, standing: Listed, foundAt: l.standings[c.SHA256].foundAt}
		}
	}
	p.drop(l, in, f.at)
	if tested {
		p.TestedHash = p.hash()
	}
	if trusted || slices.ContainsFunc(p.Certificates, func(c Certificate) bool { return in(c.SHA256) }) {
		p.SSO, p.SLO = f.entity.IdP.SSO, f.entity.IdP.SLO
	}
}

// mark notes of the certificates in use, and of those that wait, whether the
// document holds them.
func (p *Profile) mark(l *ledger, in func(sha256 string) bool, now time.Time) {
	for _, c := range p.Certificates {
		st := l.standings[c.SHA256]
		switch {
		case in(c.SHA256):
			if st == nil || st.standing != Listed {
				st = &standing{sha256: c.SHA256, standing: Listed, foundAt: now}
				l.standings[c.SHA256] = st
			}
			st.goneAt = time.Time{}
		case st != nil && st.standing == Listed && st.goneAt.IsZero():
			st.goneAt = now
		}
	}
	for sha256, st := range l.standings {
		if (st.standing == Waiting || st.standing == Refused) && !in(sha256) {
			delete(l.standings, sha256)
		}
	}
}

// admit reports whether a certificate that the document shows, and that is not
// in use, is to be used now. Otherwise it waits from now on.
func (l *ledger) admit(c *Certificate, trusted bool, now time.Time) bool {
	st := l.standings[c.SHA256]
	if st == nil || st.standing == Listed { // it was dropped once
		st = &standing{sha256: c.SHA256, standing: Waiting, cert: c, foundAt: now, useAt: now.Add(waitTime)}
		l.standings[c.SHA256] = st
	}
	return st.standing == Waiting && (trusted || !now.Before(st.useAt))
}

// drop takes away what the document has not held for a while, once its successor
// has been in use for [keepTime].
func (p *Profile) drop(l *ledger, in func(sha256 string) bool, now time.Time) {
	var kept []Certificate
	for _, c := range p.Certificates {
		at := l.dropAt(p, &c, in)
		if at.IsZero() || now.Before(at) {
			kept = append(kept, c)
			continue
		}
		delete(l.standings, c.SHA256)
	}
	p.Certificates = kept
}

// dropAt is when a certificate of the profile goes; zero: not as far as is known.
func (l *ledger) dropAt(p *Profile, c *Certificate, in func(sha256 string) bool) (at time.Time) {
	st := l.standings[c.SHA256]
	if st == nil || st.standing != Listed || st.goneAt.IsZero() {
		return at
	}
	for _, successor := range p.Certificates {
		seen := l.uses[successor.SHA256]
		since := seen.first
		if successor.AddedAt.Before(c.AddedAt) {
			// An older one came back into its place: what counts is its use
			// since then.
			if since = st.goneAt; seen.last.Before(st.goneAt) {
				continue
			}
		}
		if !in(successor.SHA256) || since.IsZero() {
			continue
		}
		if end := since.Add(keepTime); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	if least := st.goneAt.Add(goneTime); !at.IsZero() && at.Before(least) {
		at = least
	}
	return at
}

// listed reports, of the last document, what it holds of the profile's.
func (l *ledger) listed(sha256 string) bool {
	st := l.standings[sha256]
	return st != nil && st.standing == Listed && st.goneAt.IsZero()
}

// changes lists what a refresh has changed of certificates that wait, for the
// audit log.
func (l *ledger) changes(waiting []string) (list []audit.Change) {
	if now := l.with(Waiting); !slices.Equal(waiting, now) {
		list = append(list, audit.Change{Field: "certificates_waiting", Old: waiting, New: now})
	}
	return list
}
