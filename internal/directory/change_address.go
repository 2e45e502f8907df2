package directory

import (
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
)

// An AddressChange is another address that a managed user is to have, once its
// owner has confirmed it by a mailed link. A user has one at a time.
type AddressChange struct {
	ID        string
	UserID    string
	Email     string // as typed
	Key       string
	Domain    string
	CreatedAt time.Time
}

// changeAddress asks for another address, within the domains that the
// organization holds. Nothing changes before the link that is mailed there was
// used. The address that is there already takes back what was asked for.
func (s *Service) changeAddress(tx *db.Tx, u *User, in UserChange) error {
	if in.Email == nil {
		return nil
	}
	if u.OrganizationID == "" {
		return fault.New(fault.Conflict, "Only the address of a managed user can be changed here.")
	}
	address, err := ParseAddress(*in.Email)
	if err != nil {
		return fault.Invalid(fault.Field{Name: "email", Message: "is not an e-mail address"})
	}
	if err := s.endAddressChange(tx, u.ID); err != nil {
		return err
	}
	if address.Key == u.Key {
		return s.respell(tx, u, address.Typed)
	}
	if err := s.mayHave(tx, u, address); err != nil {
		return err
	}
	if err := s.MayMail(tx, u.OrganizationID, address.Key); err != nil {
		return err
	}
	c := AddressChange{ID: s.ids.New(id.AddressChange), UserID: u.ID, Email: address.Typed, Key: address.Key, Domain: address.Domain, CreatedAt: tx.Now()}
	if err := insertAddressChange(tx, &c); err != nil {
		return err
	}
	if err := s.askForAddress(tx, u, &c); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserAddressAsked, Target: u.target(),
		Changes: []audit.Change{{Field: "email", Old: u.Email, New: c.Email}}})
}

// respell changes how an address is written.
func (s *Service) respell(tx *db.Tx, u *User, typed string) error {
	if typed == u.Email {
		return nil
	}
	old := u.Email
	u.Email = typed
	if err := updateUser(tx, u); err != nil {
		return err
	}
	return s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserUpdated, Target: u.target(),
		Changes: []audit.Change{{Field: "email", Old: old, New: typed}}})
}

// mayHave refuses an address that the user can't have.
func (s *Service) mayHave(tx *db.Tx, u *User, a Address) error {
	holder, held, err := s.Holder(tx, a.Domain)
	if err != nil {
		return err
	}
	if !held || holder.OrganizationID != u.OrganizationID {
		return fault.Newf(fault.DomainNotVerified, "The organization does not hold the domain %s.", a.Domain)
	}
	other, taken, err := s.UserByAddress(tx, a)
	if err == nil && taken && other.ID != u.ID {
		return fault.New(fault.Conflict, "Another user has this address.")
	}
	return err
}

// endAddressChange drops what was asked for before, and its link.
func (s *Service) endAddressChange(tx *db.Tx, userID string) error {
	c, ok, err := s.AddressChange(tx, userID)
	if err != nil || !ok {
		return err
	}
	if err := s.links.End(tx, "", c.ID); err != nil {
		return err
	}
	return deleteAddressChange(tx, userID)
}

// askForAddress mails the link to the other address.
func (s *Service) askForAddress(tx *db.Tx, u *User, c *AddressChange) error {
	o, err := s.OrganizationByID(tx, u.OrganizationID)
	if err != nil {
		return err
	}
	language, err := languageOf(tx, u.ID)
	if err != nil {
		return err
	}
	url, until, err := s.links.Issue(tx, link.VerifyEmail, c.ID)
	if err != nil {
		return err
	}
	return s.mails.Mail(tx, outbox.Letter{Kind: outbox.ChangeEmail, To: c.Email, Language: language, Link: url, Until: until,
		Values: outbox.Values{"organization": o.Name, "email": u.Email, "until": until}})
}

// AddressChange returns the address that was asked for; ok is false if none was.
func (s *Service) AddressChange(tx *db.Tx, userID string) (c AddressChange, ok bool, err error) {
	return found(addressChangeOf(tx, userID))
}

// AddressChangeByID is [Service.AddressChange] by its own id.
func (s *Service) AddressChangeByID(tx *db.Tx, changeID string) (c AddressChange, ok bool, err error) {
	return found(addressChangeByID(tx, changeID))
}

// found tells a row that is not there from one that can't be read.
func found[T any](v T, err error) (T, bool, error) {
	if errors.Is(err, db.ErrNoRows) {
		return v, false, nil
	}
	return v, err == nil, err
}

// ChangeAddress gives a user the address that was asked for: whoever has it has
// confirmed it. Sessions and links end, the old address is told, and from now on
// the policy decides by the new domain.
func (s *Service) ChangeAddress(tx *db.Tx, c *AddressChange) (User, error) {
	u, err := s.UserByID(tx, c.UserID)
	if err != nil {
		return u, err
	}
	if u.Status == access.UserDeactivated {
		return u, fault.New(fault.UserDeactivated, "Your administrator can switch it on again.")
	}
	if err := s.mayHave(tx, &u, Address{Typed: c.Email, Key: c.Key, Domain: c.Domain}); err != nil {
		return u, err
	}
	old := u
	if err := s.endAddressChange(tx, u.ID); err != nil {
		return u, err
	}
	u.Email, u.Key, u.Domain, u.ProvedAt = c.Email, c.Key, c.Domain, tx.Now()
	if err := updateUser(tx, &u); err != nil {
		return u, err
	}
	if _, err := s.sessions.EndOfUser(tx, u.ID, ""); err != nil {
		return u, err
	}
	if err := s.links.End(tx, "", u.ID); err != nil {
		return u, err
	}
	if err := s.audit.Append(tx, audit.Event{OrganizationID: u.OrganizationID, Action: audit.UserAddressChanged, Target: u.target(),
		Changes: []audit.Change{{Field: "email", Old: old.Email, New: u.Email}}}); err != nil {
		return u, err
	}
	if u.Status == access.UserInvited {
		return u, s.Invite(tx, &u) // the mail before has gone to the old address
	}
	return u, s.Write(tx, &old, outbox.Letter{Kind: outbox.EmailChanged, Values: outbox.Values{"email": u.Email, "time": tx.Now()}})
}
