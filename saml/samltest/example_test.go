package samltest_test

import (
	"fmt"
	"strings"

	"sallyport/saml"
	"sallyport/saml/samltest"
)

// signIn stands for the service provider under test, whatever it is made of: it
// reads the value of the form field SAMLResponse, and says who signs in.
func signIn(cfg saml.Config, value string) string {
	sp, err := saml.New(cfg)
	if err != nil {
		return err.Error()
	}
	res, err := sp.Validate(saml.Message{
		Values: []string{value}, Received: samltest.Now(),
		Requests: func(id string) saml.RequestState {
			if id == samltest.RequestID {
				return saml.RequestPending
			}
			return saml.RequestUnknown
		},
	})
	if err != nil {
		return err.(*saml.Refusal).Error()
	}
	return res.Assertion.Email
}

// A response is described, changed, and written.
func ExampleResponse() {
	s := samltest.NewScene()
	r := s.Response() // good, and signed twice
	fmt.Println(signIn(s.SP, r.Encode()))

	r.AssertionSigning = nil // only the response is signed
	r.Assertion.NameID.Value = "someone@acme.test"
	r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: "group", Values: []string{"staff"}})
	fmt.Println(signIn(s.SP, r.Encode()))

	r.AfterSigning = func(text string) string { return strings.Replace(text, "someone@", "admin@", 1) }
	fmt.Println(signIn(s.SP, r.Encode()))
	// Output:
	// user@acme.test
	// someone@acme.test
	// saml_signature_invalid: samlp:Response: the signed element was changed after it was signed, or its digest is wrong
}

// Each shape is what one make of Identity Provider writes.
func ExampleShapes() {
	s := samltest.NewScene()
	for _, shape := range samltest.Shapes() {
		fmt.Println(shape.Name, signIn(s.SP, shape.Response(s).Encode()))
	}
	// Output:
	// entra user@acme.test
	// adfs user@acme.test
	// okta user@acme.test
	// onelogin user@acme.test
	// google user@acme.test
	// ping user@acme.test
	// jumpcloud user@acme.test
	// keycloak user@acme.test
	// shibboleth user@acme.test
	// simplesamlphp user@acme.test
	// auth0 user@acme.test
}

// No attack may sign anybody in.
func ExampleAttacks() {
	s := samltest.NewScene()
	for _, attack := range samltest.Attacks() {
		if who := signIn(s.SP, samltest.Encode(attack.Message(s))); strings.Contains(who, "@acme.test") {
			fmt.Println(attack.Name, "signs in", who)
		}
	}
	attack := samltest.Attacks()[0]
	fmt.Println(attack.Name, "is", attack.About)
	// Output:
	// xsw1 is a forged response whose signature encloses the signed response
}

// An assertion is encrypted for a key of the service provider's.
func ExampleEncryption() {
	s := samltest.NewScene()
	s.SP.Keys = samltest.SPKeys(samltest.SP)
	r := s.Response()
	r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{samltest.NamedKey(samltest.SP)}}
	fmt.Println(strings.Contains(r.String(), samltest.Email), signIn(s.SP, r.Encode()))

	// Somebody else's key.
	r.AssertionEncryption.For = []*samltest.Key{samltest.NamedKey(samltest.SPOld)}
	fmt.Println(signIn(s.SP, r.Encode()))
	// Output:
	// false user@acme.test
	// saml_decryption_failed
}

// The Identity Provider reads the request that a browser brings.
func ExampleReadRequest() {
	idp := samltest.NewIdP()
	sp, err := saml.New(idp.Config())
	if err != nil {
		fmt.Println(err)
		return
	}
	req, err := sp.AuthnRequest(saml.RequestOptions{ID: "_request2"})
	if err != nil {
		fmt.Println(err)
		return
	}
	location, err := req.RedirectURL("state")
	if err != nil {
		fmt.Println(err)
		return
	}
	got, err := samltest.ReadRequest(location)
	fmt.Println(got.ID, got.Issuer, got.RelayState, err)
	// Output: _request2 https://app.example/saml/acme/metadata state <nil>
}

// Single Logout messages are described in the same way.
func ExampleLogout() {
	s := samltest.NewLogoutScene()
	l := s.IdP.LogoutRequest(s.SP, s.Now)
	l.SessionIndexes = nil // all sessions of this NameID
	sp, err := saml.New(s.SP)
	if err != nil {
		fmt.Println(err)
		return
	}
	out, err := sp.ValidateLogout(saml.LogoutMessage{Query: l.Query(samltest.Detached{Key: s.IdP.Key}), Received: s.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(out.Request.NameID.Value, len(out.Request.SessionIndexes))

	_, err = sp.ValidateLogout(saml.LogoutMessage{Query: l.Query(samltest.Detached{}), Received: s.Now}) // not signed
	fmt.Println(err)
	// Output:
	// user@acme.test 0
	// saml_logout_invalid
}
