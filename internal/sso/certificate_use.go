package sso

import (
	"context"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// useEvery is how often it is written, at most, that a certificate is in use.
const useEvery = time.Hour

// uses are the certificates that this process has seen sign-ins with. A sign-in
// costs no write: they are written by [Service.WriteUses].
type uses struct {
	mu    sync.Mutex
	noted map[usedKey]*noted
}

type usedKey struct{ profileID, sha256 string }

type noted struct {
	at      time.Time // of the last sign-in
	written time.Time // the last that is written; zero: none
}

// keepUses bounds the memory that is kept.
const keepUses = 100_000

// noteUse notes that a sign-in was verified with a certificate of a profile.
func (s *Service) noteUse(p *Profile, certificate int) {
	key, now := usedKey{p.ID, p.Certificates[certificate].SHA256}, s.now()
	s.uses.mu.Lock()
	defer s.uses.mu.Unlock()
	n := s.uses.noted[key]
	if n == nil {
		if len(s.uses.noted) >= keepUses {
			clear(s.uses.noted)
		}
		n = &noted{}
		s.uses.noted[key] = n
	}
	n.at = now
}

// due returns what is to be written, and counts it as written.
func (u *uses) due() map[usedKey]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	list := make(map[usedKey]time.Time)
	for key, n := range u.noted {
		if n.at.After(n.written) && (n.written.IsZero() || n.at.Sub(n.written) >= useEvery) {
			list[key], n.written = n.at, n.at
		}
	}
	return list
}

// WriteUses writes when certificates were seen in sign-ins: the first time soon,
// then once an hour. Each node does it for itself, every minute or so.
func (s *Service) WriteUses(ctx context.Context) error {
	list := s.uses.due()
	if len(list) == 0 {
		return nil
	}
	err := s.db.Update(ctx, access.System("sso"), func(tx *db.Tx) error {
		for key, at := range list {
			if err := putUse(tx, key, at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.uses.mu.Lock()
		defer s.uses.mu.Unlock()
		for key := range list {
			if n := s.uses.noted[key]; n != nil {
				n.written = time.Time{}
			}
		}
	}
	return err
}
