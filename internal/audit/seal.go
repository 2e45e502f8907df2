package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// SealEvery is how often events are looked for that wait for their seal, and
// SealWithin the time after which a verification takes an event for one that was
// kept from being sealed.
const (
	SealEvery  = 5 * time.Second
	SealWithin = 5 * time.Minute
)

// sealBatch bounds one transaction of [Log.Seal]: with SQLite sign-ins wait
// for it.
const sealBatch = 250

// Names of the chains that are no organization's.
const (
	installation = "installation" // of events of no organization
	total        = "total"        // over all chains
)

// Seal seals the events that wait, in transactions of a bounded size, until none
// is left or ctx ends. It may run on several nodes at once: one of them gets
// each batch.
//
// An event waits from the commit of its own transaction on, so that none is
// passed over, however late it is committed and whatever its time and id.
func (l *Log) Seal(ctx context.Context) error {
	for lost := 0; ; {
		n, err := l.sealSome(ctx)
		if lost++; errors.Is(err, errMoved) && lost < 10 {
			continue
		}
		if err != nil || n < sealBatch {
			return err
		}
		lost = 0
	}
}

// errMoved means that another node was faster.
var errMoved = errors.New("audit: another node has sealed")

// sealSome seals one batch. The events are read in a transaction of their own:
// what is only written here is in nobody's way.
func (l *Log) sealSome(ctx context.Context) (n int, err error) {
	var batch sealing
	err = l.db.View(ctx, func(tx *db.Tx) error {
		batch = sealing{heads: map[string]head{}}
		waiting, err := waitingEvents(tx, sealBatch)
		if err != nil || len(waiting) == 0 {
			return err
		}
		known, err := l.open(tx)
		if err != nil {
			return err
		}
		if batch.total, err = headOf(tx, total); err != nil {
			return err
		}
		for i := range waiting {
			if err := batch.chain(tx, &waiting[i]); err != nil {
				return err
			}
		}
		return l.link(&batch, known)
	})
	if err != nil || len(batch.events) == 0 {
		return 0, err
	}
	err = l.db.Update(ctx, access.System("audit"), func(tx *db.Tx) error { return batch.write(tx) })
	return len(batch.events), err
}

// A sealing is a batch of events to seal.
type sealing struct {
	events []stored
	chains []string // of each event
	seals  []seal
	before head            // total, as it was
	total  head            // and as it becomes
	heads  map[string]head // of each chain that goes on
}

// chain enters an event, and reads where its chain ends.
func (b *sealing) chain(tx *db.Tx, e *stored) (err error) {
	chain := e.chain()
	if _, read := b.heads[chain]; !read {
		if b.heads[chain], err = headOf(tx, chain); err != nil {
			return err
		}
	}
	b.events, b.chains = append(b.events, *e), append(b.chains, chain)
	return nil
}

// link puts each event behind the last one of its chain, and behind the last one
// of all.
func (l *Log) link(b *sealing, known keys) error {
	k := known.newest
	if k.octets == nil {
		return errors.New("audit: no key of the log can be opened with this secret key")
	}
	b.before = b.total
	for i := range b.events {
		e, chain := &b.events[i], b.chains[i]
		mac, genuine := e.verify(known, k)
		if !genuine {
			// It is sealed as it stands: a verification names it for good.
			l.logger.Error("audit event was changed, removed or added in the database", "event", e.ID, "organization", e.OrganizationID)
		}
		h := b.heads[chain]
		h.chain, h.number = chain, h.number+1
		h.mac = k.link(forChain, chain, h.number, e.ID, mac, h.mac)
		b.heads[chain] = h
		b.total.chain, b.total.number = total, b.total.number+1
		b.total.mac = k.link(forTotal, chain, b.total.number, e.ID, mac, b.total.mac)
		b.seals = append(b.seals, seal{position: b.total.number, chain: chain, number: h.number, eventID: e.ID, key: k.number,
			chainMAC: h.mac, mac: b.total.mac})
	}
	return nil
}

