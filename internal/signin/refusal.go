package signin

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/record"
)

// A Refusal is the error of a sign-in, or of a change of password, that is
// refused and was recorded.
type Refusal struct {
	Fault *fault.Error
	// Reference is what an administrator finds the record by.
	Reference string
	// ProfileID is the way that is open instead, with fault.SSORequired.
	ProfileID string
	// ReturnTo is the page that the user asked for first, where it is known.
	ReturnTo string
}

func (r *Refusal) Error() string { return r.Fault.Error() }

func (r *Refusal) Unwrap() error { return r.Fault }

// An Attempt is a sign-in that is about to be recorded.
type Attempt struct {
	Method    access.Method
	ProfileID string
	// OrganizationID is in whose log it stands; empty for nobody's.
	OrganizationID string
	User           directory.User // the zero User if there is none
	Typed          string         // the address, where User is not set
	Reference      string         // made if empty
	ReturnTo       string         // the page asked for first, if known

	Started record.Side
	Checks  []record.Check
	// Attributes and Posted are what an Identity Provider has sent; Vouched
	// tells that its signature holds.
	Attributes []record.Attribute
	Posted     []string
	Vouched    bool
}

// Note is the attempt as it is recorded.
func (a *Attempt) Note(actor access.Actor, at time.Time) record.Note {
	n := record.Note{
		Attempt: record.Attempt{ID: a.Reference, Time: at, OrganizationID: a.OrganizationID, ProfileID: a.ProfileID,
			UserID: a.User.ID, Email: a.User.Email, Method: a.Method, Started: a.Started},
		Details: record.Details{Checks: a.Checks, Attributes: a.Attributes},
		Posted:  a.Posted, Vouched: a.Vouched, Actor: actor,
	}
	if a.User.ID == "" {
		n.Typed = a.Typed
	}
	return n
}

// Refuse refuses a sign-in, and records that once the transaction is committed.
func (s *Service) Refuse(tx *db.Tx, a Attempt, f *fault.Error) *Refusal {
	r, note := s.refusal(tx.Actor(), tx.Now(), a, f)
	tx.AfterCommit(note)
	return r
}

// RefuseAt refuses a sign-in that needs no transaction.
func (s *Service) RefuseAt(actor access.Actor, at time.Time, a Attempt, f *fault.Error) *Refusal {
	r, note := s.refusal(actor, at, a, f)
	note()
	return r
}

func (s *Service) refusal(actor access.Actor, at time.Time, a Attempt, f *fault.Error) (r *Refusal, note func()) {
	if a.Reference == "" {
		a.Reference = s.record.Reference()
	}
	n := a.Note(actor, at)
	n.Code = f.Code
	return &Refusal{Fault: f.AtSignIn(), Reference: a.Reference, ReturnTo: a.ReturnTo}, func() {
		s.observe(a.Method, audit.Refused, f.Code)
		s.record.Refuse(n)
	}
}
