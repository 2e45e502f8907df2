package session

import (
	"database/sql"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/db"
)

const columns = `s.id, s.user_id, s.method, coalesce(s.sso_profile_id, ''), s.name_id, s.name_id_details, s.session_index,
	s.certificate, s.authenticated_at, s.not_on_or_after, s.address, s.agent, s.created_at, a.last_seen_at`

const from = ` from sessions s join session_activity a on a.session_id = s.id`

func scan(row db.Scanner) (s Session, err error) {
	err = row.Scan(&s.ID, &s.UserID, &s.Method, &s.ProfileID, &s.NameID, &s.NameIDDetails, &s.SessionIndex,
		&s.Certificate, &s.AuthenticatedAt, &s.NotOnOrAfter, &s.Address, &s.Agent, &s.CreatedAt, &s.LastSeenAt)
	return s, err
}

func insert(tx *db.Tx, s *Session, hash []byte) error {
	_, err := tx.Exec(`insert into sessions (id, token_hash, user_id, method, sso_profile_id, name_id, name_id_details,
			session_index, authenticated_at, not_on_or_after, address, agent, created_at, certificate)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		s.ID, hash, s.UserID, string(s.Method), sql.NullString{String: s.ProfileID, Valid: s.ProfileID != ""},
		s.NameID, s.NameIDDetails, s.SessionIndex, s.AuthenticatedAt, s.NotOnOrAfter, s.Address, s.Agent, s.CreatedAt, s.Certificate)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`insert into session_activity (session_id, last_seen_at) values ($1, $2)`, s.ID, s.LastSeenAt)
	return err
}

func byToken(tx *db.Tx, hash []byte) (Session, error) {
	return db.One(tx, scan, `select `+columns+from+` where s.token_hash = $1`, hash)
}

func ofUser(tx *db.Tx, userID string) ([]Session, error) {
	return db.Collect(tx, scan, `select `+columns+from+` where s.user_id = $1 order by s.id desc limit 200`, userID)
}

func touch(tx *db.Tx, sessionID string) error {
	_, err := tx.Exec(`update session_activity set last_seen_at = $2 where session_id = $1`, sessionID, tx.Now())
	return err
}

func endOne(tx *db.Tx, userID, sessionID string) (int64, error) {
	return tx.Exec(`delete from sessions where user_id = $1 and id = $2`, userID, sessionID)
}

func endOfUser(tx *db.Tx, userID, spare string) (int64, error) {
	return tx.Exec(`delete from sessions where user_id = $1 and id <> $2`, userID, spare)
}

func endOthers(tx *db.Tx, userIDs []string, profileID string, before time.Time) (int64, error) {
	args := []any{profileID, before}
	var in strings.Builder
	for i := range 100 { // one statement, however many there are
		if i > 0 {
			in.WriteByte(',')
		}
		args = append(args, userIDs[min(i, len(userIDs)-1)])
		in.WriteString("$" + strconv.Itoa(len(args)))
	}
	return tx.Exec(`delete from sessions where user_id in (`+in.String()+`) and created_at <= $2
		and method <> 'recovery' and coalesce(sso_profile_id, '') <> $1`, args...)
}

// ofNameID returns the sessions of whom an Identity Provider calls so.
func ofNameID(tx *db.Tx, profileID, nameID string) ([]Session, error) {
	return db.Collect(tx, scan, `select `+columns+from+` where s.sso_profile_id = $1 and s.name_id = $2 order by s.id`, profileID, nameID)
}

func endOfCertificate(tx *db.Tx, profileID, certificate string, limit int64) (int64, error) {
	return tx.Exec(`delete from sessions where id in (
			select id from sessions where sso_profile_id = $1 and certificate = $2 order by id limit $3)`, profileID, certificate, limit)
}

func count(tx *db.Tx) (n int64, err error) {
	err = tx.QueryRow(`select count(*) from sessions`).Scan(&n)
	return n, err
}

func purge(tx *db.Tx, limit int) (int64, error) {
	return tx.Exec(`delete from sessions where id in (
			select id from sessions where created_at < $1
			union
			select session_id from session_activity where last_seen_at < $2
			limit $3)`,
		tx.Now().Add(-MaxMax), tx.Now().Add(-MaxIdle), limit)
}
