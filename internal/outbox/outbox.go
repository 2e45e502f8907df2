package outbox

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/mail"
	"sync"
	"time"

	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/secret"
)

// giveUpAfter is how long a mail is tried.
const giveUpAfter = 72 * time.Hour

// A Config is what the operator sets.
type Config struct {
	Product string
	From    string // address of the sender; see [ParseSender]
}

// An Observer is told what became of a mail: sent, postponed, refused or given
// up; for metrics.
type Observer func(kind Kind, outcome Outcome)

// An Outcome is what became of one attempt to send a mail.
type Outcome string

const (
	Sent      Outcome = "sent"
	Postponed Outcome = "postponed" // it is tried again
	Refused   Outcome = "refused"   // for good, by the server
	GivenUp   Outcome = "given_up"  // too old
)

// An Outbox takes letters and delivers them.
type Outbox struct {
	db        *db.DB
	ids       *id.Source
	ring      *secret.Ring
	writer    *writer
	transport Transport
	from      mail.Address
	logger    *slog.Logger
	observe   Observer
	errands   map[Kind]Errand

	wake     chan struct{}
	claiming sync.Mutex // one claim of this process at a time
	pause    pause
}

// New makes an Outbox. Without a transport it takes letters and leaves their
// delivery to other processes.
func New(d *db.DB, ids *id.Source, ring *secret.Ring, t Transport, logger *slog.Logger, observe Observer, cfg Config) (*Outbox, error) {
	w, err := newWriter(cfg.Product)
	if err != nil {
		return nil, err
	}
	from, err := ParseSender(cfg.From)
	if err != nil {
		return nil, err
	}
	if from.Name == "" {
		from.Name = cfg.Product
	}
	return &Outbox{db: d, ids: ids, ring: ring, writer: w, transport: t, from: from, logger: logger, observe: observe,
		errands: make(map[Kind]Errand),
		wake:    make(chan struct{}, senders), pause: pause{longest: longestPause}}, nil
}

// ParseSender reads the address that mails come from, with a name or without.
func ParseSender(from string) (mail.Address, error) {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return mail.Address{}, err
	}
	return *a, nil
}

// Mail writes a letter in the transaction of what it tells. It leaves within a
// moment after the commit. An error is a mistake of the caller's, or the
// database's.
func (o *Outbox) Mail(tx *db.Tx, l Letter) error {
	if err := l.check(); err != nil {
		return err
	}
	message, err := o.writer.write(l)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(message)
	if err != nil {
		return err
	}
	until := tx.Now().Add(giveUpAfter)
	if !l.Until.IsZero() && l.Until.Before(until) {
		until = l.Until
	}
	return o.write(tx, l.Kind, plain, until)
}

// write writes a row, and has this process look for it after the commit.
func (o *Outbox) write(tx *db.Tx, kind Kind, plain []byte, giveUpAt time.Time) (err error) {
	p := parcel{id: o.ids.New(id.Mail), kind: kind, dueAt: tx.Now(), giveUpAt: giveUpAt, createdAt: tx.Now()}
	if p.sealed, err = o.ring.Seal(place(p.id), plain); err != nil {
		return err
	}
	tx.AfterCommit(o.notify)
	return insert(tx, &p)
}

func place(mailID string) secret.Place {
	return secret.Place{Table: "outbox_mails", Column: "sealed", Row: mailID}
}

// notify has this process look for mails.
func (o *Outbox) notify() {
	select {
	case o.wake <- struct{}{}:
	default: // somebody is about to look
	}
}

// Backlog is how many mails wait, and for how long the oldest has.
func (o *Outbox) Backlog(ctx context.Context) (waiting int64, oldest time.Duration, err error) {
	err = o.db.View(ctx, func(tx *db.Tx) error {
		n, since, err := backlog(tx)
		waiting, oldest = n, 0
		if !since.IsZero() {
			oldest = tx.Now().Sub(since)
		}
		return err
	})
	return waiting, oldest, err
}
