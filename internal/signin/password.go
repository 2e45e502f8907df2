package signin

import (
	"context"
	"errors"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/password"
	"sallyport/internal/record"
	"sallyport/internal/throttle"
	"sallyport/internal/trace"
)

// A PasswordAttempt is the input of [Service.Password].
type PasswordAttempt struct {
	Email    string
	Password string
	ReturnTo string
	Device   string // what the browser keeps; see RememberDevice
	Current  *Identity
}

// Password signs in with a password. Whether there is such a user, and how they
// sign in, is told only after the right password; until then every answer is
// the same and takes as long. A refusal is a [*Refusal]. After too many wrong
// ones no password is looked at for a while: fault.RateLimited.
func (s *Service) Password(ctx context.Context, actor access.Actor, in PasswordAttempt) (out Outcome, err error) {
	ctx, span := trace.Start(ctx, "signin.password")
	defer func() { span.End(err) }()
	buckets := s.buckets(actor, in)
	if err := s.throttled(ctx, actor, buckets, in); err != nil {
		return Outcome{}, err
	}
	u, right, outdated, err := s.verify(ctx, in)
	if err != nil {
		return Outcome{}, err
	}
	attempt := Attempt{Method: access.MethodPassword, OrganizationID: u.OrganizationID, User: u, Typed: in.Email,
		Checks: []record.Check{rateCheck(false), passwordCheck(&u, right)}}
	if !right {
		return Outcome{}, s.RefuseAt(actor, s.db.Now(), attempt, errWrong)
	}
	var rehash string
	if outdated {
		if rehash, err = s.hasher.Hash(ctx, in.Password); err != nil {
			return Outcome{}, err
		}
	}
	var refusal *Refusal
	err = s.db.Update(ctx, actor, func(tx *db.Tx) (err error) {
		refusal = nil
		if err := s.giveBack(tx, buckets); err != nil {
			return err
		}
		out, err = s.signInWith(tx, u, rehash, in, attempt.Checks)
		var f *fault.Error
		if !errors.As(err, &f) {
			return err
		}
		a := attempt
		a.Checks = append(slices.Clone(a.Checks), userRefused(&u, f))
		refusal = s.Refuse(tx, a, f)
		if f.Code == fault.SSORequired {
			d, err := s.directory.SignIn(tx, &u)
			refusal.ProfileID = d.ProfileID
			return err
		}
		return nil
	})
	switch {
	case err != nil:
		return Outcome{}, err
	case refusal != nil:
		return Outcome{}, refusal
	}
	return out, nil
}

// errWrong is the one answer to every wrong password.
var errWrong = fault.New(fault.CredentialsInvalid, "Check both, or reset your password.")

// verify finds the user and compares the password, outside of any transaction.
func (s *Service) verify(ctx context.Context, in PasswordAttempt) (u directory.User, right, outdated bool, err error) {
	if address, e := directory.ParseAddress(in.Email); e == nil {
		err = s.db.View(ctx, func(tx *db.Tx) error {
			u, _, err = s.directory.UserByAddress(tx, address)
			return err
		})
		if err != nil {
			return u, false, false, err
		}
	}
	plain := in.Password
	if len(plain) > 4*password.MaxLength {
		plain = "" // longer than any password; as slow and never right
	}
	hashing, span := trace.Start(ctx, "password.verify")
	right, outdated, err = s.hasher.Verify(hashing, plain, u.PasswordHash)
	span.End(err)
	return u, right, outdated, err
}

// signInWith decides on the right password. The user is read again: the hash
// that was compared has to be the one that still stands there.
func (s *Service) signInWith(tx *db.Tx, u directory.User, rehash string, in PasswordAttempt, checks []record.Check) (Outcome, error) {
	now, err := s.directory.UserByID(tx, u.ID)
	if err != nil || now.PasswordHash != u.PasswordHash {
		return Outcome{}, errWrong
	}
	if rehash != "" {
		if err := s.directory.Rehash(tx, &now, rehash); err != nil {
			return Outcome{}, err
		}
	}
	return s.Arrive(tx, Arrival{UserID: u.ID, Method: access.MethodPassword, ReturnTo: in.ReturnTo, Reference: s.record.Reference(),
		Checks: append(slices.Clone(checks), userCheck(&now))}, in.Current)
}

