package audit

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// A FindingKind says what was done to the log.
type FindingKind string

const (
	// Changed is an event that says something else than when it was written, or
	// that was not written by Sallyport.
	Changed FindingKind = "changed"
	// Missing is an event that was sealed and is gone, or a gap where events
	// are gone with their seals.
	Missing FindingKind = "missing"
	// Inserted is an event that has no seal and does not wait for one.
	Inserted FindingKind = "inserted"
	// Unsealed is an event that should have been sealed long ago.
	Unsealed FindingKind = "unsealed"
	// Moved is an event that stands in another place than it was sealed in, or
	// whose seal was changed.
	Moved FindingKind = "moved"
	// CutOff is a chain whose end is gone.
	CutOff FindingKind = "cut_off"
	// HeadChanged is a chain whose recorded end is not the one it has.
	HeadChanged FindingKind = "head_changed"
	// CheckpointChanged is a chain whose beginning was not set by a purge.
	CheckpointChanged FindingKind = "checkpoint_changed"
	// KeyMissing is a key that none of the given secret keys opens: what was
	// written under it can't be verified.
	KeyMissing FindingKind = "key_missing"
)

// A Finding is one thing that is wrong. Fields that do not apply are zero.
type Finding struct {
	Kind           FindingKind `json:"kind"`
	OrganizationID string      `json:"organization_id,omitempty"` // or "installation", or "total"
	EventID        string      `json:"event_id,omitempty"`
	Number         int64       `json:"number,omitempty"`   // in its organization's chain
	Position       int64       `json:"position,omitempty"` // among all
	Detail         string      `json:"detail"`
}

// A Verification says what to verify.
type Verification struct {
	// OrganizationID limits it to one organization's log, or "installation".
	OrganizationID string
	// Known is a head of earlier, kept outside of the database; nil: none. It
	// needs the whole log.
	Known *Head
}

// Verified tells what was found.
type Verified struct {
	Sealed   int64 // events with a seal that were looked at
	Waiting  int64 // events that are younger than SealWithin and have none yet
	Purged   int64 // the position up to which old events were deleted
	Chains   int
	Findings int64
	Head     Head // of the whole log; also where one organization's was verified
}

// verifyBatch is how many rows are read at once.
const verifyBatch = 2000

// Verify goes through the log as it stands at one moment, and reports everything
// that is not as it was written and sealed. It keeps some octets for each
// organization, and nothing for each event.
//
// What it can't see: that events were deleted within SealWithin of their time,
// before they were sealed; and, without a known head, that the end of the log was
// replaced by the state of an earlier moment.
func (l *Log) Verify(ctx context.Context, in Verification, report func(Finding)) (done Verified, err error) {
	err = l.db.View(ctx, func(tx *db.Tx) error {
		done, err = l.verify(tx, in, report)
		return err
	})
	return done, err
}

func (l *Log) verify(tx *db.Tx, in Verification, report func(Finding)) (done Verified, err error) {
	v := &verifier{tx: tx, in: in, links: map[string]*link{}, done: &done, report: report}
	if v.known, err = l.open(tx); err != nil {
		return done, err
	}
	for _, step := range []func() error{v.begin, v.seals, v.end, v.unsealed} {
		if err := step(); err != nil {
			return done, err
		}
	}
	return done, nil
}

// A verifier is one run of Verify.
type verifier struct {
	tx     *db.Tx
	in     Verification
	known  keys
	total  link
	links  map[string]*link // by chain
	heads  []head
	signed bool // an event with a MAC of its own was seen
	done   *Verified
	report func(Finding)
}

func (v *verifier) whole() bool { return v.in.OrganizationID == "" }

func (v *verifier) find(f Finding) {
	v.done.Findings++
	v.report(f)
}

// begin reads where the chains begin and end.
func (v *verifier) begin() (err error) {
	if v.heads, err = allHeads(v.tx); err != nil {
		return err
	}
	for _, h := range v.heads {
		if h.chain == total {
			v.done.Head, v.done.Purged = Head{h.number, h.mac}, h.base
			if known := v.in.Known; known != nil && known.Position < h.base {
				return fault.Invalid(fault.Field{Name: "head", Message: fmt.Sprintf("is older than what is kept: events up to %d were deleted by the retention", h.base)})
			}
		}
		if !v.whole() && h.chain != v.in.OrganizationID {
			continue
		}
		if !v.checkpointHolds(h) {
			v.find(Finding{Kind: CheckpointChanged, OrganizationID: h.chain, Number: h.base, Detail: "the beginning of the log was not set by the retention"})
		}
		start := link{number: h.base, mac: h.baseMAC}
		if h.chain == total {
			v.total = start
		} else {
			v.links[h.chain] = &start
			v.done.Chains++
		}
	}
	return nil
}

