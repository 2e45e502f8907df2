package signin

import (
	"context"
	"encoding/json"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
	"sallyport/internal/record"
	"sallyport/internal/throttle"
)

// Forgot mails whoever has an address the way back in: a link to set another
// password; the way to the Identity Provider for who signs in there; to who has
// never arrived, what they arrive with. Nobody who is deactivated gets a mail,
// nor does an address that has had too many. What there is to do is found out
// after the answer, which is so the same for every address, and takes as long.
func (s *Service) Forgot(ctx context.Context, actor access.Actor, email string) error {
	address, err := directory.ParseAddress(email)
	if err != nil {
		return fault.Invalid(fault.Field{Name: "email", Message: "is not an e-mail address, such as you@example.com"})
	}
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		return s.ask(tx, errandForgot, address, asking{Email: address.Typed})
	})
}

// Errands of this package.
const (
	errandForgot = "forgot"
	errandSignUp = "sign_up"

	errandRecover = "recover"
)

// asking is what somebody has asked for. It stands in the outbox, encrypted.
type asking struct {
	Email string `json:"email"`
	// Hash, Name and Language are those of a sign-up.
	Hash     string `json:"hash,omitempty"`
	Name     string `json:"name,omitempty"`
	Language string `json:"language,omitempty"`
	// Code is a recovery code.
	Code string `json:"code,omitempty"`
	// Address and Agent are from where it was asked.
	Address string `json:"address"`
	Agent   string `json:"agent"`
}

// ask writes an errand, unless its address has had enough mails.
func (s *Service) ask(tx *db.Tx, errand string, address directory.Address, in asking) error {
	if err := s.takeIn(tx, s.requests(tx.Actor())); err != nil {
		return err
	}
	wait, err := s.limits.Take(tx, s.mailsTo(address))
	if err != nil || wait > 0 {
		return err
	}
	in.Address, in.Agent = tx.Actor().Address, tx.Actor().Agent
	return s.mails.Send(tx, errand, in)
}

// answer does an errand, as the one who has asked for it.
func (s *Service) answer(do func(*db.Tx, directory.Address, directory.User, bool, asking) error) outbox.Errand {
	return func(ctx context.Context, input json.RawMessage) error {
		var in asking
		if err := json.Unmarshal(input, &in); err != nil {
			return err
		}
		address, err := directory.ParseAddress(in.Email)
		if err != nil {
			return err
		}
		return s.db.Update(ctx, access.Actor{Address: in.Address, Agent: in.Agent}, func(tx *db.Tx) error {
			u, known, err := s.directory.UserByAddress(tx, address)
			if err != nil {
				return err
			}
			return do(tx, address, u, known, in)
		})
	}
}

// forgot is the errand of [Service.Forgot].
func (s *Service) forgot(tx *db.Tx, _ directory.Address, u directory.User, known bool, in asking) error {
	if err := s.asked(tx, u, in.Email, audit.PasswordResetAsked); err != nil || !known {
		return err
	}
	return s.wayBack(tx, &u)
}

// requests counts what anybody can ask for, from where they are.
func (s *Service) requests(actor access.Actor) throttle.Bucket {
	return s.limits.Bucket(throttle.Requests, s.cfg.PerSource, throttle.Network(actor.Address))
}

// mailsTo counts the mails that anybody can have sent to an address.
func (s *Service) mailsTo(a directory.Address) throttle.Bucket {
	return s.limits.Bucket(throttle.Mails, s.cfg.PerAddress, a.Key)
}

// asked records what somebody asked for under an address, whoever has it.
func (s *Service) asked(tx *db.Tx, u directory.User, typed string, action audit.Action) error {
	target, organizationID := audit.Target{Kind: "user", ID: u.ID, Name: u.Email}, u.OrganizationID
	if u.ID == "" {
		var err error
		if organizationID, target.Name, _, err = s.record.Stranger(tx, "", typed); err != nil {
			return err
		}
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: action, Target: target})
}

// wayBack mails a user what leads to a sign-in, if anything does.
func (s *Service) wayBack(tx *db.Tx, u *directory.User) error {
	d, err := s.directory.SignIn(tx, u)
	if err != nil {
		return err
	}
	switch {
	case d.Method == access.MethodNone:
		return nil
	case u.Status == access.UserInvited && signedUp(u):
		return s.mailProof(tx, u)
	case u.Status == access.UserInvited:
		return s.directory.Invite(tx, u)
	case d.Method == access.MethodSSO:
		return s.directory.Write(tx, u, outbox.Letter{Kind: outbox.ResetSSO, Link: s.directory.StartURL(d.ProfileID)})
	}
	return s.mailReset(tx, u)
}

