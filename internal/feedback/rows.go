package feedback

import (
	"strconv"
	"strings"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/id"
)

const columns = `id, time, page, language, rating, reasons, comment, signed_in`

func scan(row db.Scanner) (a Answer, err error) {
	var reasons string
	err = row.Scan(&a.ID, &a.Time, &a.Page, &a.Language, &a.Rating, &reasons, &a.Comment, &a.SignedIn)
	a.Reasons = split(reasons)
	return a, err
}

func split(text string) (reasons []Reason) {
	for r := range strings.SplitSeq(text, ",") {
		if r != "" {
			reasons = append(reasons, Reason(r))
		}
	}
	return reasons
}

func insert(tx *db.Tx, a *Answer) error {
	var reasons []string
	for _, r := range a.Reasons {
		reasons = append(reasons, string(r))
	}
	_, err := tx.Exec(`insert into feedback_answers (`+columns+`) values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		a.ID, a.Time, a.Page, a.Language, string(a.Rating), strings.Join(reasons, ","), a.Comment, a.SignedIn)
	return err
}

// givenSince counts the answers on a page and on all since an id, no further than
// to their bounds.
func givenSince(tx *db.Tx, page, first string) (onPage, onDay int, err error) {
	err = tx.QueryRow(`select
			(select count(*) from (select 1 from feedback_answers where page = $1 and id >= $2 limit $3) p),
			(select count(*) from (select 1 from feedback_answers where id >= $2 limit $4) d)`,
		page, first, PerPage, PerDay).Scan(&onPage, &onDay)
	return onPage, onDay, err
}

func list(tx *db.Tx, q Query) ([]Answer, error) {
	where, args := "id >= $1", []any{id.Feedback.First(q.Since)}
	and := func(condition, value string) {
		args = append(args, value)
		where += " and " + condition + " $" + strconv.Itoa(len(args))
	}
	if q.Page != "" {
		and("page =", q.Page)
	}
	if q.Rating != "" {
		and("rating =", string(q.Rating))
	}
	if !q.Until.IsZero() {
		and("id <", id.Feedback.First(q.Until))
	}
	if q.After != "" {
		and("id <", q.After)
	}
	args = append(args, q.Limit)
	return db.Collect(tx, scan, `select `+columns+` from feedback_answers where `+where+` order by id desc limit $`+strconv.Itoa(len(args)), args...)
}

// A group is the answers of a page with the same rating and the same reasons.
type group struct {
	page     string
	rating   Rating
	reasons  []Reason
	answers  int64
	latestAt time.Time
}

func counts(tx *db.Tx, since, until time.Time) ([]group, error) {
	return db.Collect(tx, func(row db.Scanner) (g group, err error) {
		var reasons string
		err = row.Scan(&g.page, &g.rating, &reasons, &g.answers, &g.latestAt)
		g.reasons = split(reasons)
		return g, err
	}, `select page, rating, reasons, count(*), max(time) from feedback_answers where time >= $1 and time < $2 group by page, rating, reasons order by page, rating, reasons`, since, until)
}

// remove deletes an answer and returns the page that it was about.
func remove(tx *db.Tx, answerID string) (page string, err error) {
	err = tx.QueryRow(`delete from feedback_answers where id = $1 returning page`, answerID).Scan(&page)
	return page, err
}

func purge(tx *db.Tx, before string, limit int) (int64, error) {
	return tx.Exec(`delete from feedback_answers where id in (select id from feedback_answers where id < $1 order by id limit $2)`, before, limit)
}
