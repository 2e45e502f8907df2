package record

import (
	"log/slog"
	"sync"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/id"
	"sallyport/internal/secret"
)

// A Config is what the operator sets, and what the recorder has to know of what
// it does not own.
type Config struct {
	Keep time.Duration // how long attempts are kept
	// Off records nothing but the attempts themselves: neither details nor what
	// is refused. For measuring what recording costs.
	Off bool
	// Holder tells whose an address is that nobody has, by its domain.
	Holder func(tx *db.Tx, typed string) (Holder, error)
	// User tells whose an address is, and how it is compared. Both are empty for
	// what is no address.
	User func(tx *db.Tx, typed string) (userID, key string, err error)
	// Observe is told of attempts that were left out, wholly or in part; for
	// metrics. It may be nil.
	Observe func(Loss)
}

// A Holder is the organization that holds the domain of an address. It is the
// zero value where none does.
type Holder struct {
	OrganizationID string
	Shown, Key     string // the address, as it is shown and compared
}

// A Loss says why something of an attempt was not kept.
type Loss string

const (
	LossQueue   Loss = "queue"   // the queue was full
	LossRate    Loss = "rate"    // too many from a source, of an organization, or in total
	LossMessage Loss = "message" // too many octets from a source, or waiting: it was kept without its message
	LossDay     Loss = "day"     // an organization's share of the day was used up: so it was, or not at all
	LossError   Loss = "error"   // it could not be written
)

// Losses returns every reason.
func Losses() []Loss { return []Loss{LossQueue, LossRate, LossMessage, LossDay, LossError} }

// A Service records attempts and shows them.
type Service struct {
	db      *db.DB
	ids     *id.Source
	audit   *audit.Log
	secrets *secret.Ring
	logger  *slog.Logger
	cfg     Config

	queue   queue
	writing sync.Mutex // held by who empties the queue
	packer  packer     // of who holds writing
}

// New makes a Service. Whoever serves lets [Service.Run] run.
func New(d *db.DB, ids *id.Source, log *audit.Log, secrets *secret.Ring, logger *slog.Logger, cfg Config) *Service {
	if cfg.Observe == nil {
		cfg.Observe = func(Loss) {}
	}
	return &Service{db: d, ids: ids, audit: log, secrets: secrets, logger: logger, cfg: cfg, queue: newQueue()}
}
