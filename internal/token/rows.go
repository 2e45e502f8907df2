package token

import (
	"database/sql"
	"time"

	"sallyport/internal/db"
)

const columns = `id, name, coalesce(organization_id, ''), scope, coalesce(maker_id, ''), created_at, expires_at`

func scan(row db.Scanner) (t Token, err error) {
	err = row.Scan(&t.ID, &t.Name, &t.OrganizationID, &t.Scope, &t.MakerID, &t.CreatedAt, &t.ExpiresAt)
	return t, err
}

func insert(tx *db.Tx, t *Token, hash []byte) error {
	_, err := tx.Exec(`insert into api_tokens (id, token_hash, name, organization_id, scope, maker_id, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.ID, hash, t.Name, sql.NullString{String: t.OrganizationID, Valid: t.OrganizationID != ""}, string(t.Scope),
		sql.NullString{String: t.MakerID, Valid: t.MakerID != ""}, t.CreatedAt, t.ExpiresAt)
	return err
}

func byHash(tx *db.Tx, hash []byte) (Token, error) {
	return db.One(tx, scan, `select `+columns+` from api_tokens where token_hash = $1`, hash)
}

func byID(tx *db.Tx, tokenID string) (Token, error) {
	return db.One(tx, scan, `select `+columns+` from api_tokens where id = $1`, tokenID)
}

func tokens(tx *db.Tx, organizationID, after string, limit int) ([]Token, error) {
	return db.Collect(tx, scan, `select `+columns+` from api_tokens
		where coalesce(organization_id, '') = $1 and ($2 = '' or id < $2) order by id desc limit $3`, organizationID, after, limit)
}

func remove(tx *db.Tx, tokenID string) error {
	_, err := tx.Exec(`delete from api_tokens where id = $1`, tokenID)
	return err
}

func operatorTokenExists(tx *db.Tx) (bool, error) {
	var n int
	err := tx.QueryRow(`select count(*) from api_tokens where organization_id is null and expires_at > $1`, tx.Now()).Scan(&n)
	return n > 0, err
}

func purge(tx *db.Tx, before time.Time) error {
	_, err := tx.Exec(`delete from api_tokens where expires_at < $1`, before)
	return err
}
