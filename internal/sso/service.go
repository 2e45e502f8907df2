package sso

import (
	"context"
	"crypto/rsa"
	"log/slog"
	"sync"
	"time"

	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/job"
	"sallyport/internal/outbound"
	"sallyport/internal/record"
	"sallyport/internal/secret"
	"sallyport/internal/signin"
	"sallyport/saml"
)

// A Config is what the operator sets.
type Config struct {
	BaseURL string // without a slash at its end
	// Observe is told how long each validation took; for metrics.
	Observe func(took time.Duration)
	// Guard is the way out to metadata URLs.
	Guard *outbound.Guard
	// GenerateKey makes our private keys; the function of this name if nil.
	GenerateKey func() (*rsa.PrivateKey, error)
	// Jobs does what takes long, in the background.
	Jobs *job.Runner
}

// A Service holds the use cases of SSO.
type Service struct {
	db        *db.DB
	ids       *id.Source
	audit     *audit.Log
	directory *directory.Service
	signin    *signin.Service
	record    *record.Service
	secrets   *secret.Ring
	logger    *slog.Logger
	cfg       Config
	prepared  prepared
	fetching  chan struct{} // one for each document that is being read
	uses      uses
	asked     asked
}

// New makes a Service.
func New(d *db.DB, ids *id.Source, log *audit.Log, dir *directory.Service, in *signin.Service, rec *record.Service, secrets *secret.Ring,
	logger *slog.Logger, cfg Config) *Service {
	if cfg.GenerateKey == nil {
		cfg.GenerateKey = GenerateKey
	}
	s := &Service{db: d, ids: ids, audit: log, directory: dir, signin: in, record: rec, secrets: secrets, logger: logger, cfg: cfg,
		prepared: prepared{byID: make(map[string]entry)}, fetching: make(chan struct{}, fetches),
		uses: uses{noted: make(map[usedKey]*noted)}, asked: asked{at: make(map[string]time.Time)}}
	cfg.Jobs.Handle(jobEndSessions, s.endSessions)
	cfg.Jobs.Handle(refreshJob, s.refreshAsked)
	cfg.Jobs.Handle(jobEndCertificateSessions, s.endCertificateSessions)
	return s
}

// prepared keeps the service provider of each profile in use, with its parsed
// certificates, our keys and its memory. What it holds is only ever derived from
// rows.
type prepared struct {
	mu   sync.Mutex
	byID map[string]entry
}

type entry struct {
	version int64
	until   time.Time // when one of our keys changes its place; zero: never
	keys    []Key     // the one in use first
	pairs   []saml.KeyPair
	sp      *saml.ServiceProvider // nil for a draft
	err     error                 // why it is nil otherwise
}

// keepPrepared bounds the memory that is kept.
const keepPrepared = 4096

// serviceProvider returns our side of a profile's relation.
func (s *Service) serviceProvider(ctx context.Context, p *Profile) (*saml.ServiceProvider, error) {
	e, err := s.prepare(ctx, p)
	if err != nil {
		return nil, err
	}
	return e.sp, e.err
}

// prepare returns what is derived of a profile. It is made anew after every
// change, and when the time of a key has come.
func (s *Service) prepare(ctx context.Context, p *Profile) (entry, error) {
	now := s.now()
	s.prepared.mu.Lock()
	e, ok := s.prepared.byID[p.ID]
	s.prepared.mu.Unlock()
	if ok && e.version == p.Version && (e.until.IsZero() || now.Before(e.until)) {
		return e, nil
	}
	keys, err := s.keys(ctx, p.ID)
	if err != nil {
		return entry{}, err
	}
	e = entry{version: p.Version}
	e.keys, e.until = ordered(keys, now)
	for _, k := range e.keys[:min(len(e.keys), saml.MaxKeys)] {
		pair, err := s.open(&k)
		if err != nil {
			// Without it sign-ins go on that need none.
			s.logger.Error("a private key can't be read", "profile", p.ID, "cause", err)
			continue
		}
		e.pairs = append(e.pairs, pair)
	}
	switch {
	case p.EntityID == "":
	case len(p.Certificates) == 0:
		e.err = fault.New(fault.SAMLCertificateUnknown, "Your administrator has withdrawn the certificate of your company's sign-in page.")
	default:
		e.sp, e.err = saml.New(s.samlConfig(p, e.pairs))
	}
	s.prepared.mu.Lock()
	defer s.prepared.mu.Unlock()
	if len(s.prepared.byID) >= keepPrepared {
		clear(s.prepared.byID)
	}
	s.prepared.byID[p.ID] = e
	return e, nil
}
