package signin

import (
	"context"
	"encoding/base64"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/throttle"
)

// Guessing is slowed down by counting what failed: per address, where a browser
// that has signed in with it before has a count of its own, so that nobody can
// keep a user out by guessing; and per source. Addresses that are nobody's count
// alike.

// buckets are what a password is counted in until it is known to be right.
func (s *Service) buckets(actor access.Actor, in PasswordAttempt) []throttle.Bucket {
	typed := in.Email
	if address, err := directory.ParseAddress(typed); err == nil {
		typed = address.Key
	}
	source := s.limits.Bucket(throttle.Source, s.cfg.PerSource, throttle.Network(actor.Address))
	if device, ok := s.knownDevice(in.Device, typed); ok {
		return []throttle.Bucket{source, s.limits.Bucket(throttle.Device, s.cfg.PerAddress, typed, device)}
	}
	return []throttle.Bucket{source, s.limits.Bucket(throttle.Address, s.cfg.PerAddress, typed)}
}

// take counts a try, or refuses it with fault.RateLimited and counts nothing.
func (s *Service) take(ctx context.Context, actor access.Actor, buckets ...throttle.Bucket) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error { return s.takeIn(tx, buckets...) })
}

func (s *Service) takeIn(tx *db.Tx, buckets ...throttle.Bucket) error {
	for _, b := range buckets {
		wait, err := s.limits.Take(tx, b)
		if err != nil {
			return err
		}
		if wait > 0 {
			return limited(wait)
		}
	}
	return nil
}

func limited(wait time.Duration) error {
	return fault.Limited(wait, "Wait for "+wait.Round(time.Second).String()+", then try again. Links from our mails work in the meantime, and so does signing in through your company.")
}

// giveBack takes a try back that did not fail.
func (s *Service) giveBack(tx *db.Tx, buckets []throttle.Bucket) error {
	for _, b := range buckets {
		if err := s.limits.Give(tx, b); err != nil {
			return err
		}
	}
	return nil
}

// throttled counts a password before it is looked at.
func (s *Service) throttled(ctx context.Context, actor access.Actor, buckets []throttle.Bucket, in PasswordAttempt) error {
	err := s.take(ctx, actor, buckets...)
	if f := fault.From(err); f != nil && f.Code == fault.RateLimited {
		return s.RefuseAt(actor, s.db.Now(), Attempt{Method: access.MethodPassword, Typed: in.Email, Checks: []record.Check{rateCheck(true)}}, f)
	}
	return err
}

// A browser that has signed in keeps a number, and for each of the last few
// addresses a proof that it was this browser.
const maxProofs = 5

// RememberDevice returns what a browser keeps after a sign-in, given what it
// kept before.
func (s *Service) RememberDevice(kept, email string) string {
	address, err := directory.ParseAddress(email)
	if err != nil {
		return kept
	}
	device, proofs, _ := strings.Cut(kept, ".")
	list := []string{}
	if len(device) != deviceSize {
		device, proofs = s.ids.Token()[:deviceSize], ""
	}
	list = append(list, base64.RawURLEncoding.EncodeToString(s.secrets.MAC("device", []byte(device), []byte(address.Key))))
	for _, one := range strings.Split(proofs, ".") {
		if one != "" && one != list[0] && len(list) < maxProofs {
			list = append(list, one)
		}
	}
	return device + "." + strings.Join(list, ".")
}

const deviceSize = 22

// knownDevice returns the number of a browser that has signed in with an
// address before.
func (s *Service) knownDevice(kept, key string) (device string, ok bool) {
	device, proofs, _ := strings.Cut(kept, ".")
	if len(device) != deviceSize {
		return "", false
	}
	for i, one := range strings.Split(proofs, ".") {
		proof, err := base64.RawURLEncoding.DecodeString(one)
		if err == nil && i < maxProofs && s.secrets.Verify(proof, "device", []byte(device), []byte(key)) {
			return device, true
		}
	}
	return "", false
}
