package audit

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/secret"
)

// A Log appends to, reads, seals and verifies the log.
type Log struct {
	db     *db.DB
	ids    *id.Source
	ring   *secret.Ring
	logger *slog.Logger
	cached atomic.Pointer[key] // for what is written now
}

// New makes a Log. The ring's keys are those that stand outside the database.
func New(d *db.DB, ids *id.Source, ring *secret.Ring, logger *slog.Logger) *Log {
	return &Log{db: d, ids: ids, ring: ring, logger: logger}
}

// Prepare makes the key of the log, so that no use case has to.
func (l *Log) Prepare(ctx context.Context) error {
	return l.db.Update(ctx, access.System("audit"), func(tx *db.Tx) error {
		_, err := l.current(tx)
		return err
	})
}

// Append adds an event to the log of an organization, in the transaction of
// what it tells.
func (l *Log) Append(tx *db.Tx, e Event) error {
	return l.AppendFor(tx, tx.Actor(), tx.Now(), e)
}

// AppendFor is Append for what somebody else did, a moment ago: the transaction
// is that of who writes it down.
func (l *Log) AppendFor(tx *db.Tx, actor access.Actor, at time.Time, e Event) error {
	e.ID, e.Time = l.ids.NewAt(id.Event, at), at
	e.Actor = Actor{kind(actor), actor.ID, actor.Name, actor.Address, actor.Agent}
	changes := e.Changes
	if changes == nil {
		changes = []Change{}
	}
	text, err := json.Marshal(changes)
	if err != nil {
		return err
	}
	k, err := l.current(tx)
	if err != nil {
		return err
	}
	tx.Recorded()
	return insert(tx, &e, string(text), k.number, k.event(&e, string(text)))
}

func kind(a access.Actor) string {
	if a.Kind == access.KindAnonymous {
		return "anonymous"
	}
	return string(a.Kind)
}

// A Query selects events of one log, newest first.
type Query struct {
	OrganizationID string
	Installation   bool      // the installation's own log, in place of an organization's
	Since, Until   time.Time // zero: no bound
	Actor          string    // id or name
	Action         string    // one, or all of a kind if it ends with a dot
	TargetID       string
	Target         string // id or name
	After          string // id of the last event seen; empty for the first page
	Limit          int
}

// List returns at most Limit events. Who may read them the caller has checked.
func (l *Log) List(tx *db.Tx, q Query) ([]Event, error) {
	actions, ok := q.actions()
	if !ok {
		return nil, nil
	}
	return list(tx, q, actions)
}

// actions are those that the query asks for; nil are all, false is none.
func (q *Query) actions() (list []string, ok bool) {
	switch {
	case strings.HasSuffix(q.Action, "."):
		list = actionsOf(q.Action)
		return list, len(list) > 0
	case q.Action != "":
		return []string{q.Action}, true
	}
	return nil, true
}
