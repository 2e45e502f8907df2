package access

// A Kind says what an [Actor] is.
type Kind string

const (
	// KindAnonymous is whoever has not proved anything yet: the zero actor.
	KindAnonymous Kind = ""
	// KindOperator is the operator at the server itself: a command that was
	// given the database. It may do all that an operator's token may.
	KindOperator Kind = "operator"
	// KindToken is a program with an API token.
	KindToken Kind = "token"
	// KindUser is a person with a session.
	KindUser Kind = "user"
	// KindSystem is Sallyport itself: a background job, a migration.
	KindSystem Kind = "system"
	// KindSetupLink is a browser that holds a setup link: it reaches the link's
	// own pages, and nothing that needs a right.
	KindSetupLink Kind = "setup_link"
)

// A Role is a user's role in the organization that manages the user.
type Role string

const (
	RoleOwner         Role = "owner"
	RoleAdministrator Role = "administrator"
	RoleMember        Role = "member"
)

// Administers reports whether the role opens the Admin Center.
func (r Role) Administers() bool { return r == RoleOwner || r == RoleAdministrator }

// A Scope limits an API token.
type Scope string

const (
	ScopeAdmin Scope = "admin" // everything of the token's level
	ScopeRead  Scope = "read"
	ScopeUsers Scope = "users"
	ScopeSSO   Scope = "sso"
	ScopeAudit Scope = "audit"
)

// Scopes lists every scope, widest first.
func Scopes() []Scope { return []Scope{ScopeAdmin, ScopeRead, ScopeUsers, ScopeSSO, ScopeAudit} }

// An Actor is who asks for something. The zero Actor is anonymous and may do
// nothing that needs a right.
type Actor struct {
	Kind Kind
	// ID is the prefixed id of the user or token; empty for the others.
	ID string
	// Name is shown in the audit log: an address or a token's name.
	Name string
	// OrganizationID is the only tenant whose data the actor reaches. It is
	// empty for an operator, who reaches all, and for an independent user,
	// who reaches none.
	OrganizationID string
	// Operator is set for an operator-wide token and for KindOperator.
	Operator bool
	// Role is the user's organization role; for a token of an organization
	// the role of its maker.
	Role Role
	// Scope limits a token; MakerID is the user who made it, empty for the
	// operator.
	Scope   Scope
	MakerID string
	// SessionID and Method are those of a user's session.
	SessionID string
	Method    Method
	// Fresh is set where the session's sign-in is recent enough for
	// dangerous acts.
	Fresh bool
	// Address and Agent say from where the request came; for the audit log.
	Address, Agent string
}

// System is the actor of background work.
func System(name string) Actor { return Actor{Kind: KindSystem, Name: name} }

// Operator is the actor of a command that works on the database directly.
func Operator(name string) Actor {
	return Actor{Kind: KindOperator, Name: name, Operator: true, Scope: ScopeAdmin}
}
