package sso

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/outbox"
)

// expiryDays are when people are told that a certificate ends, in days before.
var expiryDays = [...]int{60, 30, 7, 1}

// An ending is a certificate of an Identity Provider's, or of ours, that ends.
type ending struct {
	profileID, profile string // its id and name
	sha256             string
	subject            string
	notAfter, addedAt  time.Time
	ours               bool
}

// threshold is the last of the [expiryDays] that has come; zero: none.
func threshold(notAfter, now time.Time) (days int) {
	for _, d := range expiryDays {
		if !now.Before(notAfter.Add(-time.Duration(d) * 24 * time.Hour)) {
			days = d
		}
	}
	return days
}

// WatchCertificates tells owners and administrators which certificates end, 60,
// 30, 7 and 1 days before, each once. What nobody could be told in time, because
// no node was there, is told when one is: once, of the last of these days.
func (s *Service) WatchCertificates(ctx context.Context) error {
	var due []ending
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		all, err := endings(tx, "", func(e *ending) bool {
			// One that had ended when it was entered is no news.
			return threshold(e.notAfter, tx.Now()) > 0 && e.notAfter.After(e.addedAt)
		})
		if err != nil {
			return err
		}
		due, err = untold(tx, all)
		return err
	})
	if err != nil {
		return err
	}
	for _, e := range due {
		err := s.db.Update(ctx, access.System("certificates"), func(tx *db.Tx) error { return s.tellEnding(tx, &e) })
		if err != nil {
			return err
		}
	}
	return nil
}

// tellEnding writes the mails of a certificate's present threshold, unless they
// were written. Earlier ones count as written.
func (s *Service) tellEnding(tx *db.Tx, e *ending) error {
	days := threshold(e.notAfter, tx.Now())
	fresh, err := noteEnding(tx, e, days)
	if err != nil || !fresh {
		return err
	}
	p, err := profileByID(tx, e.profileID)
	if err != nil {
		return err
	}
	kind := outbox.CertificateExpires
	if e.ours {
		kind = outbox.KeyExpires
	}
	return s.tell(tx, &p, kind, outbox.Values{"profile": p.Name, "subject": e.subject, "until": e.notAfter})
}
