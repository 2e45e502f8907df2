package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/api"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/door"
	"sallyport/internal/fault"
	"sallyport/internal/feedback"
	"sallyport/internal/id"
	"sallyport/internal/imports"
	"sallyport/internal/job"
	"sallyport/internal/link"
	"sallyport/internal/outbound"
	"sallyport/internal/outbox"
	"sallyport/internal/password"
	"sallyport/internal/proof"
	"sallyport/internal/record"
	"sallyport/internal/resolver"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/throttle"
	"sallyport/internal/token"
	"sallyport/internal/trace"
	"sallyport/internal/web"
)

// An App is an open installation: its database and everything on top of it.
type App struct {
	Settings Settings
	Version  string
	Logger   *slog.Logger
	DB       *db.DB
	API      *api.API
	Web      *web.Web
	Tokens   *token.Service
	Audit    *audit.Log

	outbox    *outbox.Outbox
	jobs      *job.Runner
	links     *link.Service
	limits    *throttle.Limiter
	directory *directory.Service
	imports   *imports.Service
	feedback  *feedback.Service
	sessions  *session.Service
	record    *record.Service
	signin    *signin.Service
	sso       *sso.Service
	metrics   *metrics
	clock     clockState
	audit     auditMetrics
	ids       *id.Source

	tracer     *trace.Tracer // nil: there are no traces
	stopTracer func(context.Context) error
}

