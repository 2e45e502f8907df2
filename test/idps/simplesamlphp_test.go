package idps

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

// signings are what SimpleSAMLphp can be told to sign.
var signings = []struct {
	name string
	sp   testenv.SimpleSAMLphpSP
}{
	{"assertion", testenv.SimpleSAMLphpSP{SignAssertion: true}},
	{"response", testenv.SimpleSAMLphpSP{SignResponse: true}},
	{"both", testenv.SimpleSAMLphpSP{SignResponse: true, SignAssertion: true}},
}

var signedBoth = testenv.SimpleSAMLphpSP{SignResponse: true, SignAssertion: true}

// answer walks through the Identity Provider to the form that would come to us.
// With the client of an earlier visit no password is asked for.
func (c *customer) answer(t *testing.T, client *http.Client, startURL, login string) form {
	t.Helper()
	action, values := c.idp.Login(t, client, startURL, login, companyPassword)
	if action != c.ACSURL {
		t.Fatalf("the answer goes to %s, not to %s", action, c.ACSURL)
	}
	return form(values)
}

func TestSimpleSAMLphpSignsInHoweverItSigns(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		for _, signing := range signings {
			t.Run(signing.name, func(t *testing.T) {
				c.register(t, signing.sp)
				b := s.NewBrowser(t)
				c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
			})
		}
	})
}

func TestTheTileOfSimpleSAMLphpSignsInByARestart(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		for _, signing := range signings {
			t.Run(signing.name, func(t *testing.T) {
				c.register(t, signing.sp)
				b, client := s.NewBrowser(t), c.idp.Client(t)
				unsolicited := c.answer(t, client, c.idp.IdPInitiatedURL(c.EntityID, "/account/security"), c.Login)
				a := c.deliver(t, b, unsolicited)
				if !strings.HasPrefix(a.Location, "/saml/"+c.ProfileID+"/start?") {
					t.Fatalf("%d %s to %q, no restart", a.Status, a.Code, a.Location)
				}
				again := b.Get(t, a.Location)
				c.arrive(t, b, c.answer(t, client, again.Location, ""), "/account/security")
			})
		}
	})
}

func TestTheTileOfSimpleSAMLphpSignsInAtOnceWhereThatIsAccepted(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, harness.Object{"idp_initiated": "accept"}, signedBoth)
		for _, signing := range signings {
			t.Run(signing.name, func(t *testing.T) {
				c.register(t, signing.sp)
				b := s.NewBrowser(t)
				c.arrive(t, b, c.answer(t, nil, c.idp.IdPInitiatedURL(c.EntityID, "/account/security"), c.Login), "/account/security")
			})
		}
	})
}

func TestTheTileOfSimpleSAMLphpIsRefusedWhereTheProfileSaysSo(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, harness.Object{"idp_initiated": "refuse"}, signedBoth)
		b := s.NewBrowser(t)
		c.refused(t, b, c.answer(t, nil, c.idp.IdPInitiatedURL(c.EntityID, ""), c.Login), "saml_idp_initiated_refused")
	})
}

// refused delivers an answer that is refused: with this code, on the page and
// in the log, and with nobody signed in.
func (c *customer) refused(t *testing.T, b *harness.Browser, f form, code string) {
	t.Helper()
	a := c.deliver(t, b, f)
	a.Refused(t, 403, code)
	c.Recorded(t, a)
	b.SignedIn(t, "", "")
}

func TestAnEndpointWithoutHTTPSIsTakenWithAWarning(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		if !strings.HasPrefix(c.idp.SSOURL, "http://") || !slices.Contains(c.Warnings, "endpoint_not_https") {
			t.Errorf("the warnings are %q for %s", c.Warnings, c.idp.SSOURL)
		}
	})
}

func TestATransientNameIDIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		// SimpleSAMLphp heeds what the request asks for; asked for nothing, it
		// sends what it is set up to send.
		transient := testenv.SimpleSAMLphpSP{SignAssertion: true, NameIDFormat: testenv.NameIDTransient, NameIDAttribute: "-"}
		c := newCustomer(t, s, harness.Object{"name_id_policy": "none"}, transient)
		b := s.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login), "saml_nameid_not_email")

		c = newCustomer(t, s, harness.Object{"idp_initiated": "accept"}, transient)
		b = s.NewBrowser(t)
		c.refused(t, b, c.answer(t, nil, c.idp.IdPInitiatedURL(c.EntityID, ""), c.Login), "saml_nameid_not_email")
	})
}

