package parts

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/feedback"
	"sallyport/internal/id"
	"sallyport/internal/imports"
	"sallyport/internal/job"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
	"sallyport/internal/password"
	"sallyport/internal/record"
	"sallyport/internal/secret"
	"sallyport/internal/session"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/throttle"
	"sallyport/internal/token"
	"sallyport/saml/samltest"
)

// BaseURL is that of the installation.
const BaseURL = "https://login.example"

// Password is the password of every user who has one.
const Password = "three quiet harbours"

// OperatorMail is where the operator is written to.
const OperatorMail = "operator@installation.test"

// Product is what the installation is called.
const Product = "Sallyport"

// Parts are the use cases of one installation.
type Parts struct {
	*Clock
	DB        *db.DB
	IDs       *id.Source
	Ring      *secret.Ring
	key       secret.Key // the ring's
	Hasher    *password.Hasher
	Audit     *audit.Log
	Sessions  *session.Service
	Directory *directory.Service
	Record    *record.Service // writes nothing by itself: reading does
	SignIn    *signin.Service
	SSO       *sso.Service
	Tokens    *token.Service
	Links     *link.Service
	Limits    *throttle.Limiter
	Outbox    *outbox.Outbox // of a node that sends nothing by itself: see Mails
	mailDir   string
	Jobs      *job.Runner // does nothing by itself: see Work
	Imports   *imports.Service
	Feedback  *feedback.Service
	Net       *Net // the network, as metadata is fetched from it

	mu       sync.Mutex
	observed []string
	proofs   *proofs
}

// Each runs a test on both engines, each time with new parts.
func Each(t *testing.T, test func(t *testing.T, p *Parts)) {
	t.Helper()
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		t.Run(engine, func(t *testing.T) { test(t, New(t, engine)) })
	}
}

// New wires the parts on a new database of an engine.
func New(t testing.TB, engine string) *Parts {
	t.Helper()
	return With(t, engine, db.Options{})
}

// With is [New] with options for the database. The clock is always that of the
// parts.
func With(t testing.TB, engine string, o db.Options) *Parts {
	t.Helper()
	return build(t, engine, o, password.Params{Memory: 64, Time: 1, Threads: 1}, false)
}

// Measured wires the parts as those who serve have them: passwords cost what they
// cost there. Unrecorded, the flight recorder is off.
func Measured(t testing.TB, engine string, unrecorded bool) *Parts {
	t.Helper()
	return build(t, engine, db.Options{}, password.DefaultParams, unrecorded)
}

func build(t testing.TB, engine string, o db.Options, hash password.Params, unrecorded bool) *Parts {
	t.Helper()
	clock, key := &Clock{now: samltest.Now()}, secret.NewKey()
	o.Clock = clock.Now
	p := &Parts{
		Clock: clock, DB: dbtest.Open(t, engine, o),
		IDs: id.NewSource(clock.Now, rand.Reader), Ring: secret.NewRing(key), key: key,
		Hasher: password.NewHasher(hash, 8),
	}
	p.Audit = audit.New(p.DB, p.IDs, p.Ring, slog.New(slog.DiscardHandler))
	p.Sessions = session.New(p.DB, p.IDs)
	p.Limits = throttle.New(p.DB, p.Ring)
	p.Links = link.New(p.DB, p.IDs, BaseURL)
	p.mailDir = t.TempDir()
	logger := slog.New(slog.DiscardHandler)
	transport, err := outbox.ParseTransport("file:"+p.mailDir, logger)
	if err != nil {
		t.Fatal(err)
	}
	p.Outbox, err = outbox.New(p.DB, p.IDs, p.Ring, transport, logger, func(outbox.Kind, outbox.Outcome) {},
		outbox.Config{Product: Product, From: "sallyport@login.example"})
	if err != nil {
		t.Fatal(err)
	}
	p.Directory = directory.New(p.DB, p.IDs, p.Audit, p.Sessions, p.Hasher, sso.Checker{}, p.Links, p.Outbox, p.Limits, directory.Config{
		DefaultEdition: directory.Enterprise, SelfServiceEdition: directory.Standard, AccountRoles: []string{"administrator", "developer", "viewer"}, ProductName: Product,
		BaseURL: BaseURL, MaxDomains: 100, OperatorMail: OperatorMail, Prove: p.prove,
	})
	p.Record = record.New(p.DB, p.IDs, p.Audit, p.Ring, logger, record.Config{Keep: 30 * 24 * time.Hour, Holder: p.Directory.HolderOf, User: p.Directory.WhoHas, Off: unrecorded})
	p.SignIn = signin.New(p.DB, p.IDs, p.Audit, p.Directory, p.Sessions, p.Hasher, p.Ring, p.Links, p.Outbox, p.Limits, p.Record, p.observe,
		signin.Config{Product: Product, SignUp: true, PerAddress: throttle.Rate{Count: 10, Per: 15 * time.Minute}, PerSource: throttle.Rate{Count: 300, Per: time.Minute}})
	p.Jobs = job.New(p.DB, p.IDs, slog.New(slog.DiscardHandler), func(string, string, time.Duration) {})
	p.Net = newNet()
	p.SSO = sso.New(p.DB, p.IDs, p.Audit, p.Directory, p.SignIn, p.Record, p.Ring, logger,
		sso.Config{BaseURL: BaseURL, Observe: func(time.Duration) {}, GenerateKey: keys(), Guard: p.Net.guard, Jobs: p.Jobs})
	p.Tokens = token.New(p.DB, p.IDs, p.Audit, p.Directory)
	p.Imports = imports.New(p.DB, p.IDs, p.Audit, p.Directory, p.Jobs, slog.New(slog.DiscardHandler))
	p.Feedback = feedback.New(p.DB, p.IDs, p.Audit, p.Limits)
	return p
}

