package signin

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/password"
)

// An Acceptance is how an invitation is accepted.
type Acceptance string

const (
	// ByPassword: the user is new here, and sets a password.
	ByPassword Acceptance = "password"
	// BySSO: there is no password to set; the Identity Provider is next.
	BySSO Acceptance = "sso"
	// ByAgreeing: a user whom nobody manages signs in as always and agrees.
	ByAgreeing Acceptance = "agree"
)

// An InvitationView is what the page of an invitation shows.
type InvitationView struct {
	Email        string
	Organization string // empty: of nobody's
	Acceptance   Acceptance
	ProfileID    string // with BySSO
}

// invited is an invitation as it stands in a transaction.
type invited struct {
	InvitationView
	link       link.Link
	user       directory.User // as it would be once accepted
	exists     bool
	invitation *directory.Invitation // nil: the organization manages the user already
}

// invitation reads what a link invites to. It changes nothing.
func (s *Service) invitation(tx *db.Tx, token string) (v invited, err error) {
	if v.link, err = s.links.Find(tx, link.Invitation, token); err != nil {
		return v, err
	}
	gone := fault.New(fault.LinkExpired, "The invitation was taken back. Ask your administrator for another.")
	if id.Invitation.Valid(v.link.SubjectID) {
		i, err := s.directory.InvitationByID(tx, v.link.SubjectID)
		if errors.Is(err, fault.NotFound) {
			return v, gone
		}
		if err != nil {
			return v, err
		}
		v.invitation = &i
		if v.user, v.exists, err = s.directory.Invitee(tx, &i); err != nil {
			return v, err
		}
	} else {
		v.user, err = s.directory.UserByID(tx, v.link.SubjectID)
		if errors.Is(err, fault.NotFound) {
			return v, gone
		}
		v.exists = true
		if err != nil {
			return v, err
		}
		if v.user.Status == access.UserActive {
			return v, fault.New(fault.LinkUsed, "Your account is set up already. Sign in.")
		}
	}
	return v, s.acceptance(tx, &v)
}

// acceptance decides how an invitation is accepted.
func (s *Service) acceptance(tx *db.Tx, v *invited) error {
	v.Email = v.user.Email
	d, err := s.directory.SignIn(tx, &v.user)
	if err != nil {
		return err
	}
	if f := Mismatch(d, d.Method, d.ProfileID); f != nil { // deactivated
		return f
	}
	v.Acceptance = ByPassword
	if v.user.OrganizationID == "" {
		return nil
	}
	o, err := s.directory.OrganizationByID(tx, v.user.OrganizationID)
	if err != nil {
		return err
	}
	v.Organization = o.Name
	switch {
	case v.user.Status == access.UserActive:
		v.Acceptance = ByAgreeing
	case d.Method == access.MethodSSO && !o.InitialPassword:
		v.Acceptance, v.ProfileID = BySSO, d.ProfileID
	}
	return nil
}

// Invitation shows what a link invites to. The link stays good.
func (s *Service) Invitation(ctx context.Context, token string) (v InvitationView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		i, err := s.invitation(tx, token)
		v = i.InvitationView
		return err
	})
	return v, err
}

// An Accept is the input of [Service.AcceptInvitation].
type Accept struct {
	Token    string
	Password string // with ByPassword
	Language string // of the page
	Current  *Identity
}

// AcceptInvitation accepts an invitation and lets the user in, or sends the user
// on to the Identity Provider ([PageDepart]). A password that is refused does
// not use the link up. With ByAgreeing the user has to be signed in: else the
// fault is unauthenticated.
func (s *Service) AcceptInvitation(ctx context.Context, actor access.Actor, in Accept) (o Outcome, err error) {
	before, err := s.Invitation(ctx, in.Token)
	if err != nil {
		return o, err
	}
	hash := ""
	if before.Acceptance == ByPassword {
		if hash, err = s.newPassword(ctx, in.Password, before.Email, before.Organization); err != nil {
			return o, err
		}
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		v, err := s.invitation(tx, in.Token)
		if err != nil {
			return err
		}
		if v.Acceptance != before.Acceptance {
			return fault.New(fault.Conflict, "Something has changed in the meantime. Open the link again.")
		}
		if v.Acceptance == ByAgreeing && (in.Current == nil || in.Current.User.ID != v.user.ID) {
			return fault.New(fault.Unauthenticated, "Sign in first: only you can agree to this.")
		}
		o, err = s.accept(tx, v, hash, in)
		return err
	})
	return o, err
}

// newPassword checks and hashes a password, outside of any transaction.
func (s *Service) newPassword(ctx context.Context, plain, email, organization string) (string, error) {
	address, err := directory.ParseAddress(email)
	if err != nil {
		return "", err
	}
	if err := password.Check(plain, address.Key, s.cfg.Product, organization); err != nil {
		return "", err
	}
	return s.hasher.Hash(ctx, plain)
}

func (s *Service) accept(tx *db.Tx, v invited, hash string, in Accept) (Outcome, error) {
	if err := s.links.Use(tx, v.link); err != nil {
		return Outcome{}, err
	}
	u := v.user
	if v.invitation != nil {
		if err := s.directory.Accept(tx, v.invitation, &u, v.exists); err != nil {
			return Outcome{}, err
		}
	}
	if v.Acceptance != ByAgreeing {
		if err := s.directory.SetLanguage(tx, u.ID, in.Language); err != nil {
			return Outcome{}, err
		}
	}
	switch v.Acceptance {
	case BySSO:
		return Outcome{Page: PageDepart, ProfileID: v.ProfileID, User: u}, nil
	case ByAgreeing:
		return s.agreed(tx, u, in.Current)
	}
	if err := s.directory.Activate(tx, &u, hash); err != nil {
		return Outcome{}, err
	}
	return s.enter(tx, Arrival{UserID: u.ID, Method: access.MethodPassword, Initial: true}, u, in.Current)
}

// agreed goes on with a user who has become managed: their sessions have ended.
// Where the policy still lets the sign-in of this browser count, it gets another
// one, as old as that.
func (s *Service) agreed(tx *db.Tx, u directory.User, current *Identity) (Outcome, error) {
	d, err := s.directory.SignIn(tx, &u)
	if err != nil {
		return Outcome{}, err
	}
	if d.Method == access.MethodSSO {
		return Outcome{Page: PageDepart, ProfileID: d.ProfileID, User: u}, nil
	}
	return s.begin(tx, Arrival{UserID: u.ID, Method: current.Session.Method, AuthenticatedAt: current.Session.AuthenticatedAt}, u)
}
