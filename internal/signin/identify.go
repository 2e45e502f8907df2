package signin

import (
	"context"
	"crypto/subtle"
	"encoding/hex"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/trace"
)

// A Way is where the login page sends an address.
type Way struct {
	Method    access.Method // MethodPassword or MethodSSO
	ProfileID string
}

// Identify decides where the login page sends an address, and in doing so
// tells nobody whether it is a user's. At an enforced domain every address goes
// to the Identity Provider, but for one whose password was used in this browser:
// choice is what the browser keeps of that. Elsewhere every address goes to the
// password page, but for a user who is made to use SSO.
func (s *Service) Identify(ctx context.Context, email, choice string) (w Way, err error) {
	ctx, span := trace.Start(ctx, "signin.identify")
	defer func() { span.End(err) }()
	address, err := directory.ParseAddress(email)
	if err != nil {
		return w, fault.Invalid(fault.Field{Name: "email", Message: "is not an e-mail address, such as you@example.com"})
	}
	chosen := subtle.ConstantTimeCompare([]byte(choice), []byte(s.choice(address))) == 1
	err = s.db.View(ctx, func(tx *db.Tx) error {
		w = Way{Method: access.MethodPassword}
		holder, held, err := s.directory.Holder(tx, address.Domain)
		if err != nil {
			return err
		}
		u, known, err := s.directory.UserByAddress(tx, address)
		if err != nil {
			return err
		}
		if known {
			d, err := s.directory.SignIn(tx, &u)
			if err != nil {
				return err
			}
			if d.Method == access.MethodSSO {
				w = Way{access.MethodSSO, d.ProfileID}
			}
		}
		if w.Method == access.MethodPassword && held && holder.ProfileID != "" && !chosen {
			w = Way{access.MethodSSO, holder.ProfileID}
		}
		return nil
	})
	return w, err
}

// PasswordChoice is what a browser keeps after a sign-in with a password, so
// that the login page leads this address there again. It counts for no other
// one and can't be made up: it would show which addresses at an enforced domain
// are users'.
func (s *Service) PasswordChoice(email string) string {
	address, err := directory.ParseAddress(email)
	if err != nil {
		return ""
	}
	return s.choice(address)
}

func (s *Service) choice(a directory.Address) string {
	return hex.EncodeToString(s.secrets.MAC("password choice", []byte(a.Key))[:16])
}
