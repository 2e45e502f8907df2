package record

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

const (
	gather     = 100 * time.Millisecond // for a batch
	writeLimit = 10 * time.Second       // for one batch
	mostTries  = 10                     // to write an attempt
)

// Run writes what is waiting, until ctx ends and all is written.
func (s *Service) Run(ctx context.Context) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
		case <-s.queue.wake:
		}
		pause.Reset(gather << min(failures, 6))
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		err := s.write(ctx)
		if err == nil {
			failures = 0
		} else {
			failures++
			s.queue.notify()
			s.logger.Warn("sign-ins not recorded yet", "cause", err)
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// write empties the queue. It goes on when ctx ends: a batch takes not long.
func (s *Service) write(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
	defer cancel()
	for {
		batch, counts := s.queue.take()
		if len(batch) == 0 && len(counts) == 0 {
			return nil
		}
		batch = s.pack(batch)
		err := s.writeBatch(ctx, batch, counts)
		if err == nil {
			continue
		}
		if len(batch) < 2 || !s.writeEach(ctx, &batch, counts) {
			s.putBack(batch, counts)
			return err
		}
	}
}

// writeEach writes a batch one by one: there may be one among them that can't
// be written. It reports whether any could.
func (s *Service) writeEach(ctx context.Context, batch *[]*waiting, counts map[hourKey]count) (any bool) {
	var left []*waiting
	for _, w := range *batch {
		if err := s.writeBatch(ctx, []*waiting{w}, counts); err != nil {
			left = append(left, w)
			continue
		}
		counts, any = nil, true
	}
	*batch = left
	if any {
		s.putBack(left, nil)
	}
	return any
}

func (s *Service) putBack(batch []*waiting, counts map[hourKey]count) {
	var again []*waiting
	for _, w := range batch {
		if w.tries++; w.tries < mostTries {
			again = append(again, w)
			continue
		}
		s.cfg.Observe(LossError)
		s.logger.Warn("a sign-in was not recorded", "reference", w.ID)
	}
	s.queue.giveBack(again, counts)
}

// pack makes what is bulky small. What can't be packed is not worth keeping.
func (s *Service) pack(batch []*waiting) []*waiting {
	for _, w := range batch {
		if w.packed != nil {
			continue
		}
		if w.Posted != nil {
			w.Message = ReadMessage(w.Posted)
		}
		if len(w.Checks) == 0 && w.Message.Fields == 0 {
			continue
		}
		var err error
		if w.packed, err = s.packer.pack(&w.Details); err != nil {
			s.logger.Warn("details of a sign-in were not packed", "reference", w.ID, "cause", err)
		}
	}
	return batch
}

// writeBatch writes a batch and what was counted in one transaction.
func (s *Service) writeBatch(ctx context.Context, batch []*waiting, counts map[hourKey]count) error {
	losses := 0
	err := s.db.Update(ctx, access.System("recorder"), func(tx *db.Tx) error {
		b := &batchWriter{Service: s, tx: tx, sums: map[hourKey]count{}, used: map[string]day{}}
		for key, c := range counts {
			b.sums[key] = c
		}
		for _, w := range batch {
			if err := b.write(w); err != nil {
				return err
			}
		}
		losses = b.losses
		for key, c := range b.sums {
			if err := addCount(tx, key, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		for range losses {
			s.cfg.Observe(LossDay)
		}
	}
	return err
}

// A batchWriter writes one batch.
type batchWriter struct {
	*Service
	tx     *db.Tx
	sums   map[hourKey]count
	used   map[string]day // by organization
	losses int
}

// A day is what an organization has used of it.
type day struct{ rows, octets, pending int64 }

func (b *batchWriter) write(w *waiting) error {
	n := w.Note
	if err := b.name(&n); err != nil {
		return err
	}
	n.Address, n.Agent = text(n.Address, 64), text(n.Agent, 512)
	n.Actor.Address, n.Actor.Agent = n.Address, n.Agent
	today, err := b.today(&n)
	if err != nil {
		return err
	}
	key, c := countOf(&n.Attempt)
	if n.Outcome == Succeeded {
		c.attempts = 0 // it was counted where it was written
	}
	keep, details := today.allows(&n, len(w.packed))
	if len(w.packed) > 0 && !details {
		b.losses++
	}
	if keep {
		if err := b.keep(&n); err != nil {
			return err
		}
		c.kept = 1
	}
	if keep && details && len(w.packed) > 0 {
		if c.octets, err = b.putDetails(&n, w.packed); err != nil {
			return err
		}
	}
	b.count(key, c)
	return nil
}

// keep writes the row of an attempt, and of a refused one the audit event.
func (b *batchWriter) keep(n *Note) error {
	switch n.Outcome {
	case Succeeded:
		return nil // it is there
	case Pending:
		return insertAttempt(b.tx, n)
	}
	if err := finishAttempt(b.tx, n); err != nil {
		return err
	}
	return b.audit.AppendFor(b.tx, n.Actor, n.Time, n.event())
}

// name fills in the address of somebody who is not known.
func (b *batchWriter) name(n *Note) (err error) {
	if n.UserID != "" || n.Typed == "" {
		n.EmailKey = ""
		return nil
	}
	n.OrganizationID, n.Email, n.EmailKey, err = b.Stranger(b.tx, n.OrganizationID, n.Typed)
	return err
}

// Stranger is how a log names what was typed and is nobody's address: people
// type passwords into the wrong field. Clear text stands in the log of the
// organization that holds the domain, whose it becomes if it is nobody's yet, and
// nowhere else: there it is a keyed hash, without a key to compare it by.
func (s *Service) Stranger(tx *db.Tx, organizationID, typed string) (holderID, name, key string, err error) {
	h, err := s.cfg.Holder(tx, text(typed, 320))
	if err != nil {
		return "", "", "", err
	}
	if h.OrganizationID != "" && (organizationID == "" || organizationID == h.OrganizationID) {
		return h.OrganizationID, h.Shown, h.Key, nil
	}
	return organizationID, "hash:" + hex.EncodeToString(s.secrets.MAC("unknown address", []byte(typed))[:16]), "", nil
}

// putDetails writes the details of an attempt, behind those that are there.
func (b *batchWriter) putDetails(n *Note, packed []byte) (octets int64, err error) {
	before, err := sealedOf(b.tx, n.ID)
	switch {
	case errors.Is(err, db.ErrNoRows):
	case err != nil:
		return 0, err
	default:
		d, err := b.open(n.ID, n.OrganizationID, before)
		if err != nil {
			b.logger.Warn("details of a sign-in can't be read", "reference", n.ID, "cause", err)
		}
		d.Checks = append(d.Checks, n.Checks...)
		if packed, err = (&packer{}).pack(&d); err != nil {
			return 0, err
		}
	}
	sealed, err := b.secrets.Seal(place(n.ID, n.OrganizationID), packed)
	if err != nil {
		return 0, err
	}
	return int64(len(sealed)), putDetails(b.tx, n.ID, n.OrganizationID, sealed)
}

// today returns what an organization has used of the day of an attempt.
func (b *batchWriter) today(n *Note) (*day, error) {
	start := n.Time.UTC().Truncate(24 * time.Hour)
	key := n.OrganizationID + start.Format(time.DateOnly)
	d, ok := b.used[key]
	if !ok {
		var err error
		if d, err = usedOf(b.tx, n.OrganizationID, start); err != nil {
			return nil, err
		}
		b.used[key] = d
	}
	return &d, nil
}

// allows reports whether there is room for an attempt and for its details.
func (d *day) allows(n *Note, octets int) (row, details bool) {
	if n.Outcome != Refused {
		return true, d.pending+int64(octets) <= dayPending
	}
	share := int64(1)
	if n.Vouched {
		share = 2
	}
	return d.rows < share*dayRows, d.octets+int64(octets) <= share*dayOctets
}

// count adds to the sums, and to what is used of the day.
func (b *batchWriter) count(key hourKey, c count) {
	sum := b.sums[key]
	sum.attempts += c.attempts
	sum.kept += c.kept
	sum.octets += c.octets
	b.sums[key] = sum
	day := key.organizationID + key.hour.Format(time.DateOnly)
	d := b.used[day]
	if key.outcome == Refused {
		d.rows += c.kept
		d.octets += c.octets
	} else {
		d.pending += c.octets
	}
	b.used[day] = d
}
