package signin

import (
	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
	"sallyport/internal/password"
	"sallyport/internal/record"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/throttle"
)

// A Service holds the use cases of signing in.
type Service struct {
	db        *db.DB
	ids       *id.Source
	audit     *audit.Log
	directory *directory.Service
	sessions  *session.Service
	hasher    *password.Hasher
	secrets   *secret.Ring
	observe   Observer
	links     *link.Service
	mails     *outbox.Outbox
	limits    *throttle.Limiter
	record    *record.Service
	cfg       Config
}

// A Config is what the operator sets.
type Config struct {
	Product string
	SignUp  bool // whether people may sign up by themselves
	// PerAddress and PerSource bound the passwords that may be wrong.
	PerAddress, PerSource throttle.Rate
}

// An Observer is told of every sign-in once it is decided; for metrics.
type Observer func(method access.Method, outcome string, code fault.Code)

// New makes a Service.
func New(d *db.DB, ids *id.Source, log *audit.Log, dir *directory.Service, sessions *session.Service,
	hasher *password.Hasher, secrets *secret.Ring, links *link.Service, mails *outbox.Outbox, limits *throttle.Limiter, rec *record.Service, observe Observer, cfg Config) *Service {
	s := &Service{db: d, ids: ids, audit: log, directory: dir, sessions: sessions, hasher: hasher,
		secrets: secrets, links: links, mails: mails, limits: limits, record: rec, observe: observe, cfg: cfg}
	mails.Handle(errandForgot, s.answer(s.forgot))
	mails.Handle(errandSignUp, s.answer(s.signUp))
	mails.Handle(errandRecover, s.answer(s.recoverByCode))
	return s
}
