package record

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// List returns at most Limit attempts of the organization, newest first.
func (s *Service) List(ctx context.Context, actor access.Actor, q Query) (found []Attempt, err error) {
	if err := refusal(access.May(actor, access.ActSignInRead, q.OrganizationID)); err != nil {
		return nil, err
	}
	s.settle(ctx)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found, err = s.list(tx, q)
		return err
	})
	return found, err
}

// settle writes what is waiting, so that it is read as well. What can't be written,
// on a full disk for instance, keeps nobody from reading what is there.
func (s *Service) settle(ctx context.Context) {
	if err := s.Flush(ctx); err != nil {
		s.logger.Warn("sign-ins not recorded yet", "cause", err)
	}
}

// list reads the attempts of a person under both of what they are kept by: those
// of the user, and those with the address before there was one.
func (s *Service) list(tx *db.Tx, q Query) (found []Attempt, err error) {
	switch {
	case !q.canFind():
		return nil, nil
	case q.Who == "":
		return list(tx, q)
	case id.User.Valid(q.Who):
		q.userID = q.Who
		return list(tx, q)
	}
	userID, key, err := s.cfg.User(tx, text(q.Who, 320))
	if err != nil || key == "" {
		return nil, err
	}
	byAddress := q
	if byAddress.emailKey = key; userID == "" {
		return list(tx, byAddress)
	}
	q.userID = userID
	if found, err = list(tx, q); err != nil {
		return nil, err
	}
	more, err := list(tx, byAddress)
	found = append(found, more...)
	slices.SortFunc(found, func(a, b Attempt) int { return strings.Compare(b.ID, a.ID) })
	return found[:min(len(found), q.Limit)], err
}

// canFind reports whether every filter is one that an attempt can fit.
func (q *Query) canFind() bool {
	return (q.ProfileID == "" || id.SSOProfile.Valid(q.ProfileID)) && (q.Reference == "" || id.Attempt.Valid(q.Reference)) &&
		(q.After == "" || id.Attempt.Valid(q.After)) && (q.Outcome == "" || slices.Contains(Outcomes(), q.Outcome)) &&
		(q.Code == "" || slices.Contains(fault.Codes(), fault.Code(q.Code)) && (q.Outcome == "" || q.Outcome == Refused))
}

// Own returns the latest attempts of a user, newest first, at most limit: for
// whoever has proved to be that user.
func (s *Service) Own(ctx context.Context, organizationID, userID string, limit int) (found []Attempt, err error) {
	if err := s.Flush(ctx); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found, err = list(tx, Query{OrganizationID: organizationID, userID: userID, Limit: limit})
		return err
	})
	return found, err
}

// WithChecks returns attempts of a list with what was checked of each, as far as
// it was kept, and without their messages. Who may read the list may read that.
func (s *Service) WithChecks(ctx context.Context, attempts []Attempt) (list []Record, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list = make([]Record, len(attempts))
		for i, a := range attempts {
			list[i].Attempt = a
			sealed, err := sealedOf(tx, a.ID)
			if errors.Is(err, db.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			d, err := s.open(a.ID, a.OrganizationID, sealed)
			if err != nil {
				continue // the record itself says so
			}
			r := Record{Attempt: a, Details: d, Kept: true}.hidden()
			list[i].Kept, list[i].Checks = true, r.Checks
		}
		return nil
	})
	return list, err
}

// Record returns an attempt with its details, the values of attributes hidden.
func (s *Service) Record(ctx context.Context, actor access.Actor, attemptID string) (r Record, err error) {
	s.settle(ctx)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		r, err = s.find(tx, actor, access.ActSignInRead, attemptID)
		return err
	})
	return r.hidden(), err
}

// Reveal returns an attempt with all that is kept of it. Who asked is audited.
func (s *Service) Reveal(ctx context.Context, actor access.Actor, attemptID string) (r Record, err error) {
	s.settle(ctx)
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if r, err = s.find(tx, actor, access.ActSignInReveal, attemptID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: r.OrganizationID, Action: audit.SignInRevealed,
			Target: audit.Target{Kind: "sign_in", ID: r.ID, Name: cmp.Or(r.Email, r.ID)}, Reference: r.ID})
	})
	if err != nil {
		return Record{}, err
	}
	return r, nil
}

// Find returns an attempt with its details for an action that the actor may
// take on it; for who judges it again.
func (s *Service) Find(ctx context.Context, actor access.Actor, action access.Action, attemptID string) (r Record, err error) {
	s.settle(ctx)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		r, err = s.find(tx, actor, action, attemptID)
		return err
	})
	return r, err
}

func (s *Service) find(tx *db.Tx, actor access.Actor, action access.Action, attemptID string) (r Record, err error) {
	if !id.Attempt.Valid(attemptID) {
		return r, fault.New(fault.NotFound, "")
	}
	r.Attempt, err = attemptByID(tx, attemptID)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.New(fault.NotFound, "There is no such record: it may be older than records are kept.")
	}
	if err != nil {
		return r, err
	}
	if err := refusal(access.May(actor, action, r.OrganizationID)); err != nil {
		return Record{}, err
	}
	sealed, err := sealedOf(tx, attemptID)
	if errors.Is(err, db.ErrNoRows) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	r.Details, err = s.open(r.ID, r.OrganizationID, sealed)
	r.Kept = err == nil
	return r, err
}

// hidden leaves out the values of attributes, and what could hold some.
func (r Record) hidden() Record {
	if !r.Kept {
		return r
	}
	r.Hidden = true
	r.Message = r.Message.hidden()
	r.Checks = slices.Clone(r.Checks)
	for i, c := range r.Checks {
		if c.Code == fault.SAMLBase64Invalid && c.Found != "" { // the field as it was sent
			r.Checks[i].Found = beginning(c.Found)
		}
	}
	attributes := make([]Attribute, len(r.Attributes))
	for i, a := range r.Attributes {
		attributes[i].Name = a.Name
		for range a.Values {
			attributes[i].Values = append(attributes[i].Values, hiddenText)
		}
	}
	r.Attributes = attributes
	return r
}

// mostShown is how much of a field that is no base64 is shown: what Identity
// Providers send begins with names and addresses of its own.
const mostShown = 32

// beginning returns the first of what is no message, and nothing of XML.
func beginning(field string) string {
	shown, _, _ := strings.Cut(field, "<")
	if shown = strings.ToValidUTF8(shown[:min(len(shown), mostShown)], ""); shown == field {
		return field
	}
	return shown + hiddenText
}

// OrganizationOf answers to whom an attempt belongs.
func (s *Service) OrganizationOf(ctx context.Context, attemptID string) (organizationID string, known bool, err error) {
	s.settle(ctx)
	err = s.db.View(ctx, func(tx *db.Tx) error {
		a, err := attemptByID(tx, attemptID)
		organizationID = a.OrganizationID
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return organizationID, err == nil, err
}

// refusal turns a verdict into the answer for whoever asked.
func refusal(v access.Verdict) error {
	switch v {
	case access.Allowed:
		return nil
	case access.Unauthenticated:
		return fault.New(fault.Unauthenticated, "")
	case access.Hidden:
		return fault.New(fault.NotFound, "")
	}
	return fault.New(fault.Forbidden, "")
}