// Open opens the installation that the settings name, and brings its database
// to this release. An error is of type [Problems].
func Open(ctx context.Context, s Settings, version string, logger *slog.Logger) (*App, error) {
	var problems Problems
	ring, err := openRing(s)
	if err != nil {
		problems = append(problems, err.Error())
	}
	d, err := db.Open(ctx, s.Database, db.Options{Logger: logger})
	if err != nil {
		return nil, append(problems, "--database: "+err.Error())
	}
	if problems != nil {
		return nil, errors.Join(problems, d.Close())
	}
	if err := d.Migrate(ctx); err != nil {
		return nil, errors.Join(Problems{"--database: " + err.Error()}, d.Close())
	}
	a, err := build(s, version, logger, d, ring)
	if err == nil {
		err = a.Audit.Prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return a, nil
}

// OpenServer is [Open] for a server, which needs its mail server as well: nobody
// would be told that it can't be reached before somebody waits for a mail.
func OpenServer(ctx context.Context, s Settings, version string, logger *slog.Logger) (*App, error) {
	var problems Problems
	if transport, err := outbox.ParseTransport(s.Mail, logger); err != nil {
		problems = append(problems, "--mail: "+err.Error())
	} else if err := outbox.Reach(ctx, transport); err != nil {
		problems = append(problems, "--mail: expected a mail server that takes mails: "+err.Error())
	}
	a, err := Open(ctx, s, version, logger)
	switch {
	case err != nil:
		var more Problems
		if errors.As(err, &more) {
			return nil, append(problems, more...)
		}
		return nil, err
	case problems != nil:
		return nil, errors.Join(problems, a.Close())
	}
	return a, nil
}

// build wires the parts.
func build(s Settings, version string, logger *slog.Logger, d *db.DB, ring *secret.Ring) (*App, error) {
	a := &App{Settings: s, Version: version, Logger: logger, DB: d}
	a.metrics = newMetrics(d, version, &a.clock)
	ids := id.Default()
	a.ids = ids
	log := audit.New(d, ids, ring, logger)
	a.Audit = log
	transport, err := outbox.ParseTransport(s.Mail, logger)
	if err != nil {
		return nil, Problems{"--mail: " + err.Error()}
	}
	a.outbox, err = outbox.New(d, ids, ring, transport, logger, a.metrics.mail, outbox.Config{Product: s.ProductName, From: s.MailFrom})
	if err != nil {
		return nil, err
	}
	a.audit = newAuditMetrics(a.metrics.registry)
	a.jobs = job.New(d, ids, logger, a.metrics.job)
	hasher := password.NewHasher(password.DefaultParams, runtime.GOMAXPROCS(0))
	a.sessions = session.New(d, ids)
	a.limits = throttle.New(d, ring)
	a.links = link.New(d, ids, s.BaseURL)
	resolvers, err := resolver.New(s.DNSResolver)
	if err != nil {
		return nil, Problems{"--dns-resolver: " + err.Error()}
	}
	guard := outbound.New(outbound.Config{Allow: s.OutboundAllow})
	a.directory = directory.New(d, ids, log, a.sessions, hasher, sso.Checker{}, a.links, a.outbox, a.limits, directory.Config{
		DefaultEdition: s.DefaultEdition, SelfServiceEdition: s.selfService(), AccountRoles: s.AccountRoles, ProductName: s.ProductName,
		BaseURL: s.BaseURL, MaxDomains: s.MaxDomains, OperatorMail: s.OperatorMail, Prove: proof.New(resolvers, guard, d.Now).Look,
	})
	dir := a.directory
	a.record = record.New(d, ids, log, ring, logger, record.Config{Keep: s.SignInKeep, Holder: dir.HolderOf, User: dir.WhoHas, Observe: a.metrics.loss})
	a.metrics.recorder(a.record.Waiting)
	a.signin = signin.New(d, ids, log, dir, a.sessions, hasher, ring, a.links, a.outbox, a.limits, a.record,
		func(method access.Method, outcome string, code fault.Code) { a.metrics.signIn(method, outcome, code) },
		signin.Config{Product: s.ProductName, SignUp: s.Signup == "open",
			PerAddress: throttle.Rate(s.ThrottleAddress), PerSource: throttle.Rate(s.ThrottleSource)})
	a.sso = sso.New(d, ids, log, dir, a.signin, a.record, ring, logger, sso.Config{BaseURL: s.BaseURL, Observe: a.metrics.validation,
		Guard: guard, Jobs: a.jobs})
	a.Tokens = token.New(d, ids, log, dir)
	a.imports = imports.New(d, ids, log, dir, a.jobs, logger)
	a.feedback = feedback.New(d, ids, log, a.limits)
	a.register()
	proxies := door.Proxies(s.TrustedProxies)
	a.API = api.New(api.Services{DB: d, IDs: ids, Audit: log, Directory: dir, Record: a.record, SSO: a.sso, SignIn: a.signin, Tokens: a.Tokens, Imports: a.imports, Feedback: a.feedback},
		api.Config{BaseURL: s.BaseURL, Version: version, Proxies: proxies})
	a.Web, err = web.New(web.Services{DB: d, IDs: ids, Audit: log, Directory: dir, SignIn: a.signin, Record: a.record, SSO: a.sso, Imports: a.imports, Feedback: a.feedback, Logger: logger},
		web.Config{BaseURL: s.BaseURL, ProductName: s.ProductName, SupportURL: s.SupportURL, SalesURL: s.SalesURL, Proxies: proxies})
	return a, err
}

// openRing reads the key that encrypts secrets at rest, and makes it beside a
// new SQLite file.
func openRing(s Settings) (*secret.Ring, error) {
	if s.SecretKey != "" {
		ring, err := secret.ParseRing(s.SecretKey)
		if err != nil {
			return nil, fmt.Errorf("--secret-key: %w", err)
		}
		return ring, nil
	}
	path := s.SecretKeyFile
	if path == "" {
		path = keyFile(s.Database)
		if err := secret.CreateKeyFile(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("--secret-key-file: %w", err)
		}
	}
	ring, err := secret.LoadKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("--secret-key-file: %w", err)
	}
	return ring, nil
}

// Close writes what is still to be recorded, and closes the database.
func (a *App) Close() error { return errors.Join(a.record.Flush(context.Background()), a.DB.Close()) }

// Public is the handler of the public listener.
func (a *App) Public() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(api.Prefix+"/", a.API)
	mux.Handle("/", a.Web)
	return door.Observe(mux, door.Observers{Logger: a.Logger, Metrics: a.metrics, Tracer: a.tracer,
		Proxies: a.Settings.TrustedProxies, Reference: func() string { return a.ids.New(id.Attempt) }})
}

// Rescue issues an owner a link that lets them in; see [signin.Service.Rescue].
func (a *App) Rescue(ctx context.Context, actor access.Actor, email string) (url string, until time.Time, err error) {
	return a.signin.Rescue(ctx, actor, email)
}
