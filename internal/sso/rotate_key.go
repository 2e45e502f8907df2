package sso

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/saml"
)

// Rotation takes its time, so that the Identity Provider can follow.
const (
	// DefaultKeyDelay is how long a new key is only shown before it is used.
	DefaultKeyDelay = 7 * 24 * time.Hour
	// MaxKeyDelay is the longest such time.
	MaxKeyDelay = 90 * 24 * time.Hour
	// keyOverlap is how long its predecessor stays then.
	keyOverlap = 7 * 24 * time.Hour
)

// A KeyView is a key as doors show it.
type KeyView struct {
	Key
	State KeyState
}

// Keys lists our keys of a profile: the one in use first, then the others,
// newest first.
func (s *Service) Keys(ctx context.Context, actor access.Actor, profileID string) (list []KeyView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		_, err := s.profile(tx, actor, access.ActProfileRead, profileID)
		return err
	})
	if err != nil {
		return nil, err
	}
	keys, err := s.keys(ctx, profileID)
	if err != nil {
		return nil, err
	}
	now := s.now()
	keys, _ = ordered(keys, now)
	for _, k := range keys {
		list = append(list, KeyView{k, k.state(keys, now)})
	}
	return list, nil
}

// RotateKey makes a new key for a profile. It stands in our metadata at once and
// is used after the delay; its predecessors stay a week longer. While a new key
// is on its way there is no other one.
func (s *Service) RotateKey(ctx context.Context, actor access.Actor, profileID string, delay time.Duration) (v KeyView, err error) {
	if delay < 0 || delay > MaxKeyDelay {
		return v, fault.Invalid(fault.Field{Name: "delay", Message: "is at most 90 days"})
	}
	// Whoever may not rotate costs nothing, and has no key made.
	err = s.db.View(ctx, func(tx *db.Tx) error {
		_, err := s.profile(tx, actor, access.ActProfileKey, profileID)
		return err
	})
	if err != nil {
		return v, err
	}
	if _, err := s.keys(ctx, profileID); err != nil {
		return v, err
	}
	pair, err := s.newKeyPair(keyName(profileID))
	if err != nil {
		return v, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		v.Key, err = s.rotate(tx, actor, profileID, pair, delay)
		return err
	})
	v.State = KeyNext
	if delay == 0 {
		v.State = KeyCurrent
	}
	return v, err
}

func (s *Service) rotate(tx *db.Tx, actor access.Actor, profileID string, pair keyPair, delay time.Duration) (k Key, err error) {
	p, err := s.profile(tx, actor, access.ActProfileKey, profileID)
	if err != nil {
		return k, err
	}
	keys, err := keysOf(tx, p.ID)
	if err != nil {
		return k, err
	}
	if len(keys) >= saml.MaxKeys {
		return k, fault.Newf(fault.Conflict, "There are %d keys already. The next one of them is removed on %s.",
			len(keys), firstRemoval(keys).Format(time.RFC3339))
	}
	activeAt := tx.Now().Add(delay)
	var old []string
	for _, other := range keys {
		if other.ActiveAt.After(tx.Now()) {
			return k, fault.Newf(fault.Conflict, "A new key is on its way already. It is used from %s on.", other.ActiveAt.Format(time.RFC3339))
		}
		old = append(old, other.SHA256())
		if !other.RemoveAt.IsZero() {
			continue
		}
		if err := retireKey(tx, other.ID, activeAt.Add(keyOverlap)); err != nil {
			return k, err
		}
	}
	if k, err = s.addKey(tx, p.ID, pair, activeAt); err != nil {
		return k, err
	}
	if err := updateProfile(tx, &p); err != nil { // what is prepared of it is made anew
		return k, err
	}
	return k, s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileKeyRotated, Target: p.target(),
		Changes: []audit.Change{{Field: "keys", Old: old, New: append(old, k.SHA256())}, {Field: "active_at", New: activeAt}}})
}

// firstRemoval is when the first of several keys goes.
func firstRemoval(keys []Key) (first time.Time) {
	for _, k := range keys {
		if !k.RemoveAt.IsZero() && (first.IsZero() || k.RemoveAt.Before(first)) {
			first = k.RemoveAt
		}
	}
	return first
}

// keyName is what the certificate of a profile's key names: people compare it
// at the Identity Provider.
func keyName(profileID string) string { return "Sallyport " + profileID }

// keys returns our keys of a profile, newest first. A profile that was made
// before there were any gets one.
func (s *Service) keys(ctx context.Context, profileID string) (list []Key, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list, err = keysOf(tx, profileID)
		return err
	})
	if err != nil || len(list) > 0 {
		return list, err
	}
	pair, err := s.newKeyPair(keyName(profileID))
	if err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, access.System("sso"), func(tx *db.Tx) error {
		// Another node may have been faster.
		if list, err = keysOf(tx, profileID); err != nil || len(list) > 0 {
			return err
		}
		p, err := profileByID(tx, profileID)
		if err != nil {
			return err
		}
		k, err := s.createKey(tx, &p, pair)
		list = []Key{k}
		return err
	})
	return list, err
}

// createKey gives a profile its first key.
func (s *Service) createKey(tx *db.Tx, p *Profile, pair keyPair) (Key, error) {
	k, err := s.addKey(tx, p.ID, pair, tx.Now())
	if err != nil {
		return k, err
	}
	return k, s.audit.Append(tx, audit.Event{OrganizationID: p.OrganizationID, Action: audit.ProfileKeyCreated, Target: p.target(),
		Changes: []audit.Change{{Field: "keys", New: []string{k.SHA256()}}}})
}
