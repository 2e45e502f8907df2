package saml

import "time"

// A Message is what arrived at the Assertion Consumer Service.
type Message struct {
	// Values are all values of the form field SAMLResponse, from the body of
	// the POST alone.
	Values []string
	// Received is the instant to judge by; now if zero.
	Received time.Time
	// Requests tells what became of a request of ours; nil means that we
	// never sent any. It and Consumed are asked again where a refusal has to
	// be recorded.
	Requests func(id string) RequestState
	// Consumed tells whether an assertion with this ID was consumed before;
	// nil means that none was. It is asked last but for the NameID, and only
	// to say so early: what counts is the caller's own transaction.
	Consumed func(assertionID string) bool
	// Again judges a message that was received before, to tell whether it would
	// pass with another configuration: the rules on requests and replays, which
	// it can't keep any more, are left out as far as they ask Requests and
	// Consumed, and nothing restarts. What comes of it signs nobody in.
	Again bool
	// Record asks for all checks of an accepted message too, and for the
	// attributes that a refused one claims.
	Record bool
}

// A RequestState is what became of a request of ours.
type RequestState int

const (
	RequestUnknown RequestState = iota // never issued by us for this relation
	RequestPending                     // not answered yet, and still to be
	RequestUsed                        // answered before
	RequestExpired                     // too old to be answered
)

// A Result is a message that was accepted, or one that asks for a restart.
type Result struct {
	// Restart is set in mode [Restart] for a well-formed Success response
	// that answers no request of ours. Nothing of it is to be believed; there
	// is no assertion.
	Restart bool
	// Assertion is what was signed.
	Assertion *Assertion
	// Checks is filled in where Message.Record asks for it.
	Checks []Check
	// Decrypted tells what of the message a key of ours was used on; nil:
	// nothing, or Message.Record did not ask for it.
	Decrypted *Decrypted
}

// An Assertion is the verified statement of the Identity Provider. All of it
// was covered by a signature that holds.
type Assertion struct {
	ID           string
	Issuer       string
	IssueInstant time.Time
	// NameID is as it stands there; Email is its text without white space
	// around it, one e-mail address as typed.
	NameID NameID
	Email  string
	// InResponseTo is the request that it answers; empty where it was
	// accepted without one.
	InResponseTo string
	// NotOnOrAfter is the end of the Conditions' validity, zero if they have
	// none. RememberUntil is how long the caller has to remember ID so that
	// it is not consumed again.
	NotOnOrAfter  time.Time
	RememberUntil time.Time
	// AuthnInstant is when the user proved who they are; zero if not said.
	AuthnInstant time.Time
	// SessionNotOnOrAfter is when a session has to end; zero if not said.
	SessionNotOnOrAfter time.Time
	SessionIndex        string
	AuthnContext        string
	// Attributes are for a person who looks for a mistake.
	Attributes Attributes
	// ResponseSigned and AssertionSigned say what the signatures cover.
	ResponseSigned, AssertionSigned bool
	// Certificate is the index, in the configuration, of the one that the
	// outermost signature holds with.
	Certificate int
}

// Decrypted tells what of a message a private key of ours was used on, whether
// it could be decrypted or not. Whoever signs a response can put into it what
// another Identity Provider has encrypted for us, about somebody else: what comes
// out belongs to the sender only if it says so itself.
type Decrypted struct {
	// Assertion is set for an EncryptedAssertion. Issuer and InResponseTo, of its
	// SubjectConfirmationData, stand inside it; they are empty where it could not
	// be read.
	Assertion            bool
	Issuer, InResponseTo string
	// NameID is set for an EncryptedID, which says nothing of whose it is.
	NameID bool
}

// A NameID names the subject (SAML core, section 2.2.3).
type NameID struct {
	Value           string
	Format          string
	NameQualifier   string
	SPNameQualifier string
}
