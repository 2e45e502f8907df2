package audit

import (
	"database/sql"
	"encoding/json"
	"strconv"
	"strings"

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

// list reads by the index of what the query names: the target, else the
// organization.
func list(tx *db.Tx, q Query) ([]Event, error) {
	where, args := "organization_id = $1", []any{q.OrganizationID}
	and := func(condition string, value any) {
		args = append(args, value)
		where += " and " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args)))
	}
	if q.After != "" {
		and("id < ?", q.After)
	}
	switch {
	case strings.HasSuffix(q.Action, "."):
		and(`action like ? escape '\'`, strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(q.Action)+"%")
	case q.Action != "":
		and("action = ?", q.Action)
	}
	if q.Actor != "" {
		and("(actor_id = ? or actor_name = ?)", q.Actor)
	}
	if q.TargetID != "" {
		and("target_id = ?", q.TargetID)
	}
	if !q.Since.IsZero() {
		and("time >= ?", q.Since)
	}
	if !q.Until.IsZero() {
		and("time < ?", q.Until)
	}
	args = append(args, q.Limit)
	return db.Collect(tx, scan, `select id, time, organization_id, actor_kind, actor_id, actor_name, address, agent,
			action, target_kind, target_id, target_name, changes, outcome, code, reference
		from audit_events where `+where+` order by id desc limit $`+strconv.Itoa(len(args)), args...)
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
