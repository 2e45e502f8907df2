package record

import (
	"time"

	"sallyport/internal/db"
)

// A Failing is an SSO profile with refused attempts.
type Failing struct{ OrganizationID, ProfileID string }

// WithRefusals returns SSO profiles that have refused somebody since the beginning
// of an instant's hour, at most so many. It reads as much as was refused of late.
func WithRefusals(tx *db.Tx, since time.Time, most int) ([]Failing, error) {
	return withRefusals(tx, since.UTC().Truncate(time.Hour), most)
}

// Latest returns the newest attempts with an SSO profile that are decided, at most
// so many among as many rows.
func Latest(tx *db.Tx, organizationID, profileID string, most int) ([]Attempt, error) {
	return latest(tx, organizationID, profileID, most)
}

// Network is what one who attacks has few of: an IPv4 address, a /64 of IPv6;
// empty for what is no address.
func Network(address string) string { return network(address) }
