package search

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"sallyport/internal/db"
	"sallyport/internal/fault"
)

// A Query selects entries of an organization, newest first.
type Query struct {
	OrganizationID string
	Class          // empty fields: any
	// Fits says of which classes besides; nil: of all.
	Fits func(Class) bool
	// Text holds words, each the beginning of a word of the entry, of its
	// address or its domain.
	Text   string
	Before string // entries with lesser ids; empty: from the newest one
	Limit  int
}

// A Hit is an entry that was found.
type Hit struct{ Kind, ID string }

// A Page is what was found.
type Page struct {
	Hits []Hit
	// Next is the Before of the page that follows; empty at the end. Where
	// words are each very common and hardly ever together, a page can be
	// shorter than its limit, or empty, with more to follow.
	Next string
}

// Bounds of what one page costs.
const (
	maxRead  = 10_000 // rows of the index, before a page is left short
	maxChunk = 2_000  // rows of segments that are read together
	probed   = 2      // terms, the longest, that every segment is asked for
)

// last is behind every id.
const last = "~"

// Find returns a page of entries. A text of more than 8 words is fault.Invalid
// for the field q, one that is not UTF-8 fault.Malformed.
func Find(tx *db.Tx, q Query) (Page, error) {
	if !utf8.ValidString(q.Text) || strings.ContainsRune(q.Text, 0) {
		return Page{}, fault.New(fault.Malformed, "The search holds characters that are no text.")
	}
	list, ok := terms(q.Text)
	if !ok {
		return Page{}, fault.Invalid(fault.Field{Name: "q", Message: "has at most 8 words"})
	}
	if q.Before == "" {
		q.Before = last
	}
	segments, err := candidates(tx, q, list)
	if err != nil {
		return Page{}, err
	}
	f := finder{tx: tx, q: q, terms: list, segments: segments, found: map[Hit]bool{}}
	for len(f.segments) > 0 && !f.enough() && f.read < maxRead {
		if err := f.step(); err != nil {
			return Page{}, err
		}
	}
	return f.page(), nil
}

// A segment is a stretch of the entries of one class.
type segment struct {
	id int64
	Class
	first string // the least id that belongs there
	bound string // greater than every one there that is wanted; empty: there is none
	has   []bool // by term that was asked for: some entry has such a word
	asks  int    // how many terms the words decide on; the domain has the others
}

// candidates returns the segments that may hold what is wanted, newest first.
func candidates(tx *db.Tx, q Query, list []term) ([]*segment, error) {
	all, err := segmentsFor(tx, q, list[:min(len(list), probed)])
	if err != nil {
		return nil, err
	}
	// They come by class and age: a segment ends where the next one begins. What
	// the last one of a class holds has to be asked for.
	var fit, open []*segment
	for i := range all {
		s := &all[i]
		if !s.fits(list) || q.Fits != nil && !q.Fits(s.Class) {
			continue
		}
		fit = append(fit, s)
		if i+1 < len(all) && all[i+1].Class == s.Class {
			s.bound = all[i+1].first
		} else {
			open = append(open, s)
		}
	}
	for chunk := range slices.Chunk(open, 256) {
		if err := findNewest(tx, q, chunk); err != nil {
			return nil, err
		}
	}
	fit = slices.DeleteFunc(fit, func(s *segment) bool { return s.bound == "" })
	slices.SortFunc(fit, func(a, b *segment) int { return strings.Compare(b.bound, a.bound) })
	return fit, nil
}

// fits reports whether entries of the segment may have all the terms.
func (s *segment) fits(list []term) bool {
	s.asks = 0
	for i, t := range list {
		no, all := t.matches(s.Domain)
		if no || !all && i < len(s.has) && !s.has[i] {
			return false
		}
		if !all {
			s.asks++
		}
	}
	return true
}

// A finder is one run of [Find].
type finder struct {
	tx       *db.Tx
	q        Query
	terms    []term
	segments []*segment // not read yet, newest first
	found    map[Hit]bool
	ids      []string // of those, in order, as far as [finder.nth] has looked
	read     int      // rows of the index so far
	searched int      // segments so far
	chunk    int      // segments to search next
}

