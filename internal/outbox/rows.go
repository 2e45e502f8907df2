package outbox

import (
	"slices"
	"strings"
	"time"

	"sallyport/internal/db"
)

// A parcel is a row: a sealed mail.
type parcel struct {
	id                         string
	kind                       Kind
	sealed                     []byte
	attempts                   int
	dueAt, giveUpAt, createdAt time.Time
}

func insert(tx *db.Tx, p *parcel) error {
	_, err := tx.Exec(`insert into outbox_mails (id, kind, sealed, attempts, due_at, give_up_at, created_at)
		values ($1, $2, $3, 0, $4, $5, $6)`, p.id, string(p.kind), p.sealed, p.dueAt, p.giveUpAt, p.createdAt)
	return err
}

// anyDue reports whether there is something to send.
func anyDue(tx *db.Tx) (bool, error) {
	var n int
	err := tx.QueryRow(`select count(*) from (select 1 from outbox_mails where due_at <= $1 limit 1) d`, tx.Now()).Scan(&n)
	return n > 0, err
}

// claim takes mails that are due, and keeps them from everybody else until the
// lease ends. It counts the attempt that is about to be made.
func claim(tx *db.Tx, limit int, until time.Time) ([]parcel, error) {
	list, err := db.Collect(tx, func(row db.Scanner) (p parcel, err error) {
		err = row.Scan(&p.id, &p.kind, &p.sealed, &p.attempts, &p.dueAt, &p.giveUpAt, &p.createdAt)
		return p, err
	}, `update outbox_mails set due_at = $1, attempts = attempts + 1
		where id in (select id from outbox_mails where due_at <= $2 order by due_at, id limit $3)
		returning id, kind, sealed, attempts, due_at, give_up_at, created_at`, until, tx.Now(), limit)
	slices.SortFunc(list, func(a, b parcel) int { return strings.Compare(a.id, b.id) })
	return list, err
}

// remove deletes a mail, if it is still this claim's.
func remove(tx *db.Tx, p *parcel) error {
	_, err := tx.Exec(`delete from outbox_mails where id = $1 and due_at = $2`, p.id, p.dueAt)
	return err
}

// postpone has a mail tried at another time, if it is still this claim's.
// Counted is whether the attempt was one.
func postpone(tx *db.Tx, p *parcel, to time.Time, counted bool) error {
	back := 1
	if counted {
		back = 0
	}
	_, err := tx.Exec(`update outbox_mails set due_at = $3, attempts = attempts - $4 where id = $1 and due_at = $2`,
		p.id, p.dueAt, to, back)
	return err
}

// backlog counts the mails, and tells when the oldest was written.
func backlog(tx *db.Tx) (n int64, oldest time.Time, err error) {
	err = tx.QueryRow(`select count(*), min(created_at) from outbox_mails`).Scan(&n, &oldest)
	return n, oldest, err
}
