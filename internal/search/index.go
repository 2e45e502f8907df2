package search

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"

	"sallyport/internal/db"
)

// A Class is what entries are told apart by. In a [Query] an empty field stands
// for any.
type Class struct {
	Kind   string
	Domain string // lower case
	Status string
	Role   string
	SSO    string
}

// An Entry is what can be found. ID sorts by age within the organization.
type Entry struct {
	OrganizationID string
	ID             string
	Class
	Words []string // from [Words]
}

// Put adds entries that are not there yet, of any classes. Many at once cost
// less each.
func Put(tx *db.Tx, list ...*Entry) error {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b *Entry) int { return cmp.Or(compareClass(a, b), strings.Compare(a.ID, b.ID)) })
	var rows []wordRow
	for len(list) > 0 {
		n := 1
		for n < len(list) && compareClass(list[0], list[n]) == 0 {
			n++
		}
		placed, err := place(tx, list[:n])
		if err != nil {
			return err
		}
		rows = append(rows, placed...)
		list = list[n:]
	}
	return insertWords(tx, rows)
}

func compareClass(a, b *Entry) int {
	return cmp.Or(strings.Compare(a.OrganizationID, b.OrganizationID), strings.Compare(a.Domain, b.Domain), strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Status, b.Status), strings.Compare(a.Role, b.Role), strings.Compare(a.SSO, b.SSO))
}

// Remove takes an entry out. It has to be as it was put in.
func Remove(tx *db.Tx, e *Entry) error {
	s, ok, err := segmentOf(tx, e)
	if err != nil || !ok {
		return err
	}
	return deleteWords(tx, s.id, e.ID, append([]string{""}, e.Words...))
}

// place finds the segments of entries of one class, in the order of their ids,
// and makes those that are missing. It returns the rows to insert.
func place(tx *db.Tx, list []*Entry) (rows []wordRow, err error) {
	greatest, _, err := segmentOf(tx, list[len(list)-1])
	if err != nil {
		return nil, err
	}
	var s segment
	for i, e := range list {
		// All are in one segment if the last one is in that of the first.
		if i == 0 || s.id != greatest.id {
			ok := false
			if s, ok, err = segmentOf(tx, e); err == nil && !ok {
				s = newSegment(e, "") // the first one of the class
				greatest = s
				err = insertSegment(tx, e, &s)
			}
			if err != nil {
				return nil, err
			}
		}
		if begins(e.ID) && s.first != e.ID {
			next := newSegment(e, e.ID)
			if err := split(tx, e, &s, &next); err != nil {
				return nil, err
			}
			if s.id == greatest.id {
				greatest = next
			}
			s = next
		}
		for _, w := range e.Words {
			rows = append(rows, wordRow{s.id, w, e.ID})
		}
		rows = append(rows, wordRow{s.id, "", e.ID})
	}
	return rows, nil
}

// split has a new segment begin inside another one, at an entry.
func split(tx *db.Tx, e *Entry, s, next *segment) error {
	if err := insertSegment(tx, e, next); err != nil {
		return err
	}
	// Most entries come in the order of their ids, and nothing is behind them.
	later, err := holdsFrom(tx, s.id, e.ID)
	if err != nil || !later {
		return err
	}
	return moveFrom(tx, s.id, next.id, e.ID)
}

// begins reports whether an entry begins a segment, which holds 1024 on average.
// The characters of an id that it looks at are random, 5 bits each.
func begins(entryID string) bool {
	return len(entryID) > 22 && entryID[20] == '0' && entryID[21] == '0'
}

// newSegment makes a segment. Its number follows from what it is, so that two
// nodes that make it at once make the same.
func newSegment(e *Entry, first string) segment {
	sum := sha256.Sum256([]byte(strings.Join([]string{
		e.OrganizationID, e.Kind, e.Domain, e.Status, e.Role, e.SSO, first}, "\x00")))
	return segment{id: int64(binary.BigEndian.Uint64(sum[:8]) >> 1), Class: e.Class, first: first}
}
