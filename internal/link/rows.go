package link

import (
	"time"

	"sallyport/internal/db"
)

func insert(tx *db.Tx, l *Link) error {
	_, err := tx.Exec(`insert into one_time_links (token_hash, purpose, subject_id, expires_at, created_at) values ($1, $2, $3, $4, $5)`,
		l.hash, string(l.Purpose), l.SubjectID, l.ExpiresAt, tx.Now())
	return err
}

func byHash(tx *db.Tx, hash []byte) (Link, error) {
	return db.One(tx, func(row db.Scanner) (l Link, err error) {
		l.hash = hash
		err = row.Scan(&l.Purpose, &l.SubjectID, &l.ExpiresAt, &l.usedAt, &l.endedAt)
		return l, err
	}, `select purpose, subject_id, expires_at, used_at, ended_at from one_time_links where token_hash = $1`, hash)
}

func use(tx *db.Tx, p Purpose, subjectID string) error {
	_, err := tx.Exec(`update one_time_links set used_at = $3 where subject_id = $1 and purpose = $2 and used_at is null and ended_at is null`,
		subjectID, string(p), tx.Now())
	return err
}

func end(tx *db.Tx, p Purpose, subjectID string) error {
	_, err := tx.Exec(`update one_time_links set ended_at = $3
		where subject_id = $1 and ($2 = '' or purpose = $2) and used_at is null and ended_at is null`,
		subjectID, string(p), tx.Now())
	return err
}

func purge(tx *db.Tx, before time.Time, limit int) (int64, error) {
	return tx.Exec(`delete from one_time_links where token_hash in (select token_hash from one_time_links where expires_at < $1 limit $2)`, before, limit)
}
