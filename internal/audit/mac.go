package audit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"sallyport/internal/db"
	"sallyport/internal/secret"
)

// A key makes the MACs of events and seals. It is random and stands in the
// database encrypted: a new key-encryption key leaves old MACs as they are.
type key struct {
	number int64
	octets []byte
}

// keys are those that this process can open, by number.
type keys struct {
	all    map[int64]key
	locked map[int64]bool // those that do not open: whether that was told
	newest key
	last   int64 // the highest number, whether it opens or not
}

const keySize = 32

func place(number int64) secret.Place {
	return secret.Place{Table: "audit_keys", Column: "sealed", Row: fmt.Sprint(number)}
}

// current returns the key for what is written now, and makes it if there is
// none that opens: with another key-encryption key the log goes on, and a
// verification says what it can't check any more.
//
// The key is remembered once its transaction is committed, no earlier: until
// then it may never have been.
func (l *Log) current(tx *db.Tx) (key, error) {
	if k := l.cached.Load(); k != nil {
		return *k, nil
	}
	known, err := l.open(tx)
	if err != nil {
		return key{}, err
	}
	k := known.newest
	if k.octets == nil {
		k = key{known.last + 1, make([]byte, keySize)}
		rand.Read(k.octets) // never fails
		sealed, err := l.ring.Seal(place(k.number), k.octets)
		if err != nil {
			return key{}, err
		}
		if err := insertKey(tx, k.number, sealed); err != nil {
			return key{}, err
		}
	}
	tx.AfterCommit(func() { l.cached.Store(&k) })
	return k, nil
}

// open opens what can be opened of the keys.
func (l *Log) open(tx *db.Tx) (keys, error) {
	known := keys{all: map[int64]key{}, locked: map[int64]bool{}}
	rows, err := sealedKeys(tx)
	for _, r := range rows {
		known.last = max(known.last, r.number)
		octets, err := l.ring.Open(place(r.number), r.sealed)
		if errors.Is(err, secret.ErrNoKey) || errors.Is(err, secret.ErrDamaged) || err == nil && len(octets) != keySize {
			known.locked[r.number] = false
			continue
		}
		if err != nil {
			return known, err
		}
		k := key{r.number, octets}
		if known.all[r.number] = k; k.number > known.newest.number {
			known.newest = k
		}
	}
	return known, err
}

// Reseal encrypts the keys again that stand under another than the current
// key-encryption key, and returns how many they were.
func (l *Log) Reseal(tx *db.Tx, ring *secret.Ring) (n int, err error) {
	rows, err := sealedKeys(tx)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if !ring.NeedsRotation(r.sealed) {
			continue
		}
		octets, err := ring.Open(place(r.number), r.sealed)
		if errors.Is(err, secret.ErrNoKey) { // lost long ago
			continue
		}
		if err != nil {
			return n, err
		}
		if r.sealed, err = ring.Seal(place(r.number), octets); err != nil {
			return n, err
		}
		if err := updateKey(tx, r); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// What a MAC is for: none can stand for another.
const (
	forEvent      = "event/1"
	forChain      = "chain/1"
	forTotal      = "total/1"
	forCheckpoint = "checkpoint/1"
)

// mac is HMAC-SHA256 over the parts, each after its length.
func (k key) mac(purpose string, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k.octets)
	message := part(nil, []byte(purpose))
	for _, p := range parts {
		message = part(message, p)
	}
	h.Write(message)
	return h.Sum(nil)
}

func part[T ~string | ~[]byte](to []byte, p T) []byte {
	to = binary.BigEndian.AppendUint64(to, uint64(len(p)))
	return append(to, p...)
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// event is the MAC over all that an event says.
func (k key) event(e *Event, changes string) []byte {
	m := make([]byte, 0, 1024)
	m = part(m, e.ID)
	m = part(m, number(e.Time.UnixMicro()))
	for _, text := range []string{e.OrganizationID, e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Actor.Agent,
		string(e.Action), e.Target.Kind, e.Target.ID, e.Target.Name, changes, e.Outcome, e.Code, e.Reference} {
		m = part(m, text)
	}
	return k.mac(forEvent, m)
}

// link is the MAC of one place in a chain, or among all: over the place, the
// event there, and the MAC of the place before.
func (k key) link(purpose, chain string, at int64, eventID string, eventMAC, before []byte) []byte {
	return k.mac(purpose, []byte(chain), number(at), []byte(eventID), eventMAC, before)
}

// checkpoint is the MAC over where a chain begins.
func (k key) checkpoint(chain string, base int64, baseMAC []byte) []byte {
	return k.mac(forCheckpoint, []byte(chain), number(base), baseMAC)
}
