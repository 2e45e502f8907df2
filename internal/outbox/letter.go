package outbox

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Letter is a mail before it is put into words.
type Letter struct {
	Kind Kind
	// To is the stored address of whom it is for, never one that somebody
	// has just typed.
	To string
	// Language is that of the user; English if it is empty or unknown.
	Language string
	// Values fill the text's placeholders: exactly those of the kind. A
	// string stands for itself, a [Word] for its translation, a [time.Time]
	// for its date.
	Values Values
	// Link is where the button leads; for kinds that have one.
	Link string
	// Until is when the mail is of no use any more: it is not tried longer
	// than that. Zero: for [giveUpAfter].
	Until time.Time
}

// Values are what a letter says of this one case, by placeholder.
type Values map[string]any

// A Word is a word of the catalogue, such as role.owner.
type Word string

// A Sentence is a text of our own that stands in no catalogue of mails, such as
// what help says. Nothing that anybody else wrote may be in it.
type Sentence string

// A Kind says what a letter is about. Its texts stand in the catalogue under
// its name: subject, text, button and small.
type Kind string

// The kinds of letters.
const (
	Invitation      Kind = "invitation"       // added at a verified domain: set a password
	InvitationSSO   Kind = "invitation_sso"   // added at a verified domain: sign in through the company
	InvitationAsk   Kind = "invitation_ask"   // becomes managed by accepting
	Welcome         Kind = "welcome"          // an independent user whom the operator added
	Managed         Kind = "managed"          // a known user became managed
	VerifyEmail     Kind = "verify_email"     // confirm a sign-up
	ChangeEmail     Kind = "change_email"     // confirm another address of a user
	EmailChanged    Kind = "email_changed"    // to the old address
	SignUpKnown     Kind = "signup_known"     // somebody signed up with the address of a user
	Reset           Kind = "reset"            // forgot the password
	ResetSSO        Kind = "reset_sso"        // forgot the password, and signs in through the company
	PasswordSet     Kind = "password_set"     // the initial password was set
	PasswordChanged Kind = "password_changed" // another password was set
	RoleChanged     Kind = "role_changed"     // another organization role
	SetupLinkUsed   Kind = "setup_link_used"  // to who made it
	DomainLapsing   Kind = "domain_lapsing"   // to owners: a domain's proof has gone

	DomainFrozen        Kind = "domain_frozen"         // to owners: it has gone for too long, and people sign in through it
	DomainExpired       Kind = "domain_expired"        // to owners: it has gone for too long
	DomainDisputed      Kind = "domain_disputed"       // to the holder's owners
	DomainClaimDisputed Kind = "domain_claim_disputed" // to the other side's owners
	DomainDecide        Kind = "domain_decide"         // to the operator
	DomainAwarded       Kind = "domain_awarded"        // to the owners of the side that has won
	DomainLost          Kind = "domain_lost"           // to those of the other one

	Recovery      Kind = "recovery"       // to the owner whose code was used: the link
	RecoveryUsed  Kind = "recovery_used"  // to owners: one of them was let in by break-glass
	RecoveryCodes Kind = "recovery_codes" // to the owner: new codes were made

	// To owners and administrators.
	CertificateExpires Kind = "certificate_expires" // of an Identity Provider
	KeyExpires         Kind = "key_expires"         // of ours
	CertificateWaiting Kind = "certificate_waiting" // a refresh has found one that replaces what is known
	EntityChanged      Kind = "entity_changed"      // a refresh has found another Identity Provider
	SignInsFail        Kind = "sign_ins_fail"       // sign-ins have begun to fail
)

// A shape is what letters of a kind have to hold.
type shape struct {
	values []string // besides product, which every letter knows
	link   bool
}

var shapes = map[Kind]shape{
	Invitation:      {values: []string{"organization", "until"}, link: true},
	InvitationSSO:   {values: []string{"organization", "until"}, link: true},
	InvitationAsk:   {values: []string{"organization", "until"}, link: true},
	Welcome:         {values: []string{"until"}, link: true},
	Managed:         {values: []string{"organization"}, link: true},
	VerifyEmail:     {values: []string{"until"}, link: true},
	ChangeEmail:     {values: []string{"organization", "email", "until"}, link: true},
	EmailChanged:    {values: []string{"email", "time"}},
	SignUpKnown:     {link: true},
	Reset:           {values: []string{"until"}, link: true},
	ResetSSO:        {link: true},
	PasswordSet:     {values: []string{"time"}},
	PasswordChanged: {values: []string{"time"}},
	RoleChanged:     {values: []string{"organization", "role"}, link: true},
	Recovery:        {values: []string{"organization", "until"}, link: true},
	RecoveryUsed:    {values: []string{"organization", "email", "time", "address"}, link: true},
	RecoveryCodes:   {values: []string{"time"}},
	SetupLinkUsed:   {values: []string{"organization", "profile", "what", "time", "address"}, link: true},
	DomainLapsing:   {values: []string{"organization", "domain", "until"}, link: true},

	DomainFrozen:        {values: []string{"organization", "domain"}, link: true},
	DomainExpired:       {values: []string{"organization", "domain"}, link: true},
	DomainDisputed:      {values: []string{"organization", "domain"}, link: true},
	DomainClaimDisputed: {values: []string{"organization", "domain"}, link: true},
	DomainDecide:        {values: []string{"domain", "domain_id", "claimant", "claimant_id", "holder", "holder_id"}},
	DomainAwarded:       {values: []string{"organization", "domain"}, link: true},
	DomainLost:          {values: []string{"organization", "domain"}, link: true},

	CertificateExpires: {values: []string{"organization", "profile", "subject", "until"}, link: true},
	KeyExpires:         {values: []string{"organization", "profile", "subject", "until"}, link: true},
	CertificateWaiting: {values: []string{"organization", "profile", "until"}, link: true},
	EntityChanged:      {values: []string{"organization", "profile"}, link: true},
	SignInsFail:        {values: []string{"organization", "profile", "since", "failed", "tried", "cause", "code", "fix"}, link: true},
}

// Kinds returns every kind, in the order of its name.
func Kinds() []Kind { return slices.Sorted(maps.Keys(shapes)) }

// check refuses a letter that does not fit its kind: a mistake of the caller's.
func (l *Letter) check() error {
	s, ok := shapes[l.Kind]
	if !ok {
		return fmt.Errorf("outbox: no kind of letter is called %q", l.Kind)
	}
	if l.To == "" {
		return errors.New("outbox: a letter to nobody")
	}
	given := slices.Sorted(maps.Keys(l.Values))
	wanted := slices.Sorted(slices.Values(s.values))
	if !slices.Equal(given, wanted) {
		return fmt.Errorf("outbox: a letter %s has the values %v, not %v", l.Kind, wanted, given)
	}
	if s.link != (l.Link != "") {
		return fmt.Errorf("outbox: a letter %s has a link: %v", l.Kind, s.link)
	}
	for name, v := range l.Values {
		switch v.(type) {
		case string, Word, Sentence, time.Time:
		default:
			return errors.New("outbox: the value " + name + " is no text, word, sentence or time")
		}
	}
	return nil
}
