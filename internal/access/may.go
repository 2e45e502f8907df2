package access

// An Action is something that an [Actor] may or may not do. Each use case names
// one, or several where parts of its input are told apart.
type Action string

const (
	ActOrganizationCreate Action = "organization.create"
	ActOrganizationFound  Action = "organization.found" // make one's own
	ActOrganizationRead   Action = "organization.read"
	ActOrganizationUpdate Action = "organization.update"
	ActEditionSet         Action = "organization.edition"

	ActDomainRead   Action = "domain.read"
	ActDomainClaim  Action = "domain.claim"
	ActDomainDelete Action = "domain.delete"
	ActDomainVerify Action = "domain.verify"
	ActDomainVouch  Action = "domain.vouch" // verify without a proof
	ActDomainAward  Action = "domain.award" // decide a dispute
	ActEnforce      Action = "domain.enforce"

	ActUserRead              Action = "user.read"
	ActUserCreate            Action = "user.create"
	ActUserVouch             Action = "user.vouch" // create with a password, proved
	ActUserCreateIndependent Action = "user.create_independent"
	ActUserUpdate            Action = "user.update"
	ActUserDelete            Action = "user.delete"
	ActUserAddress           Action = "user.address" // ask for another address
	ActUserRole              Action = "user.role"    // organization roles below owner
	ActUserOwner             Action = "user.owner"   // whatever makes, unmakes or touches an owner
	ActUserSSO               Action = "user.sso"
	ActUserSessions          Action = "user.sessions"
	ActUserInvite            Action = "user.invite"         // mail an invitation once more
	ActUserPasswordReset     Action = "user.password_reset" // mail a link for it

	ActAccountRead  Action = "account.read"
	ActAccountWrite Action = "account.write"

	ActProfileRead   Action = "sso_profile.read"
	ActProfileWrite  Action = "sso_profile.write"
	ActProfileTest   Action = "sso_profile.test"
	ActProfileVouch  Action = "sso_profile.vouch"  // count as tested without a test
	ActProfileManage Action = "sso_profile.manage" // managed_by
	ActProfileKey    Action = "sso_profile.key"    // rotate our key
	ActSetupLink     Action = "sso_profile.setup"  // make and revoke setup links

	ActProfileRefresh Action = "sso_profile.refresh" // fetch its metadata now
	ActProfileTrust   Action = "sso_profile.trust"   // decide which certificates count

	ActSecretsReseal Action = "secrets.reseal" // encrypt again with the current key

	ActExplain Action = "explain"

	ActSignInRead   Action = "sign_in.read"
	ActSignInReveal Action = "sign_in.reveal" // see the values of attributes
	ActSignInReplay Action = "sign_in.replay" // judge an attempt again

	ActTokenRead       Action = "token.read"
	ActTokenCreate     Action = "token.create" // any scope
	ActTokenCreateRead Action = "token.create_read"
	ActTokenDelete     Action = "token.delete"

	ActAuditRead Action = "audit.read"
	// ActAuditInstallation reads the log of what belongs to no organization.
	ActAuditInstallation Action = "audit.read_installation"

	ActFeedbackRead   Action = "feedback.read" // what readers said of the help
	ActFeedbackDelete Action = "feedback.delete"

	ActRecoveryCodes Action = "recovery.codes" // make one's own
	ActRescue        Action = "recovery.rescue"
)

// A right says who has an action, by level.
type right struct {
	operator bool    // only the operator
	role     Role    // the least role of a user: owner or administrator
	scopes   []Scope // of a token, besides admin
	fresh    bool    // a user's session has to be fresh
	// independent is for what only a user of no organization does: it is about
	// the installation as a whole.
	independent bool
	// personal is for what a user does for themself: neither a program nor the
	// operator does it in their place.
	personal bool
	// lasting is for what would outlive a session of break-glass.
	lasting bool
}

