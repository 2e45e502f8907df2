package record

import (
	"time"

	"sallyport/internal/db"
)

// Limits of looking back for clocks.
const (
	clocksBack = 200 // attempts
	clocksRead = 5   // accepted ones among them, whose details are opened
)

// Clocks returns by how much the clock of a profile's Identity Provider was ahead
// of ours in its last sign-ins that were accepted, as far as their details are
// kept: the messages' time on the way counts as being behind. It opens few records,
// however many there are.
func (s *Service) Clocks(tx *db.Tx, organizationID, profileID string) (ahead []time.Duration, err error) {
	last, err := accepted(tx, organizationID, profileID, clocksBack, clocksRead)
	if err != nil {
		return nil, err
	}
	for _, a := range last {
		sealed, err := sealedOf(tx, a.ID)
		if err != nil {
			continue // the limits have left it out
		}
		d, err := s.open(a.ID, organizationID, sealed)
		if err != nil {
			continue // what can't be read says nothing
		}
		k := problem{Case: Case{Checks: d.Checks}}
		if issued, ok := k.issued(); ok {
			ahead = append(ahead, issued.Sub(a.Time))
		}
	}
	return ahead, nil
}
