package throttle

import (
	"context"
	"encoding/binary"
	"net/netip"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/secret"
)

// A Rate is so many within a time.
type Rate struct {
	Count int
	Per   time.Duration
}

// A Kind is what a bucket counts. Buckets of different kinds never meet.
type Kind byte

const (
	Address  Kind = 'a' // failed passwords for an address, in browsers that have not signed in before
	Device   Kind = 'd' // and in one that has
	Source   Kind = 's' // failed passwords from a network address
	Account  Kind = 'c' // wrong present passwords of who is signed in
	Mails    Kind = 'm' // mails that anybody can have sent to an address
	Requests Kind = 'r' // what anybody can ask for, from a network address
	Letters  Kind = 'l' // mails that an administrator has sent to an address
	Recovery Kind = 'g' // recovery codes that were tried for an address
)

// Kinds is how many there are.
const Kinds = 8

// bucketBits bounds the buckets of a kind.
const bucketBits = 20

// A Limiter counts.
type Limiter struct {
	db   *db.DB
	ring *secret.Ring
}

// New makes a Limiter.
func New(d *db.DB, ring *secret.Ring) *Limiter { return &Limiter{db: d, ring: ring} }

// A Bucket is one that can be taken from.
type Bucket struct {
	rate Rate
	key  []byte
}

// Bucket returns the one for something that is counted.
func (l *Limiter) Bucket(k Kind, rate Rate, what ...string) Bucket {
	var parts [][]byte
	for _, w := range what {
		parts = append(parts, []byte(w))
	}
	number := binary.BigEndian.Uint32(l.ring.MAC("throttle/"+string(k), parts...)) >> (32 - bucketBits)
	return Bucket{rate, []byte{byte(k), byte(number >> 16), byte(number >> 8), byte(number)}}
}

// Take counts one more, unless there are too many already: then wait is how
// long to wait.
func (l *Limiter) Take(tx *db.Tx, b Bucket) (wait time.Duration, err error) {
	count, endsAt, err := read(tx, b.key)
	switch {
	case err != nil:
		return 0, err
	case !tx.Now().Before(endsAt):
		return 0, write(tx, b.key, 1, tx.Now().Add(b.rate.Per))
	case count >= b.rate.Count:
		return endsAt.Sub(tx.Now()), nil
	}
	return 0, write(tx, b.key, count+1, endsAt)
}

// Give takes back what was counted by one Take.
func (l *Limiter) Give(tx *db.Tx, b Bucket) error { return give(tx, b.key) }

// Network is what counts as one source: an IPv4 address, or the /64 network of
// an IPv6 address, in which every customer has any number of addresses.
func Network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if a = a.Unmap(); a.Is6() {
		p, err := a.WithZone("").Prefix(64)
		if err != nil {
			return ""
		}
		return p.String()
	}
	return a.String()
}

// purgeBatch bounds one transaction of [Limiter.Purge].
const purgeBatch = 5000

// Purge deletes buckets whose time is over.
func (l *Limiter) Purge(ctx context.Context) error {
	for {
		var n int64
		err := l.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
			n, err = purge(tx, purgeBatch)
			return err
		})
		if err != nil || n < purgeBatch {
			return err
		}
	}
}
