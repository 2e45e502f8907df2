package access

// A Method is a way of signing in, or a way in which a session was begun.
type Method string

const (
	MethodNone     Method = "none"
	MethodPassword Method = "password"
	MethodSSO      Method = "sso"
	// MethodRecovery is a session's method only: break-glass is never the
	// answer of the policy.
	MethodRecovery Method = "recovery"
)

// A Reason says which line of the policy decided. The values are stable: they
// stand in the API and in records.
type Reason string

const (
	ReasonUserDeactivated    Reason = "user_deactivated"
	ReasonSSODisabledForUser Reason = "sso_disabled_for_user"
	ReasonSSOEnabledForUser  Reason = "sso_enabled_for_user"
	ReasonDomainEnforced     Reason = "domain_enforced"
	ReasonNotEnforced        Reason = "not_enforced"
)

// A UserStatus is where a user stands between invitation and deactivation.
type UserStatus string

const (
	UserInvited     UserStatus = "invited"
	UserActive      UserStatus = "active"
	UserDeactivated UserStatus = "deactivated"
)

// An SSOSetting is the per-user switch of an administrator. The zero value is
// not valid; a user without a switch has [SSOInherit].
type SSOSetting string

const (
	SSOInherit  SSOSetting = "inherit" // by domain
	SSOEnabled  SSOSetting = "enabled"
	SSODisabled SSOSetting = "disabled"
)

// A DomainStatus is the state of an organization's claim to an e-mail domain.
type DomainStatus string

const (
	DomainPending  DomainStatus = "pending"
	DomainVerified DomainStatus = "verified"
	DomainLapsing  DomainStatus = "lapsing"
	DomainFrozen   DomainStatus = "frozen"
)

// Held reports whether an organization holds a domain in this state: it is its
// only holder, though nothing new may be enforced unless it is verified.
func (s DomainStatus) Held() bool {
	return s == DomainVerified || s == DomainLapsing || s == DomainFrozen
}

// A Subject is what the sign-in policy needs to know of one user.
type Subject struct {
	Status UserStatus
	// OrganizationID is the organization that manages the user; empty for an
	// independent user.
	OrganizationID string
	SSO            SSOSetting
	// SSOProfileID is the profile that SSOEnabled names.
	SSOProfileID string
	// Domain is the claim that holds the domain of the user's address, the
	// zero value if nobody holds it.
	Domain HeldDomain
}

// A HeldDomain is what the sign-in policy needs to know of a domain.
type HeldDomain struct {
	OrganizationID string
	Status         DomainStatus
	// EnforcedProfileID is the SSO profile that the domain is enforced with;
	// empty if it is not enforced.
	EnforcedProfileID string
}

// A Decision is the answer of [SignIn].
type Decision struct {
	Method Method
	Reason Reason
	// ProfileID is the only SSO profile that signs the user in; set exactly
	// where Method is [MethodSSO].
	ProfileID string
}

// A line is one row of the policy.
type line struct {
	reason  Reason
	applies func(Subject) bool
	method  Method
	profile func(Subject) string // with MethodSSO
}

// policy holds the lines in the order in which they count. The last one always
// applies.
var policy = [...]line{
	{ReasonUserDeactivated, Subject.deactivated, MethodNone, nil},
	{ReasonSSODisabledForUser, Subject.ssoDisabled, MethodPassword, nil},
	{ReasonSSOEnabledForUser, Subject.ssoEnabled, MethodSSO, func(s Subject) string { return s.SSOProfileID }},
	{ReasonDomainEnforced, Subject.enforced, MethodSSO, func(s Subject) string { return s.Domain.EnforcedProfileID }},
	{ReasonNotEnforced, func(Subject) bool { return true }, MethodPassword, nil},
}

// SignIn decides how one user signs in: by the first line that applies.
//
// MethodSSO means only SSO and MethodPassword means only a password: nothing
// else lets the user in, whichever credentials exist.
func SignIn(s Subject) Decision {
	for _, l := range policy {
		if l.applies(s) {
			d := Decision{Method: l.method, Reason: l.reason}
			if l.profile != nil {
				d.ProfileID = l.profile(s)
			}
			return d
		}
	}
	panic("access: no line of the policy applies") // the last one does
}

func (s Subject) deactivated() bool { return s.Status == UserDeactivated }

func (s Subject) ssoDisabled() bool { return s.SSO == SSODisabled }

func (s Subject) ssoEnabled() bool { return s.SSO == SSOEnabled && s.SSOProfileID != "" }

// enforced reports whether the domain of the user's address is held by the
// organization that manages the user, and enforced. A domain that another
// organization holds says nothing about this user.
func (s Subject) enforced() bool {
	d := s.Domain
	return s.OrganizationID != "" && s.OrganizationID == d.OrganizationID &&
		d.Status.Held() && d.EnforcedProfileID != ""
}
