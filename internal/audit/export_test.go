package audit

import "sallyport/internal/db"

// VerifyIn verifies what stands in a transaction that is not committed.
func (l *Log) VerifyIn(tx *db.Tx, in Verification) (found []Finding, err error) {
	_, err = l.verify(tx, in, func(f Finding) { found = append(found, f) })
	return found, err
}
