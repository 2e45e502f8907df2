package directory

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/record"
	"sallyport/internal/session"
)

// These read inside the transaction of another package's use case. They check
// no right.

// UserByID returns a user; the error is fault.NotFound if there is none.
func (s *Service) UserByID(tx *db.Tx, userID string) (User, error) {
	u, err := userByID(tx, userID)
	return u, notFound(err)
}

// UserByAddress returns the user who has an address; ok is false if nobody has.
func (s *Service) UserByAddress(tx *db.Tx, a Address) (u User, ok bool, err error) {
	u, err = userByKey(tx, a.Key)
	if errors.Is(err, db.ErrNoRows) {
		return User{}, false, nil
	}
	return u, err == nil, err
}

// OrganizationByID returns an organization; the error is fault.NotFound if
// there is none.
func (s *Service) OrganizationByID(tx *db.Tx, organizationID string) (Organization, error) {
	o, err := organizationByID(tx, organizationID)
	return o, notFound(err)
}

// Holder returns the claim that holds a domain; ok is false if nobody does.
func (s *Service) Holder(tx *db.Tx, name string) (d Domain, ok bool, err error) {
	d, err = domainHolder(tx, name)
	if errors.Is(err, db.ErrNoRows) {
		return Domain{}, false, nil
	}
	return d, err == nil, err
}

// HolderOf returns who holds the domain of what was typed as an address; nobody
// where it is none.
func (s *Service) HolderOf(tx *db.Tx, typed string) (h record.Holder, err error) {
	address, err := ParseAddress(typed)
	if err != nil {
		return h, nil
	}
	d, held, err := s.Holder(tx, address.Domain)
	if err != nil || !held {
		return h, err
	}
	return record.Holder{OrganizationID: d.OrganizationID, Shown: address.Typed, Key: address.Key}, nil
}

// WhoHas returns the user who has what was typed as an address, and how that is
// compared; nobody and nothing where it is none.
func (s *Service) WhoHas(tx *db.Tx, typed string) (userID, key string, err error) {
	address, err := ParseAddress(typed)
	if err != nil {
		return "", "", nil
	}
	u, _, err := s.UserByAddress(tx, address)
	return u.ID, address.Key, err
}

// SignIn decides how a user signs in.
func (s *Service) SignIn(tx *db.Tx, u *User) (access.Decision, error) {
	subject, err := subject(tx, u)
	if err != nil {
		return access.Decision{}, err
	}
	return access.SignIn(subject), nil
}

// Subject reads what the sign-in policy needs of a user.
func (s *Service) Subject(tx *db.Tx, u *User) (access.Subject, error) { return subject(tx, u) }

// LimitsOf returns how long the sessions of a user last.
func (s *Service) LimitsOf(tx *db.Tx, u *User) (session.Limits, error) {
	if u.OrganizationID == "" {
		return session.DefaultLimits, nil
	}
	o, err := organizationByID(tx, u.OrganizationID)
	return o.Limits, err
}

// Memberships returns the accounts of a user that are in use, with the roles
// there.
func (s *Service) Memberships(tx *db.Tx, userID string) ([]Account, []Member, error) {
	list, err := membershipsOf(tx, userID)
	if err != nil {
		return nil, nil, err
	}
	var accounts []Account
	var members []Member
	for _, m := range list {
		a, err := accountByID(tx, m.AccountID)
		if err != nil {
			return nil, nil, err
		}
		if a.ArchivedAt.IsZero() {
			accounts, members = append(accounts, a), append(members, m)
		}
	}
	return accounts, members, nil
}

// EnforcedWith returns the domains that are enforced with a profile.
func (s *Service) EnforcedWith(tx *db.Tx, profileID string) ([]Domain, error) {
	return enforcedWith(tx, profileID)
}

// Pilot returns a user who is made to sign in with a profile; ok is false if
// there is none.
func (s *Service) Pilot(tx *db.Tx, profileID string) (u User, ok bool, err error) {
	u, err = pilot(tx, profileID)
	if errors.Is(err, db.ErrNoRows) {
		return User{}, false, nil
	}
	return u, err == nil, err
}

