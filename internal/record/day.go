package record

import (
	"time"

	"sallyport/internal/fault"
)

// An organization's share of a day, by UTC, over all nodes. Refused attempts that
// no signature vouches for may be anybody's: those of one code get half of it, so
// that no flood hides what is refused for another reason. What the organization's
// own Identity Provider has signed may take twice as much as all of them: nobody
// else can use that up.
//
// Where the octets are used up an attempt still has its checks, which take
// [mostBare] at most, but no message: a day has room for those of all its rows.
const (
	dayRows   = 50_000
	dayOctets = 128 << 20
	// dayPending bounds the details of attempts that were not refused.
	dayPending = 1 << 30
)

// Bounds of the packed details of a refused attempt that no signature vouches
// for. What Identity Providers send takes 3 to 6 KiB, and less than 16 with the
// groups of a large company; what takes more was made to.
const (
	mostUnproved  = 16 << 10
	mostBeginning = 8 << 10 // octets of the text of a message that is longer
	mostBare      = 2 << 10 // without a message
)

// An extent is how much of an attempt's details is kept.
type extent int

const (
	nothing extent = iota
	bare           // checks alone
	whole
)

// A day is what an organization has used of it.
type day struct {
	share
	codes   map[fault.Code]share
	pending int64 // octets of what was not refused
}

type share struct{ rows, octets int64 }

// allows reports whether there is room for an attempt, and for how much of its
// details.
func (d *day) allows(n *Note, octets int) (row bool, details extent) {
	size := int64(octets)
	switch {
	case n.Outcome != Refused:
		if d.pending+size <= dayPending {
			return true, whole
		}
		return true, nothing
	case n.Vouched:
		row, details = d.fits(2*dayRows, 2*dayOctets, size)
	default:
		one := d.codes[n.Code]
		if row, details = d.fits(dayRows, dayOctets, size); row {
			var of extent
			row, of = one.fits(dayRows/2, dayOctets/2, size)
			details = min(details, of)
		}
	}
	if !row {
		return false, nothing
	}
	return true, details
}

func (s share) fits(rows, octets, size int64) (row bool, details extent) {
	if s.octets+size <= octets {
		return s.rows < rows, whole
	}
	return s.rows < rows, bare
}

// add takes what was kept from the share.
func (d *day) add(key hourKey, c count) {
	if key.outcome != Refused {
		d.pending += c.octets
		return
	}
	d.rows += c.kept
	d.octets += c.octets
	if d.codes == nil {
		d.codes = map[fault.Code]share{}
	}
	one := d.codes[key.code]
	d.codes[key.code] = share{one.rows + c.kept, one.octets + c.octets}
}

// dayOf is the start of an instant's day.
func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
