package session

import (
	"time"

	"sallyport/internal/access"
)

// A Session is one sign-in of one user in one browser.
type Session struct {
	ID     string
	UserID string
	Method access.Method
	// ProfileID, NameID and SessionIndex are set for method sso: through whom
	// the user came, and what they are called there.
	ProfileID, NameID, SessionIndex string
	// NameIDDetails is what else belongs to the NameID, in a form that only
	// package sso reads.
	NameIDDetails string
	// Certificate is the one that the sign-in was verified with: its SHA-256
	// in hexadecimal; empty for none, or one of an earlier release.
	Certificate string
	// AuthenticatedAt is when the user proved who they are.
	AuthenticatedAt time.Time
	// NotOnOrAfter is the Identity Provider's bound; zero if there is none.
	NotOnOrAfter   time.Time
	CreatedAt      time.Time
	LastSeenAt     time.Time
	Address, Agent string // from where it was begun
}

// Limits are how long sessions last in an organization.
type Limits struct {
	Idle time.Duration // between two requests
	Max  time.Duration // in all
}

// DefaultLimits are those of users without an organization, and of new
// organizations.
var DefaultLimits = Limits{Idle: 60 * time.Minute, Max: 720 * time.Minute}

// Bounds of what an organization may choose.
const (
	MinIdle = 5 * time.Minute
	MaxIdle = 1440 * time.Minute
	MinMax  = 15 * time.Minute
	MaxMax  = 43200 * time.Minute
)

// recoveryMax is how long a break-glass session lasts, whatever the limits.
const recoveryMax = 60 * time.Minute

// FreshFor is how long after a sign-in dangerous acts need no other one.
const FreshFor = 10 * time.Minute

// ExpiresAt is when the session will be over unless it is used again.
func (s *Session) ExpiresAt(l Limits) time.Time {
	end := s.CreatedAt.Add(l.Max)
	earlier := func(t time.Time) {
		if t.Before(end) {
			end = t
		}
	}
	earlier(s.LastSeenAt.Add(l.Idle))
	if !s.NotOnOrAfter.IsZero() {
		earlier(s.NotOnOrAfter)
	}
	if s.Method == access.MethodRecovery {
		earlier(s.CreatedAt.Add(recoveryMax))
	}
	return end
}

// Fresh reports whether the sign-in is recent enough for a dangerous act.
func (s *Session) Fresh(now time.Time) bool {
	return s.Method == access.MethodRecovery || now.Before(s.AuthenticatedAt.Add(FreshFor))
}
