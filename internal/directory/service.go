package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/id"
	"sallyport/internal/link"
	"sallyport/internal/outbox"
	"sallyport/internal/password"
	"sallyport/internal/proof"
	"sallyport/internal/session"
	"sallyport/internal/throttle"
)

// Profiles is what the directory has to know of SSO profiles, which it does not
// own.
type Profiles interface {
	// Exist reports whether the organization has an SSO profile.
	Exist(tx *db.Tx, organizationID string) (bool, error)
	// Usable returns nil if somebody may be made to sign in with the profile:
	// it belongs to the organization, passed a test as it is, and is not
	// disabled. Otherwise the fault says which of these does not hold.
	Usable(tx *db.Tx, organizationID, profileID string) error
}

// A Config is what the operator sets.
type Config struct {
	DefaultEdition Edition
	// SelfServiceEdition is that of organizations which users make; empty
	// where only the operator makes them.
	SelfServiceEdition Edition
	AccountRoles       []string
	ProductName        string
	BaseURL            string // without a slash at its end
	MaxDomains         int    // of an organization
	OperatorMail       string // where the operator is written to
	// Prove looks for the proof of a domain; see [proof.Prover.Look].
	Prove func(ctx context.Context, domain, token string) (proof.Findings, error)
}

// A Service holds the use cases of the directory.
type Service struct {
	db       *db.DB
	ids      *id.Source
	audit    *audit.Log
	sessions *session.Service
	hasher   *password.Hasher
	profiles Profiles
	links    *link.Service
	mails    *outbox.Outbox
	limits   *throttle.Limiter
	cfg      Config
}

// New makes a Service.
func New(d *db.DB, ids *id.Source, log *audit.Log, sessions *session.Service, hasher *password.Hasher, profiles Profiles,
	links *link.Service, mails *outbox.Outbox, limits *throttle.Limiter, cfg Config) *Service {
	return &Service{db: d, ids: ids, audit: log, sessions: sessions, hasher: hasher, profiles: profiles, links: links, mails: mails, limits: limits, cfg: cfg}
}

// AccountRoles returns the roles that a user may have in an account, in the
// operator's order.
func (s *Service) AccountRoles() []string { return slices.Clone(s.cfg.AccountRoles) }

// authorize turns a verdict of access.May into the fault of a use case.
func authorize(actor access.Actor, action access.Action, organizationID string) error {
	return Refusal(access.May(actor, action, organizationID))
}

// ErrNotFresh is the cause of a refusal that a fresh sign-in mends.
var ErrNotFresh = errors.New("the sign-in is not fresh")

// Refusal returns the fault for a verdict, nil where it allows.
func Refusal(v access.Verdict) error {
	switch v {
	case access.Allowed:
		return nil
	case access.Unauthenticated:
		return fault.New(fault.Unauthenticated, "")
	case access.Hidden:
		return fault.New(fault.NotFound, "")
	case access.NotFresh:
		return fault.Wrap(ErrNotFresh, fault.Forbidden, "Please sign in again first: this change asks for a fresh sign-in.")
	}
	return fault.New(fault.Forbidden, "")
}

// notFound turns a missing row into the answer that hides whether there is one
// elsewhere.
func notFound(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return fault.New(fault.NotFound, "")
	}
	return err
}

// maxName is the length of a name in characters.
const maxName = 200

// CleanName trims a name and says what is wrong with it: empty, where it must
// not be, too long, or with characters that do not show or that turn the
// direction of the text around it.
func CleanName(name string, required bool) (clean, wrong string) {
	clean = strings.TrimSpace(name)
	switch {
	case !utf8.ValidString(clean) || strings.ContainsFunc(clean, hidden):
		return "", "must not hold control characters or invisible ones"
	case clean == "" && required:
		return "", "is needed"
	case utf8.RuneCountInString(clean) > maxName:
		return "", "has at most 200 characters"
	}
	return clean, ""
}

// hidden leaves joiners alone, which some scripts and pictograms need.
func hidden(r rune) bool {
	return unicode.IsControl(r) || r == '\uFEFF' || r >= '\u202A' && r <= '\u202E' ||
		r >= '\u2066' && r <= '\u2069' || r == '\u200B' || r == '\u200E' || r == '\u200F' || r == '\u2028' || r == '\u2029'
}
