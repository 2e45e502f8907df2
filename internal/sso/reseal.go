package sso

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
)

// resealBatch bounds one transaction of [Service.Reseal].
const resealBatch = 200

// Reseal encrypts again every private key that was sealed with another than the
// current key-encryption key, and returns how many they were. Once every node
// has the new key first and this has run, the old one can go.
func (s *Service) Reseal(ctx context.Context, actor access.Actor) (total int, err error) {
	if err := authorize(actor, access.ActSecretsReseal, ""); err != nil {
		return 0, err
	}
	for after := ""; ; {
		var list []Key
		var n int
		err := s.db.Update(ctx, actor, func(tx *db.Tx) (err error) {
			if list, err = keysAfter(tx, after, resealBatch); err != nil {
				return err
			}
			if n, err = s.reseal(tx, list); err != nil || n == 0 {
				return err
			}
			return s.audit.Append(tx, audit.Event{Action: audit.SecretsResealed, Target: audit.Target{Kind: "installation"},
				Changes: []audit.Change{{Field: "sso_keys", New: n}}})
		})
		if err != nil {
			return total, err
		}
		if total += n; len(list) < resealBatch {
			return total, nil
		}
		after = list[len(list)-1].ID
	}
}

func (s *Service) reseal(tx *db.Tx, list []Key) (n int, err error) {
	for _, k := range list {
		if !s.secrets.NeedsRotation(k.sealed) {
			continue
		}
		plain, err := s.secrets.Open(k.place(), k.sealed)
		if err != nil {
			return n, err
		}
		if k.sealed, err = s.secrets.Seal(k.place(), plain); err != nil {
			return n, err
		}
		if err := sealKey(tx, &k); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
