package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/id"
)

// A Token is what is known of one; the secret itself is not.
type Token struct {
	ID             string
	Name           string
	OrganizationID string // empty: operator-wide
	Scope          access.Scope
	MakerID        string // a user; empty: the operator
	CreatedAt      time.Time
	ExpiresAt      time.Time
}

func (t *Token) target() audit.Target { return audit.Target{Kind: "token", ID: t.ID, Name: t.Name} }

// Bounds of a token's life.
const (
	DefaultLife = 30 * 24 * time.Hour
	minLife     = time.Minute
	maxLife     = 366 * 24 * time.Hour
)

// prefix tells a token from other secrets, for scanners too.
const prefix = "slp_"

// A Service makes, checks and ends tokens.
type Service struct {
	db        *db.DB
	ids       *id.Source
	audit     *audit.Log
	directory *directory.Service
}

// New makes a Service.
func New(d *db.DB, ids *id.Source, log *audit.Log, dir *directory.Service) *Service {
	return &Service{db: d, ids: ids, audit: log, directory: dir}
}

// A NewToken is the input of [Service.Create].
type NewToken struct {
	Name           string
	OrganizationID string // empty: operator-wide
	Scope          access.Scope
	Life           time.Duration // DefaultLife if zero
}

// Create makes a token. The secret is shown this once.
func (s *Service) Create(ctx context.Context, actor access.Actor, in NewToken) (t Token, secret string, err error) {
	action := access.ActTokenCreate
	if in.Scope == access.ScopeRead {
		action = access.ActTokenCreateRead
	}
	if err := directory.Refusal(access.May(actor, action, in.OrganizationID)); err != nil {
		return t, "", err
	}
	if err := in.check(); err != nil {
		return t, "", err
	}
	secret = prefix + s.ids.Token()
	err = s.db.Update(ctx, actor, func(tx *db.Tx) error {
		if in.OrganizationID != "" {
			if _, err := s.directory.OrganizationByID(tx, in.OrganizationID); err != nil {
				return err
			}
		}
		t = Token{
			ID: s.ids.New(id.APIToken), Name: in.Name, OrganizationID: in.OrganizationID, Scope: in.Scope,
			MakerID: maker(actor), CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(in.Life),
		}
		if err := insert(tx, &t, id.Hash(secret)); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: t.OrganizationID, Action: audit.TokenCreated, Target: t.target(),
			Changes: []audit.Change{{Field: "scope", New: t.Scope}, {Field: "expires_at", New: t.ExpiresAt}}})
	})
	return t, secret, err
}

func maker(actor access.Actor) string {
	if actor.Kind == access.KindUser {
		return actor.ID
	}
	return actor.MakerID
}

func (in *NewToken) check() error {
	var wrong []fault.Field
	name, why := directory.CleanName(in.Name, false)
	if why != "" {
		wrong = append(wrong, fault.Field{Name: "name", Message: why})
	}
	in.Name = name
	if !slices.Contains(access.Scopes(), in.Scope) {
		wrong = append(wrong, fault.Field{Name: "scope", Message: "is admin, read, users, sso or audit"})
	}
	if in.Life == 0 {
		in.Life = DefaultLife
	}
	if in.Life < minLife || in.Life > maxLife {
		wrong = append(wrong, fault.Field{Name: "expires", Message: "is between 1m and 366d"})
	}
	if wrong != nil {
		return fault.Invalid(wrong...)
	}
	return nil
}

// Authenticate returns the actor of a token. An unknown token, a deleted one
// and one whose maker has lost the role read the same.
func (s *Service) Authenticate(ctx context.Context, secret string) (actor access.Actor, err error) {
	unknown := fault.New(fault.Unauthenticated, "The API token is not known.")
	if !strings.HasPrefix(secret, prefix) {
		return actor, unknown
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		t, err := byHash(tx, id.Hash(secret))
		if errors.Is(err, db.ErrNoRows) {
			return unknown
		}
		if err != nil {
			return err
		}
		if !tx.Now().Before(t.ExpiresAt) {
			return fault.New(fault.TokenExpired, "The API token has expired.")
		}
		actor = access.Actor{
			Kind: access.KindToken, ID: t.ID, Name: t.Name, OrganizationID: t.OrganizationID,
			Operator: t.OrganizationID == "", Scope: t.Scope, MakerID: t.MakerID, Role: access.RoleOwner,
		}
		if t.MakerID == "" {
			return nil // made by the operator
		}
		u, err := s.directory.UserByID(tx, t.MakerID)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return err
		}
		if err != nil || u.OrganizationID != t.OrganizationID || u.Status != access.UserActive || !u.Role.Administers() {
			return unknown
		}
		actor.Role = u.Role
		if u.Role != access.RoleOwner && t.Scope != access.ScopeRead {
			return unknown // made as an owner
		}
		return nil
	})
	return actor, err
}

// List returns the tokens of an organization, or the operator-wide ones.
func (s *Service) List(ctx context.Context, actor access.Actor, organizationID string, p directory.Page) (list []Token, err error) {
	if err := directory.Refusal(access.May(actor, access.ActTokenRead, organizationID)); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *db.Tx) error {
		list, err = tokens(tx, organizationID, p.After, p.Limit)
		return err
	})
	return list, err
}

// Delete ends a token.
func (s *Service) Delete(ctx context.Context, actor access.Actor, tokenID string) error {
	return s.db.Update(ctx, actor, func(tx *db.Tx) error {
		t, err := byID(tx, tokenID)
		if errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "")
		}
		if err != nil {
			return err
		}
		if err := directory.Refusal(access.May(actor, access.ActTokenDelete, t.OrganizationID)); err != nil {
			return err
		}
		if err := remove(tx, t.ID); err != nil {
			return err
		}
		return s.audit.Append(tx, audit.Event{OrganizationID: t.OrganizationID, Action: audit.TokenDeleted, Target: t.target()})
	})
}

// HasOperatorToken reports whether there is an operator-wide token that has not
// expired.
func (s *Service) HasOperatorToken(ctx context.Context) (has bool, err error) {
	err = s.db.View(ctx, func(tx *db.Tx) error {
		has, err = operatorTokenExists(tx)
		return err
	})
	return has, err
}

// Purge deletes tokens that expired 90 days ago. Until then the list shows
// them.
func (s *Service) Purge(ctx context.Context) error {
	return s.db.Update(ctx, access.System("purge"), func(tx *db.Tx) error {
		tx.Recorded() // that time has passed is no event
		return purge(tx, tx.Now().AddDate(0, 0, -90))
	})
}
