package directory

import (
	"errors"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// These bring users into an organization many at a time, in the transactions of
// an import, by the rules of [Service.AddUser].

// A Bring is the input of [Service.BringIn].
type Bring struct {
	OrganizationID string
	Actor          access.Actor // who asks, as who they are now
	DryRun         bool         // find out; change nothing
	Rows           []BringRow
}

// A BringRow is one user to bring in.
type BringRow struct {
	Email    string
	Name     string      // empty: leave the one that is there
	Role     access.Role // empty: member, or the one that is there
	Fault    string      // why there is nothing to bring in
	Repeated bool        // an earlier row was about the same address
}

// A BroughtResult is what became of a row.
type BroughtResult string

const (
	BroughtCreated   BroughtResult = "created" // a user, or an invitation
	BroughtUpdated   BroughtResult = "updated" // became managed, or changed
	BroughtUnchanged BroughtResult = "unchanged"
	BroughtFailed    BroughtResult = "failed"
)

// Brought is what became of a row.
type Brought struct {
	Result BroughtResult
	UserID string     // or an invitation's; empty in a dry run of a new one
	Code   fault.Code // with BroughtFailed
	Reason string
	// Unproved says that the user had never proved the address, and has to
	// arrive again.
	Unproved bool
	Before   Before
}

// Before is what it takes to take a row back.
type Before struct {
	Did       string `json:"did,omitempty"`        // see below
	ManagedAt int64  `json:"managed_at,omitempty"` // of the user after the row: microseconds
	OldName   string `json:"old_name,omitempty"`
	NewName   string `json:"new_name,omitempty"`
	OldRole   string `json:"old_role,omitempty"`
	NewRole   string `json:"new_role,omitempty"`
}

// What a row did to a user.
const (
	didCreate = "created"
	didManage = "managed"
	didChange = "changed"
)

// BringIn brings the rows in, in their order, and returns as many results. A row
// that is refused keeps no other one from being done. It writes no mails: see
// [Service.TellBrought].
func (s *Service) BringIn(tx *db.Tx, in Bring) ([]Brought, error) {
	b := bringer{s: s, tx: tx, Bring: in, holders: map[string]Domain{}}
	if err := b.read(); err != nil {
		return nil, err
	}
	out := make([]Brought, len(in.Rows))
	for n, row := range in.Rows {
		done, err := b.one(row, b.addresses[n])
		var f *fault.Error
		if errors.As(err, &f) && f.Code != fault.Internal && f.Code != fault.Overloaded {
			done, err = Brought{Result: BroughtFailed, Code: f.Code, Reason: reason(f)}, nil
		}
		if err != nil {
			return nil, err
		}
		out[n] = done
	}
	return out, b.insert()
}

// reason is a fault in a line.
func reason(f *fault.Error) string {
	for _, field := range f.Fields {
		return field.Name + " " + field.Message
	}
	if f.Detail != "" {
		return f.Detail
	}
	return f.Code.Title()
}

// A bringer is one run of [Service.BringIn].
type bringer struct {
	s  *Service
	tx *db.Tx
	Bring
	addresses []Address // by row; the zero value: none
	known     map[string]*User
	invited   map[string]*Invitation
	holders   map[string]Domain
	created   []*User // not inserted yet
	asked     []*Invitation
	seen      map[string]bool // keys that this run has brought in
}

// read reads at once what the rows are about.
func (b *bringer) read() error {
	b.addresses = make([]Address, len(b.Rows))
	b.known, b.invited, b.seen = map[string]*User{}, map[string]*Invitation{}, map[string]bool{}
	var keys []string
	for n, row := range b.Rows {
		if a, err := ParseAddress(row.Email); err == nil && row.Fault == "" {
			b.addresses[n] = a
			keys = append(keys, a.Key)
		}
	}
	users, err := usersByKey(b.tx, keys)
	if err != nil {
		return err
	}
	for n := range users {
		b.known[users[n].Key] = &users[n]
	}
	invited, err := invitationsByKey(b.tx, b.OrganizationID, keys)
	for n := range invited {
		b.invited[invited[n].Key] = &invited[n]
	}
	return err
}

// one decides on a row, and does it or keeps it for insert.
func (b *bringer) one(row BringRow, a Address) (done Brought, err error) {
	in := NewUser{Email: row.Email, Name: row.Name, Role: row.Role, noMail: true}
	if row.Fault != "" {
		return done, fault.Invalid(fault.Field{Name: "row", Message: row.Fault})
	}
	if in.Role == "" {
		in.Role = access.RoleMember
	}
	if _, err := in.check(true); err != nil {
		return done, err
	}
	if row.Repeated || b.seen[a.Key] {
		return Brought{Result: BroughtUnchanged}, nil
	}
	if done, err = b.decide(row, a, in); err == nil {
		b.seen[a.Key] = true
	}
	return done, err
}

func (b *bringer) decide(row BringRow, a Address, in NewUser) (done Brought, err error) {
	u := b.known[a.Key]
	if u != nil && u.OrganizationID == b.OrganizationID {
		in.Role = row.Role
		return b.change(u, in)
	}
	if err := authorizeRole(b.Actor, b.OrganizationID, access.RoleMember, in.Role); err != nil {
		return done, err
	}
	holder, err := b.holder(a.Domain)
	if err != nil {
		return done, err
	}
	ours := holder.OrganizationID == b.OrganizationID && holder.Status == access.DomainVerified
	if u != nil && u.OrganizationID != "" && (ours || b.Actor.Operator) {
		return done, fault.New(fault.UserManagedElsewhere, "Another organization manages the user with this address.")
	}
	switch {
	case !ours:
		return b.ask(a, in)
	case u != nil:
		return b.manage(u, in)
	}
	return b.create(a, in)
}

func (b *bringer) holder(domain string) (Domain, error) {
	d, known := b.holders[domain]
	if known {
		return d, nil
	}
	d, _, err := b.s.Holder(b.tx, domain)
	b.holders[domain] = d
	return d, err
}

// change gives a user of the organization another name or role.
func (b *bringer) change(u *User, in NewUser) (Brought, error) {
	c := UserChange{}
	before := Before{Did: didChange}
	if in.Name != "" && in.Name != u.Name {
		c.Name, before.OldName, before.NewName = &in.Name, u.Name, in.Name
	}
	if in.Role != "" && in.Role != u.Role {
		c.Role, before.OldRole, before.NewRole = &in.Role, string(u.Role), string(in.Role)
	}
	if c.Name == nil && c.Role == nil {
		return Brought{Result: BroughtUnchanged, UserID: u.ID}, nil
	}
	if err := c.authorize(b.Actor, u); err != nil {
		return Brought{}, err
	}
	if c.Role != nil {
		if err := b.s.keepsOwner(b.tx, u); err != nil {
			return Brought{}, err
		}
	}
	before.ManagedAt = u.ManagedAt.UnixMicro()
	done := Brought{Result: BroughtUpdated, UserID: u.ID, Before: before}
	if b.DryRun {
		return done, nil
	}
	if err := b.s.rename(b.tx, u, c); err != nil {
		return done, err
	}
	return done, b.s.changeRole(b.tx, u, c)
}

// manage makes a known user managed, by the name that the organization gives.
func (b *bringer) manage(u *User, in NewUser) (Brought, error) {
	done := Brought{Result: BroughtUpdated, UserID: u.ID, Unproved: u.ProvedAt.IsZero(),
		Before: Before{Did: didManage, ManagedAt: b.tx.Now().UnixMicro()}}
	if in.Name != "" && in.Name != u.Name {
		done.Before.OldName, done.Before.NewName = u.Name, in.Name
	}
	if b.DryRun {
		return done, nil
	}
	if err := b.s.manage(b.tx, u, true, b.OrganizationID, in, ""); err != nil || done.Before.NewName == "" {
		return done, err
	}
	return done, b.s.rename(b.tx, u, UserChange{Name: &in.Name})
}

// create makes a user.
func (b *bringer) create(a Address, in NewUser) (Brought, error) {
	done := Brought{Result: BroughtCreated}
	if b.DryRun {
		return done, nil
	}
	u := b.s.newUser(b.tx, a, in.Name)
	u.OrganizationID, u.Role, u.ManagedAt = b.OrganizationID, in.Role, b.tx.Now()
	if i := b.invited[a.Key]; i != nil {
		if err := deleteInvitation(b.tx, i); err != nil {
			return done, err
		}
	}
	b.created = append(b.created, &u)
	done.UserID, done.Before = u.ID, Before{Did: didCreate, ManagedAt: u.ManagedAt.UnixMicro()}
	return done, nil
}

// ask invites the owner of an address.
func (b *bringer) ask(a Address, in NewUser) (Brought, error) {
	if i := b.invited[a.Key]; i != nil {
		return Brought{Result: BroughtUnchanged, UserID: i.ID}, nil
	}
	done := Brought{Result: BroughtCreated}
	if b.DryRun {
		return done, nil
	}
	i := Invitation{ID: b.s.ids.New(id.Invitation), OrganizationID: b.OrganizationID, Email: a.Typed, Key: a.Key, Domain: a.Domain,
		Name: in.Name, Role: in.Role, CreatedAt: b.tx.Now()}
	b.asked = append(b.asked, &i)
	done.UserID = i.ID
	return done, nil
}

// insert inserts all that is new, many rows with each statement.
func (b *bringer) insert() error {
	if err := insertUsers(b.tx, b.created); err != nil {
		return err
	}
	for _, u := range b.created {
		if err := b.s.audit.Append(b.tx, createdEvent(u)); err != nil {
			return err
		}
	}
	if err := insertInvitations(b.tx, b.asked); err != nil {
		return err
	}
	for _, i := range b.asked {
		if err := b.s.audit.Append(b.tx, i.createdEvent()); err != nil {
			return err
		}
	}
	return nil
}

// createdEvent tells of a user who was made as a managed one.
func createdEvent(u *User) audit.Event {
	return audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserCreated, Target: u.target(),
		Changes: []audit.Change{{Field: "role", New: u.Role}, {Field: "status", New: u.Status}}}
}