// write adds the seals, unless another node was faster.
func (b *sealing) write(tx *db.Tx) error {
	ours, err := moveHead(tx, b.before, b.total)
	if err != nil {
		return err
	}
	if !ours {
		return errMoved
	}
	var heads []head
	for _, h := range b.heads {
		heads = append(heads, h)
	}
	if err := setHeads(tx, heads); err != nil {
		return err
	}
	if err := insertSeals(tx, b.seals); err != nil {
		return err
	}
	return deleteWaiting(tx, b.events)
}

// A stored event is one as it stands in the database, with what is needed to
// verify it.
type stored struct {
	Event
	turn    int64 // of one that waits
	changes string
	key     int64 // 0: written by an earlier release
	mac     []byte
	missing bool // there is no such event
}

func (e *stored) chain() string {
	if e.OrganizationID == "" {
		return installation
	}
	return e.OrganizationID
}

// verify returns the MAC of what the event says, and whether it says what it
// said when it was written. What an earlier release wrote gets its MAC under the
// key of its seal: from then on it is held to it.
func (e *stored) verify(known keys, sealKey key) (mac []byte, genuine bool) {
	if e.missing {
		return nil, false
	}
	if e.key == 0 && e.mac == nil {
		return sealKey.event(&e.Event, e.changes), true
	}
	k, ok := known.all[e.key]
	if !ok {
		return e.mac, false
	}
	mac = k.event(&e.Event, e.changes)
	return e.mac, bytes.Equal(mac, e.mac)
}

// A Head is the place of the last sealed event among all, and its MAC, which
// stands for every event up to there. Kept somewhere else it shows when the end
// of the log is cut off.
type Head struct {
	Position int64
	MAC      []byte
}

// String is the form that [ParseHead] reads: the position, a colon and the MAC
// in hexadecimal digits.
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Position, hex.EncodeToString(h.MAC)) }

// ParseHead reads a head. Its error is a fault.
func ParseHead(text string) (Head, error) {
	position, mac, _ := strings.Cut(strings.TrimSpace(text), ":")
	n, err1 := strconv.ParseInt(position, 10, 64)
	octets, err2 := hex.DecodeString(mac)
	if err1 != nil || err2 != nil || n < 1 || len(octets) != keySize {
		return Head{}, fault.Invalid(fault.Field{Name: "head", Message: "is a position, a colon and 64 hexadecimal digits, as the log has it"})
	}
	return Head{n, octets}, nil
}

// Fingerprint is the beginning of the MAC as a number that a metric can hold
// without loss.
func (h Head) Fingerprint() float64 {
	n := 0.0
	for _, b := range h.MAC[:min(6, len(h.MAC))] {
		n = n*256 + float64(b)
	}
	return n
}

// A State is how far sealing is.
type State struct {
	Head    Head
	Waiting int64         // events without a seal
	Lag     time.Duration // the age of the oldest of them
}

// State tells how far sealing is; for metrics.
func (l *Log) State(ctx context.Context) (s State, err error) {
	err = l.db.View(ctx, func(tx *db.Tx) error {
		s = State{}
		h, err := headOf(tx, total)
		if err != nil {
			return err
		}
		s.Head = Head{h.number, h.mac}
		var oldest time.Time
		if s.Waiting, oldest, err = countWaiting(tx); err == nil && !oldest.IsZero() {
			s.Lag = max(0, tx.Now().Sub(oldest))
		}
		return err
	})
	return s, err
}

// LogHead writes the head to the log, from where it reaches whoever keeps the
// logs: see [Head].
func (l *Log) LogHead(ctx context.Context) error {
	s, err := l.State(ctx)
	if err == nil && s.Head.Position > 0 {
		l.logger.LogAttrs(ctx, slog.LevelInfo, "audit log sealed", slog.String("head", s.Head.String()),
			slog.Int64("waiting", s.Waiting), slog.Duration("lag", s.Lag.Round(time.Millisecond)))
	}
	return err
}
