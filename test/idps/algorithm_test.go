package idps

import (
	"strings"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// Signature algorithms as XML Signature names them.
const (
	rsaSHA1   = "http://www.w3.org/2000/09/xmldsig#rsa-sha1"
	rsaSHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
	rsaSHA384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
	rsaSHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"
)

// signers tell an Identity Provider to sign by an algorithm.
var signers = map[string]func(t *testing.T, c *customer, algorithm string){
	"SimpleSAMLphp": func(t *testing.T, c *customer, algorithm string) {
		c.register(t, testenv.SimpleSAMLphpSP{SignResponse: true, SignAssertion: true, Extra: map[string]any{"signature.algorithm": algorithm}})
	},
	"LemonLDAP::NG": func(t *testing.T, c *customer, algorithm string) {
		_, name, _ := strings.Cut(algorithm, "#")
		c.registerLemonLDAP(t, map[string]any{"SignSSOMessage": 1, "SignatureMethod": strings.ToUpper(strings.ReplaceAll(name, "-", "_"))})
	},
}

func TestTheSHA2FamilyIsTaken(t *testing.T) {
	s := servers["sqlite"]()
	for _, p := range []*product{simpleSAMLphp, lemonLDAP} {
		c := connect(t, s, p, nil)
		for _, algorithm := range []string{rsaSHA256, rsaSHA384, rsaSHA512} {
			t.Run(p.name+" "+algorithm, func(t *testing.T) {
				signers[p.name](t, c, algorithm)
				b := s.NewBrowser(t)
				f := c.ask(t, b, c.Login)
				if strings.Count(f.xml(t), `SignatureMethod Algorithm="`+algorithm) != 2 {
					t.Fatalf("not signed by %s:\n%s", algorithm, f.xml(t))
				}
				c.arrive(t, b, f, "/account/security")
			})
		}
	}
}

func TestSHA1IsRefusedUnlessTheProfileAllowsIt(t *testing.T) {
	s := servers["sqlite"]()
	for _, p := range []*product{simpleSAMLphp, lemonLDAP} {
		t.Run(p.name, func(t *testing.T) {
			c, lenient := connect(t, s, p, nil), connect(t, s, p, harness.Object{"allow_sha1": true})
			signers[p.name](t, c, rsaSHA1)
			b := s.NewBrowser(t)
			c.refused(t, b, c.ask(t, b, c.Login), "saml_signature_algorithm")
			signers[p.name](t, lenient, rsaSHA1)
			b = s.NewBrowser(t)
			lenient.arrive(t, b, lenient.ask(t, b, lenient.Login), "/account/security")
		})
	}
}
