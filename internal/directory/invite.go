package directory

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/throttle"
)

// ResendInvitation mails an invitation once more: to a user who was never
// active, or, with an inv_ id, to whoever has that address. The links of earlier
// mails end.
func (s *Service) ResendInvitation(ctx context.Context, actor access.Actor, userID string) (v UserView, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if id.Invitation.Valid(userID) {
			v, err = s.resendAsking(tx, actor, userID)
			return err
		}
		u, err := s.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := authorize(actor, access.ActUserInvite, u.OrganizationID); err != nil {
			return err
		}
		if u.Status != access.UserInvited {
			return fault.New(fault.Conflict, "This user has been active already: there is nothing to invite to.")
		}
		if err := s.MayMail(tx, u.OrganizationID, u.Key); err != nil {
			return err
		}
		if err := s.Invite(tx, &u); err != nil {
			return err
		}
		if v, err = s.View(tx, u); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.InvitationSent, Target: u.target()})
	})
	return v, err
}

func (s *Service) resendAsking(tx *db.Tx, actor access.Actor, invitationID string) (UserView, error) {
	i, err := invitationByID(tx, invitationID)
	if err != nil {
		return UserView{}, notFound(err)
	}
	if err := authorize(actor, access.ActUserInvite, i.OrganizationID); err != nil {
		return UserView{}, err
	}
	if err := s.MayMail(tx, i.OrganizationID, i.Key); err != nil {
		return UserView{}, err
	}
	if err := s.ask(tx, &i); err != nil {
		return UserView{}, err
	}
	return UserView{Invitation: &i}, s.audit.Append(tx, audit.Event{OrganizationID: i.OrganizationID, Action: audit.InvitationSent,
		Target: i.target()})
}

// letters are how many mails an organization's administrators may have sent to
// one address: its owner has asked for none of them.
var letters = throttle.Rate{Count: 10, Per: time.Hour}

// MayMail counts a mail that an administrator has sent, and refuses it with
// fault.RateLimited where there were too many.
func (s *Service) MayMail(tx *db.Tx, organizationID, key string) error {
	wait, err := s.limits.Take(tx, s.limits.Bucket(throttle.Letters, letters, organizationID, key))
	if err == nil && wait > 0 {
		err = fault.Limited(wait, "This address has got so many mails that it gets no more for a while.")
	}
	return err
}

func (i *Invitation) target() audit.Target {
	return audit.Target{Kind: "invitation", ID: i.ID, Name: i.Email}
}

// InvitationByID returns an invitation; the error is fault.NotFound if there is
// none: it was revoked or accepted.
func (s *Service) InvitationByID(tx *db.Tx, invitationID string) (Invitation, error) {
	i, err := invitationByID(tx, invitationID)
	return i, notFound(err)
}

// Invitee returns the user whom an invitation would make managed, as that user
// would then be: the one who has the address, or a new one. A user of another
// organization is not given away.
func (s *Service) Invitee(tx *db.Tx, i *Invitation) (u User, exists bool, err error) {
	address, err := ParseAddress(i.Email)
	if err != nil {
		return u, false, err
	}
	u, exists, err = s.UserByAddress(tx, address)
	switch {
	case err != nil:
		return u, exists, err
	case exists && u.OrganizationID != "":
		return u, true, fault.New(fault.UserManagedElsewhere, "Another organization manages your account. Ask its administrators to let you go first.")
	case !exists:
		u = User{ID: s.ids.New(id.User), Email: address.Typed, Key: address.Key, Domain: address.Domain, Name: i.Name,
			Status: access.UserInvited, CreatedAt: tx.Now()}
	}
	u.SSO, u.ProfileID = access.SSOInherit, ""
	u.OrganizationID, u.Role = i.OrganizationID, i.Role
	return u, exists, nil
}

// Accept makes the owner of an address managed by the organization that has
// invited it: the user that [Service.Invitee] returned. The user's sessions end.
// Who never proved the address stands as invited afterwards, without a password.
func (s *Service) Accept(tx *db.Tx, i *Invitation, u *User, exists bool) error {
	language, err := invitationLanguage(tx, i.ID)
	if err != nil {
		return err
	}
	if err := s.links.Spend(tx, link.Invitation, i.ID); err != nil {
		return err
	}
	if err := s.manage(tx, u, exists, i.OrganizationID, NewUser{Role: i.Role, noMail: true}, ""); err != nil {
		return err
	}
	if !exists {
		err = s.SetLanguage(tx, u.ID, language)
	}
	return errors.Join(err, s.audit.Append(tx, audit.Event{OrganizationID: i.OrganizationID, Action: audit.InvitationAccepted, Target: i.target()}))
}
