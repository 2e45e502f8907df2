package record

import (
	"net/netip"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
)

// What is kept of refused attempts: so many at once, and so many a second
// thereafter. A whole company behind one address whose certificate is replaced
// is kept, and yet one source alone can't use up an organization's day, nor one
// way of being refused that of the others: a flood is mostly of one code, and
// leaves room for whoever is refused with another. Each node counts for itself;
// the shares of a day count for all.
//
// What the organization's own Identity Provider has signed nobody else can make.
// It has an organization's rate, and one in total, of its own.
var (
	perSource       = rate{burst: 5_000, second: 0.25}
	perCode         = rate{burst: 5_000, second: 0.25}
	perOrganization = rate{burst: 10_000, second: 0.5}
	inTotal         = rate{burst: 20_000, second: 20}
	// perSourceOctets is of messages that no signature vouches for: a thousand
	// of common size, and then one now and again.
	perSourceOctets = rate{burst: 8 << 20, second: 8 << 20 / 86400.0}
)

// mostBuckets bounds the memory of each of the limits. Who finds no room is not
// held back by that one: an attacker with so many sources would not be, either, and
// must not hold back everybody else.
const mostBuckets = 10_000

type rate struct{ burst, second float64 }

// A bucket holds what is left of a rate.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(r rate, now time.Time, n float64) bool {
	b.fill(r, now)
	if b.left < n {
		return false
	}
	b.left -= n
	return true
}

// clockBack is by how much attempts may be out of order; a clock that goes back
// further was set.
const clockBack = time.Minute

func (b *bucket) fill(r rate, now time.Time) {
	switch passed := now.Sub(b.at); {
	case b.at.IsZero():
		b.left = r.burst
	case passed > 0:
		b.left = min(r.burst, b.left+passed.Seconds()*r.second)
	case passed > -clockBack:
		return
	}
	b.at = now
}

type limits struct {
	sources       buckets[string]
	octets        buckets[string] // of sources
	codes         buckets[codeKey]
	organizations buckets[organizationKey]
	total         buckets[bool] // by whether it is vouched for
}

type organizationKey struct {
	id      string
	vouched bool
}

type codeKey struct {
	organizationKey
	method access.Method
	code   fault.Code
}

// take reports whether a refused attempt is within the limits, and counts it.
func (l *limits) take(n *Note) bool {
	organization := organizationKey{n.OrganizationID, n.Vouched}
	return l.sources.take(network(n.Address), perSource, n.Time, 1) &&
		l.codes.take(codeKey{organization, n.Method, n.Code}, perCode, n.Time, 1) &&
		l.organizations.take(organization, perOrganization, n.Time, 1) &&
		l.total.take(n.Vouched, inTotal, n.Time, 1)
}

// takeOctets reports whether a message of a source may be kept, and counts it.
func (l *limits) takeOctets(n *Note, octets int) bool {
	return l.octets.take(network(n.Address), perSourceOctets, n.Time, float64(octets))
}

type buckets[K comparable] struct {
	by    map[K]*bucket
	swept time.Time
}

func (all *buckets[K]) take(key K, r rate, now time.Time, n float64) bool {
	b, ok := all.by[key]
	if !ok {
		if len(all.by) >= mostBuckets && !all.sweep(r, now) {
			return true
		}
		if all.by == nil {
			all.by = map[K]*bucket{}
		}
		b = &bucket{}
		all.by[key] = b
	}
	return b.take(r, now, n)
}

// sweep drops what is full, not more often than once a second, and reports
// whether that has made room.
func (all *buckets[K]) sweep(r rate, now time.Time) bool {
	if passed := now.Sub(all.swept); passed >= 0 && passed < time.Second {
		return false
	}
	all.swept = now
	for k, b := range all.by {
		if b.fill(r, now); b.left >= r.burst {
			delete(all.by, k)
		}
	}
	return len(all.by) < mostBuckets
}

// network is what an attacker has one of: an IPv4 address, a /64 of IPv6.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if a = a.Unmap(); a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
