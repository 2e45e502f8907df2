package record

import (
	"time"

	"sallyport/internal/access"
	"sallyport/internal/fault"
)

// An Attempt is one try to sign in.
type Attempt struct {
	// ID is an id of kind att, and the reference that the user is shown.
	ID             string
	Time           time.Time
	OrganizationID string // empty: nobody's but the operator's
	ProfileID      string // empty: no SSO profile had to do with it
	UserID         string // empty: nobody who is known
	// Email is the user's address, or what stands for it: a keyed hash of what
	// was typed and is nobody's, unless its domain is the organization's own.
	Email   string
	Method  access.Method
	Started Side
	Outcome Outcome
	Code    fault.Code // why it was refused
	Address string     // of the browser
	Agent   string
}

// A Side is where a sign-in was started.
type Side string

const (
	SideUnknown Side = ""
	SideHere    Side = "here" // at our login page: SP-initiated
	SideIdP     Side = "idp"  // at the Identity Provider: IdP-initiated
)

// An Outcome is what became of an attempt.
//
//	pending ──> succeeded
//	   └──────> refused
type Outcome string

const (
	// Pending is an attempt that the Identity Provider has vouched for, and
	// that the browser has not finished: it may still answer a page, or has
	// not come back.
	Pending   Outcome = "pending"
	Succeeded Outcome = "succeeded"
	Refused   Outcome = "refused"
)

// Outcomes returns every outcome.
func Outcomes() []Outcome { return []Outcome{Succeeded, Refused, Pending} }

// Names of checks behind those of package saml.
const (
	CheckProfile       = "profile"       // it is not disabled
	CheckConfiguration = "configuration" // of a test: it is the one that the test began with
	CheckDomain        = "domain"        // the organization holds it
	CheckUser          = "user"          // the policy lets the user in this way
	CheckBrowser       = "browser"       // it is the one in which the sign-in began
	CheckTicket        = "ticket"        // it was brought back in time, and once
	CheckPassword      = "password"      // it is the user's
	CheckRate          = "rate"          // there were not too many wrong ones
	CheckCode          = "recovery_code" // it is one of the owner's
	CheckLink          = "link"          // it is good, and in the right browser
)

// An Attribute is what the Identity Provider says of the subject besides.
type Attribute struct {
	Name   string   `json:"name"`
	Values []string `json:"values"`
}

// Details are what is bulky of an attempt.
type Details struct {
	Checks     []Check
	Attributes []Attribute
	Message    Message
}

// A Record is an attempt with its details.
type Record struct {
	Attempt
	Details
	// Kept tells whether the details were: not for those whom the limits left
	// out.
	Kept bool
	// Hidden tells that the values of attributes, and what could hold some in
	// the message, were left out.
	Hidden bool
}