func (v *verifier) checkpointHolds(h head) bool {
	if h.base == 0 {
		return h.baseMAC == nil
	}
	k, ok := v.known.all[h.baseKey]
	return ok && bytes.Equal(k.checkpoint(h.chain, h.base, h.baseMAC), h.baseCheck)
}

// seals goes through what is sealed, in the order of sealing.
func (v *verifier) seals() error {
	for after := int64(0); ; {
		rows, err := sealedEvents(v.tx, v.in.OrganizationID, after, verifyBatch)
		if err != nil {
			return err
		}
		for i := range rows {
			v.seal(&rows[i])
		}
		if len(rows) < verifyBatch {
			return nil
		}
		last := rows[len(rows)-1].seal
		if after = last.position; !v.whole() {
			after = last.number
		}
	}
}

// A sealed event is one with its seal.
type sealed struct {
	stored
	seal
}

// seal verifies one event and its place. It is reported once, for whatever is
// wrong with it first.
func (v *verifier) seal(s *sealed) {
	v.done.Sealed++
	found := Finding{OrganizationID: s.seal.chain, EventID: s.eventID, Number: s.number, Position: s.position}
	k, hasKey := v.known.all[s.seal.key]
	mac, genuine := s.verify(v.known, k)
	locked := v.locked(s.stored.key, found) || v.locked(s.seal.key, found)
	switch {
	case s.missing:
		found.Kind, found.Detail = Missing, "the event was deleted; its seal is still there"
	case locked: // what its key made can't be verified
	case !hasKey:
		found.Kind, found.Detail = Moved, "the seal was made with a key that there never was"
	case !genuine:
		found.Kind, found.Detail = Changed, "the event does not say what Sallyport wrote"
	case s.stored.mac == nil && v.signed:
		found.Kind, found.Detail = Changed, "the event has no MAC, as if an earlier release had written it, and stands behind others that have one"
	case s.stored.chain() != s.seal.chain:
		found.Kind, found.Detail = Moved, "the seal stands in another chain than the event"
	}
	v.signed = v.signed || s.stored.mac != nil

	compute := func(purpose string, at int64) func(before []byte) []byte {
		if s.missing || !hasKey {
			return nil
		}
		return func(before []byte) []byte { return k.link(purpose, s.seal.chain, at, s.eventID, mac, before) }
	}
	own := v.links[s.seal.chain]
	if own == nil {
		own = &link{}
		v.links[s.seal.chain] = own
	}
	holds := v.follow(own, s.seal.chain, s.number, s.chainMAC, s.eventID, compute(forChain, s.number))
	if v.whole() {
		holds = v.follow(&v.total, total, s.position, s.seal.mac, s.eventID, compute(forTotal, s.position)) && holds
	}
	if !holds && found.Kind == "" {
		found.Kind, found.Detail = Moved, "the event stands in another place than it was sealed in, or its seal was changed"
	}
	if found.Kind != "" {
		v.find(found)
	}
}

// locked reports whether a key is there and can't be opened. It names it with the
// first event that needs it: there may be a million.
func (v *verifier) locked(number int64, at Finding) bool {
	told, is := v.known.locked[number]
	if is && !told {
		v.known.locked[number] = true
		at.Kind, at.Detail = KeyMissing, fmt.Sprintf("key %d of the log was encrypted with a secret key that is not given, or was changed: from here on nothing that it made can be verified", number)
		v.find(at)
	}
	return is
}

// A link is how far one chain was followed: the last place, its MAC as it stands
// there, and as it should be.
type link struct {
	number    int64
	mac, want []byte
	eventID   string
}

// follow goes one place further in a chain, and reports whether what stands there
// follows from what stood before. Without compute that can't be known.
func (v *verifier) follow(at *link, chain string, number int64, mac []byte, eventID string, compute func(before []byte) []byte) bool {
	before := *at
	*at = link{number: number, mac: mac, want: mac, eventID: eventID}
	if v.in.Known != nil && chain == total {
		v.compareKnown(number, mac, eventID)
	}
	if number != before.number+1 {
		v.find(gap(chain, before, number, eventID))
		return true
	}
	if compute == nil {
		return true
	}
	at.want = compute(before.mac)
	// Where only the MAC before was changed, this one need not be named for it.
	return bytes.Equal(at.want, mac) || before.want != nil && bytes.Equal(compute(before.want), mac)
}

