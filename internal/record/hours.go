package record

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// An Hour counts the attempts of one hour that came out alike.
type Hour struct {
	Start     time.Time
	ProfileID string
	Method    access.Method
	Outcome   Outcome // succeeded or refused
	Code      fault.Code
	Attempts  int64
	Kept      int64 // with a record; the others were too many
}

// Hours returns how an organization's attempts came out since an instant, hour by
// hour: those too that were only counted. It reads no attempt, but one row for
// each hour, profile, method, outcome and code. Who may see it the caller has
// checked; a node's last second may be missing.
func Hours(tx *db.Tx, organizationID string, since time.Time) ([]Hour, error) {
	return hours(tx, organizationID, since.UTC().Truncate(time.Hour))
}
