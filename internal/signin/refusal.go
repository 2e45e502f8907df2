package signin

import (
	"encoding/hex"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
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
}

// Refuse records a refused sign-in and returns it as an error for the door. It
// takes a transaction of its own: nothing else of the attempt remains.
func (s *Service) Refuse(tx *db.Tx, a Attempt, f *fault.Error) (*Refusal, error) {
	if a.Reference == "" {
		a.Reference = s.ids.New(id.Attempt)
	}
	tx.AfterCommit(func() { s.observe(a.Method, audit.Refused, f.Code) })
	err := s.append(tx, a, audit.SignInRefused, audit.Refused, string(f.Code))
	return &Refusal{Fault: f.AtSignIn(), Reference: a.Reference, ReturnTo: a.ReturnTo}, err
}

func (s *Service) append(tx *db.Tx, a Attempt, action audit.Action, outcome, code string) error {
	changes := []audit.Change{{Field: "method", New: a.Method}}
	if a.ProfileID != "" {
		changes = append(changes, audit.Change{Field: "sso_profile_id", New: a.ProfileID})
	}
	target := audit.Target{Kind: "user", ID: a.User.ID, Name: a.User.Email}
	if a.User.ID == "" {
		target.Name = s.stranger(tx, &a)
	}
	return s.audit.Append(tx, audit.Event{
		OrganizationID: a.OrganizationID, Action: action, Target: target, Changes: changes,
		Outcome: outcome, Code: code, Reference: a.Reference,
	})
}

// stranger is how a log names what was typed and is nobody's address: people
// type passwords into the wrong field. Clear text stands in the log of the
// organization that holds the domain, and nowhere else.
func (s *Service) stranger(tx *db.Tx, a *Attempt) string {
	if a.Typed == "" {
		return ""
	}
	if address, err := directory.ParseAddress(a.Typed); err == nil {
		holder, held, err := s.directory.Holder(tx, address.Domain)
		if err == nil && held && (a.OrganizationID == "" || a.OrganizationID == holder.OrganizationID) {
			a.OrganizationID = holder.OrganizationID
			return address.Typed
		}
	}
	return "hash:" + hex.EncodeToString(s.secrets.MAC("unknown address", []byte(a.Typed))[:16])
}
