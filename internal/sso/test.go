package sso

import (
	"encoding/json"
	"strings"
	"time"

	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/secret"
	"sallyport/saml"
)

// A Test is one test of a profile's connection: the true round trip to the
// Identity Provider, at whose end nobody is signed in.
//
//	pending ──(start_url, once)──> pending, at the Identity Provider ──> passed
//	   └──────────────(in time)────────────────┴───────────────────────> failed
type Test struct {
	ID             string
	ProfileID      string
	OrganizationID string
	SetupLinkID    string // empty: its holder did not ask for it
	AskedBy        string
	Draft          bool // it is of the draft, not of the profile as it is
	Status         TestStatus
	Code           fault.Code // why it has failed
	CreatedAt      time.Time
	StartedAt      time.Time // zero: nobody has opened its start URL
	AnsweredAt     time.Time

	requestID               string
	configHash, browserHash []byte
	sealed                  []byte
}

// A TestStatus is what came of a test so far.
type TestStatus string

const (
	TestPending TestStatus = "pending"
	TestPassed  TestStatus = "passed"
	TestFailed  TestStatus = "failed"
)

// Limits of tests.
const (
	startFor  = 15 * time.Minute    // a start URL can be opened
	keepTests = 30 * 24 * time.Hour // and what they have found
	// mostTests is how many of a profile are kept; the oldest make room.
	mostTests = 100
)

// expired says with which code a test that nothing came back for has failed;
// empty if there is still time.
func (t *Test) expired(now time.Time) fault.Code {
	switch {
	case t.Status != TestPending:
	case t.StartedAt.IsZero() && !now.Before(t.CreatedAt.Add(startFor)):
		return fault.LinkExpired
	case !t.StartedAt.IsZero() && !now.Before(t.StartedAt.Add(pendingFor)):
		return fault.SAMLRequestExpired
	}
	return ""
}

// A TestResult is what a test has found. Everything in it but the codes may be
// of the sender's making, and is to be escaped where it is shown.
type TestResult struct {
	Checks []TestCheck `json:"checks"`
	// Email is whom the message names, where all of SAML's checks hold.
	Email      string          `json:"email,omitempty"`
	UserID     string          `json:"user_id,omitempty"`
	UserName   string          `json:"user_name,omitempty"`
	Attributes []TestAttribute `json:"attributes,omitempty"`
	// Message is the decoded message; Cut tells that it was longer.
	Message string `json:"message,omitempty"`
	Cut     bool   `json:"cut,omitempty"`
	// Foreign tells that the message holds what was encrypted for us, and that
	// does not say of itself that it answers this test: it may be about others.
	Foreign bool `json:"foreign,omitempty"`
	// Counted tells that the profile, or the draft, counts as tested by it.
	Counted bool `json:"counted,omitempty"`
}

// A TestCheck is one rule held against the message, as the flight recorder has
// them.
type TestCheck = record.Check

// Names of the checks behind those of package saml.
const (
	CheckProfile       = record.CheckProfile
	CheckConfiguration = record.CheckConfiguration
	CheckDomain        = record.CheckDomain
	CheckUser          = record.CheckUser
)

// A TestAttribute is what the Identity Provider says of the subject besides.
type TestAttribute = record.Attribute

// A TestView is a test as doors show it.
type TestView struct {
	Test
	TestResult
	IdP string // which product the profile, or the draft, is for
	// Withheld tells that what was found is left out, for it is Foreign.
	Withheld bool
	// Diagnosis says what was wrong, as far as whoever asks may know.
	Diagnosis record.Diagnosis
}

// withoutForeign leaves out what may have come out of another's ciphertext. With
// the key of their own draft the holder of a setup link signs whatever they like
// around an assertion that they have captured: the signature proves nothing of what
// is inside. The codes stay, for they say what to change.
func (v TestView) withoutForeign() TestView {
	if !v.Foreign {
		return v
	}
	v = v.withoutUser()
	v.Withheld, v.Email, v.Attributes = true, "", nil
	for i := range v.Checks {
		c := &v.Checks[i]
		if c.Found, c.Note = "", ""; strings.HasPrefix(c.Name, "signature") {
			c.Expected = "" // the digest inside
		}
	}
	return v
}

// foreign reports whether what a message holds encrypted may be about somebody
// else than the test: unless the assertion inside names its request, and is of the
// Identity Provider under test. A NameID that is encrypted alone says nothing of
// the kind.
func (t *Test) foreign(p *Profile, d *saml.Decrypted) bool {
	return d != nil && (d.NameID || d.InResponseTo != t.requestID || d.Issuer != p.EntityID)
}

// withoutUser leaves out what only those may know who manage the users: whether
// there is such a user.
func (v TestView) withoutUser() TestView {
	v.UserID, v.UserName = "", ""
	checks := make([]TestCheck, len(v.Checks))
	copy(checks, v.Checks)
	for i := range checks {
		if checks[i].Name == CheckUser {
			checks[i] = TestCheck{Name: CheckUser, Code: fault.UserNotFound, Status: saml.NotReached}
		}
	}
	v.Checks = checks
	return v
}

// withoutOracle leaves out what tells more of a ciphertext than that it can't be
// decrypted: that is for the administrator's record alone (docs/saml.md).
func (v TestView) withoutOracle() TestView {
	if v.Code != fault.SAMLDecryptionFailed {
		return v
	}
	checks, behind := make([]TestCheck, 0, len(v.Checks)), false
	for _, c := range v.Checks {
		switch {
		case c.Name == "decryption" && behind:
			continue // once is enough
		case c.Name == "decryption":
			behind = true
			c = TestCheck{Name: c.Name, Code: c.Code, Status: saml.Failed}
		case behind, c.Name == "assertions", c.Code == fault.SAMLXMLInvalid:
			c = TestCheck{Name: c.Name, Code: c.Code, Status: saml.NotReached}
		}
		checks = append(checks, c)
	}
	v.Checks, v.Attributes = checks, nil
	return v
}

func (t *Test) place() secret.Place {
	return secret.Place{Table: "sso_tests", Column: "result", Row: t.ID}
}

func (s *Service) sealResult(t *Test, r *TestResult) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	t.sealed, err = s.secrets.Seal(t.place(), text)
	return err
}

// openTest returns what a test has found, or how it stands.
func (s *Service) openTest(t Test, now time.Time) (TestView, error) {
	v := TestView{Test: t}
	if code := t.expired(now); code != "" {
		v.Status, v.Code = TestFailed, code
		v.Checks = []TestCheck{{Name: "response", Code: code, Status: saml.Failed,
			Expected: "an answer of the Identity Provider within " + limitOf(code), Found: "none"}}
	}
	if len(t.sealed) == 0 {
		return v, nil
	}
	text, err := s.secrets.Open(t.place(), t.sealed)
	if err != nil {
		return v, err
	}
	return v, json.Unmarshal(text, &v.TestResult)
}

func limitOf(code fault.Code) string {
	if code == fault.LinkExpired {
		return "15 minutes, in which the test has to be started"
	}
	return "30 minutes"
}
