package search

import (
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

// Bounds of what one page costs, in rows of the index.
const (
	maxRead  = 20_000 // before a page is left short
	maxChunk = 4_000  // of segments that are read together
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
	all, err := segmentsFor(tx, q, list)
	if err != nil {
		return Page{}, err
	}
	f := finder{tx: tx, q: q, terms: list, segments: newestFirst(all, list), found: map[Hit]bool{}}
	for len(f.segments) > 0 && !f.enough() && f.read < maxRead {
		if err := f.step(); err != nil {
			return Page{}, err
		}
	}
	return f.page(), nil
}

// A segment is a stretch of the entries of one class.
type segment struct {
	id           int64
	domain, kind string
	first        string // the least id that belongs there
	newest       string // the greatest one there before the query's; empty: none
	has          []bool // by term: some entry has such a word
	asks         int    // how many terms the words decide on; the domain has the others
}

// newestFirst returns the segments that may hold what is wanted, in order.
func newestFirst(all []segment, list []term) []*segment {
	var fit []*segment
	for i := range all {
		if s := &all[i]; s.newest != "" && s.fits(list) {
			fit = append(fit, s)
		}
	}
	slices.SortFunc(fit, func(a, b *segment) int { return strings.Compare(b.newest, a.newest) })
	return fit
}

// fits reports whether entries of the segment may have all the terms.
func (s *segment) fits(list []term) bool {
	s.asks = 0
	for i, t := range list {
		no, all := t.matches(s.domain)
		if no || !all && !s.has[i] {
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
	read     int // rows of the index so far
	searched int // segments so far
	chunk    int // segments to search next
}

// enough reports whether the page is full, with nothing newer in segments that
// were not read. If only the latter is missing, those are read next.
func (f *finder) enough() bool {
	if len(f.found) < f.q.Limit {
		return false
	}
	ids := make([]string, 0, len(f.found))
	for h := range f.found {
		ids = append(ids, h.ID)
	}
	slices.Sort(ids)
	oldest := ids[len(ids)-f.q.Limit] // of the page, as it is so far
	n := 0
	for n < len(f.segments) && f.segments[n].newest > oldest {
		n++
	}
	f.chunk = min(n, 16)
	return n == 0
}

// step reads the newest segment, or several where there is little in each.
func (f *finder) step() error {
	s := f.segments[0]
	if s.asks == 0 {
		f.segments = f.segments[1:]
		ids, err := entries(f.tx, s.id, f.q.Before, f.q.Limit+1)
		for _, entryID := range ids {
			f.found[Hit{s.kind, entryID}] = true
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
	byID := make(map[int64]*segment, len(chunk))
	for _, s := range chunk {
		byID[s.id] = s
	}
	has := map[Hit]int{} // how many of the terms
	for _, t := range f.terms {
		var ids []int64
		for _, s := range chunk {
			if _, all := t.matches(s.domain); !all {
				ids = append(ids, s.id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		limit := maxChunk
		if len(chunk) == 1 {
			limit = maxRead
		}
		rows, err := withWord(f.tx, ids, t, f.q.Before, limit)
		f.read += len(rows)
		if err != nil || len(rows) == limit && len(chunk) > 1 {
			return false, err
		}
		once := make(map[string]bool, len(rows)) // two of its words may begin so
		for _, r := range rows {
			if !once[r.entry] {
				once[r.entry] = true
				has[Hit{byID[r.segment].kind, r.entry}]++
			}
		}
		for _, r := range rows {
			if h := (Hit{byID[r.segment].kind, r.entry}); has[h] == byID[r.segment].asks {
				f.found[h] = true
			}
		}
		if len(rows) == 0 && len(ids) == len(chunk) {
			break // nobody here has them all
		}
	}
	return true, nil
}

// page makes the answer: what is newer than all that was not read.
func (f *finder) page() Page {
	floor := ""
	if len(f.segments) > 0 {
		floor = f.segments[0].newest
	}
	var p Page
	for h := range f.found {
		if h.ID > floor {
			p.Hits = append(p.Hits, h)
		}
	}
	slices.SortFunc(p.Hits, func(a, b Hit) int { return strings.Compare(b.ID, a.ID) })
	switch {
	case len(p.Hits) > f.q.Limit || len(p.Hits) == f.q.Limit && floor != "":
		p.Hits = p.Hits[:f.q.Limit]
		p.Next = p.Hits[f.q.Limit-1].ID
	case floor != "":
		p.Next = floor + last
	}
	return p
}
