package sso

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
)

// resealBatch bounds one transaction of [Service.Reseal].
const resealBatch = 200

// Reseal encrypts again every private key, every test's result and every key of
// the audit log that was sealed with another than the current key-encryption key,
// and returns how many they were. Once every node
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
			break
		}
		after = list[len(list)-1].ID
	}
	n, err := s.resealTests(ctx, actor)
	if total += n; err != nil {
		return total, err
	}
	n, err = s.resealAudit(ctx, actor)
	return total + n, err
}

// resealAudit does the same for the keys of the audit log.
func (s *Service) resealAudit(ctx context.Context, actor access.Actor) (n int, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) (err error) {
		if n, err = s.audit.Reseal(tx, s.secrets); err != nil || n == 0 {
			return err
		}
		return s.audit.Append(tx, audit.Event{Action: audit.SecretsResealed, Target: audit.Target{Kind: "installation"},
			Changes: []audit.Change{{Field: "audit_keys", New: n}}})
	})
	return n, err
}

// resealTests does the same for what tests have found.
func (s *Service) resealTests(ctx context.Context, actor access.Actor) (total int, err error) {
	for after := ""; ; {
		var list []Test
		n := 0
		err := s.db.Update(ctx, actor, func(tx *db.Tx) (err error) {
			n = 0
			if list, err = testsAfter(tx, after, resealBatch); err != nil {
				return err
			}
			for _, t := range list {
				if !s.secrets.NeedsRotation(t.sealed) {
					continue
				}
				plain, err := s.secrets.Open(t.place(), t.sealed)
				if err != nil {
					return err
				}
				if t.sealed, err = s.secrets.Seal(t.place(), plain); err != nil {
					return err
				}
				if err := sealTest(tx, &t); err != nil {
					return err
				}
				n++
			}
			if n == 0 {
				return nil
			}
			return s.audit.Append(tx, audit.Event{Action: audit.SecretsResealed, Target: audit.Target{Kind: "installation"},
				Changes: []audit.Change{{Field: "sso_tests", New: n}}})
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
