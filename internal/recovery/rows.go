package recovery

import (
	"errors"
	"time"

	"sallyport/internal/db"
)

func insert(tx *db.Tx, hash []byte, userID string) error {
	_, err := tx.Exec(`insert into recovery_codes (code_hash, user_id, made_at) values ($1, $2, $3)`, hash, userID, tx.Now())
	return err
}

func use(tx *db.Tx, hash []byte, userID string) (int64, error) {
	return tx.Exec(`update recovery_codes set used_at = $3 where code_hash = $1 and user_id = $2 and used_at is null`, hash, userID, tx.Now())
}

func remove(tx *db.Tx, userID string) error {
	_, err := tx.Exec(`delete from recovery_codes where user_id = $1`, userID)
	return err
}

func stock(tx *db.Tx, userID string) (Stock, error) {
	return db.One(tx, func(row db.Scanner) (s Stock, err error) {
		err = row.Scan(&s.Left, &s.Made, &s.MadeAt)
		return s, err
	}, `select coalesce(sum(case when used_at is null then 1 else 0 end), 0), count(*), max(made_at) from recovery_codes where user_id = $1`, userID)
}

func insertEntry(tx *db.Tx, sessionID, organizationID, userID, email string) error {
	_, err := tx.Exec(`insert into recoveries (id, organization_id, user_id, email, used_at) values ($1, $2, $3, $4, $5)`,
		sessionID, organizationID, userID, email, tx.Now())
	return err
}

func latest(tx *db.Tx, organizationID string, since time.Time) (Entry, error) {
	e, err := db.One(tx, func(row db.Scanner) (e Entry, err error) {
		err = row.Scan(&e.Email, &e.At)
		return e, err
	}, `select email, used_at from recoveries where organization_id = $1 and used_at >= $2 order by used_at desc limit 1`, organizationID, since)
	if errors.Is(err, db.ErrNoRows) {
		return Entry{}, nil
	}
	return e, err
}

// purge forgets who was let in before a time.
func purge(tx *db.Tx, before time.Time, limit int) (int64, error) {
	return tx.Exec(`delete from recoveries where id in (select id from recoveries where used_at < $1 limit $2)`, before, limit)
}
