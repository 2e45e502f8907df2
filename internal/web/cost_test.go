package web

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// browsers is how many sign in at once.
const browsers = 4

// A measured installation answers over HTTP, with a writer of records at work.
type measured struct {
	*site
	*parts.Profile
	server *httptest.Server
	// Who sign in with SSO, and with a password, each in a browser.
	users, others [browsers]string
}

func newMeasured(t *testing.T, engine string, unrecorded bool) *measured {
	s := newSite(t, parts.Measured(t, engine, unrecorded), parts.BaseURL)
	acme := s.Organization(t, "Acme")
	m := &measured{site: s, Profile: acme.Profile(t)}
	m.Set(t, sso.Input{Certificates: []string{base64.StdEncoding.EncodeToString(samltest.NamedKey(samltest.EC256).Certificate.Raw)}})
	m.Test(t)
	m.Enforce(t, acme.Domain(t, "acme.test"))
	acme.Domain(t, "free.test")
	for i := range browsers {
		m.users[i] = acme.User(t, fmt.Sprintf("user%d@acme.test", i), access.RoleMember).Email
		m.others[i] = acme.User(t, fmt.Sprintf("other%d@free.test", i), access.RoleMember).Email
	}
	ctx, cancel := context.WithCancel(context.Background())
	var writer sync.WaitGroup
	writer.Go(func() { s.Record.Run(ctx) })
	t.Cleanup(func() { cancel(); writer.Wait() })
	m.server = httptest.NewServer(s.web)
	m.server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(m.server.Close)
	return m
}

// A customer has the cookies of one sign-in, and the time that the server took.
type customer struct {
	*measured
	t       *testing.T
	cookies []*http.Cookie
	spent   time.Duration
}

// send returns where the answer leads.
func (c *customer) send(method, path string, form url.Values) (location string) {
	r, err := http.NewRequest(method, c.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Error(err)
		return ""
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, cookie := range c.cookies {
		r.AddCookie(cookie)
	}
	start := time.Now()
	res, err := c.server.Client().Do(r)
	c.spent += time.Since(start)
	if err != nil {
		c.t.Error(err)
		return ""
	}
	res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		c.t.Errorf("%s %s answers %s", method, path, res.Status)
	}
	c.cookies = append(c.cookies, res.Cookies()...)
	return res.Header.Get("Location")
}

// bySSO signs in through the Identity Provider, whose own work is left out.
func (m *measured) bySSO(t *testing.T, n int) time.Duration {
	c := &customer{measured: m, t: t}
	req, err := samltest.ReadRequest(c.send(http.MethodPost, "/login", url.Values{"email": {m.users[n]}}))
	if err != nil {
		t.Error(err)
		return 0
	}
	answer := m.Answer(req.ID, m.users[n], common)
	c.send(http.MethodGet, c.send(http.MethodPost, "/saml/"+m.ID+"/acs", url.Values{"SAMLResponse": answer.SAMLResponse, "RelayState": {req.RelayState}}), nil)
	return c.spent
}

// common is what an Identity Provider commonly says besides, signed with a key that
// costs it little.
func common(r *samltest.Response) {
	signing := &samltest.Signing{Key: samltest.NamedKey(samltest.EC256)}
	r.ResponseSigning, r.AssertionSigning = nil, signing
	for _, name := range []string{"givenname", "surname", "displayname", "department", "groups"} {
		r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: "http://schemas.example/claims/" + name, Values: []string{"value of " + name}})
	}
}

func (m *measured) byPassword(t *testing.T, n int) time.Duration {
	c := &customer{measured: m, t: t}
	c.send(http.MethodPost, "/login/password", url.Values{"email": {m.others[n]}, "password": {parts.Password}})
	return c.spent
}

// busy signs in from several browsers at once until n have, and returns what the
// process has spent on that until all of the records were written: its own time,
// whatever else runs on the machine.
func (m *measured) busy(t *testing.T, n int, signIn func(*testing.T, int) time.Duration) time.Duration {
	start := cpuTime()
	var all sync.WaitGroup
	for i := range browsers {
		all.Go(func() {
			for range n / browsers {
				signIn(t, i)
			}
		})
	}
	all.Wait()
	m.site.Flush(t)
	return cpuTime() - start
}

// idp is what the Identity Provider of the test spends on n answers.
func (m *measured) idp(n int) time.Duration {
	start := cpuTime()
	for range n {
		m.Answer("_request", m.users[0], common)
	}
	return cpuTime() - start
}

func median[T cmp.Ordered](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}

// TestRecordingCostsASignInLittle measures sign-ins over HTTP beside those that are
// not recorded, in turns, so that both see the same machine: how long one takes,
// and what the process spends where it is busy. The work of an Identity Provider
// and, with PostgreSQL, of the database is not in the second.
func TestRecordingCostsASignInLittle(t *testing.T) {
	rounds, each, longer, dearer := 3, 60, 3.0, 10.0 // so loose that a busy machine holds it, whatever the tests before have left to collect
	if os.Getenv("SOAK") != "" {
		rounds, each, longer, dearer = 15, 400, 1.1, 1.2
	}
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		on, off := newMeasured(t, engine, false), newMeasured(t, engine, true)
		for name, way := range map[string]func(m *measured) func(*testing.T, int) time.Duration{
			"sso":      func(m *measured) func(*testing.T, int) time.Duration { return m.bySSO },
			"password": func(m *measured) func(*testing.T, int) time.Duration { return m.byPassword },
		} {
			t.Run(engine+"/"+name, func(t *testing.T) {
				each := each
				if name == "password" {
					each /= 5 // a hash takes long
				}
				took := map[*measured][]time.Duration{}
				for range each {
					for _, m := range []*measured{on, off} {
						took[m] = append(took[m], way(m)(t, 0))
					}
				}
				var spent []float64
				for round := range rounds {
					pair := []*measured{on, off}
					if round%2 == 1 {
						slices.Reverse(pair)
					}
					cost := map[*measured]time.Duration{}
					for _, m := range pair {
						cost[m] = m.busy(t, each, way(m))
						if name == "sso" {
							cost[m] -= m.idp(each)
						}
					}
					spent = append(spent, float64(cost[on])/float64(cost[off]))
				}
				latency, cost := float64(median(took[on]))/float64(median(took[off])), median(spent)
				t.Logf("with records a sign-in takes %.3f times as long (%v, not %v), and costs the process %.3f times as much",
					latency, median(took[on]), median(took[off]), cost)
				if latency > longer || cost > dearer {
					t.Errorf("more than %.2f, or %.2f", longer, dearer)
				}
			})
		}
	}
}

// cpuTime is what the process has spent on all processors.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
