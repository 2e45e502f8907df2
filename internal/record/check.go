package record

import (
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