// OrganizationOf answers to whom an id belongs: the one resolver for doors that
// are given nothing but an id. An independent user, and whatever does not
// exist, belongs to nobody: known tells these apart.
func (s *Service) OrganizationOf(ctx context.Context, kind id.Kind, value string) (organizationID string, known bool, err error) {
	if !kind.Valid(value) {
		return "", false, nil
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		switch kind {
		case id.Organization:
			o, err := organizationByID(tx, value)
			organizationID = o.ID
			return err
		case id.Domain:
			d, err := domainByID(tx, value)
			organizationID = d.OrganizationID
			return err
		case id.User:
			u, err := userByID(tx, value)
			organizationID = u.OrganizationID
			return err
		case id.Invitation:
			i, err := invitationByID(tx, value)
			organizationID = i.OrganizationID
			return err
		case id.Account:
			a, err := accountByID(tx, value)
			organizationID = a.OrganizationID
			return err
		}
		return db.ErrNoRows
	})
	if errors.Is(err, db.ErrNoRows) {
		return "", false, nil
	}
	return organizationID, err == nil, err
}

// These are use cases that read.

// Organization returns one organization.
func (s *Service) Organization(ctx context.Context, actor access.Actor, organizationID string) (o Organization, err error) {
	if err := authorize(actor, access.ActOrganizationRead, organizationID); err != nil {
		return o, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		o, err = s.OrganizationByID(tx, organizationID)
		return err
	})
	return o, err
}

// Organizations lists those that the actor reaches: all of them, or its own.
func (s *Service) Organizations(ctx context.Context, actor access.Actor, p Page) (list []Organization, err error) {
	only := actor.OrganizationID
	if actor.Operator {
		only = ""
	} else if err := authorize(actor, access.ActOrganizationRead, only); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list, err = organizations(tx, only, p)
		return err
	})
	return list, err
}

// DomainByID returns one domain.
func (s *Service) DomainByID(ctx context.Context, actor access.Actor, domainID string) (d Domain, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		d, err = s.Domain(tx, actor, access.ActDomainRead, domainID)
		return err
	})
	return d, err
}

// Domain returns a domain for an actor who may take an action on it.
func (s *Service) Domain(tx *db.Tx, actor access.Actor, action access.Action, domainID string) (Domain, error) {
	d, err := domainByID(tx, domainID)
	if err != nil {
		return d, notFound(err)
	}
	if err := authorize(actor, action, d.OrganizationID); err != nil {
		return d, err
	}
	d.Check, err = domainCheck(tx, domainID)
	return d, err
}

// Domains lists the claims of an organization.
func (s *Service) Domains(ctx context.Context, actor access.Actor, organizationID string, p Page) (list []Domain, err error) {
	if err := authorize(actor, access.ActDomainRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if list, err = domains(tx, organizationID, p); err != nil {
			return err
		}
		checks, err := checksOf(tx, organizationID)
		for i := range list {
			list[i].Check = checks[list[i].ID]
		}
		return err
	})
	return list, err
}

// A UserView is a user and how they sign in, or an invitation.
type UserView struct {
	User       User
	SignIn     access.Decision
	Steps      []access.Step // why; empty in lists
	Invitation *Invitation   // then User is not set
	// NewEmail is the address that was asked for and not confirmed yet; empty in
	// lists.
	NewEmail string
}

// View returns a user as doors show it.
func (s *Service) View(tx *db.Tx, u User) (UserView, error) {
	e, err := explain(tx, u)
	if err != nil {
		return UserView{}, err
	}
	c, _, err := s.AddressChange(tx, u.ID)
	return UserView{User: u, SignIn: e.Decision, Steps: e.Steps, NewEmail: c.Email}, err
}

// User returns one user, or one invitation by its inv_ id.
func (s *Service) User(ctx context.Context, actor access.Actor, userID string) (v UserView, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if id.Invitation.Valid(userID) {
			i, err := invitationByID(tx, userID)
			if err != nil {
				return notFound(err)
			}
			v = UserView{Invitation: &i}
			return authorize(actor, access.ActUserRead, i.OrganizationID)
		}
		u, err := s.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := authorize(actor, access.ActUserRead, u.OrganizationID); err != nil {
			return err
		}
		v, err = s.View(tx, u)
		return err
	})
	return v, err
}
