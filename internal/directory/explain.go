package directory

import (
	"context"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// An Explanation is how somebody signs in and why.
type Explanation struct {
	User     User
	Decision access.Decision
	Steps    []access.Step
}

// Explain answers how the user with an address signs in, and why. Who may not
// read the user is told that there is none.
func (s *Service) Explain(ctx context.Context, actor access.Actor, email string) (e Explanation, err error) {
	if err := Refusal(access.MayAnywhere(actor, access.ActExplain)); err != nil {
		return e, err
	}
	address, err := ParseAddress(email)
	if err != nil {
		return e, fault.Invalid(fault.Field{Name: "email", Message: "is not an e-mail address"})
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		u, ok, err := s.UserByAddress(tx, address)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.NotFound, "Nobody here has this address.")
		}
		if err := authorize(actor, access.ActExplain, u.OrganizationID); err != nil {
			return fault.New(fault.NotFound, "Nobody here has this address.")
		}
		e, err = explain(tx, u)
		return err
	})
	return e, err
}

// explain is the one answer to how a user signs in and why, for the user's page,
// the API and the command line.
func explain(tx *db.Tx, u User) (Explanation, error) {
	subject, err := subject(tx, &u)
	return Explanation{User: u, Decision: access.SignIn(subject), Steps: access.Explain(subject)}, err
}