// enough reports whether the page is full, with nothing newer in segments that
// were not read. If only the latter is missing, those are read next.
func (f *finder) enough() bool {
	oldest := f.nth(f.q.Limit)
	if oldest == "" {
		return false
	}
	n := 0
	for n < len(f.segments) && f.segments[n].bound > oldest {
		n++
	}
	f.chunk = min(n, 16)
	return n == 0
}

// nth returns the entry at a place of the page as it is so far, from 1; empty
// if there are not as many.
func (f *finder) nth(n int) string {
	if len(f.found) < n {
		return ""
	}
	if len(f.ids) != len(f.found) { // some were added
		f.ids = f.ids[:0]
		for h := range f.found {
			f.ids = append(f.ids, h.ID)
		}
		slices.Sort(f.ids)
	}
	return f.ids[len(f.ids)-n]
}

// step reads the newest segment, or several where there is little in each.
func (f *finder) step() error {
	s := f.segments[0]
	if s.asks == 0 {
		f.segments = f.segments[1:]
		ids, err := entries(f.tx, s.id, f.q.Before, f.q.Limit+1)
		for _, entryID := range ids {
			f.found[Hit{s.Kind, entryID}] = true
		}
		f.read += len(ids)
		return err
	}
	n := 1
	for n < len(f.segments) && n < f.chunk && f.segments[n].asks > 0 {
		n++
	}
	whole, err := f.search(f.segments[:n])
	if err != nil {
		return err
	}
	if !whole {
		f.chunk = n / 8
		return nil
	}
	f.segments, f.searched = f.segments[n:], f.searched+n
	// As many as will fill the page if there is as much in each as so far.
	each := max(1, len(f.found)/f.searched)
	f.chunk = min((f.q.Limit-len(f.found))/each+1, 4*n, 64)
	return nil
}

// search adds the entries of some segments that have every term. It reports
// false, and has added none, if there are too many segments for what stands in
// them.
func (f *finder) search(chunk []*segment) (bool, error) {
	limit := maxChunk
	if len(chunk) == 1 {
		limit = 1 << 30 // as many as there are
	}
	// Nothing is wanted that is older than what tells that another page follows.
	wanted := f.nth(f.q.Limit + 1)
	left := make(map[int64]map[string]bool, len(chunk)) // who has had all terms so far
	for _, t := range f.terms {
		var ids []int64
		for _, s := range chunk {
			_, all := t.matches(s.Domain)
			if entries, asked := left[s.id]; !all && (!asked || len(entries) > 0) {
				ids = append(ids, s.id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		rows, n, err := withWord(f.tx, ids, t, wanted, f.q.Before, limit)
		f.read += n
		if err != nil || n == limit {
			return false, err
		}
		have := make(map[int64]map[string]bool, len(ids))
		for _, segmentID := range ids {
			have[segmentID] = map[string]bool{}
			before, asked := left[segmentID]
			for _, entryID := range rows[segmentID] {
				if !asked || before[entryID] {
					have[segmentID][entryID] = true
				}
			}
		}
		maps.Copy(left, have)
	}
	for _, s := range chunk {
		for entryID := range left[s.id] {
			f.found[Hit{s.Kind, entryID}] = true
		}
	}
	return true, nil
}

// page makes the answer: what is not older than anything that was not read.
func (f *finder) page() Page {
	floor := ""
	if len(f.segments) > 0 {
		floor = f.segments[0].bound
	}
	var p Page
	for h := range f.found {
		if h.ID >= floor {
			p.Hits = append(p.Hits, h)
		}
	}
	slices.SortFunc(p.Hits, func(a, b Hit) int { return strings.Compare(b.ID, a.ID) })
	switch {
	case len(p.Hits) > f.q.Limit || len(p.Hits) == f.q.Limit && floor != "":
		p.Hits = p.Hits[:f.q.Limit]
		p.Next = p.Hits[f.q.Limit-1].ID
	case floor != "":
		p.Next = floor
	}
	return p
}
