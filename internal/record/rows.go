package record

import (
	"strconv"
	"strings"
	"time"

	"sallyport/internal/db"
)

const columns = `id, time, organization_id, sso_profile_id, user_id, email, method, started_at, outcome, code, address, agent`

func scan(row db.Scanner) (a Attempt, err error) {
	err = row.Scan(&a.ID, &a.Time, &a.OrganizationID, &a.ProfileID, &a.UserID, &a.Email, &a.Method, &a.Started, &a.Outcome, &a.Code, &a.Address, &a.Agent)
	return a, err
}

func values(n *Note) []any {
	return []any{n.ID, n.Time, n.OrganizationID, n.ProfileID, n.UserID, n.Email, string(n.Method), string(n.Started), string(n.Outcome), string(n.Code),
		n.Address, n.Agent, n.EmailKey}
}

const insertColumns = `insert into record_attempts (` + columns + `, email_key)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

// insertAttempt writes an attempt that is pending. Where its end was written
// before it only tells when and where it began.
func insertAttempt(tx *db.Tx, n *Note) error {
	_, err := tx.Exec(insertColumns+` on conflict (id) do update set time = excluded.time, started_at = excluded.started_at`, values(n)...)
	return err
}

// finishAttempt writes an attempt that is decided, over the one that was
// pending. What was decided stays.
func finishAttempt(tx *db.Tx, n *Note) error {
	_, err := tx.Exec(insertColumns+` on conflict (id) do update set
			user_id = excluded.user_id, email = excluded.email, email_key = excluded.email_key, outcome = excluded.outcome, code = excluded.code,
			address = excluded.address, agent = excluded.agent
		where record_attempts.outcome = 'pending'`, values(n)...)
	return err
}

func attemptByID(tx *db.Tx, attemptID string) (Attempt, error) {
	return db.One(tx, scan, `select `+columns+` from record_attempts where id = $1`, attemptID)
}

// list reads by the index of what the query names first.
func list(tx *db.Tx, q Query) ([]Attempt, error) {
	where, args := "organization_id = $1", []any{q.OrganizationID}
	and := func(condition string, value any) {
		args = append(args, value)
		where += " and " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args)))
	}
	if q.userID != "" {
		and("user_id = ? and user_id <> ''", q.userID)
	}
	if q.emailKey != "" {
		and("email_key = ? and email_key <> ''", q.emailKey)
	}
	if q.ProfileID != "" {
		and("sso_profile_id = ? and sso_profile_id <> ''", q.ProfileID)
	}
	if q.Code != "" {
		and("code = ? and code <> ''", q.Code)
	}
	if q.Outcome != "" {
		and("outcome = ?", string(q.Outcome))
	}
	if q.Reference != "" {
		and("id = ?", q.Reference)
	}
	if q.After != "" {
		and("id < ?", q.After)
	}
	if !q.Since.IsZero() {
		and("id >= ?", lowest(q.Since))
	}
	if !q.Until.IsZero() {
		and("id < ?", lowest(q.Until))
	}
	args = append(args, q.Limit)
	return db.Collect(tx, scan, `select `+columns+` from record_attempts where `+where+` order by id desc limit $`+strconv.Itoa(len(args)), args...)
}

// accepted returns the newest of a profile's attempts that signed somebody in, at
// most so many, among the newest of all.
func accepted(tx *db.Tx, organizationID, profileID string, among, most int) ([]Attempt, error) {
	return db.Collect(tx, scan, `select `+columns+` from (
			select * from record_attempts where organization_id = $1 and sso_profile_id = $2 and sso_profile_id <> '' order by id desc limit $3) newest
		where outcome = 'succeeded' order by id desc limit $4`, organizationID, profileID, among, most)
}

func withRefusals(tx *db.Tx, since time.Time, most int) ([]Failing, error) {
	return db.Collect(tx, func(row db.Scanner) (f Failing, err error) {
		err = row.Scan(&f.OrganizationID, &f.ProfileID)
		return f, err
	}, `select distinct organization_id, sso_profile_id from record_hours where hour >= $1 and outcome = 'refused' and sso_profile_id <> ''
		order by sso_profile_id limit $2`, since, most)
}

func latest(tx *db.Tx, organizationID, profileID string, most int) ([]Attempt, error) {
	return db.Collect(tx, scan, `select `+columns+` from (
			select * from record_attempts where organization_id = $1 and sso_profile_id = $2 and sso_profile_id <> '' order by id desc limit $3) newest
		where outcome <> 'pending' order by id desc`, organizationID, profileID, most)
}

func sealedOf(tx *db.Tx, attemptID string) ([]byte, error) {
	return db.One(tx, func(row db.Scanner) (sealed []byte, err error) {
		err = row.Scan(&sealed)
		return sealed, err
	}, `select sealed from record_details where attempt_id = $1`, attemptID)
}

func putDetails(tx *db.Tx, attemptID, organizationID string, sealed []byte) error {
	_, err := tx.Exec(`insert into record_details (attempt_id, organization_id, sealed) values ($1, $2, $3)
		on conflict (attempt_id) do update set sealed = excluded.sealed`, attemptID, organizationID, sealed)
	return err
}

func addCount(tx *db.Tx, key hourKey, c count) error {
	_, err := tx.Exec(`insert into record_hours (organization_id, hour, sso_profile_id, method, outcome, code, attempts, kept, octets)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		on conflict (organization_id, hour, sso_profile_id, method, outcome, code) do update set
			attempts = record_hours.attempts + excluded.attempts, kept = record_hours.kept + excluded.kept, octets = record_hours.octets + excluded.octets`,
		key.organizationID, key.hour, key.profileID, string(key.method), string(key.outcome), string(key.code), c.attempts, c.kept, c.octets)
	return err
}

// usedOf returns what an organization has used of a day.
func usedOf(tx *db.Tx, organizationID string, start time.Time) (d day, err error) {
	type sum struct {
		key hourKey
		count
	}
	sums, err := db.Collect(tx, func(row db.Scanner) (s sum, err error) {
		err = row.Scan(&s.key.outcome, &s.key.code, &s.kept, &s.octets)
		return s, err
	}, `select outcome, code, sum(kept), sum(octets) from record_hours where organization_id = $1 and hour >= $2 and hour < $3
		group by outcome, code`, organizationID, start, start.Add(24*time.Hour))
	for _, s := range sums {
		d.add(s.key, s.count)
	}
	return d, err
}

func hours(tx *db.Tx, organizationID string, since time.Time) ([]Hour, error) {
	return db.Collect(tx, func(row db.Scanner) (h Hour, err error) {
		err = row.Scan(&h.Start, &h.ProfileID, &h.Method, &h.Outcome, &h.Code, &h.Attempts, &h.Kept)
		return h, err
	}, `select hour, sso_profile_id, method, outcome, code, attempts, kept from record_hours
		where organization_id = $1 and hour >= $2 and attempts > 0 order by organization_id, hour, sso_profile_id, method, outcome, code`, organizationID, since)
}

// purgeAttempts deletes the oldest attempts, and their details, before an id.
func purgeAttempts(tx *db.Tx, before string, limit int) (n int64, err error) {
	n, err = tx.Exec(`delete from record_attempts where id in (select id from record_attempts where id < $1 order by id limit $2)`, before, limit)
	if err != nil {
		return n, err
	}
	m, err := tx.Exec(`delete from record_details where attempt_id in (select attempt_id from record_details where attempt_id < $1 order by attempt_id limit $2)`, before, limit)
	return max(n, m), err
}

func purgeHours(tx *db.Tx, before time.Time, limit int) (int64, error) {
	return tx.Exec(`delete from record_hours where (organization_id, hour, sso_profile_id, method, outcome, code) in (
		select organization_id, hour, sso_profile_id, method, outcome, code from record_hours where hour < $1 order by hour limit $2)`, before, limit)
}

// attemptsOf returns the first attempts of a user until an instant.
func attemptsOf(tx *db.Tx, e erasure, limit int) ([]string, error) {
	return db.Collect(tx, func(row db.Scanner) (attemptID string, err error) {
		err = row.Scan(&attemptID)
		return attemptID, err
	}, `select id from record_attempts where organization_id = $1 and user_id = $2 and user_id <> '' and id < $3
		union select id from record_attempts where organization_id = $1 and email_key = $4 and email_key <> '' and id < $3 limit $5`,
		e.organizationID, e.userID, lowest(e.before), e.emailKey, limit)
}

func deleteAttempt(tx *db.Tx, attemptID string) error {
	if _, err := tx.Exec(`delete from record_attempts where id = $1`, attemptID); err != nil {
		return err
	}
	_, err := tx.Exec(`delete from record_details where attempt_id = $1`, attemptID)
	return err
}

func putErasure(tx *db.Tx, e erasure) error {
	_, err := tx.Exec(`insert into record_erasures (organization_id, user_id, email_key, before) values ($1, $2, $3, $4)
		on conflict (organization_id, user_id) do update set email_key = excluded.email_key, before = excluded.before`,
		e.organizationID, e.userID, e.emailKey, e.before)
	return err
}

func erasures(tx *db.Tx, limit int) ([]erasure, error) {
	return db.Collect(tx, func(row db.Scanner) (e erasure, err error) {
		err = row.Scan(&e.organizationID, &e.userID, &e.emailKey, &e.before)
		return e, err
	}, `select organization_id, user_id, email_key, before from record_erasures order by organization_id, user_id limit $1`, limit)
}

func deleteErasure(tx *db.Tx, e erasure) error {
	_, err := tx.Exec(`delete from record_erasures where organization_id = $1 and user_id = $2 and before = $3`, e.organizationID, e.userID, e.before)
	return err
}

func detailsAfter(tx *db.Tx, after string, limit int) ([]sealedDetails, error) {
	return db.Collect(tx, func(row db.Scanner) (d sealedDetails, err error) {
		err = row.Scan(&d.attemptID, &d.organizationID, &d.sealed)
		return d, err
	}, `select attempt_id, organization_id, sealed from record_details where attempt_id > $1 order by attempt_id limit $2`, after, limit)
}
