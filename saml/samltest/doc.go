// Package samltest makes SAML messages for tests: those that an Identity
// Provider sends, and those that an attacker makes of them.
//
// # Use
//
//	idp := samltest.NewIdP()
//	sp, err := saml.New(idp.Config())
//	r := idp.Response(idp.Config(), requestID, now) // signed, and good
//	r.Assertion.NameID.Value = "someone@else.example"
//	r.AssertionSigning = nil                        // only the response is signed
//	sp.Validate(saml.Message{Values: []string{r.Encode()}, Received: now, …})
//
// A [Response] is a plain description: every field of it can be changed before
// it is written, and the text before and after it is signed. [Shapes] lists how
// the Identity Providers of this world write theirs, [Attacks] what was
// published against service providers.
//
// Everything is deterministic: the keys are embedded, the instants given, and
// the same description is always written in the same octets.
//
// A description that cannot be written or signed is a mistake in the test that
// makes it: the functions here panic then.
package samltest
