package signin

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
)

// SignOut ends the session.
func (s *Service) SignOut(ctx context.Context, actor access.Actor, i *Identity) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		ended, err := s.sessions.End(tx, i.User.ID, i.Session.ID)
		if err != nil || !ended {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: i.User.OrganizationID, Action: audit.SignedOut,
			Target: audit.Target{Kind: "user", ID: i.User.ID, Name: i.User.Email}})
	})
}

// Distrust ends sessions of a profile whose sign-in was verified with a
// certificate, at most limit, and the arrivals that would become such, in the
// transaction of the caller, who records it. It returns how many sessions they
// were. Those of which the certificate is not known are among them.
func (s *Service) Distrust(tx *db.Tx, profileID, sha256 string, limit int) (ended int64, err error) {
	if err := endArrivalsOf(tx, profileID, sha256); err != nil {
		return 0, err
	}
	return s.sessions.EndOfCertificate(tx, profileID, sha256, limit)
}

// An Order is an Identity Provider's order to end sessions.
type Order struct {
	ProfileID, OrganizationID string
	NameID                    string // what it calls the user
	// Meant tells whether a session with this index is one of them.
	Meant func(index string) bool
}

// Obey ends the sessions that an order means, and the arrivals that would become
// such, in the transaction that uses the order up. It returns how many sessions
// they were, and records them with each user.
func (s *Service) Obey(tx *db.Tx, o Order) (ended int, err error) {
	if err := endArrivals(tx, o); err != nil {
		return 0, err
	}
	sessions, err := s.sessions.EndOfNameID(tx, o.ProfileID, o.NameID, o.Meant)
	if err != nil {
		return 0, err
	}
	var users []string
	count := make(map[string]int)
	for _, one := range sessions {
		if count[one.UserID]++; count[one.UserID] == 1 {
			users = append(users, one.UserID)
		}
	}
	for _, userID := range users {
		target := audit.Target{Kind: "user", ID: userID}
		if u, err := s.directory.UserByID(tx, userID); err == nil {
			target.Name = u.Email
		} else if userGone(err) == err {
			return 0, err
		}
		err := s.audit.Append(tx, audit.Event{OrganizationID: o.OrganizationID, Action: audit.SignedOutByIdP, Target: target,
			Changes: []audit.Change{{Field: "sso_profile_id", New: o.ProfileID}, {Field: "sessions", Old: count[userID]}}})
		if err != nil {
			return 0, err
		}
	}
	return len(sessions), nil
}
