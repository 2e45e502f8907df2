package directory

import (
	"context"
	"errors"
	"slices"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

func (a *Account) target() audit.Target {
	return audit.Target{Kind: "account", ID: a.ID, Name: a.Name}
}

// CreateAccount makes an account of an organization.
func (s *Service) CreateAccount(ctx context.Context, actor access.Actor, organizationID, name string) (a Account, err error) {
	if err := authorize(actor, access.ActAccountWrite, organizationID); err != nil {
		return a, err
	}
	clean, why := CleanName(name, true)
	if why != "" {
		return a, fault.Invalid(fault.Field{Name: "name", Message: why})
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := s.OrganizationByID(tx, organizationID); err != nil {
			return err
		}
		a = Account{ID: s.ids.New(id.Account), OrganizationID: organizationID, Name: clean, CreatedAt: tx.Now()}
		if err := insertAccount(tx, &a); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: organizationID, Action: audit.AccountCreated, Target: a.target()})
	})
	return a, err
}

// Account returns an account for an actor who may take an action on it.
func (s *Service) account(tx *db.Tx, actor access.Actor, action access.Action, accountID string) (Account, error) {
	a, err := accountByID(tx, accountID)
	if err != nil {
		return a, notFound(err)
	}
	return a, authorize(actor, action, a.OrganizationID)
}

// Account returns one account.
func (s *Service) Account(ctx context.Context, actor access.Actor, accountID string) (a Account, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		a, err = s.account(tx, actor, access.ActAccountRead, accountID)
		return err
	})
	return a, err
}

// Accounts lists the accounts of an organization, archived ones too.
func (s *Service) Accounts(ctx context.Context, actor access.Actor, organizationID string, p Page) (list []Account, err error) {
	if err := authorize(actor, access.ActAccountRead, organizationID); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list, err = accounts(tx, organizationID, p)
		return err
	})
	return list, err
}

// Members lists the members of an account.
func (s *Service) Members(ctx context.Context, actor access.Actor, accountID string, p Page) (list []Member, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if _, err := s.account(tx, actor, access.ActAccountRead, accountID); err != nil {
			return err
		}
		list, err = members(tx, accountID, p)
		return err
	})
	return list, err
}

// A MemberUser is a member with who it is.
type MemberUser struct {
	Member
	User User
}

// MemberUsers lists the members of an account as people.
func (s *Service) MemberUsers(ctx context.Context, actor access.Actor, accountID string, p Page) (list []MemberUser, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		if _, err := s.account(tx, actor, access.ActAccountRead, accountID); err != nil {
			return err
		}
		found, err := members(tx, accountID, p)
		if err != nil {
			return err
		}
		for _, m := range found {
			u, err := userByID(tx, m.UserID)
			if err != nil {
				return err
			}
			list = append(list, MemberUser{m, u})
		}
		return nil
	})
	return list, err
}

// Member returns the roles of one user in an account; the error is
// fault.NotFound where the user has none.
func (s *Service) Member(ctx context.Context, actor access.Actor, accountID, userID string) (m Member, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		if _, err := s.account(tx, actor, access.ActAccountRead, accountID); err != nil {
			return err
		}
		m, err = member(tx, accountID, userID)
		return notFound(err)
	})
	return m, err
}

// A Place is an account in use, and a user's roles there.
type Place struct {
	Account Account
	Roles   []string
}

// Places lists the accounts of a user.
func (s *Service) Places(ctx context.Context, actor access.Actor, userID string) (list []Place, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		u, err := s.UserByID(tx, userID)
		if err != nil {
			return err
		}
		if err := authorize(actor, access.ActAccountRead, u.OrganizationID); err != nil {
			return err
		}
		accounts, members, err := s.Memberships(tx, userID)
		for i, a := range accounts {
			list = append(list, Place{a, members[i].Roles})
		}
		return err
	})
	return list, err
}