// mailReset mails a link to set another password. Earlier ones stay good, so
// that nobody can keep a user out by asking again and again.
func (s *Service) mailReset(tx *db.Tx, u *directory.User) error {
	url, until, err := s.links.Issue(tx, link.Reset, u.ID)
	if err != nil {
		return err
	}
	return s.directory.Write(tx, u, outbox.Letter{Kind: outbox.Reset, Link: url, Until: until, Values: outbox.Values{"until": until}})
}

// SendPasswordReset mails a user a link to set another password, for an
// administrator. The password of today stays good until then.
func (s *Service) SendPasswordReset(ctx context.Context, actor access.Actor, userID string) (v directory.UserView, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u, err := s.directory.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := directory.Refusal(access.May(actor, access.ActUserPasswordReset, u.OrganizationID)); err != nil {
			return err
		}
		if err := s.mayChange(tx, &u); err != nil {
			return err
		}
		if u.Status == access.UserInvited {
			return fault.New(fault.Conflict, "This user has never been active. Send the invitation again.")
		}
		if err := s.directory.MayMail(tx, u.OrganizationID, u.Key); err != nil {
			return err
		}
		if err := s.mailReset(tx, &u); err != nil {
			return err
		}
		if v, err = s.directory.View(tx, u); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.PasswordResetAsked,
			Target: audit.Target{Kind: "user", ID: u.ID, Name: u.Email}})
	})
	return v, err
}

// reset reads whose password a link is for. A user whose password would not
// count is a fault, with the user.
func (s *Service) reset(tx *db.Tx, token string) (l link.Link, u directory.User, organization string, err error) {
	if l, err = s.links.Find(tx, link.Reset, token); err != nil {
		return l, u, "", err
	}
	if u, err = s.directory.UserByID(tx, l.SubjectID); err != nil {
		return l, u, "", fault.New(fault.LinkExpired, "")
	}
	if u.OrganizationID != "" {
		o, err := s.directory.OrganizationByID(tx, u.OrganizationID)
		if err != nil {
			return l, u, "", err
		}
		organization = o.Name
	}
	return l, u, organization, s.mayChange(tx, &u)
}

// Reset shows whose password a link sets. The link stays good.
func (s *Service) Reset(ctx context.Context, token string) (email, organization string, err error) {
	var u directory.User
	var refusal *Refusal
	err = s.db.View(ctx, func(tx *db.Tx) error {
		refusal = nil
		_, u, organization, err = s.reset(tx, token)
		if errors.Is(err, fault.SSORequired) {
			refusal = &Refusal{Fault: fault.From(err), Reference: s.ids.New(id.Attempt)}
			d, err := s.directory.SignIn(tx, &u)
			refusal.ProfileID = d.ProfileID
			return err
		}
		return err
	})
	if err == nil && refusal != nil {
		err = refusal
	}
	return u.Email, organization, err
}

// A NewPassword is the input of [Service.ResetPassword].
type NewPassword struct {
	Token    string
	Password string
	Current  *Identity
}

// ResetPassword sets a password by a link, ends the user's sessions, and lets
// the user in. A password that is refused does not use the link up. Who signs in
// by SSO only is refused with a [*Refusal].
func (s *Service) ResetPassword(ctx context.Context, actor access.Actor, in NewPassword) (o Outcome, err error) {
	email, organization, err := s.Reset(ctx, in.Token)
	if err != nil {
		return o, s.refusedReset(ctx, actor, in.Token, err)
	}
	hash, err := s.newPassword(ctx, in.Password, email, organization)
	if err != nil {
		return o, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		l, u, _, err := s.reset(tx, in.Token)
		if err != nil {
			return err
		}
		if err := s.links.Use(tx, l); err != nil {
			return err
		}
		if err := s.directory.SetPassword(tx, &u, hash); err != nil {
			return err
		}
		if _, err := s.sessions.EndOfUser(tx, u.ID, ""); err != nil {
			return err
		}
		o, err = s.Arrive(tx, Arrival{UserID: u.ID, Method: access.MethodPassword}, in.Current)
		return err
	})
	return o, err
}

// refusedReset records that a link was not let do what it was issued for.
func (s *Service) refusedReset(ctx context.Context, actor access.Actor, token string, err error) error {
	f := fault.From(err)
	if f.Code != fault.SSORequired && f.Code != fault.UserDeactivated {
		return err
	}
	var u directory.User
	if e := s.db.View(ctx, func(tx *db.Tx) error {
		_, u, _, _ = s.reset(tx, token)
		return nil
	}); e != nil {
		return e
	}
	err = s.refuseChange(ctx, actor, u, f)
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		a := Attempt{Method: access.MethodPassword, OrganizationID: u.OrganizationID, User: u, Reference: refusal.Reference, Checks: []record.Check{userRefused(&u, f)}}
		s.RefuseAt(actor, s.db.Now(), a, f) // who sets a password by a link would be signed in
	}
	return err
}
