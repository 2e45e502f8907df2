package audit

import (
	"database/sql"
	"encoding/json"

	"sallyport/internal/db"
)

func insert(tx *db.Tx, e *Event, changes string) error {
	_, err := tx.Exec(`insert into audit_events (id, time, organization_id, actor_kind, actor_id, actor_name,
			address, agent, action, target_kind, target_id, target_name, changes, outcome, code, reference)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		e.ID, e.Time, sql.NullString{String: e.OrganizationID, Valid: e.OrganizationID != ""},
		e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Actor.Agent,
		string(e.Action), e.Target.Kind, e.Target.ID, e.Target.Name, changes,
		e.Outcome, e.Code, e.Reference)
	return err
}

func list(tx *db.Tx, q Query) ([]Event, error) {
	return db.Collect(tx, scan, `select id, time, organization_id, actor_kind, actor_id, actor_name, address, agent,
			action, target_kind, target_id, target_name, changes, outcome, code, reference
		from audit_events
		where organization_id = $1 and ($2 = '' or id < $2)
			and ($3 = '' or action = $3) and ($4 = '' or actor_id = $4 or actor_name = $4)
			and time >= $5 and time < $6
		order by id desc limit $7`,
		q.OrganizationID, q.After, q.Action, q.Actor, since(q), until(q), q.Limit)
}

// since and until are the bounds in microseconds: the ends of time where there
// is none.
func since(q Query) int64 {
	if q.Since.IsZero() {
		return 0
	}
	return q.Since.UnixMicro()
}

func until(q Query) int64 {
	if q.Until.IsZero() {
		return 1<<63 - 1
	}
	return q.Until.UnixMicro()
}

func scan(row db.Scanner) (Event, error) {
	var e Event
	var organization sql.NullString
	var changes string
	err := row.Scan(&e.ID, &e.Time, &organization, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Name, &e.Actor.Address,
		&e.Actor.Agent, &e.Action, &e.Target.Kind, &e.Target.ID, &e.Target.Name, &changes, &e.Outcome, &e.Code, &e.Reference)
	if err != nil {
		return e, err
	}
	e.OrganizationID = organization.String
	return e, json.Unmarshal([]byte(changes), &e.Changes)
}