// rights is the whole policy. What is not listed is denied.
var rights = map[Action]right{
	ActOrganizationCreate: {operator: true},
	ActOrganizationFound:  {independent: true, lasting: true},
	ActOrganizationRead:   {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeUsers, ScopeSSO, ScopeAudit}},
	ActOrganizationUpdate: {role: RoleAdministrator},
	ActEditionSet:         {operator: true},

	ActDomainRead:   {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeUsers, ScopeSSO}},
	ActDomainClaim:  {role: RoleAdministrator},
	ActDomainDelete: {role: RoleAdministrator, fresh: true},
	ActDomainVerify: {role: RoleAdministrator},
	ActDomainVouch:  {operator: true},
	ActDomainAward:  {operator: true},
	ActEnforce:      {role: RoleAdministrator, scopes: []Scope{ScopeSSO}, fresh: true},

	ActUserRead:              {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeUsers, ScopeSSO}},
	ActUserCreate:            {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},
	ActUserVouch:             {operator: true, scopes: []Scope{ScopeUsers}},
	ActUserCreateIndependent: {operator: true, scopes: []Scope{ScopeUsers}},
	ActUserUpdate:            {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},
	ActUserDelete:            {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},
	ActUserAddress:           {role: RoleAdministrator, scopes: []Scope{ScopeUsers}, fresh: true},
	ActUserRole:              {role: RoleAdministrator, fresh: true},
	ActUserOwner:             {role: RoleOwner, fresh: true},
	ActUserSSO:               {role: RoleAdministrator, fresh: true},
	ActUserSessions:          {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},
	ActUserInvite:            {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},
	ActUserPasswordReset:     {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},

	ActAccountRead:  {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeUsers}},
	ActAccountWrite: {role: RoleAdministrator, scopes: []Scope{ScopeUsers}},

	ActProfileRead:   {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeSSO}},
	ActProfileWrite:  {role: RoleAdministrator, scopes: []Scope{ScopeSSO}},
	ActProfileTest:   {role: RoleAdministrator, scopes: []Scope{ScopeSSO}},
	ActProfileVouch:  {operator: true, scopes: []Scope{ScopeSSO}},
	ActProfileManage: {operator: true, scopes: []Scope{ScopeSSO}},
	ActProfileKey:    {role: RoleAdministrator, scopes: []Scope{ScopeSSO}, fresh: true},
	ActSetupLink:     {role: RoleAdministrator, scopes: []Scope{ScopeSSO}},

	ActProfileRefresh: {role: RoleAdministrator, scopes: []Scope{ScopeSSO}},
	ActProfileTrust:   {role: RoleAdministrator, scopes: []Scope{ScopeSSO}, fresh: true},

	ActSecretsReseal: {operator: true},

	ActExplain: {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeUsers, ScopeSSO}},

	ActSignInRead:   {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeSSO, ScopeAudit}},
	ActSignInReveal: {role: RoleAdministrator, scopes: []Scope{ScopeSSO}},
	ActSignInReplay: {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeSSO}},

	ActTokenRead:       {role: RoleAdministrator},
	ActTokenCreate:     {role: RoleOwner, fresh: true, lasting: true},
	ActTokenCreateRead: {role: RoleAdministrator, fresh: true, lasting: true},
	ActTokenDelete:     {role: RoleAdministrator},

	ActAuditRead:         {role: RoleAdministrator, scopes: []Scope{ScopeRead, ScopeAudit}},
	ActAuditInstallation: {operator: true, scopes: []Scope{ScopeRead, ScopeAudit}},

	ActFeedbackRead:   {operator: true, scopes: []Scope{ScopeRead}},
	ActFeedbackDelete: {operator: true},

	ActRecoveryCodes: {role: RoleOwner, fresh: true, personal: true},
	ActRescue:        {operator: true},
}

// A Verdict is the answer of [May].
type Verdict string

const (
	Allowed Verdict = "allowed"
	// Unauthenticated: nobody has proved who they are.
	Unauthenticated Verdict = "unauthenticated"
	// Forbidden: this actor may do this nowhere.
	Forbidden Verdict = "forbidden"
	// Hidden: it belongs to somebody else, whose existence is not to be told.
	Hidden Verdict = "hidden"
	// NotFresh: the actor may, after signing in again.
	NotFresh Verdict = "not_fresh"
)

// May decides whether an actor may take an action on the data of an
// organization. An empty organizationID stands for the installation as a whole,
// which only an operator reaches. Whatever is not allowed somewhere in the
// table is denied.
func May(a Actor, action Action, organizationID string) Verdict {
	if v := MayAnywhere(a, action); v != Allowed {
		return v
	}
	switch {
	case rights[action].independent:
		if organizationID != "" {
			return Hidden
		}
		return Allowed
	case a.Kind == KindSystem || a.Operator:
		return Allowed
	}
	if organizationID == "" || a.OrganizationID != organizationID {
		return Hidden
	}
	if a.Kind == KindUser && rights[action].fresh && !a.Fresh {
		return NotFresh
	}
	return Allowed
}

// MayAnywhere decides as [May] does as far as that is possible before it is
// known whose data it is about: by the kind of actor, role and scope.
func MayAnywhere(a Actor, action Action) Verdict {
	r, known := rights[action]
	switch {
	case a.Kind == KindAnonymous:
		return Unauthenticated
	case r.personal && a.Kind != KindUser, r.lasting && a.Method == MethodRecovery:
		return Forbidden
	case r.independent:
		if a.Kind != KindUser || a.OrganizationID != "" {
			return Forbidden
		}
		return Allowed
	case !known, r.operator && !a.Operator && a.Kind != KindSystem:
		return Forbidden
	}
	ok := false
	switch a.Kind {
	case KindSystem, KindOperator:
		ok = true
	case KindToken:
		ok = a.hasScope(r) && (a.Operator || a.ranks(r.role))
	case KindUser:
		ok = a.ranks(r.role)
	}
	if !ok {
		return Forbidden
	}
	return Allowed
}

func (a Actor) hasScope(r right) bool {
	if a.Scope == ScopeAdmin {
		return true
	}
	for _, s := range r.scopes {
		if a.Scope == s {
			return true
		}
	}
	return false
}

// ranks reports whether the actor's role is at least the given one.
func (a Actor) ranks(least Role) bool {
	switch least {
	case RoleOwner:
		return a.Role == RoleOwner
	case RoleAdministrator:
		return a.Role.Administers()
	}
	return false
}
