package record

import (
	"slices"
	"sync"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
)

// Limits of what waits to be written.
const (
	queueLength = 4096
	queueOctets = 32 << 20 // of messages
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
	packed []byte // its details
	tries  int    // to write it
}

func (w *waiting) octets() (n int) {
	for _, field := range w.Posted {
		n += len(field)
	}
	return n
}

func newQueue() queue {
	return queue{counts: map[hourKey]count{}, limits: newLimits(), wake: make(chan struct{}, 1)}
}

// put adds a note, or counts it and says why it is left out.
func (q *queue) put(n Note) Loss {
	w := &waiting{Note: n}
	q.mu.Lock()
	defer q.mu.Unlock()
	loss := Loss("")
	switch {
	case len(q.waiting) >= queueLength, q.octets+w.octets() > queueOctets:
		loss = LossQueue
	case n.Outcome == Refused && !q.limits.take(&n):
		loss = LossRate
	}
	if loss != "" {
		q.add(countOf(&n.Attempt))
	} else {
		q.waiting, q.octets = append(q.waiting, w), q.octets+w.octets()
	}
	q.notify()
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
		q.octets -= w.octets()
	}
	counts, q.counts = q.counts, map[hourKey]count{}
	return batch, counts
}

// giveBack undoes a take.
func (q *queue) giveBack(batch []*waiting, counts map[hourKey]count) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range batch {
		q.octets += w.octets()
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
