package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// Delivery. A claim is kept for lease; a batch stops after batchTime, and
// sending one mail takes at most [sendTimeout]: the rest of the lease is for
// clocks that differ.
const (
	senders   = 4 // of one node, at once
	batch     = 20
	lease     = 40 * time.Second
	batchTime = 8 * time.Second
	pollEvery = time.Second
)

// retries are the pauses between the attempts for one mail; the last one goes
// on.
var retries = [...]time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
}

func retryAfter(attempts int) time.Duration {
	return retries[min(max(attempts, 1), len(retries))-1]
}

// Run delivers until ctx ends, and then finishes what is being sent.
func (o *Outbox) Run(ctx context.Context) {
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			var poll <-chan time.Time // for mails that others wrote, or that are due again
			if i == 0 {
				ticker := time.NewTicker(pollEvery)
				defer ticker.Stop()
				poll = ticker.C
			}
			for ctx.Err() == nil {
				o.round(ctx)
				select {
				case <-ctx.Done():
				case <-o.wake:
				case <-poll:
				}
			}
		})
	}
	all.Wait()
}

// Flush sends what is due, and returns when it has.
func (o *Outbox) Flush(ctx context.Context) { o.round(ctx) }

// round sends what is due. It never fails: what went wrong is logged, and the
// next round comes.
func (o *Outbox) round(ctx context.Context) {
	for ctx.Err() == nil && o.pause.over(time.Now()) {
		parcels, err := o.claim(ctx)
		if err != nil && ctx.Err() == nil {
			o.logger.Warn("mails not claimed", "cause", err)
		}
		if err != nil || len(parcels) == 0 {
			return
		}
		if len(parcels) == batch {
			o.notify() // another sender may help
		}
		o.deliver(ctx, parcels)
	}
}

// claim takes a batch, if anything is due.
func (o *Outbox) claim(ctx context.Context) (parcels []parcel, err error) {
	o.claiming.Lock()
	defer o.claiming.Unlock()
	due := false
	err = o.db.View(ctx, func(tx *db.Tx) error {
		due, err = anyDue(tx)
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	err = o.db.Update(ctx, access.System("outbox"), func(tx *db.Tx) error {
		parcels, err = claim(tx, batch, tx.Now().Add(lease))
		return err
	})
	return parcels, err
}

// deliver sends a batch over one connection. What it has no time for, or what
// could not even be tried, goes back uncounted.
func (o *Outbox) deliver(ctx context.Context, parcels []parcel) {
	start := time.Now()
	var conn Conn
	defer func() {
		if conn != nil {
			conn.Close() // nothing is lost by a farewell that fails
		}
	}()
	for i := range parcels {
		p := &parcels[i]
		plain, worth := o.open(p)
		if !worth {
			continue
		}
		if do := o.errands[p.kind]; do != nil {
			o.do(ctx, p, do, plain)
			continue
		}
		e, worth := o.unpack(p, plain)
		if !worth {
			continue
		}
		var err error
		if conn == nil {
			if conn, err = o.transport.Open(ctx); err != nil {
				conn = nil
				o.stop(ctx, err)
			}
		}
		if conn == nil || ctx.Err() != nil || time.Since(start) > batchTime {
			o.release(parcels[i:])
			return
		}
		if err = conn.Send(ctx, e); err == nil {
			o.pause.clear()
			o.settled(p, Sent, nil)
			continue
		}
		o.failed(p, err)
		if !errors.As(err, new(*replyError)) {
			// No word from the server: the connection is of no use any more.
			conn.Close()
			o.stop(ctx, err)
			o.release(parcels[i+1:])
			conn = nil
			return
		}
	}
}

// open decrypts a row. It is not worth a try if it is too old, or if nobody can
// open it.
func (o *Outbox) open(p *parcel) (plain []byte, worth bool) {
	if !o.db.Now().Before(p.giveUpAt) {
		o.settled(p, GivenUp, errors.New("it is too old"))
		return nil, false
	}
	plain, err := o.ring.Open(place(p.id), p.sealed)
	if err != nil {
		// Another node may have the key, or this one after a restart.
		o.failed(p, err)
	}
	return plain, err == nil
}

// unpack reads a mail.
func (o *Outbox) unpack(p *parcel, plain []byte) (e *envelope, worth bool) {
	e = &envelope{id: p.id, kind: p.kind, at: p.createdAt, from: o.from}
	err := json.Unmarshal(plain, &e.Message)
	if err == nil && shapes[p.kind].values == nil && !shapes[p.kind].link {
		err = errors.New("this release knows no such kind")
	}
	if err != nil {
		o.failed(p, err)
		return nil, false
	}
	return e, true
}

// failed has a mail tried again later, unless the server has refused it for
// good or it will be too old by then.
func (o *Outbox) failed(p *parcel, err error) {
	reply, answered := errors.AsType[*replyError](err)
	next := o.db.Now().Add(retryAfter(p.attempts))
	switch {
	case answered && reply.final():
		o.settled(p, Refused, err)
	case !next.Before(p.giveUpAt):
		o.settled(p, GivenUp, err)
	default:
		o.logger.Info("mail postponed", "mail", p.id, "kind", p.kind, "attempts", p.attempts, "until", next, "cause", err)
		o.observe(p.kind, Postponed)
		o.settle(func(tx *db.Tx) error { return postpone(tx, p, next, true) })
	}
}

// settled is the end of a mail.
func (o *Outbox) settled(p *parcel, outcome Outcome, cause error) {
	if outcome == Sent {
		o.logger.Debug("mail sent", "mail", p.id, "kind", p.kind)
	} else {
		o.logger.Warn("mail given up", "mail", p.id, "kind", p.kind, "outcome", outcome, "attempts", p.attempts, "cause", cause)
	}
	o.observe(p.kind, outcome)
	o.settle(func(tx *db.Tx) error { return remove(tx, p) })
}

// release gives mails back that were not tried.
func (o *Outbox) release(parcels []parcel) {
	o.settle(func(tx *db.Tx) error {
		for i := range parcels {
			if err := postpone(tx, &parcels[i], tx.Now(), false); err != nil {
				return err
			}
		}
		return nil
	})
}

// settle writes what became of mails, also where the server is about to end.
// If that fails the lease ends the claim, and a mail may be sent again.
func (o *Outbox) settle(fn func(tx *db.Tx) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := o.db.Update(ctx, access.System("outbox"), fn); err != nil {
		o.logger.Warn("mail not settled", "cause", err)
	}
}

// stop pauses this node's delivery: nobody took the mails.
func (o *Outbox) stop(ctx context.Context, cause error) {
	if ctx.Err() != nil {
		return
	}
	d := o.pause.longer(time.Now())
	o.logger.Warn("mail server not reached", "pause", d, "cause", cause)
}

// A pause is how long nothing is tried, because the mail server does not
// answer: a second at first, then longer and longer.
type pause struct {
	longest time.Duration

	mu    sync.Mutex
	until time.Time
	last  time.Duration
}

const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

func (p *pause) over(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !now.Before(p.until)
}

func (p *pause) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until, p.last = time.Time{}, 0
}

func (p *pause) longer(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) { // another sender has found out just before
		return p.until.Sub(now)
	}
	p.last = min(max(2*p.last, firstPause), p.longest)
	p.until = now.Add(p.last)
	return p.last
}