func (i *Invitation) createdEvent() audit.Event {
	return audit.Event{OrganizationID: i.OrganizationID, Action: audit.InvitationCreated,
		Target:  i.target(),
		Changes: []audit.Change{{Field: "role", New: i.Role}}}
}

// TakeBack undoes a row, and reports false if it leaves things as they are:
// because somebody has changed them since, or because they have to stay.
func (s *Service) TakeBack(tx *db.Tx, actor access.Actor, organizationID, userID string, before Before) (bool, error) {
	if id.Invitation.Valid(userID) {
		err := s.revoke(tx, actor, userID)
		return err == nil, kept(err)
	}
	u, err := userByID(tx, userID)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil || u.OrganizationID != organizationID || u.ManagedAt.UnixMicro() != before.ManagedAt {
		return false, err
	}
	if before.Did == didChange {
		return s.changeBack(tx, actor, &u, before)
	}
	if err := s.mayRemove(tx, actor, &u); err != nil {
		return false, kept(err)
	}
	if before.NewName != "" && u.Name == before.NewName {
		if err := s.rename(tx, &u, UserChange{Name: &before.OldName}); err != nil {
			return false, err
		}
	}
	return true, s.remove(tx, u, before.Did == didManage)
}

// kept drops a fault that says why something stays.
func kept(err error) error {
	var f *fault.Error
	if errors.As(err, &f) && (f.Code == fault.NotFound || f.Code == fault.Forbidden || f.Code == fault.LastOwner || f.Code == fault.RateLimited) {
		return nil
	}
	return err
}

