package saml_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// Rules 23 and 25: the statement on the authentication, and replay.

func TestAuthnStatement(t *testing.T) {
	stated := func(f func(*samltest.AuthnStatement)) func(*samltest.Response) {
		return func(r *samltest.Response) { f(r.Statement()) }
	}
	until := func(offset time.Duration) func(*samltest.Response) {
		return stated(func(s *samltest.AuthnStatement) { s.SessionNotOnOrAfter = at(offset) })
	}
	class := func(c string) func(*samltest.Response) {
		return stated(func(s *samltest.AuthnStatement) { s.Class = c })
	}
	second := func(s samltest.AuthnStatement) func(*samltest.Response) {
		return func(r *samltest.Response) { r.Assertion.Statements = append(r.Assertion.Statements, s) }
	}
	const mfa = "https://refeds.org/profile/mfa"
	wants := func(c *saml.Config) { c.AuthnContext = mfa }
	missing, over, context := saml.CodeAuthnMissing, saml.CodeSessionExpired, saml.CodeAuthnContext
	run(t, []ruleCase{
		{name: "a statement"},
		{name: "none", response: func(r *samltest.Response) { r.Assertion.Statements = nil }, want: missing},
		{name: "no AuthnInstant", response: stated(func(s *samltest.AuthnStatement) { s.AuthnInstant = "" })},
		{name: "an AuthnInstant that is none", response: stated(func(s *samltest.AuthnStatement) { s.AuthnInstant = "x" }), want: missing},
		{name: "no class", response: class("")},
		{name: "a session that ends later", response: until(time.Hour)},
		{name: "a session that ended within the tolerance", response: until(-3*time.Minute + time.Millisecond)},
		{name: "a session that is over", response: until(-3 * time.Minute), want: over},
		{name: "a session with an end that is no instant", response: stated(func(s *samltest.AuthnStatement) { s.SessionNotOnOrAfter = "x" }), want: over},
		{name: "a second session that is over", response: second(samltest.AuthnStatement{SessionNotOnOrAfter: at(-time.Hour)}), want: over},
		{name: "the requested context", config: wants, response: class(mfa)},
		{name: "the requested context with white space", config: wants, response: class("\n  " + mfa + "\n")},
		{name: "the requested context in a second statement", config: wants, response: second(samltest.AuthnStatement{Class: mfa})},
		{name: "another context", config: wants, want: context},
		{name: "no context", config: wants, response: class(""), want: context},
		{name: "a context that starts so", config: wants, response: class(mfa + "-not"), want: context},
	})
}

func TestReplay(t *testing.T) {
	consumed := func(id string) func(*saml.Message) {
		return func(m *saml.Message) { m.Consumed = func(asked string) bool { return asked == id } }
	}
	run(t, []ruleCase{
		{name: "never consumed", message: consumed("_other")},
		{name: "consumed before", message: consumed("_assertion1"), want: saml.CodeReplayed},
	})
}

func TestWhatAnAssertionSays(t *testing.T) {
	s := samltest.NewScene()
	r := s.Response()
	a := r.Assertion
	a.NameID = samltest.NameID{Value: " user@acme.test\n", Format: samltest.FormatEmail, NameQualifier: "q", SPNameQualifier: "sq"}
	a.Statements[0].SessionNotOnOrAfter = at(2 * time.Hour)
	a.Statements = append(a.Statements, samltest.AuthnStatement{SessionIndex: "_other", SessionNotOnOrAfter: at(time.Hour)})
	a.Attributes = []samltest.Attribute{
		{Name: "n", FriendlyName: "f", NameFormat: "nf", Values: []string{"a & b", ""}},
		{Name: "x", More: `<saml:AttributeValue>text<y/></saml:AttributeValue><other>z</other>`},
	}
	res, refused := judge(t, s.SP, saml.Message{Values: []string{r.Encode()}, Received: s.Now, Requests: pending(s.RequestID)})
	if refused != nil {
		t.Fatal(refused)
	}
	want := &saml.Assertion{
		ID: "_assertion1", Issuer: s.IdP.EntityID, IssueInstant: s.Now,
		NameID: saml.NameID{Value: " user@acme.test\n", Format: samltest.FormatEmail, NameQualifier: "q", SPNameQualifier: "sq"},
		Email:  "user@acme.test", InResponseTo: s.RequestID,
		NotOnOrAfter: s.Now.Add(5 * time.Minute), RememberUntil: s.Now.Add(68 * time.Minute),
		AuthnInstant: s.Now.Add(-time.Minute), SessionNotOnOrAfter: s.Now.Add(time.Hour),
		SessionIndex: "_session1", AuthnContext: samltest.PasswordTransport,
		ResponseSigned: true, AssertionSigned: true,
	}
	if diff := cmp.Diff(want, res.Assertion, cmpopts.IgnoreFields(saml.Assertion{}, "Attributes")); diff != "" {
		t.Error(diff)
	}
	attributes := []saml.Attribute{
		{Name: "n", FriendlyName: "f", NameFormat: "nf", Values: []string{"a & b", ""}},
		{Name: "x"},
	}
	if diff := cmp.Diff(attributes, slices.Collect(res.Assertion.Attributes.All())); diff != "" || res.Assertion.Attributes.Len() != 2 {
		t.Error(diff)
	}
	for first := range res.Assertion.Attributes.All() {
		if first.Name != "n" {
			t.Error(first)
		}
		break
	}
	if res.Checks != nil {
		t.Error("checks that nobody asked for")
	}
}
