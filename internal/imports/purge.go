package imports

import (
	"context"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// keepRows is how long rows and results are kept: they are people's names and
// addresses.
const keepRows = 30 * 24 * time.Hour

// Purge deletes rows and results that are old, and uploads that broke off.
func (s *Service) Purge(ctx context.Context) error {
	var old []string
	err := s.db.View(ctx, func(tx *db.Tx) (err error) {
		old, err = oldUploads(tx, tx.Now().Add(-keepRows), tx.Now().Add(-time.Hour))
		return err
	})
	if err != nil {
		return err
	}
	for _, uploadID := range old {
		for n := int64(dropBatch); n == dropBatch; {
			err := s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) (err error) {
				n, err = deleteResults(tx, uploadID, dropBatch)
				return err
			})
			if err != nil {
				return err
			}
		}
		if err := s.drop(ctx, uploadID); err != nil {
			return err
		}
	}
	return nil
}
