package signin

import (
	"context"
	"database/sql"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
)

// parked is an arrival that waits for the answer to a page.
type parked struct {
	hash, browser     []byte
	page              Page
	arrival           Arrival
	expiresAt, usedAt time.Time
}

func insertArrival(tx *db.Tx, p *parked) error {
	a := &p.arrival
	_, err := tx.Exec(`insert into arrivals (token_hash, browser_hash, page, user_id, method, sso_profile_id, name_id,
			name_id_details, session_index, authenticated_at, not_on_or_after, return_to, expires_at, initial,
			certificate, reference)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		p.hash, p.browser, string(p.page), a.UserID, string(a.Method), sql.NullString{String: a.ProfileID, Valid: a.ProfileID != ""},
		a.NameID, a.NameIDDetails, a.SessionIndex, a.AuthenticatedAt, a.NotOnOrAfter, a.ReturnTo, p.expiresAt, a.Initial, a.Certificate, a.Reference)
	return err
}

func arrivalByHash(tx *db.Tx, hash []byte) (parked, error) {
	return db.One(tx, func(row db.Scanner) (p parked, err error) {
		a := &p.arrival
		p.hash = hash
		err = row.Scan(&p.browser, &p.page, &a.UserID, &a.Method, &a.ProfileID, &a.NameID, &a.NameIDDetails, &a.SessionIndex,
			&a.AuthenticatedAt, &a.NotOnOrAfter, &a.ReturnTo, &p.expiresAt, &p.usedAt, &a.Initial,
			&a.Certificate, &a.Reference)
		return p, err
	}, `select browser_hash, page, user_id, method, coalesce(sso_profile_id, ''), name_id, name_id_details, session_index,
			authenticated_at, not_on_or_after, return_to, expires_at, used_at, initial, certificate, reference
		from arrivals where token_hash = $1`, hash)
}

func useArrival(tx *db.Tx, hash []byte) error {
	_, err := tx.Exec(`update arrivals set used_at = $2 where token_hash = $1`, hash, tx.Now())
	return err
}

// endArrivals uses up the arrivals of whom an order means.
func endArrivals(tx *db.Tx, o Order) error {
	type pending struct {
		hash  []byte
		index string
	}
	found, err := db.Collect(tx, func(row db.Scanner) (p pending, err error) {
		err = row.Scan(&p.hash, &p.index)
		return p, err
	}, `select token_hash, session_index from arrivals where sso_profile_id = $1 and name_id = $2 and used_at is null`, o.ProfileID, o.NameID)
	if err != nil {
		return err
	}
	for _, p := range found {
		if !o.Meant(p.index) {
			continue
		}
		if err := useArrival(tx, p.hash); err != nil {
			return err
		}
	}
	return nil
}

// endArrivalsOf uses up the arrivals that a certificate has verified.
func endArrivalsOf(tx *db.Tx, profileID, certificate string) error {
	_, err := tx.Exec(`update arrivals set used_at = $3
		where sso_profile_id = $1 and (certificate = $2 or certificate = '') and used_at is null`, profileID, certificate, tx.Now())
	return err
}

// Purge deletes arrivals an hour after their end: until then a second answer
// is told what happened to the first.
func (s *Service) Purge(ctx context.Context) error {
	return s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) error {
		_, err := tx.Exec(`delete from arrivals where expires_at < $1`, tx.Now().Add(-time.Hour))
		return err
	})
}