func TestAnAddressInAPersistentNameIDSignsIn(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, harness.Object{"name_id_policy": "none"},
			testenv.SimpleSAMLphpSP{SignAssertion: true, NameIDFormat: testenv.NameIDPersistent, NameIDAttribute: "mail"})
		b := s.NewBrowser(t)
		c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
	})
}

func TestALoginNameInPlaceOfAnAddressIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, testenv.SimpleSAMLphpSP{SignAssertion: true, NameIDAttribute: "uid"})
		b := s.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login), "saml_nameid_not_email")
	})
}

func TestAUserWhomNobodyAddedIsRefusedAndNotCreated(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		b := s.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Stranger), "user_not_found")
		if users := harness.Items(s.OK(t, "GET", "/organizations/"+c.ID+"/users", nil)); len(users) != 1 {
			t.Errorf("the organization has %d users: %v", len(users), users)
		}
	})
}

func TestAnotherCertificateThanTheConfiguredOneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		right := string(c.idp.CertificatePEM)
		other := base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.RSA2048Other).Certificate.Raw)
		c.OK(t, "PATCH", "/sso-profiles/"+c.ProfileID, harness.Object{"certificates": []string{other}})
		for _, signing := range signings {
			t.Run(signing.name, func(t *testing.T) {
				c.register(t, signing.sp)
				b := s.NewBrowser(t)
				c.refused(t, b, c.ask(t, b, c.Login), "saml_certificate_unknown")
			})
		}
		// A rollover has both for a while.
		c.OK(t, "PATCH", "/sso-profiles/"+c.ProfileID, harness.Object{"certificates": []string{other, right}})
		b := s.NewBrowser(t)
		c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
	})
}

func TestAnAnswerThatWasChangedIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		c.AddUser(t, c.Address("boss"))
		for _, signing := range signings {
			t.Run(signing.name, func(t *testing.T) {
				c.register(t, signing.sp)
				b := s.NewBrowser(t)
				f := c.ask(t, b, c.Login)
				c.refused(t, b, f.changed(t, c.Email, c.Address("boss")), "saml_signature_invalid")
			})
		}
	})
}

func TestAnAnswerWithoutSignatureIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, testenv.SimpleSAMLphpSP{})
		b := s.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login), "saml_signature_missing")
	})
}

func TestASignedResponseCanBeDemanded(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, harness.Object{"require_signed_response": true}, testenv.SimpleSAMLphpSP{SignAssertion: true})
		b := s.NewBrowser(t)
		c.refused(t, b, c.ask(t, b, c.Login), "saml_signature_missing")
		c.register(t, testenv.SimpleSAMLphpSP{SignResponse: true})
		c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
	})
}

// changed replaces text in the message.
func (f form) changed(t *testing.T, from, to string) form {
	t.Helper()
	xml, err := base64.StdEncoding.DecodeString(f["SAMLResponse"][0])
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(xml), from, to)
	if changed == string(xml) {
		t.Fatalf("the message does not hold %q", from)
	}
	return form{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(changed))}, "RelayState": f["RelayState"]}
}

func TestAnAnswerCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		b := s.NewBrowser(t)
		f := c.ask(t, b, c.Login)
		c.arrive(t, b, f, "/account/security")
		c.refused(t, s.NewBrowser(t), f, "saml_replayed")

		c = newCustomer(t, s, harness.Object{"idp_initiated": "accept"}, signedBoth)
		f = c.answer(t, nil, c.idp.IdPInitiatedURL(c.EntityID, ""), c.Login)
		c.arrive(t, s.NewBrowser(t), f, "/")
		c.refused(t, s.NewBrowser(t), f, "saml_replayed")
	})
}

func TestAnAnswerForOneProfileIsRefusedAtAnother(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c, other := newCustomer(t, s, nil, signedBoth), newCustomer(t, s, harness.Object{"idp_initiated": "accept"}, signedBoth)
		f := c.answer(t, nil, c.idp.IdPInitiatedURL(c.EntityID, ""), c.Login)
		b := s.NewBrowser(t)
		other.refused(t, b, f, "saml_audience_mismatch")
	})
}
