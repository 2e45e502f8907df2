package record

import (
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
)

// Limits of what waits to be written. What is refused and nobody vouches for may
// take half of each: a flood leaves room for the others.
const (
	queueLength = 4096
	queueOctets = 32 << 20
	batchLength = 256
)

// A queue holds the attempts that are to be written, and counts those that are
// not. Its time is that of the attempts.
type queue struct {
	mu      sync.Mutex
	waiting []*waiting
	octets  int
	counts  map[hourKey]count
	limits  limits
	wake    chan struct{} // holds one order to write
}

// waiting is a note and what became of it so far.
type waiting struct {
	Note
	fields int    // of a SAMLResponse, of which the first is in Posted
	cut    bool   // not all of that is
	octets int    // of memory
	packed []byte // its details
	tries  int    // to write it
}

// wait makes a note small enough to wait: nothing in it keeps the body of a
// request, or a header, in memory.
func wait(n Note) *waiting {
	w := &waiting{Note: n, fields: len(n.Posted)}
	w.Address, w.Agent = strings.Clone(text(n.Actor.Address, 64)), strings.Clone(text(n.Actor.Agent, 512))
	w.Actor.Address, w.Actor.Agent = w.Address, w.Agent
	w.Typed = strings.Clone(w.Typed[:min(len(w.Typed), maxTyped)])
	if w.fields > 0 {
		field := n.Posted[0]
		w.cut = len(field) > maxField
		w.Posted = []string{strings.Clone(field[:min(len(field), maxField)])}
	}
	w.measure()
	return w
}

// maxTyped bounds what is looked at of what was typed as an address.
const maxTyped = 1024

// measure sums up what is of the sender's making.
func (w *waiting) measure() {
	w.octets = 512 + len(w.Address) + 2*len(w.Agent) + len(w.Typed)
	for _, field := range w.Posted {
		w.octets += len(field)
	}
	for _, c := range w.Checks {
		w.octets += 128 + len(c.Expected) + len(c.Found) + len(c.Note)
	}
	for _, a := range w.Attributes {
		w.octets += 64 + len(a.Name)
		for _, v := range a.Values {
			w.octets += 16 + len(v)
		}
	}
}

// strip leaves out what is bulky.
func (w *waiting) strip() {
	w.Posted, w.Attributes, w.cut = nil, nil, w.cut || w.fields > 0
	w.measure()
}

// unproved reports whether anybody could have made such an attempt.
func (w *waiting) unproved() bool { return w.Outcome == Refused && !w.Vouched }

func newQueue() queue {
	return queue{counts: map[hourKey]count{}, wake: make(chan struct{}, 1)}
}

// put adds a note, or counts it, and says why it is left out, or its message.
func (q *queue) put(n Note) (loss Loss) {
	w := wait(n)
	q.mu.Lock()
	defer q.mu.Unlock()
	defer q.notify()
	length, octets := queueLength, queueOctets
	if w.unproved() {
		length, octets = length/2, octets/2
	}
	switch {
	case len(q.waiting) >= length:
		loss = LossQueue
	case w.Outcome == Refused && !q.limits.take(&w.Note):
		loss = LossRate
	}
	if loss != "" {
		if w.Outcome != Succeeded { // that was counted where it was written
			q.add(countOf(&w.Attempt))
		}
		return loss
	}
	if q.octets+w.octets > octets || w.unproved() && len(w.Posted) > 0 && !q.limits.takeOctets(&w.Note, min(len(w.Posted[0]), mostUnproved)) {
		w.strip()
		loss = LossMessage
	}
	q.waiting, q.octets = append(q.waiting, w), q.octets+w.octets
	return loss
}

// count counts an attempt that was written elsewhere.
func (q *queue) count(a *Attempt) {
	q.mu.Lock()
	defer q.mu.Unlock()
	key, c := countOf(a)
	c.kept = 1
	q.add(key, c)
	q.notify()
}

func (q *queue) add(key hourKey, c count) {
	sum := q.counts[key]
	sum.attempts += c.attempts
	sum.kept += c.kept
	sum.octets += c.octets
	q.counts[key] = sum
}

func (q *queue) notify() {
	select {
	case q.wake <- struct{}{}:
	default: // it is there
	}
}

// take takes the next to be written, and what was counted.
func (q *queue) take() (batch []*waiting, counts map[hourKey]count) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), batchLength)
	batch = slices.Clone(q.waiting[:n])
	clear(q.waiting[:n]) // for the garbage collector
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	for _, w := range batch {
		q.octets -= w.octets
	}
	counts, q.counts = q.counts, map[hourKey]count{}
	return batch, counts
}

// giveBack undoes a take.
func (q *queue) giveBack(batch []*waiting, counts map[hourKey]count) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range batch {
		q.octets += w.octets
	}
	q.waiting = append(batch, q.waiting...)
	for key, c := range counts {
		q.add(key, c)
	}
}

// Waiting returns how many attempts are to be written; for metrics.
func (s *Service) Waiting() int {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return len(s.queue.waiting)
}

// An hourKey is what attempts are counted by.
type hourKey struct {
	organizationID string
	hour           time.Time
	profileID      string
	method         access.Method
	outcome        Outcome
	code           fault.Code
}

type count struct{ attempts, kept, octets int64 }

// countOf is how an attempt counts: one that is pending is none yet.
func countOf(a *Attempt) (hourKey, count) {
	c := count{attempts: 1}
	if a.Outcome == Pending {
		c.attempts = 0
	}
	return hourKey{a.OrganizationID, a.Time.UTC().Truncate(time.Hour), a.ProfileID, a.Method, a.Outcome, a.Code}, c
}