// changeBack gives a user the name and role of before, where nobody has changed
// them since.
func (s *Service) changeBack(tx *db.Tx, actor access.Actor, u *User, before Before) (bool, error) {
	c := UserChange{}
	if role := access.Role(before.OldRole); role != "" && u.Role == access.Role(before.NewRole) &&
		authorizeRole(actor, u.OrganizationID, u.Role, role) == nil {
		if err := s.keepsOwner(tx, u); err == nil {
			c.Role = &role
		} else if kept(err) != nil {
			return false, err
		}
	}
	if before.NewName != "" && u.Name == before.NewName {
		c.Name = &before.OldName
	}
	if c.Role == nil && c.Name == nil {
		return false, nil
	}
	if err := s.rename(tx, u, c); err != nil {
		return false, err
	}
	return true, s.changeRole(tx, u, c)
}

// TellBrought writes to somebody whom a row has brought in: an invitation to who
// has to arrive yet, if that is wanted, and a notice to who was there before.
// Whoever has gone since gets none, nor has an address that gets too many.
func (s *Service) TellBrought(tx *db.Tx, organizationID, userID string, before Before, invite bool) error {
	if id.Invitation.Valid(userID) {
		i, err := invitationByID(tx, userID)
		if errors.Is(err, db.ErrNoRows) || err == nil && !invite {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.MayMail(tx, organizationID, i.Key); err != nil {
			return kept(err)
		}
		return s.ask(tx, &i)
	}
	u, err := userByID(tx, userID)
	if errors.Is(err, db.ErrNoRows) {
		return nil
	}
	if err != nil || u.OrganizationID != organizationID || u.ManagedAt.UnixMicro() != before.ManagedAt {
		return err
	}
	switch {
	case u.Status == access.UserInvited && invite && before.Did != didChange:
		return s.Invite(tx, &u)
	case u.Status == access.UserActive && before.Did == didManage:
		return s.tellManaged(tx, &u)
	}
	return nil
}

// Independent returns independent users at a domain, in the order of their ids.
func (s *Service) Independent(tx *db.Tx, domain, after string, limit int) ([]User, error) {
	return independentUsers(tx, domain, after, limit)
}

// CountIndependent counts the independent users at some domains.
func (s *Service) CountIndependent(tx *db.Tx, domains []string) (n int64, err error) {
	for _, d := range domains {
		at, err := countIndependent(tx, d)
		if err != nil {
			return 0, err
		}
		n += at
	}
	return n, nil
}

// DomainsOf returns all claims of an organization, newest first.
func (s *Service) DomainsOf(tx *db.Tx, organizationID string) ([]Domain, error) {
	return domains(tx, organizationID, Page{Limit: s.cfg.MaxDomains})
}
