package signin

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
	"sallyport/internal/password"
)

// A SignUp is the input of [Service.SignUp].
type SignUp struct {
	Email, Name, Password string
	Language              string
}

// SignUpOpen reports whether people may sign up by themselves.
func (s *Service) SignUpOpen() bool { return s.cfg.SignUp }

// SignUp makes an independent user, who can sign in once the address is
// confirmed by the link that is mailed there. The answer is the same whoever has
// the address, and what there is to do is found out after it: a user is told by
// mail. An
// address of an enforced domain can't sign up: a [*Refusal] leads to the
// Identity Provider.
func (s *Service) SignUp(ctx context.Context, actor access.Actor, in SignUp) error {
	if !s.cfg.SignUp {
		return fault.New(fault.SignupClosed, "Ask your administrator for an invitation.")
	}
	var wrong []fault.Field
	address, err := directory.ParseAddress(in.Email)
	if err != nil {
		wrong = append(wrong, fault.Field{Name: "email", Message: "is not an e-mail address, such as you@example.com"})
	}
	name, why := directory.CleanName(in.Name, false)
	if why != "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: why})
	}
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	if err := s.openDomain(ctx, address); err != nil {
		return err
	}
	if err := password.Check(in.Password, address.Key, s.cfg.Product); err != nil {
		return err
	}
	hash, err := s.hasher.Hash(ctx, in.Password)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		return s.ask(tx, errandSignUp, address, asking{Email: address.Typed, Name: name, Hash: hash, Language: in.Language})
	})
}

// openDomain refuses addresses whose domain is enforced, whoever has them.
func (s *Service) openDomain(ctx context.Context, address directory.Address) error {
	var refusal *Refusal
	err := s.db.View(ctx, func(tx *db.Tx) error {
		refusal = nil
		holder, held, err := s.directory.Holder(tx, address.Domain)
		if err == nil && held && holder.ProfileID != "" {
			refusal = &Refusal{Fault: fault.New(fault.SSORequired, "People of your company sign in there, and need no account of their own."),
				Reference: s.ids.New(id.Attempt), ProfileID: holder.ProfileID}
		}
		return err
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return err
}

// signUp is the errand of [Service.SignUp].
func (s *Service) signUp(tx *db.Tx, address directory.Address, u directory.User, known bool, in asking) (err error) {
	if !known || u.Status == access.UserInvited && signedUp(&u) {
		// The last one to sign up is who the last mail's link confirms.
		if u, err = s.directory.SignUp(tx, u, directory.NewSignUp{Address: address, Name: in.Name, Hash: in.Hash, Language: in.Language}); err != nil {
			return err
		}
		return s.mailProof(tx, &u)
	}
	if err := s.asked(tx, u, in.Email, audit.SignedUp); err != nil {
		return err
	}
	if u.Status != access.UserActive {
		return s.wayBack(tx, &u)
	}
	return s.directory.TellKnown(tx, &u)
}

// signedUp reports whether an invited user signed up, and nobody has invited
// them.
func signedUp(u *directory.User) bool {
	return u.OrganizationID == "" && u.HasPassword() && u.ProvedAt.IsZero()
}

// mailProof mails the link that confirms an address. Earlier ones end: they
// belong to a password that may be somebody else's.
func (s *Service) mailProof(tx *db.Tx, u *directory.User) error {
	if err := s.links.End(tx, link.VerifyEmail, u.ID); err != nil {
		return err
	}
	url, until, err := s.links.Issue(tx, link.VerifyEmail, u.ID)
	if err != nil {
		return err
	}
	return s.directory.Write(tx, u, outbox.Letter{Kind: outbox.VerifyEmail, Link: url, Until: until, Values: outbox.Values{"until": until}})
}

// A ProofView is what the page of a link that confirms an address shows.
type ProofView struct {
	Email string
	// Organization and Old are set where a user is to have another address:
	// who has asked for that, and the present one.
	Organization, Old string
}

// Changes reports whether a user's address is to change.
func (v ProofView) Changes() bool { return v.Old != "" }

// A proof is what a link confirms, in a transaction.
type proof struct {
	ProofView
	link   link.Link
	user   directory.User
	change directory.AddressChange // with Changes
}

// proof reads what a link confirms. It changes nothing.
func (s *Service) proof(tx *db.Tx, token string) (p proof, err error) {
	if p.link, err = s.links.Find(tx, link.VerifyEmail, token); err != nil {
		return p, err
	}
	if id.AddressChange.Valid(p.link.SubjectID) {
		return p, s.changeProof(tx, &p)
	}
	p.user, err = s.directory.UserByID(tx, p.link.SubjectID)
	p.Email = p.user.Email
	switch {
	case errors.Is(err, fault.NotFound), err == nil && p.user.Status == access.UserInvited && !signedUp(&p.user):
		return p, fault.New(fault.LinkExpired, "")
	case err != nil:
		return p, err
	case p.user.Status == access.UserDeactivated:
		return p, fault.New(fault.UserDeactivated, "Your administrator can switch it on again.")
	case p.user.Status == access.UserActive:
		return p, fault.New(fault.LinkUsed, "Your address is confirmed already. Sign in.")
	}
	return p, nil
}

// changeProof reads which address a user is to have.
func (s *Service) changeProof(tx *db.Tx, p *proof) error {
	c, ok, err := s.directory.AddressChangeByID(tx, p.link.SubjectID)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.LinkExpired, "Your administrator has thought better of it.")
	}
	if p.user, err = s.directory.UserByID(tx, c.UserID); err != nil {
		return userGone(err)
	}
	o, err := s.directory.OrganizationByID(tx, p.user.OrganizationID)
	p.change, p.ProofView = c, ProofView{Email: c.Email, Organization: o.Name, Old: p.user.Email}
	return err
}

// Proof shows which address a link confirms. The link stays good.
func (s *Service) Proof(ctx context.Context, token string) (v ProofView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		p, err := s.proof(tx, token)
		v = p.ProofView
		return err
	})
	return v, err
}

// ProveAddress confirms an address by a link: its user is active, or has it from
// now on. Nobody is signed in by that: who reads the mail need not be who chose
// the password.
func (s *Service) ProveAddress(ctx context.Context, actor access.Actor, token string) (v ProofView, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		p, err := s.proof(tx, token)
		if err != nil {
			return err
		}
		v = p.ProofView
		if err := s.links.Use(tx, p.link); err != nil {
			return err
		}
		if p.Changes() {
			_, err = s.directory.ChangeAddress(tx, &p.change)
			return err
		}
		return s.directory.Activate(tx, &p.user, "")
	})
	return v, err
}
