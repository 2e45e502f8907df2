package record

import (
	"context"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// A Note is an attempt on its way into the record.
type Note struct {
	Attempt
	Details
	// EmailKey is the address as it is compared, where UserID is set.
	EmailKey string
	// Typed is what was typed as an address, or what the Identity Provider
	// says, where UserID is not set.
	Typed string
	// Posted are the fields of a SAMLResponse, which make the Message.
	Posted []string
	// Vouched tells that a signature of the organization's Identity Provider
	// held: nobody else makes such an attempt.
	Vouched bool
	// Actor is who tried, and from where.
	Actor access.Actor
}

// Reference makes the id of an attempt.
func (s *Service) Reference() string { return s.ids.New(id.Attempt) }

// Refuse notes a refused attempt. It is readable soon: see [Service.Flush].
// Where the attempt is known as pending it is that one's end; its checks come
// behind those that are there.
func (s *Service) Refuse(n Note) {
	n.Outcome = Refused
	s.note(n)
}

// Verify notes an attempt that the Identity Provider has vouched for and that
// is still to be finished.
func (s *Service) Verify(n Note) {
	n.Outcome = Pending
	s.note(n)
}

// On tells whether more is recorded than that somebody has signed in.
func (s *Service) On() bool { return !s.cfg.Off }

func (s *Service) note(n Note) {
	if s.cfg.Off {
		return
	}
	if loss := s.queue.put(n); loss != "" {
		s.cfg.Observe(loss)
	}
}

// Succeed records an attempt whose session begins, in the transaction of that.
// Its details come by [Service.Verify], or with it.
func (s *Service) Succeed(tx *db.Tx, n Note) error {
	n.Outcome, n.Actor = Succeeded, tx.Actor()
	n.Address, n.Agent = text(n.Actor.Address, 64), text(n.Actor.Agent, 512)
	if n.Time.IsZero() {
		n.Time = tx.Now()
	}
	tx.AfterCommit(func() {
		if s.On() {
			s.queue.count(&n.Attempt)
		}
		if len(n.Checks) > 0 {
			s.note(n)
		}
	})
	if s.On() {
		if err := finishAttempt(tx, &n); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, n.event())
}

// event is the entry of the audit log about an attempt that is decided.
func (n *Note) event() audit.Event {
	e := audit.Event{
		OrganizationID: n.OrganizationID, Action: audit.SignInSucceeded, Target: audit.Target{Kind: "user", ID: n.UserID, Name: n.Email},
		Changes: []audit.Change{{Field: "method", New: n.Method}},
		Outcome: audit.Succeeded, Code: string(n.Code), Reference: n.ID,
	}
	if n.ProfileID != "" {
		e.Changes = append(e.Changes, audit.Change{Field: "sso_profile_id", New: n.ProfileID})
	}
	if n.Outcome == Refused {
		e.Action, e.Outcome = audit.SignInRefused, audit.Refused
	}
	return e
}

// A Query selects attempts of one organization, newest first.
type Query struct {
	OrganizationID string
	Who            string // id or address of a user, or an unknown address
	ProfileID      string
	Outcome        Outcome
	Code           string
	Reference      string
	Since, Until   time.Time // zero: no bound
	After          string    // id of the last attempt seen; empty for the first page
	Limit          int

	userID, emailKey string // instead of Who
}

// Flush writes what is waiting, so that whoever reads next sees it.
func (s *Service) Flush(ctx context.Context) error { return s.write(ctx) }

// text makes of what a browser sent what a database takes.
func text(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", " ")
}
