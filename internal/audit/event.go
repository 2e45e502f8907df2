package audit

import "time"

// An Event is one entry of the log. Time, actor and origin are those of the
// transaction and are filled in by [Log.Append].
type Event struct {
	ID    string    `json:"id"`
	Time  time.Time `json:"time"`
	Actor Actor     `json:"actor"`

	// OrganizationID is whose log it stands in; empty for the installation's.
	OrganizationID string `json:"organization_id,omitempty"`
	Action         Action `json:"action"`
	Target         Target `json:"target"`
	// Changes holds each field that changed. No secret ever stands in it.
	Changes []Change `json:"changes"`

	// Outcome, Code and Reference are set for sign-ins.
	Outcome   string `json:"outcome,omitempty"`
	Code      string `json:"code,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// An Actor is who did it, and from where.
type Actor struct {
	Kind    string `json:"kind"`
	ID      string `json:"id,omitempty"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
	Agent   string `json:"agent,omitempty"`
}

// A Target is what it was done to. Name is how people know it.
type Target struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

// A Change is one field before and after.
type Change struct {
	Field string `json:"field"`
	Old   any    `json:"old,omitempty"`
	New   any    `json:"new,omitempty"`
}

// Outcomes of sign-ins.
const (
	Succeeded = "succeeded"
	Refused   = "refused"
)

// An Action says what was done, to what kind of thing: the part before the dot.
// The values are stable.
type Action string

// Actions. What each means stands in the catalogue.
const (
	OrganizationCreated Action = "organization.created"
	OrganizationUpdated Action = "organization.updated"

	DomainClaimed  Action = "domain.claimed"
	DomainVerified Action = "domain.verified"
	DomainDeleted  Action = "domain.deleted"
	DomainEnforced Action = "domain.enforced"
	DomainReleased Action = "domain.released"

	DomainLapsed       Action = "domain.lapsed"
	DomainFrozen       Action = "domain.frozen"
	DomainExpired      Action = "domain.expired"
	DomainDisputed     Action = "domain.disputed"
	DomainDisputeEnded Action = "domain.dispute_ended"
	DomainAwarded      Action = "domain.awarded"
	DomainLost         Action = "domain.lost"

	UserCreated           Action = "user.created"
	UserManaged           Action = "user.managed"
	UserUpdated           Action = "user.updated"
	UserAddressAsked      Action = "user.address_change_requested"
	UserAddressChanged    Action = "user.address_changed"
	UserDeactivated       Action = "user.deactivated"
	UserReactivated       Action = "user.reactivated"
	UserRemoved           Action = "user.removed"
	UserActivated         Action = "user.activated"
	UserRoleChanged       Action = "user.role_changed"
	UserSSOChanged        Action = "user.sso_changed"
	UserPasswordChanged   Action = "user.password_changed"
	UserPasswordCleared   Action = "user.password_cleared"
	InvitationCreated     Action = "invitation.created"
	InvitationRevoked     Action = "invitation.revoked"
	InvitationSent        Action = "invitation.sent"
	InvitationAccepted    Action = "invitation.accepted"
	PasswordResetAsked    Action = "user.password_reset_requested"
	SignedUp              Action = "sign_up"
	ImportStarted         Action = "import.started"
	ImportFinished        Action = "import.finished"
	ImportUndone          Action = "import.undone"
	AccountCreated        Action = "account.created"
	AccountUpdated        Action = "account.updated"
	AccountArchived       Action = "account.archived"
	AccountRestored       Action = "account.restored"
	AccountMemberChanged  Action = "account.member_changed"
	AccountMemberRemoved  Action = "account.member_removed"
	ProfileCreated        Action = "sso_profile.created"
	ProfileUpdated        Action = "sso_profile.updated"
	ProfileTested         Action = "sso_profile.tested"
	ProfileTestStarted    Action = "sso_profile.test_started"
	ProfileTestFailed     Action = "sso_profile.test_failed"
	ProfileDisabled       Action = "sso_profile.disabled"
	ProfileEnabled        Action = "sso_profile.enabled"
	ProfileDeleted        Action = "sso_profile.deleted"
	ProfileKeyCreated     Action = "sso_profile.key_created"
	ProfileKeyRotated     Action = "sso_profile.key_rotated"
	SetupLinkCreated      Action = "setup_link.created"
	SetupLinkClaimed      Action = "setup_link.claimed"
	SetupLinkRevoked      Action = "setup_link.revoked"
	DraftEntered          Action = "sso_profile.draft_entered"
	DraftApplied          Action = "sso_profile.draft_applied"
	DraftDiscarded        Action = "sso_profile.draft_discarded"
	SecretsResealed       Action = "secrets.resealed"
	TokenCreated          Action = "token.created"
	TokenDeleted          Action = "token.deleted"
	SessionEnded          Action = "session.ended"
	SessionsEnded         Action = "session.all_ended"
	SignInSucceeded       Action = "sign_in.succeeded"
	SignInRefused         Action = "sign_in.refused"
	SignInRevealed        Action = "sign_in.revealed" // somebody looked at the values of attributes
	SignedOut             Action = "sign_out"
	SignedOutByIdP        Action = "sign_out.by_idp"
	SignOutAnswered       Action = "sign_out.answered"
	SignOutRefused        Action = "sign_out.refused"
	RecoveryCodesMade     Action = "recovery.codes_made"
	RecoveryCodeUsed      Action = "recovery.code_used"
	RecoveryRescued       Action = "recovery.rescued"
	PasswordRefusedChange Action = "user.password_change_refused"

	ProfileRefreshed             Action = "sso_profile.metadata_refreshed"
	ProfileFailing               Action = "sso_profile.sign_ins_failing"
	ProfileWorking               Action = "sso_profile.sign_ins_working"
	ProfileRefreshFailed         Action = "sso_profile.metadata_failed"
	ProfileEntityFound           Action = "sso_profile.entity_found"
	ProfileEntityAccepted        Action = "sso_profile.entity_accepted"
	ProfileEntityRefused         Action = "sso_profile.entity_refused"
	ProfileCertificateApproved   Action = "sso_profile.certificate_approved"
	ProfileCertificateRefused    Action = "sso_profile.certificate_refused"
	ProfileCertificateDistrusted Action = "sso_profile.certificate_distrusted"

	FeedbackDeleted Action = "feedback.deleted"

	LogExported Action = "audit.exported"
	LogPurged   Action = "audit.purged"
)
