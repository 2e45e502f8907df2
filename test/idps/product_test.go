package idps

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// A peer is a running Identity Provider.
type peer interface {
	Metadata(t testing.TB) []byte
	// RedirectURL is where requests go by HTTP-Redirect.
	RedirectURL() string
	// IdPInitiatedURL is where a login begins at the Identity Provider.
	IdPInitiatedURL(spEntityID, relayState string) string
	// Walk is how a user walks through it; in a new browser where client is
	// nil.
	Walk(t testing.TB, client *http.Client, user, password string) testenv.LoginWalk
	// Client is a browser newly opened.
	Client(t testing.TB) *http.Client
	LogTail(lines int) string
}

// A login is a user of the Identity Provider, whose address there has this
// local part.
type login struct{ name, password, local string }

// A manner is how an Identity Provider answers.
type manner struct {
	name                        string
	SignResponse, SignAssertion bool
}

// A product is an Identity Provider as it can be had, and how the tests tell it
// what to do.
type product struct {
	name string
	kind string // what the administrator picks here
	// start starts it at the first call.
	start func() peer
	// logins are a customer's users there: the one that is a user here, and one
	// that isn't.
	logins func(c *customer) (user, stranger login)
	// register gives it our metadata and says how to answer.
	register func(t *testing.T, c *customer, m manner)
	manners  []manner // those that it knows
}

// each runs a test for every product, on one server.
func eachProduct(t *testing.T, f func(t *testing.T, s *harness.Server, p *product)) {
	t.Helper()
	for _, p := range products {
		t.Run(p.name, func(t *testing.T) {
			s := servers["sqlite"]()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("log of the server:\n%s", s.LogTail(40))
				}
			})
			f(t, s, p)
		})
	}
}

var (
	signsAssertion = manner{name: "assertion signed", SignAssertion: true}
	signsResponse  = manner{name: "response signed", SignResponse: true}
	signsBoth      = manner{name: "both signed", SignResponse: true, SignAssertion: true}
)

// products are all that the tests of every product run with.
var products = []*product{simpleSAMLphp, lemonLDAP, auth0samlp, samlIDP}

// companyPassword is everybody's password at SimpleSAMLphp.
const companyPassword = "at the company"

var simpleSAMLphp = &product{
	name: "SimpleSAMLphp", kind: "simplesamlphp",
	start: sync.OnceValue(func() peer {
		var users []testenv.SimpleSAMLphpUser
		for n := range maxCustomers {
			for _, local := range []string{"user", "stranger"} {
				users = append(users, testenv.SimpleSAMLphpUser{
					Login: fmt.Sprint(local, n), Password: companyPassword,
					Attributes: map[string][]string{"mail": {local + "@" + domainName(n)}, "uid": {fmt.Sprint(local, n)}},
				})
			}
		}
		return testenv.SimpleSAMLphp(&kept, testenv.SimpleSAMLphpConfig{Users: users, Extra: map[string]any{
			"SingleLogoutServiceBinding": []string{testenv.BindingRedirect, testenv.BindingPOST},
		}})
	}),
	logins: func(c *customer) (user, stranger login) {
		return login{fmt.Sprint("user", c.number), companyPassword, "user"}, login{fmt.Sprint("stranger", c.number), companyPassword, "stranger"}
	},
	register: func(t *testing.T, c *customer, m manner) {
		c.register(t, testenv.SimpleSAMLphpSP{SignResponse: m.SignResponse, SignAssertion: m.SignAssertion})
	},
	manners: []manner{signsAssertion, signsResponse, signsBoth},
}

// lemonLDAP signs assertions always.
var lemonLDAP = &product{
	name: "LemonLDAP::NG", kind: "other",
	start: sync.OnceValue(func() peer { return testenv.LemonLDAP(&kept) }),
	logins: func(*customer) (user, stranger login) {
		return login{"dwho", "dwho", "dwho"}, login{"rtyler", "rtyler", "rtyler"}
	},
	register: func(t *testing.T, c *customer, m manner) {
		t.Helper()
		sign := 0
		if m.SignResponse {
			sign = 1
		}
		c.registerLemonLDAP(t, map[string]any{"SignSSOMessage": sign})
	},
	manners: []manner{signsAssertion, signsBoth},
}

// registerLemonLDAP tells LemonLDAP::NG how to answer this customer.
func (c *customer) registerLemonLDAP(t *testing.T, options map[string]any) {
	t.Helper()
	c.idp.(*testenv.LemonLDAPIdP).AddServiceProvider(t, testenv.LemonLDAPSP{
		Metadata: []byte(c.Metadata), NameID: "$uid . '@" + c.Domain + "'", Options: options,
	})
}
