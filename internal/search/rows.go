package search

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sallyport/internal/db"
)

const classIs = `organization_id = $1 and domain = $2 and kind = $3 and status = $4 and role = $5 and sso = $6`

func (e *Entry) class() []any {
	return []any{e.OrganizationID, e.Domain, e.Kind, e.Status, e.Role, e.SSO}
}

// segmentOf returns the segment of an entry's class where its id belongs; ok is
// false if the class has none yet.
func segmentOf(tx *db.Tx, e *Entry) (s segment, ok bool, err error) {
	list, err := db.Collect(tx, func(row db.Scanner) (s segment, err error) {
		err = row.Scan(&s.id, &s.first)
		return s, err
	}, `select id, first_entry from search_segments where `+classIs+` and first_entry <= $7 order by first_entry desc limit 1`,
		append(e.class(), e.ID)...)
	if err != nil || len(list) == 0 {
		return s, false, err
	}
	return list[0], true, nil
}

func insertSegment(tx *db.Tx, e *Entry, s *segment) error {
	_, err := tx.Exec(`insert into search_segments (organization_id, domain, kind, status, role, sso, id, first_entry)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`, append(e.class(), s.id, s.first)...)
	return err
}

// segmentsFor returns the segments of the classes that a query asks for, by class
// and age, and whether each has a word for each term.
func segmentsFor(tx *db.Tx, q Query, list []term) ([]segment, error) {
	args := []any{q.OrganizationID, q.Domain, q.Kind, q.Status, q.Role, q.SSO, q.Before}
	var has strings.Builder
	for _, t := range list {
		from, to := t.bounds()
		args = append(args, from, to)
		has.WriteString(`, exists (select 1 from search_words w where w.segment_id = s.id and w.word >= $` +
			strconv.Itoa(len(args)-1) + ` and w.word < $` + strconv.Itoa(len(args)) + `)`)
	}
	return db.Collect(tx, func(row db.Scanner) (s segment, err error) {
		s.has = make([]bool, len(list))
		to := []any{&s.id, &s.Domain, &s.Kind, &s.Status, &s.Role, &s.SSO, &s.first}
		for i := range s.has {
			to = append(to, &s.has[i])
		}
		err = row.Scan(to...)
		return s, err
	}, `select s.id, s.domain, s.kind, s.status, s.role, s.sso, s.first_entry`+has.String()+`
		from search_segments s
		where s.organization_id = $1 and ($2 = '' or s.domain = $2) and ($3 = '' or s.kind = $3) and ($4 = '' or s.status = $4)
			and ($5 = '' or s.role = $5) and ($6 = '' or s.sso = $6) and s.first_entry < $7
		order by s.domain, s.kind, s.status, s.role, s.sso, s.first_entry`, args...)
}

// findNewest notes what the newest entries of segments are.
func findNewest(tx *db.Tx, q Query, chunk []*segment) error {
	byID := map[int64]*segment{}
	var ids []int64
	for _, s := range chunk {
		byID[s.id] = s
		ids = append(ids, s.id)
	}
	args := []any{q.Before}
	in := list(&args, ids, -1)
	newest, err := db.Collect(tx, func(row db.Scanner) (r wordRow, err error) {
		err = row.Scan(&r.segment, &r.entry)
		return r, err
	}, `select s.id, coalesce((select w.entry from search_words w
			where w.segment_id = s.id and w.word = '' and w.entry < $1 order by w.entry desc limit 1), '')
		from search_segments s where s.id in (`+in+`)`, args...)
	for _, r := range newest {
		if r.entry != "" {
			byID[r.segment].bound = r.entry + " " // the next id there could be
		}
	}
	return err
}

// entries lists a segment.
func entries(tx *db.Tx, segmentID int64, before string, limit int) ([]string, error) {
	return db.Collect(tx, func(row db.Scanner) (entryID string, err error) {
		err = row.Scan(&entryID)
		return entryID, err
	}, `select entry from search_words where segment_id = $1 and word = '' and entry < $2 order by entry desc limit $3`,
		segmentID, before, limit)
}