// A PasswordChange is the input of [Service.ChangePassword].
type PasswordChange struct {
	Identity     *Identity
	Old, New     string
	KeepSessions bool // of the user's other browsers
}

// ChangePassword changes the password of who is signed in, and ends the other
// sessions. Who signs in by SSO only has no password to change. A change that
// is refused to the person is a [*Refusal].
func (s *Service) ChangePassword(ctx context.Context, actor access.Actor, in PasswordChange) error {
	u, err := s.changePassword(ctx, actor, in)
	var f *fault.Error
	if !errors.As(err, &f) || f.Code == fault.PasswordWeak || f.Code == fault.RateLimited || f.Code == fault.Internal {
		return err
	}
	return s.refuseChange(ctx, actor, u, f)
}

func (s *Service) changePassword(ctx context.Context, actor access.Actor, in PasswordChange) (u directory.User, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		if u, err = s.directory.UserByID(tx, in.Identity.User.ID); err != nil {
			return err
		}
		return s.mayChange(tx, &u)
	})
	if err != nil {
		return u, err
	}
	tries := s.limits.Bucket(throttle.Account, s.cfg.PerAddress, u.ID)
	if err := s.take(ctx, actor, tries); err != nil {
		return u, err
	}
	right, _, err := s.hasher.Verify(ctx, in.Old, u.PasswordHash)
	if err != nil {
		return u, err
	}
	if !right {
		f := fault.New(fault.CredentialsInvalid, "The present password is not right.")
		f.Fields = []fault.Field{{Name: "current_password", Message: "The present password is not right."}}
		return u, f
	}
	if err := password.Check(in.New, u.Key, s.cfg.Product, in.Identity.Organization.Name); err != nil {
		return u, err
	}
	hash, err := s.hasher.Hash(ctx, in.New)
	if err != nil {
		return u, err
	}
	return u, s.db.Update(ctx, actor, func(tx *db.Tx) error {
		now, err := s.directory.UserByID(tx, u.ID)
		if err != nil {
			return err
		}
		if err := s.mayChange(tx, &now); err != nil {
			return err
		}
		if now.PasswordHash != u.PasswordHash {
			return fault.New(fault.Conflict, "The password was changed elsewhere in the meantime.")
		}
		if err := s.limits.Give(tx, tries); err != nil {
			return err
		}
		if err := s.directory.SetPassword(tx, &now, hash); err != nil || in.KeepSessions {
			return err
		}
		_, err = s.sessions.EndOfUser(tx, u.ID, in.Identity.Session.ID)
		return err
	})
}

// mayChange refuses a password to users whose password would not count.
func (s *Service) mayChange(tx *db.Tx, u *directory.User) error {
	d, err := s.directory.SignIn(tx, u)
	if err != nil {
		return err
	}
	if f := Mismatch(d, access.MethodPassword, ""); f != nil {
		return f
	}
	return nil
}

// refuseChange records a refused change and returns it as an error for the
// door.
func (s *Service) refuseChange(ctx context.Context, actor access.Actor, u directory.User, f *fault.Error) error {
	refusal := &Refusal{Fault: f, Reference: s.ids.New(id.Attempt)}
	err := s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if f.Code == fault.SSORequired {
			d, err := s.directory.SignIn(tx, &u)
			if err != nil {
				return err
			}
			refusal.ProfileID = d.ProfileID
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.PasswordRefusedChange,
			Target:  audit.Target{Kind: "user", ID: u.ID, Name: u.Email},
			Outcome: audit.Refused, Code: string(f.Code), Reference: refusal.Reference})
	})
	if err != nil {
		return err
	}
	return refusal
}
