package sso

import (
	"context"
	"errors"
	"strconv"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/outbox"
	"sallyport/internal/record"
)

// AlertEvery is how often profiles are looked at.
const AlertEvery = time.Minute

const (
	// alertQuiet is for how long nobody is written to again, though sign-ins
	// worked in between: what comes and goes is one mail.
	alertQuiet = 6 * time.Hour
	// alertForgotten ends an alert of a profile that nobody has tried again.
	alertForgotten = 24 * time.Hour
	alertProfiles  = 500 // in one round
)

// An Alert says since when sign-ins with a profile fail.
type Alert struct {
	ProfileID, OrganizationID string
	BeganAt, MailedAt         time.Time
	Code                      fault.Code // the most frequent
	Failed, Tried             int64      // when it began
	EndedAt                   time.Time  // zero: they still do
}

// WatchSignIns tells owners and administrators, once, when sign-ins with an SSO
// profile begin to fail, measured by its own past, and notes when they work again.
// Its work grows with how many profiles refuse somebody.
func (s *Service) WatchSignIns(ctx context.Context) error {
	var due []record.Failing
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		if due, err = record.WithRefusals(tx, tx.Now().Add(-failWindow), alertProfiles); err != nil {
			return err
		}
		open, err := openAlerts(tx, alertProfiles)
		for _, a := range open {
			due = append(due, record.Failing{OrganizationID: a.OrganizationID, ProfileID: a.ProfileID})
		}
		return err
	})
	if err != nil {
		return err
	}
	seen := make(map[record.Failing]bool)
	for _, f := range due {
		if seen[f] {
			continue
		}
		seen[f] = true
		if err := s.watchProfile(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// watchProfile looks at one profile, and writes only where something begins or
// ends.
func (s *Service) watchProfile(ctx context.Context, f record.Failing) error {
	var begins, ends bool
	look := func(tx *db.Tx) (now tally, before Alert, err error) {
		before, err = alertOf(tx, f.ProfileID)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return now, before, err
		}
		attempts, err := record.Latest(tx, f.OrganizationID, f.ProfileID, failRows)
		if err != nil {
			return now, before, err
		}
		attempts = telling(attempts)
		now, past := tallies(attempts, tx.Now().Add(-failWindow))
		open := !before.BeganAt.IsZero() && before.EndedAt.IsZero()
		forgotten := len(attempts) == 0 || attempts[0].Time.Before(tx.Now().Add(-alertForgotten))
		begins, ends = !open && failing(now, past), open && (working(attempts, now) || forgotten)
		return now, before, nil
	}
	err := s.db.View(ctx, func(tx *db.Tx) error {
		_, _, err := look(tx)
		return err
	})
	if err != nil || !begins && !ends {
		return err
	}
	return s.db.Update(ctx, access.System("alerts"), func(tx *db.Tx) error {
		now, before, err := look(tx) // another node may have been faster
		switch {
		case err != nil:
			return err
		case begins:
			return s.beginAlert(tx, f, now, before)
		case ends:
			return s.closeAlert(tx, f)
		}
		return nil
	})
}

// beginAlert notes that sign-ins fail, and writes to those who can do something.
func (s *Service) beginAlert(tx *db.Tx, f record.Failing, now tally, before Alert) error {
	p, err := profileByID(tx, f.ProfileID)
	if errors.Is(err, fault.NotFound) {
		return nil // deleted
	}
	if err != nil || p.OrganizationID != f.OrganizationID {
		return err
	}
	a := Alert{ProfileID: p.ID, OrganizationID: p.OrganizationID, BeganAt: now.since, MailedAt: before.MailedAt, Code: now.code, Failed: int64(now.failed), Tried: int64(now.tried())}
	tell := before.MailedAt.IsZero() || !tx.Now().Before(before.MailedAt.Add(alertQuiet))
	if tell {
		a.MailedAt = tx.Now()
	}
	if err := putAlert(tx, &a); err != nil {
		return err
	}
	if tell {
		d, err := s.diagnose(tx, &p, record.Case{Code: a.Code}, "")
		if err != nil {
			return err
		}
		values := outbox.Values{"profile": p.Name, "since": a.BeganAt, "failed": strconv.FormatInt(a.Failed, 10), "tried": strconv.FormatInt(a.Tried, 10), "cause": outbox.Sentence(a.Code.Title()), "code": string(a.Code), "fix": outbox.Sentence(d.Fix)}
		if err := s.tellAt(tx, &p, outbox.SignInsFail, values, s.refusedURL(&p)); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileFailing, Target: p.target(), Code: string(a.Code),
		Changes: []audit.Change{{Field: "failed", New: a.Failed}, {Field: "tried", New: a.Tried}}})
}

func (s *Service) closeAlert(tx *db.Tx, f record.Failing) error {
	if err := endAlert(tx, f.ProfileID); err != nil {
		return err
	}
	p, err := profileByID(tx, f.ProfileID)
	if err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileWorking, Target: p.target()})
}

// refusedURL is the page with the refused sign-ins of a profile.
func (s *Service) refusedURL(p *Profile) string {
	return s.cfg.BaseURL + "/admin/" + p.OrganizationID + "/activity?outcome=refused&profile=" + p.ID
}
