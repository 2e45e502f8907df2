package saml_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// TestWhatWasDecryptedIsTold to whoever asks for a record, and never depends on
// what an unsigned ciphertext holds.
func TestWhatWasDecryptedIsTold(t *testing.T) {
	inside := func(r *samltest.Response) {
		r.Assertion.Issuer.Value, r.Confirmation().InResponseTo = "https://other.example/idp", "_other"
		r.AssertionEncryption = encryption(samltest.Encryption{})
	}
	broken := func(r *samltest.Response) {
		r.AssertionEncryption = encryption(samltest.Encryption{EditText: func(string) string { return "<" }})
	}
	s := samltest.NewScene()
	ours(samltest.SP)(&s.SP)
	for name, c := range map[string]struct {
		change func(*samltest.Response)
		want   *saml.Decrypted
	}{
		"nothing": {func(*samltest.Response) {}, nil},
		"an assertion": {encrypted(samltest.Encryption{}),
			&saml.Decrypted{Assertion: true, Issuer: s.IdP.EntityID, InResponseTo: s.RequestID}},
		"a NameID": {encryptedID(samltest.Encryption{}), &saml.Decrypted{NameID: true}},
		"both": {both(encrypted(samltest.Encryption{}), encryptedID(samltest.Encryption{})),
			&saml.Decrypted{Assertion: true, NameID: true, Issuer: s.IdP.EntityID, InResponseTo: s.RequestID}},
		"another's, wrapped": {both(parts(onResponse), inside),
			&saml.Decrypted{Assertion: true, Issuer: "https://other.example/idp", InResponseTo: "_other"}},
		"one that can't be read":            {both(parts(onResponse), broken), &saml.Decrypted{Assertion: true}},
		"another's, that nobody has signed": {both(parts(onNeither), inside), &saml.Decrypted{Assertion: true}},
		"one that nobody can read":          {both(parts(onNeither), broken), &saml.Decrypted{Assertion: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.Response()
			c.change(r)
			m := message(s, []byte(r.String()))
			m.Record = true
			sp, err := saml.New(s.SP)
			if err != nil {
				t.Fatal(err)
			}
			res, err := sp.Validate(m)
			var got *saml.Decrypted
			var refused *saml.Refusal
			if errors.As(err, &refused) {
				got = refused.Decrypted
			} else if err == nil {
				got = res.Decrypted
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%v: %s", err, d)
			}
		})
	}
}
