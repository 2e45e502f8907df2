package saml_test

import (
	"testing"
	"time"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Rule 21: the confirmation of the subject.

func TestSubjectConfirmation(t *testing.T) {
	confirmed := func(f func(*samltest.Confirmation)) func(*samltest.Response) {
		return func(r *samltest.Response) { f(r.Confirmation()) }
	}
	until := func(offset time.Duration) func(*samltest.Response) {
		return confirmed(func(c *samltest.Confirmation) { c.NotOnOrAfter = at(offset) })
	}
	from := func(offset time.Duration) func(*samltest.Response) {
		return confirmed(func(c *samltest.Confirmation) { c.NotBefore = at(offset) })
	}
	// others stand before, behind or around the good one.
	others := func(before, behind int, change func(*samltest.Confirmation)) func(*samltest.Response) {
		return func(r *samltest.Response) {
			good := *r.Confirmation()
			bad := good
			change(&bad)
			r.Assertion.Confirmations = nil
			for range before {
				r.Assertion.Confirmations = append(r.Assertion.Confirmations, bad)
			}
			r.Assertion.Confirmations = append(r.Assertion.Confirmations, good)
			for range behind {
				r.Assertion.Confirmations = append(r.Assertion.Confirmations, bad)
			}
		}
	}
	foreign := func(c *samltest.Confirmation) { c.Recipient = "https://other.example/acs" }
	ofKey := func(c *samltest.Confirmation) { c.Method = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key" }
	expired := func(c *samltest.Confirmation) { c.NotOnOrAfter = at(-time.Hour) }
	unconfirmed, elsewhere, late, early := saml.CodeSubjectUnconfirmed, saml.CodeRecipientMismatch, saml.CodeExpired, saml.CodeNotYetValid
	exact := func(c *saml.Config) { c.Tolerance = -1 }
	run(t, []ruleCase{
		{name: "a bearer confirmation"},
		{name: "none", response: func(r *samltest.Response) { r.Assertion.Confirmations = nil }, signed: onResponse, want: unconfirmed},
		{name: "no data", response: confirmed(func(c *samltest.Confirmation) { *c = samltest.Confirmation{Method: samltest.Bearer} }), signed: onResponse, want: unconfirmed},
		{name: "another method", response: confirmed(ofKey), signed: onResponse, want: unconfirmed},
		{name: "another recipient", response: confirmed(foreign), want: elsewhere},
		{name: "no recipient", response: confirmed(func(c *samltest.Confirmation) { c.Recipient = "" }), want: elsewhere},
		{name: "no end", response: confirmed(func(c *samltest.Confirmation) { c.NotOnOrAfter = "" }), want: unconfirmed},
		{name: "an end that is no instant", response: confirmed(func(c *samltest.Confirmation) { c.NotOnOrAfter = "tomorrow" }), want: late},
		{name: "over an hour ago", response: until(-time.Hour), want: late},
		{name: "a millisecond within the tolerance", response: until(-3*time.Minute + time.Millisecond)},
		{name: "at the end of the tolerance", response: until(-3 * time.Minute), want: late},
		{name: "ending now, without tolerance", config: exact, response: until(0), want: late},
		{name: "ending in a millisecond, without tolerance", config: exact, response: until(time.Millisecond)},
		{name: "a NotBefore that has passed", response: from(-time.Minute), warns: late},
		{name: "a NotBefore at the end of the tolerance", response: from(3 * time.Minute), warns: late},
		{name: "a NotBefore beyond the tolerance", response: from(3*time.Minute + time.Millisecond), want: early},
		{name: "a NotBefore that is no instant", response: confirmed(func(c *samltest.Confirmation) { c.NotBefore = "x" }), want: early},
		{name: "an address is not looked at", response: confirmed(func(c *samltest.Confirmation) { c.Address = "192.0.2.1" })},
		{name: "a foreign one before the good one", response: others(1, 0, foreign)},
		{name: "a foreign one behind the good one", response: others(0, 1, foreign)},
		{name: "an expired one before the good one", response: others(1, 0, expired)},
		{name: "an early one before the good one", response: others(1, 0, func(c *samltest.Confirmation) { c.NotBefore = at(time.Hour) })},
		{name: "other methods around the good one", response: others(2, 2, ofKey)},
		{name: "the good one as the eighth", response: others(7, 0, foreign)},
		{name: "the good one as the ninth", response: others(8, 0, foreign), want: elsewhere},
	})
}

func TestARequestInAConfirmationThatDoesNotHold(t *testing.T) {
	s := samltest.NewScene()
	r := s.Response()
	r.InResponseTo = ""
	good := *r.Confirmation()
	other := good
	good.InResponseTo, other.Recipient = "", "https://other.example/acs"
	r.Assertion.Confirmations = []samltest.Confirmation{other, good}
	_, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)})
	if code(refused) != saml.CodeIdPInitiatedRefused {
		t.Errorf("got %v: the request stands in a confirmation for somebody else", refused)
	}
}
