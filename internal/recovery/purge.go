package recovery

import (
	"time"

	"sallyport/internal/db"
)

// keep is how long it is remembered who was let in; the log has it for longer.
const keep = 90 * 24 * time.Hour

// purgeBatch bounds one call of [Purge].
const purgeBatch = 1000

// Purge forgets who was let in long ago.
func Purge(tx *db.Tx) error {
	_, err := purge(tx, tx.Now().Add(-keep), purgeBatch)
	return err
}