// An AccountChange is the input of [Service.UpdateAccount]; nil leaves a field
// as it is.
type AccountChange struct {
	Name     *string
	Archived *bool
}

// UpdateAccount renames an account, archives it or takes that back. Members
// and roles of an archived account are kept and count for nothing.
func (s *Service) UpdateAccount(ctx context.Context, actor access.Actor, accountID string, in AccountChange) (a Account, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if a, err = s.account(tx, actor, access.ActAccountWrite, accountID); err != nil {
			return err
		}
		event := audit.Event{OrganizationID: a.OrganizationID, Action: audit.AccountUpdated}
		if in.Name != nil {
			name, why := CleanName(*in.Name, true)
			if why != "" {
				return fault.Invalid(fault.Field{Name: "name", Message: why})
			}
			if name != a.Name {
				event.Changes = append(event.Changes, audit.Change{Field: "name", Old: a.Name, New: name})
			}
			a.Name = name
		}
		if in.Archived != nil && *in.Archived != !a.ArchivedAt.IsZero() {
			event.Changes = append(event.Changes, audit.Change{Field: "archived", Old: !*in.Archived, New: *in.Archived})
			if event.Action = audit.AccountRestored; *in.Archived {
				event.Action = audit.AccountArchived
				a.ArchivedAt = tx.Now()
			} else {
				a.ArchivedAt = time.Time{}
			}
		}
		if event.Changes == nil {
			return nil
		}
		if err := updateAccount(tx, &a); err != nil {
			return err
		}
		event.Target = a.target()
		return s.audit.Append(tx, event)
	})
	return a, err
}

// SetMember gives a user of the organization roles in an account.
func (s *Service) SetMember(ctx context.Context, actor access.Actor, accountID, userID string, roles []string) (m Member, err error) {
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		a, err := s.account(tx, actor, access.ActAccountWrite, accountID)
		if err != nil {
			return err
		}
		u, err := userByID(tx, userID)
		if err != nil && !errors.Is(err, db.ErrNoRows) {
			return err
		}
		if err != nil || u.OrganizationID != a.OrganizationID {
			return fault.New(fault.NotFound, "The organization does not manage this user.")
		}
		clean, err := s.accountRoles(roles)
		if err != nil {
			return err
		}
		var before []string
		if old, err := member(tx, a.ID, u.ID); err == nil {
			before = old.Roles
		}
		m = Member{AccountID: a.ID, UserID: u.ID, Roles: clean, CreatedAt: tx.Now()}
		if slices.Equal(before, clean) {
			return nil
		}
		if err := putMember(tx, &m); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: a.OrganizationID, Action: audit.AccountMemberChanged, Target: a.target(),
			Changes: []audit.Change{{Field: "user", New: u.Email}, {Field: "roles", Old: before, New: clean}}})
	})
	return m, err
}

// accountRoles wants at least one role, each of the operator's list, and
// returns them in the order of that list.
func (s *Service) accountRoles(roles []string) ([]string, error) {
	wrong := fault.Invalid(fault.Field{Name: "roles", Message: "holds one or more of the account roles"})
	for _, r := range roles {
		if !slices.Contains(s.cfg.AccountRoles, r) {
			return nil, wrong
		}
	}
	var clean []string
	for _, r := range s.cfg.AccountRoles {
		if slices.Contains(roles, r) {
			clean = append(clean, r)
		}
	}
	if clean == nil {
		return nil, wrong
	}
	return clean, nil
}

// RemoveMember takes a user out of an account.
func (s *Service) RemoveMember(ctx context.Context, actor access.Actor, accountID, userID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		a, err := s.account(tx, actor, access.ActAccountWrite, accountID)
		if err != nil {
			return err
		}
		n, err := deleteMember(tx, a.ID, userID)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "")
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: a.OrganizationID, Action: audit.AccountMemberRemoved, Target: a.target(),
			Changes: []audit.Change{{Field: "user", Old: userID}}})
	})
}
