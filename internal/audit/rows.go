package audit

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/id"
)

func insert(tx *db.Tx, e *Event, changes string, keyNumber int64, mac []byte) error {
	_, err := tx.Exec(`insert into audit_events (id, time, organization_id, actor_kind, actor_id, actor_name,
			address, agent, action, target_kind, target_id, target_name, changes, outcome, code, reference, mac_key, mac)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		e.ID, e.Time, sql.NullString{String: e.OrganizationID, Valid: e.OrganizationID != ""},
		e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Actor.Agent,
		string(e.Action), e.Target.Kind, e.Target.ID, e.Target.Name, changes,
		e.Outcome, e.Code, e.Reference, keyNumber, mac)
	if err == nil {
		_, err = tx.Exec(`insert into audit_waiting (turn, event_id) values (1, $1)`, e.ID)
	}
	return err
}

const eventColumns = `id, time, organization_id, actor_kind, actor_id, actor_name, address, agent,
	action, target_kind, target_id, target_name, changes, outcome, code, reference`

// A search collects the conditions of a query. Ways are such that each has an
// index in the order of ids; what one of them finds is found.
type search struct {
	args  []any
	all   []string
	ways  []string
	limit int
}

func (s *search) bind(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

func (s *search) and(condition string, value any) {
	s.all = append(s.all, condition+" "+s.bind(value))
}

// either is a way for an id, and one for a name.
func (s *search) either(column, value string) {
	v := s.bind(value)
	s.ways = append(s.ways, column+"_id = "+v, column+"_name = "+v+" and "+column+"_id <> "+v)
}

// timeSlack is how far the time in an event's id may be from its own: nodes
// whose clocks differ, and transactions that wait for their turn.
const timeSlack = 10 * time.Minute

// list reads by the index of what the query names: the target, the actor, the
// action, else the organization. It never reads a log from its end only to leave
// out what does not fit.
func list(tx *db.Tx, q Query, actions []string) ([]Event, error) {
	s := search{limit: q.Limit}
	if q.Installation {
		s.all = append(s.all, "organization_id is null")
	} else {
		s.and("organization_id =", q.OrganizationID)
	}
	if q.After != "" {
		s.and("id <", q.After)
	}
	if !q.Since.IsZero() {
		s.and("time >=", q.Since)
		s.and("id >=", id.Event.First(q.Since.Add(-timeSlack)))
	}
	if !q.Until.IsZero() {
		s.and("time <", q.Until)
		s.and("id <", id.Event.First(q.Until.Add(timeSlack)))
	}
	if q.TargetID != "" {
		s.and("target_id =", q.TargetID)
	}
	switch {
	case q.Target != "":
		s.either("target", q.Target)
		s.filterActor(q.Actor)
		s.filterActions(actions)
	case q.Actor != "":
		s.either("actor", q.Actor)
		s.filterActions(actions)
	case q.TargetID != "":
		s.filterActions(actions)
	default:
		for _, a := range actions {
			s.ways = append(s.ways, "action = "+s.bind(a))
		}
	}
	return db.Collect(tx, scan, s.query(), s.args...)
}

func (s *search) filterActor(actor string) {
	if actor != "" {
		v := s.bind(actor)
		s.all = append(s.all, "(actor_id = "+v+" or actor_name = "+v+")")
	}
}

func (s *search) filterActions(actions []string) {
	var binds []string
	for _, a := range actions {
		binds = append(binds, s.bind(a))
	}
	if binds != nil {
		s.all = append(s.all, "action in ("+strings.Join(binds, ", ")+")")
	}
}

func (s *search) query() string {
	end := " order by id desc limit " + s.bind(s.limit)
	where := strings.Join(s.all, " and ")
	if len(s.ways) == 0 {
		return `select ` + eventColumns + ` from audit_events where ` + where + end
	}
	var parts []string
	for i, way := range s.ways {
		parts = append(parts, fmt.Sprintf(`select * from (select %s from audit_events where %s and %s%s) as way%d`, eventColumns, where, way, end, i))
	}
	return `select * from (` + strings.Join(parts, ` union all `) + `) as found` + end
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

// keys

type sealedKey struct {
	number int64
	sealed []byte
}

func sealedKeys(tx *db.Tx) ([]sealedKey, error) {
	return db.Collect(tx, func(row db.Scanner) (k sealedKey, err error) {
		err = row.Scan(&k.number, &k.sealed)
		return k, err
	}, `select number, sealed from audit_keys order by number`)
}

func insertKey(tx *db.Tx, number int64, sealed []byte) error {
	_, err := tx.Exec(`insert into audit_keys (number, sealed, created_at) values ($1, $2, $3)`, number, sealed, tx.Now())
	return err
}

func updateKey(tx *db.Tx, k sealedKey) error {
	_, err := tx.Exec(`update audit_keys set sealed = $2 where number = $1`, k.number, k.sealed)
	return err
}

// events that are sealed

const storedColumns = `coalesce(e.id, ''), coalesce(e.time, 0), coalesce(e.organization_id, ''), coalesce(e.actor_kind, ''),
	coalesce(e.actor_id, ''), coalesce(e.actor_name, ''), coalesce(e.address, ''), coalesce(e.agent, ''), coalesce(e.action, ''),
	coalesce(e.target_kind, ''), coalesce(e.target_id, ''), coalesce(e.target_name, ''), coalesce(e.changes, ''),
	coalesce(e.outcome, ''), coalesce(e.code, ''), coalesce(e.reference, ''), coalesce(e.mac_key, 0), e.mac`

// into are the destinations of storedColumns.
func (e *stored) into() []any {
	return []any{&e.ID, &e.Time, &e.OrganizationID, &e.Actor.Kind, &e.Actor.ID, &e.Actor.Name, &e.Actor.Address, &e.Actor.Agent,
		&e.Action, &e.Target.Kind, &e.Target.ID, &e.Target.Name, &e.changes, &e.Outcome, &e.Code, &e.Reference, &e.key, &e.mac}
}

// waitingEvents returns those that have waited longest, roughly.
func waitingEvents(tx *db.Tx, limit int) ([]stored, error) {
	return db.Collect(tx, func(row db.Scanner) (e stored, err error) {
		eventID := ""
		if err = row.Scan(append([]any{&e.turn, &eventID}, e.into()...)...); e.ID == "" {
			e.ID, e.missing = eventID, true
		}
		return e, err
	}, `select w.turn, w.event_id, `+storedColumns+`
		from (select turn, event_id from audit_waiting order by turn, event_id limit $1) as w
		left join audit_events as e on e.id = w.event_id
		order by w.turn, w.event_id`, limit)
}

// deleteWaiting takes events off the list of those that wait.
func deleteWaiting(tx *db.Tx, events []stored) error {
	for _, turn := range []int64{0, 1} {
		var ids []any
		for i := range events {
			if events[i].turn == turn {
				ids = append(ids, events[i].ID)
			}
		}
		if err := inParts(ids, 1, func(part []any, n int) error {
			_, err := tx.Exec(`delete from audit_waiting where turn = `+strconv.FormatInt(turn, 10)+` and event_id in (`+binds(n, 1)+`)`, part...)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

func countWaiting(tx *db.Tx) (n int64, oldest time.Time, err error) {
	if err = tx.QueryRow(`select count(*) from audit_waiting`).Scan(&n); err != nil || n == 0 {
		return n, oldest, err
	}
	err = tx.QueryRow(`select min(e.time) from (select event_id from audit_waiting order by turn, event_id limit 100) as w
		join audit_events as e on e.id = w.event_id`).Scan(&oldest)
	return n, oldest, err
}

// seals

// A seal is the place of an event in its chain and among all.
type seal struct {
	position      int64
	chain         string
	number        int64
	eventID       string
	key           int64
	chainMAC, mac []byte
}

func insertSeals(tx *db.Tx, seals []seal) error {
	var values []any
	for _, s := range seals {
		values = append(values, s.position, s.chain, s.number, s.eventID, s.key, s.chainMAC, s.mac)
	}
	return inParts(values, 7, func(part []any, n int) error {
		_, err := tx.Exec(`insert into audit_seals (position, chain, number, event_id, key_number, chain_mac, mac) values (`+
			binds(n, 7)+`)`, part...)
		return err
	})
}

// A head is where a chain ends, and where it begins.
type head struct {
	chain     string
	number    int64
	mac       []byte
	base      int64 // 0: nothing was deleted
	baseMAC   []byte
	baseKey   int64
	baseCheck []byte
}

const headColumns = `chain, number, mac, base, base_mac, coalesce(base_key, 0), base_check`

func scanHead(row db.Scanner) (h head, err error) {
	err = row.Scan(&h.chain, &h.number, &h.mac, &h.base, &h.baseMAC, &h.baseKey, &h.baseCheck)
	return h, err
}

// headOf returns the zero head of a chain that has none.
func headOf(tx *db.Tx, chain string) (head, error) {
	h, err := db.One(tx, scanHead, `select `+headColumns+` from audit_heads where chain = $1`, chain)
	if errors.Is(err, db.ErrNoRows) {
		err = nil
	}
	return h, err
}

func allHeads(tx *db.Tx) ([]head, error) {
	return db.Collect(tx, scanHead, `select `+headColumns+` from audit_heads order by chain`)
}

// moveHead moves the end of all from one place to another, and reports whether it
// was there.
func moveHead(tx *db.Tx, from, to head) (bool, error) {
	if from.chain == "" {
		n, err := tx.Exec(`insert into audit_heads (chain, number, mac) values ($1, $2, $3) on conflict do nothing`, to.chain, to.number, to.mac)
		return n > 0, err
	}
	n, err := tx.Exec(`update audit_heads set number = $3, mac = $4 where chain = $1 and number = $2 and mac = $5`,
		from.chain, from.number, to.number, to.mac, from.mac)
	return n > 0, err
}

func setHeads(tx *db.Tx, heads []head) error {
	var values []any
	for _, h := range heads {
		values = append(values, h.chain, h.number, h.mac)
	}
	return inParts(values, 3, func(part []any, n int) error {
		_, err := tx.Exec(`insert into audit_heads (chain, number, mac) values (`+binds(n, 3)+`)
			on conflict (chain) do update set number = excluded.number, mac = excluded.mac`, part...)
		return err
	})
}

// inParts calls do with the values of some rows at a time. There are few sizes,
// so that there are few statements to prepare.
func inParts(values []any, columns int, do func(part []any, n int) error) error {
	for _, size := range []int{100, 10, 1} {
		for len(values) >= size*columns {
			if err := do(values[:size*columns], size); err != nil {
				return err
			}
			values = values[size*columns:]
		}
	}
	return nil
}

// binds writes the binds of so many rows, without the outer brackets.
func binds(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
		case i%columns == 0 && columns > 1:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String()
}

// verification

// sealedEvents returns seals with their events: by position among all, or by
// number where it is one chain's.
func sealedEvents(tx *db.Tx, chain string, after int64, limit int) ([]sealed, error) {
	where, order, args := `position > $1`, `position`, []any{after, limit}
	if chain != "" {
		where, order, args = `number > $1 and chain = $3`, `number`, append(args, chain)
	}
	return db.Collect(tx, func(row db.Scanner) (s sealed, err error) {
		err = row.Scan(append([]any{&s.position, &s.seal.chain, &s.number, &s.eventID, &s.seal.key, &s.chainMAC, &s.seal.mac}, s.into()...)...)
		s.missing = s.ID == ""
		return s, err
	}, `select s.position, s.chain, s.number, s.event_id, s.key_number, s.chain_mac, s.mac, `+storedColumns+`
		from (select position, chain, number, event_id, key_number, chain_mac, mac from audit_seals
			where `+where+` order by `+order+` limit $2) as s
		left join audit_events as e on e.id = s.event_id
		order by s.`+order, args...)
}

// eventsWithoutSeal looks at some events behind one, and returns those that have
// no seal, and the last that it looked at; that is empty at the end.
func eventsWithoutSeal(tx *db.Tx, chain, after string, limit int) (last string, found []unsealed, err error) {
	where, args := `id > $1`, []any{after, limit}
	switch chain {
	case "":
	case installation:
		where += ` and organization_id is null`
	default:
		where, args = where+` and organization_id = $3`, append(args, chain)
	}
	some := `(select id from audit_events where ` + where + ` order by id limit $2)`
	var n int
	if err = tx.QueryRow(`select count(*), coalesce(max(id), '') from `+some+` as p`, args...).Scan(&n, &last); err != nil {
		return "", nil, err
	}
	if n < limit {
		last = ""
	}
	found, err = db.Collect(tx, func(row db.Scanner) (e unsealed, err error) {
		var turn sql.NullInt64
		err = row.Scan(append([]any{&turn}, e.into()...)...)
		e.waits = turn.Valid
		return e, err
	}, `select w.turn, `+storedColumns+`
		from (select p.id from `+some+` as p left join audit_seals as s on s.event_id = p.id where s.event_id is null) as u
		join audit_events as e on e.id = u.id
		left join audit_waiting as w on w.event_id = e.id and w.turn in (0, 1)
		order by e.id`, args...)
	return last, found, err
}

// retention

func setBase(tx *db.Tx, h head) error {
	_, err := tx.Exec(`update audit_heads set base = $2, base_mac = $3, base_key = $4, base_check = $5 where chain = $1`,
		h.chain, h.base, h.baseMAC, h.baseKey, h.baseCheck)
	return err
}

func deleteSeals(tx *db.Tx, after, upTo int64) (int64, error) {
	return tx.Exec(`delete from audit_seals where position > $1 and position <= $2`, after, upTo)
}

func deleteEvents(tx *db.Tx, ids []any) error {
	return inParts(ids, 1, func(part []any, n int) error {
		_, err := tx.Exec(`delete from audit_events where id in (`+binds(n, 1)+`)`, part...)
		return err
	})
}
