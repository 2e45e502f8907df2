package signin

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/trace"
)

// An Identity is who is signed in in a browser.
type Identity struct {
	Session session.Session
	User    directory.User
	// Organization is the one that manages the user; the zero value for an
	// independent user.
	Organization directory.Organization
	ExpiresAt    time.Time
	fresh        bool
}

// Actor is the identity as the one who asks for something, from an origin that
// the door knows.
func (i *Identity) Actor(address, agent string) access.Actor {
	return access.Actor{
		Kind: access.KindUser, ID: i.User.ID, Name: i.User.Email, OrganizationID: i.User.OrganizationID,
		Role: i.User.Role, SessionID: i.Session.ID, Method: i.Session.Method, Fresh: i.fresh,
		Address: address, Agent: agent,
	}
}

// Authenticate returns whose session a token is; nil if nobody's. A session is
// nobody's when it was ended or is over, or when its user may not be here any
// more.
func (s *Service) Authenticate(ctx context.Context, token string) (found *Identity, err error) {
	ctx, span := trace.Start(ctx, "signin.authenticate")
	defer func() { span.End(err) }()
	err = s.db.View(ctx, func(tx *db.Tx) error {
		found = nil
		sess, ok, err := s.sessions.Find(tx, token)
		if err != nil || !ok {
			return err
		}
		u, err := s.directory.UserByID(tx, sess.UserID)
		if fault.From(err) != nil {
			if fault.From(err).Code == fault.NotFound {
				return nil
			}
			return err
		}
		i := Identity{Session: sess, User: u, fresh: sess.Fresh(tx.Now())}
		limits := session.DefaultLimits
		if u.OrganizationID != "" {
			if i.Organization, err = s.directory.OrganizationByID(tx, u.OrganizationID); err != nil {
				return err
			}
			limits = i.Organization.Limits
		}
		i.ExpiresAt = sess.ExpiresAt(limits)
		if sess.Method == access.MethodRecovery && !access.Recovers(u.Role, u.Status) {
			return nil
		}
		if u.Status == access.UserActive && tx.Now().Before(i.ExpiresAt) {
			found = &i
		}
		return nil
	})
	return found, err
}

// Touch notes that the session is in use.
func (s *Service) Touch(ctx context.Context, i *Identity, now time.Time) error {
	return s.sessions.Touch(ctx, i.Session, now)
}

// Sessions lists the sessions of the identity's user that are not over.
func (s *Service) Sessions(ctx context.Context, i *Identity) (list []session.Session, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list, err = s.live(tx, i.User.ID)
		return err
	})
	return list, err
}

func (s *Service) live(tx *db.Tx, userID string) ([]session.Session, error) {
	u, err := s.directory.UserByID(tx, userID)
	if err != nil {
		return nil, err
	}
	limits, err := s.directory.LimitsOf(tx, &u)
	if err != nil {
		return nil, err
	}
	all, err := s.sessions.OfUser(tx, userID)
	live := []session.Session{}
	for _, sess := range all {
		if tx.Now().Before(sess.ExpiresAt(limits)) {
			live = append(live, sess)
		}
	}
	return live, err
}

// EndSession ends one of the actor's own sessions.
func (s *Service) EndSession(ctx context.Context, actor access.Actor, sessionID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		ended, err := s.sessions.End(tx, actor.ID, sessionID)
		if err != nil {
			return err
		}
		if !ended {
			return fault.New(fault.NotFound, "This session has ended already.")
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: actor.OrganizationID, Action: audit.SessionEnded,
			Target: audit.Target{Kind: "user", ID: actor.ID, Name: actor.Name}})
	})
}

// UserSessions lists a user's sessions for an administrator.
func (s *Service) UserSessions(ctx context.Context, actor access.Actor, userID string) (list []session.Session, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		u, err := s.directory.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := directory.Refusal(access.May(actor, access.ActUserRead, u.OrganizationID)); err != nil {
			return err
		}
		list, err = s.live(tx, userID)
		return err
	})
	return list, err
}

// EndUserSessions ends all of a user's sessions for an administrator.
func (s *Service) EndUserSessions(ctx context.Context, actor access.Actor, userID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u, err := s.directory.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := directory.Refusal(access.May(actor, access.ActUserSessions, u.OrganizationID)); err != nil {
			return err
		}
		n, err := s.sessions.EndOfUser(tx, u.ID, "")
		if err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.SessionsEnded,
			Target:  audit.Target{Kind: "user", ID: u.ID, Name: u.Email},
			Changes: []audit.Change{{Field: "sessions", Old: n}}})
	})
}
