package sso

import (
	"context"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// An Ending is a certificate of an SSO profile that ends.
type Ending struct {
	ProfileID, Name string // of the profile
	Subject         string
	At              time.Time
	Ours            bool // one of our keys, not the Identity Provider's
}

// Endings returns which certificates of an organization's profiles end next, at
// most so many, without those that have ended.
func (s *Service) Endings(ctx context.Context, actor access.Actor, organizationID string, most int) (list []Ending, err error) {
	if err := authorize(actor, access.ActProfileRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found, err := endings(tx, organizationID, func(e *ending) bool { return e.notAfter.After(tx.Now()) })
		for _, e := range found {
			list = append(list, Ending{e.profileID, e.profile, e.subject, e.notAfter, e.ours})
		}
		return err
	})
	slices.SortStableFunc(list, func(a, b Ending) int { return a.At.Compare(b.At) })
	return list[:min(len(list), most)], err
}
