package saml_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sallyport/saml"
	"sallyport/saml/metadata"
	"sallyport/saml/samltest"
)

// A login from end to end. The Identity Provider here is one in process; where
// browsers go to and fro, values are handed on.
func Example() {
	now := samltest.Now() // time.Now, outside of examples
	idp := samltest.NewIdP()

	// Once per customer: read the metadata of their Identity Provider.
	entities, err := metadata.Parse(idp.Metadata())
	if err != nil {
		fmt.Println(err)
		return
	}
	sp, err := saml.New(saml.Config{
		EntityID: "https://app.example/saml/acme/metadata",
		ACSURL:   "https://app.example/saml/acme/acs",
		IdP:      *entities[0].IdP,
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// A login: remember the request's ID for this browser, and send it there.
	req, err := sp.AuthnRequest(saml.RequestOptions{Now: now})
	if err != nil {
		fmt.Println(err)
		return
	}
	requests := map[string]saml.RequestState{req.ID: saml.RequestPending}
	location, err := req.RedirectURL("relay-state")
	if err != nil {
		fmt.Println(err)
		return
	}

	// The Identity Provider reads it, and has the browser post an answer.
	arrived, err := samltest.ReadRequest(location)
	if err != nil {
		fmt.Println(err)
		return
	}
	form := url.Values{"SAMLResponse": {idp.Response(idp.Config(), arrived.ID, now).Encode()}}

	// The Assertion Consumer Service. What counts happens in the caller's own
	// transaction: request used, assertion remembered, session begun.
	res, err := sp.Validate(saml.Message{
		Values:   form["SAMLResponse"],
		Received: now,
		Requests: func(id string) saml.RequestState { return requests[id] },
		Consumed: func(string) bool { return false },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	requests[res.Assertion.InResponseTo] = saml.RequestUsed
	fmt.Println(res.Assertion.Email, "until", res.Assertion.RememberUntil.Format(time.TimeOnly))
	// Output: user@acme.test until 10:38:00
}

// A refusal has a stable code, and tells an administrator everything that was
// checked: what was expected, what was found, and what to do.
func ExampleRefusal() {
	idp := samltest.NewIdP()
	cfg := idp.Config()
	r := idp.Response(cfg, samltest.RequestID, samltest.Now())
	r.Assertion.Conditions.Audiences = [][]string{{"https://other.example/metadata"}}
	r.Assertion.NameID.Value = `CORP\user`

	sp, err := saml.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = sp.Validate(saml.Message{
		Values: []string{r.Encode()}, Received: samltest.Now(),
		Requests: func(string) saml.RequestState { return saml.RequestPending },
	})
	var refusal *saml.Refusal
	if !errors.As(err, &refusal) {
		fmt.Println("accepted")
		return
	}
	fmt.Println(refusal.Code)
	for _, c := range refusal.Checks {
		if c.Status == saml.Failed {
			fmt.Printf("%s: expected %s, found %s\n", c.Name, c.Expected, strings.TrimSpace(c.Found+" "+c.Note))
		}
	}
	// Output:
	// saml_audience_mismatch
	// audience: expected https://app.example/saml/acme/metadata, found https://other.example/metadata
	// nameid_email: expected one e-mail address, found CORP\user this is a Windows account name; have the Identity Provider send the user's e-mail address as NameID
}

// What is insecure is asked for by a name that says so, for one relation.
func ExampleAlgorithms() {
	cfg := samltest.NewIdP().Config()
	cfg.Algorithms = saml.DefaultAlgorithms().With(saml.InsecureSHA1())
	_, err := saml.New(cfg)
	fmt.Println(err)

	cfg.Algorithms.Signatures = append(cfg.Algorithms.Signatures, "http://www.w3.org/2000/09/xmldsig#hmac-sha1")
	_, err = saml.New(cfg)
	fmt.Println(err)
	// Output:
	// <nil>
	// saml: the algorithm "http://www.w3.org/2000/09/xmldsig#hmac-sha1" is not supported for this
}

// The Identity Provider ends a session; the answer goes back to it.
func ExampleServiceProvider_ValidateLogout() {
	s := samltest.NewLogoutScene()
	sp, err := saml.New(s.SP)
	if err != nil {
		fmt.Println(err)
		return
	}
	query := s.IdP.LogoutRequest(s.SP, s.Now).Query(samltest.Detached{Key: s.IdP.Key, RelayState: "state"})

	out, err := sp.ValidateLogout(saml.LogoutMessage{Query: query, Received: s.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("end the sessions of", out.Request.NameID.Value, "with", out.Request.SessionIndexes)
	answer, err := sp.LogoutResponse(saml.LogoutResponseOptions{InResponseTo: out.Request.ID, Done: true, Now: s.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	location, err := answer.RedirectURL(out.RelayState)
	fmt.Println(strings.HasPrefix(location, "https://idp.example/slo?SAMLResponse="), err)
	// Output:
	// end the sessions of user@acme.test with [_session1]
	// true <nil>
}
