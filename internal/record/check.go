package record

import (
	"time"

	"sallyport/internal/fault"
	"sallyport/saml"
)

// A Check is one rule held against an attempt. Its code is that with which the
// rule refuses, also where it holds. Expected, Found and Note may be of the
// sender's making, and are to be escaped where they are shown.
type Check struct {
	Name     string      `json:"name"`
	Code     fault.Code  `json:"code"`
	Status   saml.Status `json:"status"`
	Expected string      `json:"expected,omitempty"`
	Found    string      `json:"found,omitempty"`
	Note     string      `json:"note,omitempty"`
}

// Failed returns the first check that failed with the code, else the first that
// failed; false if none did.
func Failed(checks []Check, code fault.Code) (Check, bool) {
	var first *Check
	for i, c := range checks {
		switch {
		case c.Status != saml.Failed:
		case c.Code == code:
			return c, true
		case first == nil:
			first = &checks[i]
		}
	}
	if first == nil {
		return Check{}, false
	}
	return *first, true
}

// Issued returns when the Identity Provider says that it made the message, by
// its own clock; false if no check has read that.
func Issued(checks []Check) (time.Time, bool) {
	for _, c := range checks {
		if c.Name == "issue_instant" && c.Status != saml.NotReached {
			name, t, ok := bound(c)
			return t, ok && name == "IssueInstant"
		}
	}
	return time.Time{}, false
}

// Named returns whom a message names, as far as its checks have read that: that
// it says so proves nothing.
func Named(checks []Check) string {
	for _, name := range []string{"nameid_email", "nameid"} {
		for _, c := range checks {
			if c.Name == name && c.Status != saml.NotReached && c.Found != "" {
				return c.Found
			}
		}
	}
	return ""
}
