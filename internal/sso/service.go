package sso

import (
	"log/slog"
	"sync"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/signin"
	"sallyport/saml"
)

// A Config is what the operator sets.
type Config struct {
	BaseURL string // without a slash at its end
	// Observe is told how long each validation took; for metrics.
	Observe func(took time.Duration)
}

// A Service holds the use cases of SSO.
type Service struct {
	db        *db.DB
	ids       *id.Source
	audit     *audit.Log
	directory *directory.Service
	signin    *signin.Service
	logger    *slog.Logger
	cfg       Config
	prepared  prepared
}

// New makes a Service.
func New(d *db.DB, ids *id.Source, log *audit.Log, dir *directory.Service, in *signin.Service, logger *slog.Logger, cfg Config) *Service {
	return &Service{db: d, ids: ids, audit: log, directory: dir, signin: in, logger: logger, cfg: cfg,
		prepared: prepared{byID: make(map[string]entry)}}
}

// prepared keeps the service provider of each profile in use, with its parsed
// certificates and its memory. What it holds is only ever derived from rows.
type prepared struct {
	mu   sync.Mutex
	byID map[string]entry
}

type entry struct {
	version int64
	sp      *saml.ServiceProvider
}

// keepPrepared bounds the memory that is kept.
const keepPrepared = 4096

// serviceProvider returns our side of a profile's relation.
func (s *Service) serviceProvider(p *Profile) (*saml.ServiceProvider, error) {
	s.prepared.mu.Lock()
	defer s.prepared.mu.Unlock()
	if e, ok := s.prepared.byID[p.ID]; ok && e.version == p.Version {
		return e.sp, nil
	}
	sp, err := saml.New(s.samlConfig(p))
	if err != nil {
		return nil, err
	}
	if len(s.prepared.byID) >= keepPrepared {
		clear(s.prepared.byID)
	}
	s.prepared.byID[p.ID] = entry{p.Version, sp}
	return sp, nil
}
