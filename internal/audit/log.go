package audit

import (
	"encoding/json"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/id"
)

// A Log appends to and reads the log.
type Log struct {
	db  *db.DB
	ids *id.Source
}

// New makes a Log.
func New(d *db.DB, ids *id.Source) *Log { return &Log{db: d, ids: ids} }

// Append adds an event to the log of an organization, in the transaction of
// what it tells.
func (l *Log) Append(tx *db.Tx, e Event) error {
	actor := tx.Actor()
	e.ID, e.Time = l.ids.New(id.Event), tx.Now()
	e.Actor = Actor{kind(actor), actor.ID, actor.Name, actor.Address, actor.Agent}
	changes := e.Changes
	if changes == nil {
		changes = []Change{}
	}
	text, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	tx.Recorded()
	return insert(tx, &e, string(text))
}

func kind(a access.Actor) string {
	if a.Kind == access.KindAnonymous {
		return "anonymous"
	}
	return string(a.Kind)
}

// A Query selects events of one organization, newest first.
type Query struct {
	OrganizationID string
	Since, Until   time.Time // zero: no bound
	Actor          string    // id or name
	Action         string    // one, or all that begin so if it ends with a dot
	TargetID       string
	After          string // id of the last event seen; empty for the first page
	Limit          int
}

// List returns at most Limit events. Who may read them the caller has checked.
func (l *Log) List(tx *db.Tx, q Query) ([]Event, error) { return list(tx, q) }
