package idps

import (
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

func TestWhatSAMLPSaysWrongIsRefused(t *testing.T) {
	tests := map[string]struct {
		entry harness.Object
		code  string
	}{
		"for another audience":         {harness.Object{"audience": "https://other.test/metadata"}, "saml_audience_mismatch"},
		"for another recipient":        {harness.Object{"recipient": "https://other.test/acs"}, "saml_recipient_mismatch"},
		"to another destination":       {harness.Object{"destination": "https://other.test/acs"}, "saml_destination_mismatch"},
		"by another issuer":            {harness.Object{"issuer": "urn:test:other"}, "saml_issuer_mismatch"},
		"expired an hour ago":          {harness.Object{"lifetimeInSeconds": -3600}, "saml_expired"},
		"signed by SHA-1":              {harness.Object{"signatureAlgorithm": "rsa-sha1", "digestAlgorithm": "sha1"}, "saml_signature_algorithm"},
		"a digest by SHA-1":            {harness.Object{"digestAlgorithm": "sha1"}, "saml_signature_algorithm"},
		"nothing signed":               {harness.Object{"signResponse": false, "signAssertion": false}, "saml_signature_missing"},
		"a login name":                 {harness.Object{"email": "user"}, "saml_nameid_not_email"},
		"an error":                     {harness.Object{"error": harness.Object{"description": "not today"}}, "saml_status_not_success"},
		"an error without a signature": {harness.Object{"error": harness.Object{"description": "not today"}, "signResponse": false}, "saml_status_not_success"},
	}
	s := servers["sqlite"]()
	c := connect(t, s, auth0samlp, nil)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c.putSAMLP(t, test.entry)
			b := s.NewBrowser(t)
			c.refused(t, b, c.ask(t, b, c.Login), test.code)
		})
	}
}

func TestWhatSAMLPSaysUnusuallySignsIn(t *testing.T) {
	tests := map[string]harness.Object{
		"unspecified as the format": {"nameIdentifierFormat": testenv.NameIDUnspecified},
		"persistent as the format":  {"nameIdentifierFormat": testenv.NameIDPersistent},
		"a prefix for signatures":   {"signatureNamespacePrefix": "ds"},
		"signed by both elements":   {"signResponse": true, "signAssertion": true, "signatureNamespacePrefix": "dsig"},
		"an hour's session":         {"lifetimeInSeconds": 3600},
		"several audiences":         nil, // set below: ours among them
		"attributes without a type": {"typedAttributes": false, "includeAttributeNameFormat": false},
	}
	s := servers["sqlite"]()
	c := connect(t, s, auth0samlp, nil)
	tests["several audiences"] = harness.Object{"audience": []string{"https://other.test/metadata", c.EntityID}}
	for name, entry := range tests {
		t.Run(name, func(t *testing.T) {
			c.putSAMLP(t, entry)
			b := s.NewBrowser(t)
			c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
		})
	}
}

func TestSHA1OfSAMLPIsTakenWhereTheProfileAllowsIt(t *testing.T) {
	s := servers["sqlite"]()
	c := connect(t, s, auth0samlp, harness.Object{"allow_sha1": true})
	for _, m := range auth0samlp.manners {
		t.Run(m.name, func(t *testing.T) {
			c.putSAMLP(t, harness.Object{
				"signatureAlgorithm": "rsa-sha1", "digestAlgorithm": "sha1", "signResponse": m.SignResponse, "signAssertion": m.SignAssertion,
			})
			b := s.NewBrowser(t)
			c.arrive(t, b, c.ask(t, b, c.Login), "/account/security")
		})
	}
}
