package audit

import (
	"context"
	"errors"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// purgeBatch bounds one transaction of [Log.Purge], and purgeBatches a run.
const (
	purgeBatch   = 500
	purgeBatches = 200
)

// Purge deletes what is older than keep, from the beginning of the log on, with
// its seals. Where a chain begins from then on is written down under a MAC, so
// that the rest can be verified as before. Zero keeps everything.
//
// An event whose time can't be believed, because it was changed, counts as old as
// those behind it; nothing is deleted that is not sealed.
func (l *Log) Purge(ctx context.Context, keep time.Duration) error {
	if keep == 0 {
		return nil
	}
	for range purgeBatches {
		n, err := l.purgeSome(ctx, keep)
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

func (l *Log) purgeSome(ctx context.Context, keep time.Duration) (n int, err error) {
	var old []sealed
	var before head
	var known keys
	err = l.db.View(ctx, func(tx *db.Tx) (err error) {
		old = nil
		if before, err = headOf(tx, total); err != nil {
			return err
		}
		if known, err = l.open(tx); err != nil {
			return err
		}
		old, err = sealedEvents(tx, "", before.base, purgeBatch)
		old = older(old, known, tx.Now().Add(-keep))
		return err
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	k := known.newest
	if k.octets == nil {
		return 0, errors.New("audit: no key of the log can be opened with this secret key")
	}
	err = l.db.Update(ctx, access.System("audit"), func(tx *db.Tx) error {
		return l.delete(tx, k, before, old, tx.Now().Add(-keep))
	})
	return len(old), err
}

// older returns the beginning of the list that is older than a time.
func older(list []sealed, known keys, than time.Time) []sealed {
	n := 0
	for i := range list {
		// Where the key is lost there is only the time to go by.
		_, locked := known.locked[list[i].stored.key]
		if _, genuine := list[i].verify(known, known.all[list[i].seal.key]); list[i].missing || !genuine && !locked {
			continue
		}
		if !list[i].Time.Before(than) {
			break
		}
		n = i + 1
	}
	return list[:n]
}

// delete deletes events with their seals, moves the beginnings of their chains,
// and says so in the installation's log.
func (l *Log) delete(tx *db.Tx, k key, before head, old []sealed, until time.Time) error {
	last := old[len(old)-1]
	bases := map[string]head{}
	var ids []any
	for _, s := range old {
		ids = append(ids, s.eventID)
		bases[s.seal.chain] = head{chain: s.seal.chain, base: s.number, baseMAC: s.chainMAC}
	}
	bases[total] = head{chain: total, base: last.position, baseMAC: last.seal.mac}
	for _, h := range bases {
		h.baseKey, h.baseCheck = k.number, k.checkpoint(h.chain, h.base, h.baseMAC)
		if err := setBase(tx, h); err != nil {
			return err
		}
	}
	ours, err := deleteSeals(tx, before.base, last.position)
	if err != nil {
		return err
	}
	if ours != int64(len(old)) {
		return errMoved
	}
	if err := deleteEvents(tx, ids); err != nil {
		return err
	}
	return l.Append(tx, Event{Action: LogPurged, Target: Target{Kind: "installation"}, Changes: []Change{
		{Field: "events", New: len(old)}, {Field: "head", New: Head{last.position, last.seal.mac}.String()}, {Field: "until", New: until}}})
}