// gap names what is missing between two places.
func gap(chain string, before link, number int64, eventID string) Finding {
	f := Finding{Kind: Missing, OrganizationID: chain,
		Detail: fmt.Sprintf("%d to %d are gone with their seals, or stand elsewhere, between %s and %s", before.number+1, number-1, name(before.eventID), name(eventID))}
	if number <= before.number {
		f.Kind, f.Detail = Moved, fmt.Sprintf("%s and %s are not in the order of their sealing", name(before.eventID), name(eventID))
	}
	if f.Number = before.number + 1; chain == total {
		f.Number, f.Position = 0, before.number+1
	}
	return f
}

func name(eventID string) string {
	if eventID == "" {
		return "the beginning"
	}
	return eventID
}

// compareKnown holds the log to the head that the caller has kept.
func (v *verifier) compareKnown(position int64, mac []byte, eventID string) {
	if known := v.in.Known; position == known.Position && !bytes.Equal(mac, known.MAC) {
		v.find(Finding{Kind: CutOff, OrganizationID: total, EventID: eventID, Position: position,
			Detail: "another event stood here when the given head was written: the log was cut off or written anew before it"})
	}
}

// end compares where each chain ends with what is recorded of it.
func (v *verifier) end() error {
	recorded := map[string]bool{}
	for _, h := range v.heads {
		at := &v.total
		switch {
		case h.chain == total && !v.whole(), h.chain != total && v.links[h.chain] == nil:
			continue
		case h.chain != total:
			at = v.links[h.chain]
		}
		recorded[h.chain] = true
		v.endOf(h, at)
	}
	for _, chain := range slices.Sorted(maps.Keys(v.links)) {
		if !recorded[chain] {
			v.endOf(head{chain: chain}, v.links[chain])
		}
	}
	if v.whole() && v.total.number > 0 && !recorded[total] {
		v.endOf(head{chain: total}, &v.total)
	}
	return v.endKnown()
}

func (v *verifier) endOf(h head, at *link) {
	f := Finding{OrganizationID: h.chain, EventID: at.eventID, Number: at.number}
	if h.chain == total {
		f.Number, f.Position = 0, at.number
	}
	switch {
	case h.number > at.number:
		f.Kind, f.Detail = CutOff, fmt.Sprintf("it ends behind %s at %d, and went on to %d", name(at.eventID), at.number, h.number)
	case h.number < at.number:
		f.Kind, f.Detail = HeadChanged, fmt.Sprintf("it ends at %d, and its end is recorded at %d", at.number, h.number)
	case !bytes.Equal(h.mac, at.mac):
		f.Kind, f.Detail = HeadChanged, "its recorded end is not the one it has"
	default:
		return
	}
	v.find(f)
}

func (v *verifier) endKnown() error {
	known := v.in.Known
	switch {
	case known == nil || !v.whole():
	case known.Position > v.total.number:
		v.find(Finding{Kind: CutOff, OrganizationID: total, Position: v.total.number,
			Detail: fmt.Sprintf("it ends at %d, and the given head is %d", v.total.number, known.Position)})
	case known.Position == v.done.Purged:
		for _, h := range v.heads {
			if h.chain == total && !bytes.Equal(h.baseMAC, known.MAC) {
				v.find(Finding{Kind: CutOff, OrganizationID: total, Position: known.Position, Detail: "the log was another one when the given head was written"})
			}
		}
	}
	return nil
}

// unsealed looks for events without a seal.
func (v *verifier) unsealed() error {
	for after := ""; ; {
		last, rows, err := eventsWithoutSeal(v.tx, v.in.OrganizationID, after, verifyBatch)
		if err != nil {
			return err
		}
		for i := range rows {
			v.withoutSeal(&rows[i])
		}
		if last == "" {
			return nil
		}
		after = last
	}
}

func (v *verifier) withoutSeal(e *unsealed) {
	f := Finding{OrganizationID: e.chain(), EventID: e.ID}
	_, genuine := e.verify(v.known, key{})
	old := v.tx.Now().Sub(e.Time) > SealWithin
	switch {
	case v.locked(e.key, f):
		return
	case !genuine:
		f.Kind, f.Detail = Inserted, "the event has no seal, and does not say what Sallyport wrote"
	case !e.waits:
		f.Kind, f.Detail = Inserted, "the event has no seal, and none is to come"
	case old:
		f.Kind, f.Detail = Unsealed, fmt.Sprintf("the event should have been sealed within %v: no server runs, or its sealing was stopped", SealWithin)
	default:
		v.done.Waiting++
		return
	}
	v.find(f)
}

// An unsealed event is one without a seal.
type unsealed struct {
	stored
	waits bool
}
