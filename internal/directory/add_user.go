package directory

import (
	"context"
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/password"
)

// A NewUser is the input of [Service.AddUser] and [Service.AddIndependentUser].
type NewUser struct {
	Email string
	Name  string
	Role  access.Role // member if empty
	// Password, if set, makes the user active at once: the operator vouches
	// for the address.
	Password *string
	// Language is in which mails are written; empty: not known.
	Language string
	// Silent sends no invitation; a known user is told all the same.
	Silent bool

	noMail bool // whoever it is knows already
}

// AddUser brings a user into an organization. At a domain that it has verified
// the user becomes managed at once; anybody else gets an invitation, and the
// answer does not tell whether there is such a user.
func (s *Service) AddUser(ctx context.Context, actor access.Actor, organizationID string, in NewUser) (v UserView, err error) {
	if err := authorize(actor, access.ActUserCreate, organizationID); err != nil {
		return v, err
	}
	if in.Role == "" {
		in.Role = access.RoleMember
	}
	if err := authorizeRole(actor, organizationID, access.RoleMember, in.Role); err != nil {
		return v, err
	}
	if in.Password != nil {
		if err := authorize(actor, access.ActUserVouch, organizationID); err != nil {
			return v, err
		}
	}
	address, err := in.check(true)
	if err != nil {
		return v, err
	}
	hash, err := s.hash(ctx, in.Password, address, organizationID)
	if err != nil {
		return v, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := s.OrganizationByID(tx, organizationID); err != nil {
			return err
		}
		v, err = s.addUser(tx, organizationID, address, in, hash)
		return err
	})
	return v, err
}

// authorizeRole checks the right to turn one organization role into another.
func authorizeRole(actor access.Actor, organizationID string, old, new access.Role) error {
	switch {
	case old == new:
		return nil
	case old == access.RoleOwner || new == access.RoleOwner:
		return authorize(actor, access.ActUserOwner, organizationID)
	}
	return authorize(actor, access.ActUserRole, organizationID)
}

// check validates the input and cleans it.
func (in *NewUser) check(managed bool) (Address, error) {
	var wrong []fault.Field
	address, err := ParseAddress(in.Email)
	if err != nil {
		wrong = append(wrong, fault.Field{Name: "email", Message: "is not an e-mail address"})
	}
	name, why := CleanName(in.Name, false)
	if why != "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: why})
	}
	in.Name = name
	if in.Language != "" && in.Language != "en" && in.Language != "de" {
		wrong = append(wrong, fault.Field{Name: "language", Message: "is en or de"})
	}
	if managed && !validRole(in.Role) {
		wrong = append(wrong, fault.Field{Name: "role", Message: "is owner, administrator or member"})
	}
	if wrong != nil {
		return address, fault.Invalid(wrong...)
	}
	return address, nil
}

func validRole(r access.Role) bool {
	return r == access.RoleOwner || r == access.RoleAdministrator || r == access.RoleMember
}

