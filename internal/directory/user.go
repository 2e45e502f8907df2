package directory

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
)

// A User is a person with one address. The zero OrganizationID stands for an
// independent user, who has no organization role.
type User struct {
	ID             string
	Email          string // as typed
	Key            string // as compared
	Domain         string // of Key
	Name           string
	OrganizationID string
	Role           access.Role
	Status         access.UserStatus
	SSO            access.SSOSetting
	ProfileID      string // with SSOEnabled
	PasswordHash   string // empty: none
	PasswordSetAt  time.Time
	ProvedAt       time.Time // the address was proved
	ManagedAt      time.Time
	ActivatedAt    time.Time
	CreatedAt      time.Time

	indexed indexed // what the search index holds
}

// Label is how to call the user: by name, else by address.
func (u *User) Label() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Email
}

// HasPassword reports whether a password is set.
func (u *User) HasPassword() bool { return u.PasswordHash != "" }

func (u *User) target() audit.Target { return audit.Target{Kind: "user", ID: u.ID, Name: u.Email} }

// An Invitation asks the owner of an address, in no verified domain of the
// organization, to become managed.
type Invitation struct {
	ID             string
	OrganizationID string
	Email          string
	Key            string
	Domain         string // of Key
	Name           string
	Role           access.Role
	CreatedAt      time.Time

	indexed indexed
}

// An Account is what users work in.
type Account struct {
	ID             string
	OrganizationID string
	Name           string
	ArchivedAt     time.Time // zero: in use
	CreatedAt      time.Time
}

// A Member is a user's place in an account.
type Member struct {
	AccountID, UserID string
	Roles             []string
	CreatedAt         time.Time
}
