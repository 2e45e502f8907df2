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
	mostTries  = 5                      // to write one, while others can be
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

// write writes what is waiting now; what comes meanwhile is another write's. It
// goes on when ctx ends: that takes not long.
func (s *Service) write(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	for range s.Waiting()/batchLength + 1 {
		if more, err := s.writeNext(context.WithoutCancel(ctx)); err != nil || !more {
			return err
		}
	}
	return nil
}

// writeNext writes a batch. What could not be written waits on.
func (s *Service) writeNext(ctx context.Context) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	batch, counts := s.queue.take()
	if len(batch) == 0 && len(counts) == 0 {
		return false, nil
	}
	s.pack(batch)
	if err = s.writeBatch(ctx, batch, counts); err == nil {
		return true, nil
	}
	// Is it the database, or is there one among them that can't be written? A count
	// of nothing tells.
	if counts[hourKey{hour: s.db.Now().UTC().Truncate(time.Hour)}] = (count{}); s.writeBatch(ctx, nil, counts) != nil {
		s.queue.giveBack(batch, counts)
		return false, err
	}
	s.logger.Warn("sign-ins not recorded at once", "cause", err)
	s.writeEach(ctx, batch)
	return true, nil
}

// writeEach writes a batch one by one. What the database does not take after
// some tries, though it takes others, is given up.
func (s *Service) writeEach(ctx context.Context, batch []*waiting) {
	var again []*waiting
	for _, w := range batch {
		err := s.writeBatch(ctx, []*waiting{w}, nil)
		if err == nil {
			continue
		}
		if ctx.Err() == nil {
			w.tries++
		}
		if w.tries < mostTries {
			again = append(again, w)
			continue
		}
		s.cfg.Observe(LossError)
		s.logger.Warn("a sign-in was not recorded", "reference", w.ID, "cause", err)
	}
	s.queue.giveBack(again, nil)
	if len(again) > 0 {
		s.queue.notify()
	}
}

// pack makes what is bulky small. What can't be packed is not worth keeping.
func (s *Service) pack(batch []*waiting) {
	for _, w := range batch {
		if w.packed != nil || len(w.Checks) == 0 && w.fields == 0 {
			continue
		}
		w.Message = ReadMessage(w.Posted)
		w.Message.Fields, w.Message.Cut = w.fields, w.Message.Cut || w.cut
		packed, err := s.packer.pack(&w.Details)
		if err == nil && w.unproved() && len(packed) > mostUnproved {
			w.Attributes = nil
			w.Message.Text, w.Message.Cut = w.Message.Text[:min(len(w.Message.Text), mostBeginning)], true
			packed, err = s.packer.pack(&w.Details)
		}
		if err != nil {
			s.logger.Warn("details of a sign-in were not packed", "reference", w.ID, "cause", err)
		}
		w.packed = packed
	}
}

// bare are the details of an attempt without its message.
func (s *Service) bare(w *waiting) ([]byte, error) {
	packed, err := s.packer.pack(&Details{Checks: w.Checks, Message: Message{Fields: w.fields, Cut: w.fields > 0}})
	if len(packed) > mostBare {
		return nil, err
	}
	return packed, err
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

func (b *batchWriter) write(w *waiting) error {
	n := w.Note
	if err := b.name(&n); err != nil {
		return err
	}
	today, err := b.today(&n)
	if err != nil {
		return err
	}
	key, c := countOf(&n.Attempt)
	if n.Outcome == Succeeded {
		c.attempts = 0 // it was counted where it was written
	}
	keep, details := today.allows(&n, len(w.packed))
	if len(w.packed) > 0 && details != whole {
		b.losses++
	}
	if keep {
		if keep, err = b.keep(&n); err != nil {
			return err
		}
	}
	if keep {
		if n.Outcome != Succeeded {
			c.kept = 1
		}
		if c.octets, err = b.keepDetails(&n, w, details); err != nil {
			return err
		}
	}
	b.count(key, c)
	return nil
}

// keepDetails writes so much of the details of an attempt.
func (b *batchWriter) keepDetails(n *Note, w *waiting, e extent) (octets int64, err error) {
	packed := w.packed
	switch {
	case e == nothing:
		return 0, nil
	case e == bare && packed != nil:
		if packed, err = b.bare(w); err != nil {
			return 0, err
		}
	}
	if len(packed) == 0 {
		return 0, nil
	}
	return b.putDetails(n, packed)
}

// keep writes the row of an attempt, and of a refused one the audit event. That
// of one who has signed in is there, unless it was erased with its user.
func (b *batchWriter) keep(n *Note) (kept bool, err error) {
	switch n.Outcome {
	case Succeeded:
		_, err := attemptByID(b.tx, n.ID)
		if errors.Is(err, db.ErrNoRows) {
			return false, nil
		}
		return err == nil, err
	case Pending:
		return true, insertAttempt(b.tx, n)
	}
	if err := finishAttempt(b.tx, n); err != nil {
		return false, err
	}
	return true, b.audit.AppendFor(b.tx, n.Actor, n.Time, n.event())
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
	start := dayOf(n.Time)
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

// count adds to the sums, and to what is used of the day.
func (b *batchWriter) count(key hourKey, c count) {
	sum := b.sums[key]
	sum.attempts += c.attempts
	sum.kept += c.kept
	sum.octets += c.octets
	b.sums[key] = sum
	at := key.organizationID + dayOf(key.hour).Format(time.DateOnly)
	d := b.used[at]
	d.add(key, c)
	b.used[at] = d
}