// A wordRow is an entry below a word.
type wordRow struct {
	segment int64
	word    string
	entry   string
}

// withWord returns who of some segments has a word for a term: for each segment
// its entries, one that has two of them twice. It returns no more than limit
// entries, and n is how many they are. The engine puts the entries of a segment
// together into one text: a row each would cost several times as much.
func withWord(tx *db.Tx, segments []int64, t term, after, before string, limit int) (found map[int64][]string, n int, err error) {
	from, to := t.bounds()
	args := []any{from, to, after, before, limit}
	in := list(&args, segments, -1)
	found = make(map[int64][]string, len(segments))
	_, err = db.Collect(tx, func(row db.Scanner) (none struct{}, err error) {
		var segmentID int64
		var entries string
		if err = row.Scan(&segmentID, &entries); err == nil {
			found[segmentID] = strings.Fields(entries)
			n += len(found[segmentID])
		}
		return none, err
	}, `select segment_id, string_agg(entry, ' ') from (
			select segment_id, entry from search_words
			where segment_id in (`+in+`) and word >= $1 and word < $2 and entry >= $3 and entry < $4 limit $5) found
		group by segment_id`, args...)
	return found, n, err
}

// insertWords inserts rows, in the order of the index.
func insertWords(tx *db.Tx, rows []wordRow) error {
	slices.SortFunc(rows, func(a, b wordRow) int {
		return cmp.Or(cmp.Compare(a.segment, b.segment), strings.Compare(a.word, b.word), strings.Compare(a.entry, b.entry))
	})
	for len(rows) > 0 {
		n := 1
		for _, size := range []int{64, 16, 4} { // few different statements
			if len(rows) >= size {
				n = size
				break
			}
		}
		args := make([]any, 0, 3*n)
		var values strings.Builder
		for i, r := range rows[:n] {
			if i > 0 {
				values.WriteByte(',')
			}
			values.WriteString("($" + strconv.Itoa(3*i+1) + ",$" + strconv.Itoa(3*i+2) + ",$" + strconv.Itoa(3*i+3) + ")")
			args = append(args, r.segment, r.word, r.entry)
		}
		rows = rows[n:]
		if _, err := tx.Exec(`insert into search_words (segment_id, word, entry) values `+values.String()+` on conflict do nothing`, args...); err != nil {
			return err
		}
	}
	return nil
}

func deleteWords(tx *db.Tx, segmentID int64, entryID string, words []string) error {
	args := []any{segmentID, entryID}
	in := list(&args, words, "")
	_, err := tx.Exec(`delete from search_words where segment_id = $1 and entry = $2 and word in (`+in+`)`, args...)
	return err
}

func holdsFrom(tx *db.Tx, segmentID int64, entryID string) (holds bool, err error) {
	err = tx.QueryRow(`select exists (select 1 from search_words where segment_id = $1 and word = '' and entry > $2)`,
		segmentID, entryID).Scan(&holds)
	return holds, err
}

func moveFrom(tx *db.Tx, from, to int64, entryID string) error {
	_, err := tx.Exec(`update search_words set segment_id = $2 where segment_id = $1 and entry >= $3`, from, to, entryID)
	return err
}

// list adds values to the arguments of a statement and returns their places.
// It fills them up, so that there are few different statements.
func list[T any](args *[]any, values []T, filler T) string {
	size := 1
	for size < len(values) {
		size *= 4
	}
	var places strings.Builder
	for i := range size {
		v := filler
		if i < len(values) {
			v = values[i]
		}
		*args = append(*args, v)
		if i > 0 {
			places.WriteByte(',')
		}
		places.WriteString("$" + strconv.Itoa(len(*args)))
	}
	return places.String()
}
