package throttle

import (
	"errors"
	"time"

	"sallyport/internal/db"
)

func read(tx *db.Tx, bucket []byte) (count int, endsAt time.Time, err error) {
	err = tx.QueryRow(`select count, ends_at from throttles where bucket = $1`, bucket).Scan(&count, &endsAt)
	if errors.Is(err, db.ErrNoRows) {
		return 0, time.Time{}, nil
	}
	return count, endsAt, err
}

func write(tx *db.Tx, bucket []byte, count int, endsAt time.Time) error {
	_, err := tx.Exec(`insert into throttles (bucket, count, ends_at) values ($1, $2, $3)
		on conflict (bucket) do update set count = excluded.count, ends_at = excluded.ends_at`, bucket, count, endsAt)
	return err
}

func give(tx *db.Tx, bucket []byte) error {
	_, err := tx.Exec(`update throttles set count = count - 1 where bucket = $1 and count > 0`, bucket)
	return err
}

func purge(tx *db.Tx, limit int) (int64, error) {
	return tx.Exec(`delete from throttles where bucket in (select bucket from throttles where ends_at <= $1 limit $2)`, tx.Now(), limit)
}
