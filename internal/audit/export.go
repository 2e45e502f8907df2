package audit

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/sheet"
)

// A Format is how a log is exported.
type Format string

const (
	CSV       Format = "csv"   // RFC 4180, for spreadsheets: no cell is a formula
	JSONLines Format = "jsonl" // one event a line, as the API shows it
)

// Kind is the media type.
func (f Format) Kind() string {
	if f == CSV {
		return sheet.Kind
	}
	return "application/jsonl"
}

// exportBatch is how many events are read at a time, each batch in a transaction
// of its own that reads.
const exportBatch = 500

// Export writes the events of a query, newest first, however many there are, and
// in the log that it did. Open is called once, before the first octet; what fails
// behind it can only break the file off. Who may read them the caller has checked.
func (l *Log) Export(ctx context.Context, actor access.Actor, q Query, f Format, open func() io.Writer) error {
	if f != CSV && f != JSONLines {
		return fault.Invalid(fault.Field{Name: "format", Message: "is csv or jsonl"})
	}
	actions, ok := q.actions()
	err := l.db.Update(ctx, actor, func(tx *db.Tx) error {
		return l.Append(tx, Event{OrganizationID: q.OrganizationID, Action: LogExported,
			Target: Target{Kind: "organization", ID: q.OrganizationID}, Changes: q.described(f)})
	})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(open(), 32<<10)
	write := lines(out)
	if f == CSV {
		write = rows(out)
	}
	q.Limit = exportBatch
	for ok {
		var batch []Event
		err := l.db.View(ctx, func(tx *db.Tx) (err error) {
			batch, err = list(tx, q, actions)
			return err
		})
		if err != nil {
			return err
		}
		for i := range batch {
			if err := write(&batch[i]); err != nil {
				return err
			}
			q.After = batch[i].ID
		}
		if err := out.Flush(); err != nil {
			return err
		}
		ok = len(batch) == q.Limit
	}
	return out.Flush()
}

// described tells what was exported, for the log.
func (q *Query) described(f Format) []Change {
	changes := []Change{{Field: "format", New: string(f)}}
	add := func(field, value string) {
		if value != "" {
			changes = append(changes, Change{Field: field, New: value})
		}
	}
	add("actor", q.Actor)
	add("action", q.Action)
	add("target", q.Target)
	if !q.Since.IsZero() {
		add("since", q.Since.UTC().Format(time.RFC3339))
	}
	if !q.Until.IsZero() {
		add("until", q.Until.UTC().Format(time.RFC3339))
	}
	return changes
}

// lines writes JSON Lines.
func lines(w io.Writer) func(*Event) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return func(e *Event) error { return encoder.Encode(e) }
}

var columns = []string{"id", "time", "actor_kind", "actor_id", "actor", "address", "agent", "action", "target_kind", "target_id", "target", "changes", "outcome", "code", "reference"}

// rows writes CSV: its header stands above the first event, or alone.
func rows(w io.Writer) func(*Event) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(columns) // kept by out, as every error of w
	out.Flush()
	return func(e *Event) error {
		cells := []string{e.ID, e.Time.UTC().Format(time.RFC3339Nano), e.Actor.Kind, e.Actor.ID, e.Actor.Name, e.Actor.Address, e.Actor.Agent,
			string(e.Action), e.Target.Kind, e.Target.ID, e.Target.Name, e.changed(), e.Outcome, e.Code, e.Reference}
		for i := range cells {
			cells[i] = sheet.Guard(cells[i])
		}
		err := out.Write(cells)
		out.Flush()
		if err == nil {
			err = out.Error()
		}
		return err
	}
}

// changed are the changes in one cell: field: old → new; field: …
func (e *Event) changed() string {
	var b strings.Builder
	for i, c := range e.Changes {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Field + ": ")
		if c.Old != nil {
			b.WriteString(plain(c.Old) + " → ")
		}
		b.WriteString(plain(c.New))
	}
	return b.String()
}

func plain(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return string(text)
}
