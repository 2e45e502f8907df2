package record

import (
	"net/netip"
	"time"
)

// What is kept of refused attempts: so many at once, and so many a second
// thereafter. A whole company behind one address whose certificate is replaced
// is kept, and yet one source alone can't use up an organization's day. Each
// node counts for itself; [dayRows] and [dayOctets] count for all.
var (
	perSource       = rate{burst: 5_000, second: 0.25}
	perOrganization = rate{burst: 10_000, second: 0.5}
	inTotal         = rate{burst: 20_000, second: 20}
)

// An organization's share of a day, by UTC. What its own Identity Provider has
// signed may take twice as much, so that nobody else can use it all up.
const (
	dayRows   = 50_000
	dayOctets = 128 << 20
	// dayPending bounds the details of attempts that were not refused.
	dayPending = 1 << 30
)

// mostSources bounds the memory of limits. Sources that find no room share one.
const mostSources = 10_000

type rate struct{ burst, second float64 }

// A bucket holds what is left of a rate.
type bucket struct {
	left float64
	at   time.Time
}

func (b *bucket) take(r rate, now time.Time) bool {
	b.fill(r, now)
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

func (b *bucket) fill(r rate, now time.Time) {
	if b.at.IsZero() {
		b.left = r.burst
	} else if passed := now.Sub(b.at); passed > 0 {
		b.left = min(r.burst, b.left+passed.Seconds()*r.second)
	}
	b.at = now
}

type limits struct {
	sources       map[string]*bucket
	organizations map[organizationKey]*bucket
	total         bucket
}

type organizationKey struct {
	id      string
	vouched bool
}

func newLimits() limits {
	return limits{sources: map[string]*bucket{}, organizations: map[organizationKey]*bucket{}}
}

// take reports whether a refused attempt is within the limits, and counts it.
func (l *limits) take(n *Note) bool {
	now := n.Time
	return find(l.sources, network(n.Address), perSource, now).take(perSource, now) &&
		find(l.organizations, organizationKey{n.OrganizationID, n.Vouched}, perOrganization, now).take(perOrganization, now) &&
		l.total.take(inTotal, now)
}

// find returns a bucket, and makes room for it where that is possible.
func find[K comparable](all map[K]*bucket, key K, r rate, now time.Time) *bucket {
	if b, ok := all[key]; ok {
		return b
	}
	if len(all) >= mostSources {
		for k, b := range all {
			if b.fill(r, now); b.left >= r.burst {
				delete(all, k)
			}
		}
		if len(all) >= mostSources {
			var shared K
			key = shared
		}
	}
	b, ok := all[key]
	if !ok {
		b = &bucket{}
		all[key] = b
	}
	return b
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
