package sso

import (
	"context"
	"errors"
	"slices"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/saml"
)

// A Replay says what would become of a recorded message now.
type Replay struct {
	Status saml.Status // Passed or Failed
	Code   fault.Code  // why it would be refused
	Checks []record.Check
	Email  string // whom the message names, where all of SAML's checks hold
	UserID string // whom it would sign in
	// Diagnosis says what would be wrong, and what to change.
	Diagnosis record.Diagnosis
}

func (r *Replay) fail(code fault.Code, checks ...record.Check) *Replay {
	r.Status, r.Code, r.Checks = saml.Failed, code, append(r.Checks, checks...)
	return r
}

// Replay judges a recorded message by the present settings of its SSO profile, as
// if it had come when it did. The rules on requests and replays are left out:
// they have been used up. Nothing is changed and nobody signed in.
func (s *Service) Replay(ctx context.Context, actor access.Actor, attemptID string) (*Replay, error) {
	found, err := s.record.Find(ctx, actor, access.ActSignInReplay, attemptID)
	if err != nil {
		return nil, err
	}
	r, err := s.judgeAgain(ctx, &found)
	if err != nil || r.Status == saml.Passed {
		return r, err
	}
	again := found
	again.Outcome, again.Code, again.Checks = record.Refused, r.Code, r.Checks
	r.Diagnosis, err = s.Diagnose(ctx, &again)
	return r, err
}

func (s *Service) judgeAgain(ctx context.Context, found *record.Record) (*Replay, error) {
	if found.Method != access.MethodSSO || found.ProfileID == "" {
		return nil, fault.New(fault.Conflict, "Only what an Identity Provider has sent can be judged again.")
	}
	p, err := s.profileOf(ctx, found)
	if err != nil {
		return nil, err
	}
	r := &Replay{Status: saml.Passed}
	fields, whole := found.Message.Posted()
	switch {
	case found.Code == fault.SAMLTooLarge:
		return r.fail(fault.SAMLTooLarge, sizeCheck()), nil
	case !found.Kept, len(fields) == 0 && found.Code != fault.SAMLResponseMissing:
		return nil, fault.New(fault.Conflict, "No message was kept of this sign-in, so that it can't be judged again.")
	case !whole:
		return nil, fault.New(fault.Conflict, "The message is longer than what is kept of it, so that it can't be judged again.")
	case p.Disabled:
		f := fault.New(fault.SSOProfileDisabled, "")
		return r.fail(f.Code, profileCheck(f)), nil
	}
	e, err := s.prepare(ctx, &p)
	if err != nil {
		return nil, err
	}
	if f, ok := errors.AsType[*fault.Error](e.err); ok {
		return r.fail(f.Code, profileCheck(f)), nil
	}
	if e.sp == nil {
		return nil, errors.Join(e.err, fault.New(fault.Conflict, "The SSO profile has no Identity Provider any more."))
	}
	return s.replay(ctx, &p, e.sp, saml.Message{Values: fields, Received: found.Time, Again: true, Record: true}, looped(&p, found))
}

// profileOf returns the SSO profile of an attempt.
func (s *Service) profileOf(ctx context.Context, r *record.Record) (p Profile, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err = profileByID(tx, r.ProfileID)
		return err
	})
	if errors.Is(err, fault.NotFound) || err == nil && p.OrganizationID != r.OrganizationID {
		return p, fault.New(fault.Conflict, "The SSO profile of this sign-in is no longer there.")
	}
	return p, err
}

// looped reports whether an attempt would be refused again because the Identity
// Provider answers our requests as if there had been none.
func looped(p *Profile, r *record.Record) bool {
	return p.Options.IdPInitiated == saml.Restart && slices.ContainsFunc(r.Checks, func(c record.Check) bool { return c.Note == loopNote })
}

func (s *Service) replay(ctx context.Context, p *Profile, sp *saml.ServiceProvider, m saml.Message, loops bool) (*Replay, error) {
	r := &Replay{Status: saml.Passed}
	res, err := sp.Validate(m)
	var refused *saml.Refusal
	switch {
	case errors.As(err, &refused):
		return r.fail(fault.Code(refused.Code), append(record.Checks(refused.Checks), unreachedDomain, unreachedUser)...), nil
	case err != nil:
		return nil, err
	case loops:
		return r.fail(fault.SAMLIdPInitiatedRefused, append(loopChecks(record.Checks(res.Checks)), unreachedDomain, unreachedUser)...), nil
	}
	r.Checks, r.Email = record.Checks(res.Checks), res.Assertion.Email
	err = s.db.View(ctx, func(tx *db.Tx) error {
		u, f, err := s.decide(tx, p, r.Email)
		if err != nil {
			return err
		}
		checks, err := s.policyChecks(tx, p, r.Email, &u, f)
		if err == nil {
			r.judged(&u, f, checks)
		}
		return err
	})
	return r, err
}

// judged takes over what the policy says of whom the message names.
func (r *Replay) judged(u *directory.User, f *fault.Error, checks []record.Check) {
	if f != nil {
		r.fail(f.Code, checks...)
		return
	}
	r.UserID, r.Checks = u.ID, append(r.Checks, checks...)
}
