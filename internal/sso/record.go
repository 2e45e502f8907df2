package sso

import (
	"slices"

	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/saml"
)

// What the flight recorder is told of attempts, besides what package saml finds.

// startedAt tells where a sign-in was started, as far as a refused message says
// so: named tells whether it answers a request.
func startedAt(checks []saml.Check, named bool) record.Side {
	switch i := slices.IndexFunc(checks, func(c saml.Check) bool { return c.Name == checkRequest }); {
	case named:
		return record.SideHere
	case i < 0 || checks[i].Status == saml.NotReached:
		return record.SideUnknown
	}
	return record.SideIdP
}

// checkRequest is package saml's check of the request that a message answers.
const checkRequest = "request"

// vouched reports whether a message was signed by the Identity Provider, though
// it was refused.
func vouched(checks []saml.Check) bool {
	held := false
	for _, c := range checks {
		switch {
		case c.Status == saml.Failed && (c.Name == "signature" || c.Name == "signature_algorithm" || c.Name == "signature_integrity" || c.Name == "certificate"):
			return false
		case c.Name == "signature_integrity":
			held = c.Status == saml.Passed
		}
	}
	return held
}

// profileCheck is what stands in the way of every message to a profile.
func profileCheck(f *fault.Error) record.Check {
	c := record.Check{Name: record.CheckProfile, Code: f.Code, Status: saml.Failed, Expected: "an SSO profile that takes answers", Found: "a disabled one"}
	switch f.Code {
	case fault.NotFound:
		c.Found = "a URL that is no profile's, or that of a draft"
	case fault.SAMLCertificateUnknown:
		c.Name, c.Expected, c.Found = "certificate", "a certificate of the Identity Provider that is trusted", "none is left in the SSO profile"
	}
	return c
}

func sizeCheck() record.Check {
	return record.Check{Name: "size", Code: fault.SAMLTooLarge, Status: saml.Failed, Expected: "at most 1 MiB", Found: "more"}
}

func replayCheck(expected, found string) record.Check {
	return record.Check{Name: "replay", Code: fault.SAMLReplayed, Status: saml.Failed, Expected: expected, Found: found, Note: "it was used before"}
}

// loopNote marks the answer to a request that stands in for an answer to none:
// there would be no end of it.
const loopNote = "the Identity Provider has answered our request as if there had been none: its answers need InResponseTo"

// loopChecks are those of a message that is not restarted once more.
func loopChecks(checks []record.Check) []record.Check {
	checks = slices.Clone(checks)
	loop := record.Check{Name: checkRequest, Code: fault.SAMLIdPInitiatedRefused, Status: saml.Failed,
		Expected: "an answer to a request of ours", Found: "none: started at the Identity Provider", Note: loopNote}
	if i := slices.IndexFunc(checks, func(c record.Check) bool { return c.Name == checkRequest }); i >= 0 {
		checks[i] = loop
		return checks
	}
	return append(checks, loop)
}

// finishCheck tells why a ticket led to no session.
func finishCheck(f *fault.Error) record.Check {
	c := record.Check{Name: record.CheckUser, Code: f.Code, Status: saml.Failed, Expected: "a user who may still sign in in this way", Note: userNotes[f.Code]}
	switch f.Code {
	case fault.SAMLRequestUnknown:
		c.Name, c.Expected, c.Found = record.CheckBrowser, "the browser in which the sign-in began", "another one, or one without our cookie"
	case fault.SAMLReplayed:
		c.Name, c.Expected, c.Found = record.CheckTicket, "a sign-in that was not finished before", "one that was"
	case fault.SAMLRequestExpired:
		c.Name, c.Expected, c.Found = record.CheckTicket, "the browser to come back within a minute", "it came later"
	case fault.SSOProfileDisabled, fault.SAMLCertificateUnknown:
		return profileCheck(f)
	}
	return c
}
