package directory

import (
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/session"
)

// An Edition is what an organization has bought.
type Edition string

const (
	Standard       Edition = "standard"
	Administration Edition = "administration"
	Enterprise     Edition = "enterprise"
)

// Valid reports whether there is such an edition.
func (e Edition) Valid() bool { return e == Standard || e.IncludesSSO() }

// IncludesSSO reports whether single sign-on may be configured.
func (e Edition) IncludesSSO() bool { return e == Administration || e == Enterprise }

// An Organization is a customer of the operator.
type Organization struct {
	ID      string
	Name    string
	Edition Edition
	Limits  session.Limits
	// InitialPassword asks a new user for a password at the first arrival,
	// through the Identity Provider too.
	InitialPassword bool
	CreatedAt       time.Time
}

// RequireSSO refuses to configure single sign-on where the edition does not
// include it.
func (o *Organization) RequireSSO() error {
	if o.Edition.IncludesSSO() {
		return nil
	}
	return fault.New(fault.EditionRequired, "Single sign-on belongs to the editions administration and enterprise.")
}