// hash checks and hashes a password, outside of any transaction: it takes long.
func (s *Service) hash(ctx context.Context, plain *string, address Address, organizationID string) (string, error) {
	if plain == nil {
		return "", nil
	}
	names := []string{s.cfg.ProductName}
	if organizationID != "" {
		err := s.db.View(ctx, func(tx *db.Tx) error {
			o, err := s.OrganizationByID(tx, organizationID)
			names = append(names, o.Name)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	if err := password.Check(*plain, address.Key, names...); err != nil {
		return "", err
	}
	return s.hasher.Hash(ctx, *plain)
}

func (s *Service) addUser(tx *db.Tx, organizationID string, address Address, in NewUser, hash string) (UserView, error) {
	holder, held, err := s.Holder(tx, address.Domain)
	if err != nil {
		return UserView{}, err
	}
	known, exists, err := s.UserByAddress(tx, address)
	if err != nil {
		return UserView{}, err
	}
	ours := held && holder.OrganizationID == organizationID && holder.Status == access.DomainVerified
	elsewhere := exists && known.OrganizationID != "" && known.OrganizationID != organizationID
	switch {
	case exists && known.OrganizationID == organizationID:
		return UserView{}, fault.New(fault.Conflict, "The organization manages a user with this address already.")
	case elsewhere && (ours || tx.Actor().Operator):
		return UserView{}, fault.New(fault.UserManagedElsewhere, "Another organization manages the user with this address.")
	case hash != "" && held && holder.OrganizationID != organizationID:
		return UserView{}, fault.New(fault.DomainVerifiedElsewhere, "Another organization holds the domain of this address.")
	case !ours && hash == "":
		i, err := s.invite(tx, organizationID, address, in)
		return UserView{Invitation: &i}, err
	}
	if !exists {
		known = s.newUser(tx, address, in.Name)
	}
	if err := s.manage(tx, &known, exists, organizationID, in, hash); err != nil {
		return UserView{}, err
	}
	return s.View(tx, known)
}

// manage makes a user managed by an organization: a new one, or an independent
// one, whose sessions end. Who never proved the address loses the password and
// has to arrive again.
func (s *Service) manage(tx *db.Tx, u *User, exists bool, organizationID string, in NewUser, hash string) error {
	before := *u
	u.OrganizationID, u.Role, u.ManagedAt = organizationID, in.Role, tx.Now()
	u.SSO, u.ProfileID = access.SSOInherit, ""
	switch {
	case hash != "":
		u.vouched(tx, hash)
	case u.ProvedAt.IsZero():
		if u.PasswordHash = ""; u.Status != access.UserDeactivated {
			u.Status = access.UserInvited
		}
	}
	if i, err := invitationFor(tx, organizationID, u.Key); err == nil {
		if err := errors.Join(s.links.End(tx, "", i.ID), deleteInvitation(tx, &i)); err != nil {
			return err
		}
	} else if !errors.Is(err, db.ErrNoRows) {
		return err
	}
	if err := s.links.End(tx, "", u.ID); err != nil {
		return err
	}
	event := createdEvent(u)
	if exists {
		event.Action, event.Changes = audit.UserManaged, managedChanges(&before, u)
		if err := updateUser(tx, u); err != nil {
			return err
		}
		if _, err := s.sessions.EndOfUser(tx, u.ID, ""); err != nil {
			return err
		}
	} else if ok, err := insertUser(tx, u); err != nil || !ok {
		return errors.Join(err, fault.New(fault.Conflict, "Somebody has this address."))
	}
	if err := s.audit.Append(tx, event); err != nil {
		return err
	}
	return s.tell(tx, u, exists, in)
}

// managedChanges is what becoming managed has changed. The organization that
// [Service.Invitee] has set already is none of it.
func managedChanges(before, now *User) []audit.Change {
	changes := []audit.Change{{Field: "user", Old: "independent", New: "managed"}, {Field: "role", New: now.Role}}
	if before.Status != now.Status {
		changes = append(changes, audit.Change{Field: "status", Old: before.Status, New: now.Status})
	}
	switch {
	case before.HasPassword() && !now.HasPassword():
		changes = append(changes, audit.Change{Field: "password", Old: "set"})
	case before.PasswordHash != now.PasswordHash:
		changes = append(changes, audit.Change{Field: "password", New: "set"})
	}
	return changes
}

// tell mails a user who has become managed: an invitation to who has to arrive
// yet, a notice to who was there before.
func (s *Service) tell(tx *db.Tx, u *User, exists bool, in NewUser) error {
	if !exists {
		if err := s.SetLanguage(tx, u.ID, in.Language); err != nil {
			return err
		}
	}
	switch {
	case in.noMail:
		return nil
	case u.Status == access.UserInvited:
		if in.Silent {
			return nil
		}
		return s.Invite(tx, u)
	case exists && u.Status == access.UserActive:
		return s.tellManaged(tx, u)
	}
	return nil
}

// newUser is a user who was never there.
func (s *Service) newUser(tx *db.Tx, a Address, name string) User {
	return User{ID: s.ids.New(id.User), Email: a.Typed, Key: a.Key, Domain: a.Domain, Name: name,
		Status: access.UserInvited, SSO: access.SSOInherit, CreatedAt: tx.Now()}
}

// vouched makes a user active on the operator's word.
func (u *User) vouched(tx *db.Tx, hash string) {
	u.PasswordHash, u.PasswordSetAt, u.ProvedAt = hash, tx.Now(), tx.Now()
	u.Status = access.UserActive
	if u.ActivatedAt.IsZero() {
		u.ActivatedAt = tx.Now()
	}
}

// invite invites the owner of an address. A second invitation changes nothing.
func (s *Service) invite(tx *db.Tx, organizationID string, address Address, in NewUser) (Invitation, error) {
	i, err := invitationFor(tx, organizationID, address.Key)
	if !errors.Is(err, db.ErrNoRows) {
		return i, err
	}
	i = Invitation{
		ID: s.ids.New(id.Invitation), OrganizationID: organizationID, Email: address.Typed, Key: address.Key, Domain: address.Domain,
		Name: in.Name, Role: in.Role, CreatedAt: tx.Now(),
	}
	if err := insertInvitation(tx, &i); err != nil {
		return i, err
	}
	if err := setInvitationLanguage(tx, i.ID, in.Language); err != nil {
		return i, err
	}
	if !in.Silent {
		if err := s.MayMail(tx, i.OrganizationID, i.Key); err != nil {
			return i, err
		}
		if err := s.ask(tx, &i); err != nil {
			return i, err
		}
	}
	return i, s.audit.Append(tx, audit.Event{
		OrganizationID: organizationID, Action: audit.InvitationCreated,
		Target:  i.target(),
		Changes: []audit.Change{{Field: "role", New: i.Role}},
	})
}

// AddIndependentUser makes a user whom no organization manages.
func (s *Service) AddIndependentUser(ctx context.Context, actor access.Actor, in NewUser) (v UserView, err error) {
	if err := authorize(actor, access.ActUserCreateIndependent, ""); err != nil {
		return v, err
	}
	address, err := in.check(false)
	if err != nil {
		return v, err
	}
	hash, err := s.hash(ctx, in.Password, address, "")
	if err != nil {
		return v, err
	}
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		u := s.newUser(tx, address, in.Name)
		if hash != "" {
			u.vouched(tx, hash)
		}
		ok, err := insertUser(tx, &u)
		if err != nil {
			return err
		}
		if !ok {
			return fault.New(fault.Conflict, "Somebody has this address.")
		}
		if err := s.audit.Append(tx, audit.Event{Action: audit.UserCreated, Target: u.target(),
			Changes: []audit.Change{{Field: "status", New: u.Status}}}); err != nil {
			return err
		}
		if err := s.tell(tx, &u, false, in); err != nil {
			return err
		}
		v, err = s.View(tx, u)
		return err
	})
	return v, err
}
