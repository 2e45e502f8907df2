package audit

import "strings"

// An Entry of the catalogue says what an action means.
type Entry struct {
	Action Action
	Means  string // one sentence
}

// Kind is the part of an action before the dot: what it was done to.
func (a Action) Kind() string {
	kind, _, _ := strings.Cut(string(a), ".")
	return kind
}

// Catalogue lists every action. Entries are added, and never taken away: old
// logs hold them.
func Catalogue() []Entry {
	return []Entry{
		{OrganizationCreated, "An organization was made."},
		{OrganizationUpdated, "An organization's settings were changed."},

		{DomainClaimed, "A domain was claimed."},
		{DomainVerified, "A domain was verified: by its proof, or on the operator's word."},
		{DomainDeleted, "A domain was given up."},
		{DomainEnforced, "SSO was enforced for a domain."},
		{DomainReleased, "A domain was released from SSO."},
		{DomainLapsed, "The proof of a verified domain was not found any more."},
		{DomainFrozen, "Nothing changes at a domain until a dispute is decided."},
		{DomainExpired, "A domain is verified no longer: its proof stayed away."},
		{DomainDisputed, "Another organization has proved a domain that this one holds."},
		{DomainDisputeEnded, "The claim of another organization to a domain has ended."},
		{DomainAwarded, "The operator gave a domain to an organization."},
		{DomainLost, "The operator gave a domain to another organization."},

		{UserCreated, "A user was made."},
		{UserManaged, "A user became managed by an organization."},
		{UserUpdated, "A user's name or language was changed."},
		{UserAddressAsked, "Another address was entered for a user; it counts once it is confirmed."},
		{UserAddressChanged, "Another address of a user was confirmed."},
		{UserDeactivated, "A user was deactivated."},
		{UserReactivated, "A user was reactivated."},
		{UserRemoved, "A user was removed."},
		{UserActivated, "A user signed in for the first time."},
		{UserRoleChanged, "A user's role in the organization was changed."},
		{UserSSOChanged, "SSO was enabled or disabled for a user, or left to the domain."},
		{UserPasswordChanged, "A user changed the password."},
		{UserPasswordCleared, "A user's password was taken away."},
		{PasswordResetAsked, "A link to set another password was asked for."},
		{PasswordRefusedChange, "A change of a password was refused."},

		{InvitationCreated, "Somebody was invited."},
		{InvitationRevoked, "An invitation was revoked."},
		{InvitationSent, "An invitation was mailed once more."},
		{InvitationAccepted, "An invitation was accepted."},

		{SignedUp, "Somebody signed up as an independent user."},

		{ImportStarted, "An import of users was started."},
		{ImportFinished, "An import of users has ended."},
		{ImportUndone, "An import of users was taken back."},

		{AccountCreated, "An account was made."},
		{AccountUpdated, "An account was renamed."},
		{AccountArchived, "An account was archived."},
		{AccountRestored, "An account was restored."},
		{AccountMemberChanged, "A user was added to an account, or the user's roles there were changed."},
		{AccountMemberRemoved, "A user was removed from an account."},

		{ProfileCreated, "An SSO profile was made."},
		{ProfileUpdated, "An SSO profile was changed."},
		{ProfileTested, "A connection test of an SSO profile has passed, or the operator vouched for it."},
		{ProfileTestStarted, "A connection test of an SSO profile was asked for."},
		{ProfileTestFailed, "A connection test of an SSO profile has failed."},
		{ProfileDisabled, "An SSO profile was disabled."},
		{ProfileEnabled, "An SSO profile was enabled."},
		{ProfileDeleted, "An SSO profile was deleted."},
		{ProfileKeyCreated, "A key of our own was made for an SSO profile."},
		{ProfileKeyRotated, "A key of our own was replaced in an SSO profile."},
		{DraftEntered, "The holder of a setup link entered a draft of an SSO profile."},
		{DraftApplied, "The draft of an SSO profile was applied."},
		{DraftDiscarded, "The draft of an SSO profile was discarded."},
		{ProfileRefreshed, "Metadata was fetched, and something in it has changed."},
		{ProfileFailing, "Sign-ins with the SSO profile have begun to fail; the code is the most frequent reason."},
		{ProfileWorking, "Sign-ins with the SSO profile work again, or nobody has tried any more."},
		{ProfileRefreshFailed, "From now on the metadata can't be fetched or used."},
		{ProfileEntityFound, "Metadata names another Identity Provider than before."},
		{ProfileEntityAccepted, "Another Identity Provider that metadata names was accepted."},
		{ProfileEntityRefused, "Another Identity Provider that metadata names was refused."},
		{ProfileCertificateApproved, "A certificate that was waiting was approved."},
		{ProfileCertificateRefused, "A certificate that was waiting was refused."},
		{ProfileCertificateDistrusted, "A certificate was distrusted, and its sessions ended."},

		{SetupLinkCreated, "A setup link was made."},
		{SetupLinkClaimed, "A browser has become the owner of a setup link."},
		{SetupLinkRevoked, "A setup link was revoked."},

		{TokenCreated, "An API token was made."},
		{TokenDeleted, "An API token was deleted."},

		{SessionEnded, "One session of a user was ended."},
		{SessionsEnded, "All sessions of a user were ended."},

		{SignInSucceeded, "Somebody signed in."},
		{SignInRefused, "A sign-in was refused; the code says why."},
		{SignInRevealed, "Somebody looked at the values of attributes in the record of a sign-in."},

		{SignedOut, "A user signed out."},
		{SignedOutByIdP, "The Identity Provider asked for a sign-out."},
		{SignOutAnswered, "The Identity Provider answered our sign-out."},
		{SignOutRefused, "A message for sign-out was not accepted; the code says why."},

		{RecoveryCodesMade, "An owner made recovery codes."},
		{RecoveryCodeUsed, "A recovery code was used, and its link mailed."},
		{RecoveryRescued, "The operator issued a link that lets an owner in."},

		{FeedbackDeleted, "The operator deleted what a reader said of a page of the help."},

		{LogExported, "The audit log was exported, by the filter that the changes name."},
		{LogPurged, "Events older than the retention were deleted; the installation's log says so."},

		{SecretsResealed, "Secrets were encrypted again under the current key-encryption key."},
	}
}

// actionsOf are those of a kind, which is followed by a dot.
func actionsOf(kind string) (found []string) {
	for _, e := range Catalogue() {
		if e.Action.Kind()+"." == kind {
			found = append(found, string(e.Action))
		}
	}
	return found
}