// made are the private keys of all installations of a test run, because making
// one takes long: the first of each are the same, and then they repeat.
var made struct {
	sync.Mutex
	keys []*rsa.PrivateKey
}

// keys returns what makes the keys of one installation.
func keys() func() (*rsa.PrivateKey, error) {
	n := 0
	return func() (*rsa.PrivateKey, error) {
		made.Lock()
		defer made.Unlock()
		if n %= 8; n == len(made.keys) {
			k, err := sso.GenerateKey()
			if err != nil {
				return nil, err
			}
			made.keys = append(made.keys, k)
		}
		n++
		return made.keys[n-1], nil
	}
}

// WithKey is the installation's ring after a new key-encryption key was put
// before its old one.
func (p *Parts) WithKey(k secret.Key) *secret.Ring { return secret.NewRing(k, p.key) }

// A Clock is turned by hand.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now tells the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Pass lets time pass.
func (c *Clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// tick keeps what is made one after the other in the order of its ids.
func (c *Clock) tick() { c.Pass(time.Millisecond) }

func (p *Parts) observe(method access.Method, outcome string, code fault.Code) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.observed = append(p.observed, fmt.Sprint(method, " ", outcome, " ", code))
}

// Observed returns what metrics were told of sign-ins so far: method, outcome
// and code.
func (p *Parts) Observed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.observed)
}

// Work has a node do jobs until the test ends, or the returned function is
// called.
func (p *Parts) Work(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Jobs.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// Operator is the operator at the server.
func Operator() access.Actor { return access.Operator("operator") }

// View runs a transaction that reads.
func (p *Parts) View(t testing.TB, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := p.DB.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// Update runs a transaction that changes something.
func (p *Parts) Update(t testing.TB, actor access.Actor, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := p.DB.Update(t.Context(), actor, fn); err != nil {
		t.Fatal(err)
	}
}

// Exec changes rows behind the back of the use cases: for states that none of
// them makes yet.
func (p *Parts) Exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	p.Update(t, access.System("test"), func(tx *db.Tx) error {
		tx.Recorded()
		_, err := tx.Exec(statement, args...)
		return err
	})
}

// Count returns the number that a query answers.
func (p *Parts) Count(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	p.Flush(t)
	p.View(t, func(tx *db.Tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	return n
}

// Code returns the code of an error; empty for nil, "internal" for one without.
func Code(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// Refused fails the test unless err has the code.
func Refused(t testing.TB, err error, code fault.Code) *fault.Error {
	t.Helper()
	if got := Code(err); got != code {
		t.Fatalf("%q, not %q: %v", got, code, err)
	}
	return fault.From(err)
}

// Fields returns the names of the fields that an error refuses.
func Fields(err error) (names []string) {
	var f *fault.Error
	if errors.As(err, &f) {
		for _, field := range f.Fields {
			names = append(names, field.Name)
		}
	}
	return names
}
