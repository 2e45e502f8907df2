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
// the Identity Providers of this world write theirs. A [Logout] describes the
// messages of Single Logout in the same way, an [Encryption] what becomes of an
// assertion or a NameID, and [Encryptions] how each make encrypts.
//
// # Attacks
//
// [Attacks], [EncryptedAttacks] and [LogoutAttacks] are messages that must never
// sign anybody in, or out, whatever service provider reads them: every published
// class, each with one sentence on what it rests on and the code that package
// saml refuses it with. Among them are signature wrapping, comments and
// processing instructions that cut a value short, round trips and differences of
// parsers, several SignedInfos, digests in comments, void canonicalization, HMAC
// with a public key, faked certificates, confusion of recipients and audiences,
// hidden assertions, entity expansion, padding oracles, altered ciphertexts.
//
//	for _, a := range samltest.Attacks() {
//		if accepts(samltest.Encode(a.Message(scene))) {
//			t.Errorf("%s: %s", a.Name, a.About)
//		}
//	}
//
// A replay is no message: validate a good one twice.
//
// # For other implementations
//
// The same messages stand as files in ../testdata/vectors, with the verdict and
// the configuration in a header each, for whom another language suits better.
//
// # Contract
//
// Everything is deterministic: the keys are embedded, the instants given, and
// the same description is always written in the same octets.
//
// A description that cannot be written or signed is a mistake in the test that
// makes it: the functions here panic then.
package samltest
