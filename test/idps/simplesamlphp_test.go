package idps

import (
	"encoding/base64"
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

// newCustomer connects a customer with SimpleSAMLphp.
func newCustomer(t *testing.T, s *harness.Server, options harness.Object, sp testenv.SimpleSAMLphpSP) *customer {
	t.Helper()
	c := connect(t, s, simpleSAMLphp, options)
	c.register(t, sp)
	return c
}

// register tells SimpleSAMLphp how to answer this customer.
func (c *customer) register(t *testing.T, sp testenv.SimpleSAMLphpSP) {
	t.Helper()
	sp.Metadata = []byte(c.Metadata)
	c.idp.(*testenv.SimpleSAMLphpIdP).AddServiceProvider(t, sp)
}

var signedBoth = testenv.SimpleSAMLphpSP{SignResponse: true, SignAssertion: true}

func TestAnEndpointWithoutHTTPSIsTakenWithAWarning(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		if !strings.HasPrefix(c.idp.RedirectURL(), "http://") || !slices.Contains(c.Warnings, "endpoint_not_https") {
			t.Errorf("the warnings are %q for %s", c.Warnings, c.idp.RedirectURL())
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
		c.refused(t, b, c.tile(t, ""), "saml_nameid_not_email")
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
		right := string(c.idp.(*testenv.SimpleSAMLphpIdP).CertificatePEM)
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

func TestAnAnswerCountsOnce(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c := newCustomer(t, s, nil, signedBoth)
		b := s.NewBrowser(t)
		f := c.ask(t, b, c.Login)
		c.arrive(t, b, f, "/account/security")
		c.refused(t, s.NewBrowser(t), f, "saml_replayed")

		c = newCustomer(t, s, harness.Object{"idp_initiated": "accept"}, signedBoth)
		f = c.tile(t, "")
		c.arrive(t, s.NewBrowser(t), f, "/")
		c.refused(t, s.NewBrowser(t), f, "saml_replayed")
	})
}

func TestAnAnswerForOneProfileIsRefusedAtAnother(t *testing.T) {
	each(t, func(t *testing.T, s *harness.Server) {
		c, other := newCustomer(t, s, nil, signedBoth), newCustomer(t, s, harness.Object{"idp_initiated": "accept"}, signedBoth)
		f := c.tile(t, "")
		b := s.NewBrowser(t)
		other.refused(t, b, f, "saml_audience_mismatch")
	})
}
