package record_test

import (
	"context"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db/dbtest"
	"sallyport/internal/directory"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

// A measured installation, with a writer of records at work.
type measured struct {
	*scene
	other directory.User // signs in with a password
}

func newMeasured(t *testing.T, engine string, unrecorded bool) *measured {
	p := parts.Measured(t, engine, unrecorded)
	s := newScene(t, p)
	s.Domain(t, "free.test")
	ctx, cancel := context.WithCancel(context.Background())
	var writer sync.WaitGroup
	writer.Go(func() { p.Record.Run(ctx) })
	t.Cleanup(func() { cancel(); writer.Wait() })
	return &measured{s, s.User(t, "other@free.test", access.RoleMember)}
}

// bySSO signs in by the Identity Provider, whose own work is left out.
func (m *measured) bySSO(t *testing.T) time.Duration {
	start := time.Now()
	d, err := m.SSO.Start(t.Context(), sso.Start{ProfileID: m.ID})
	spent := time.Since(start)
	if err != nil {
		t.Error(err)
		return 0
	}
	req, err := samltest.ReadRequest(d.URL)
	if err != nil {
		t.Error(err)
		return 0
	}
	in := m.Answer(req.ID, m.user.Email, manyAttributes)
	start = time.Now()
	out, err := m.SSO.Consume(t.Context(), anywhere, in)
	if err == nil {
		_, err = m.SSO.Finish(t.Context(), anywhere, sso.Finish{Ticket: out.Ticket, BrowserTokens: []string{d.BrowserToken}})
	}
	if err != nil {
		t.Error(err)
		return 0
	}
	return spent + time.Since(start)
}

// manyAttributes is what an Identity Provider commonly says besides.
func manyAttributes(r *samltest.Response) {
	for _, name := range []string{"givenname", "surname", "displayname", "department", "groups"} {
		r.Assertion.Attributes = append(r.Assertion.Attributes, samltest.Attribute{Name: "http://schemas.example/claims/" + name, Values: []string{"value of " + name}})
	}
}

func (m *measured) byPassword(t *testing.T) time.Duration {
	start := time.Now()
	if _, err := m.SignIn.Password(t.Context(), anywhere, signin.PasswordAttempt{Email: m.other.Email, Password: parts.Password}); err != nil {
		t.Error(err)
		return 0
	}
	return time.Since(start)
}

// saturated signs in from several browsers at once until n have, and returns how
// long that took, with all of their records written.
func (m *measured) saturated(t *testing.T, n int, signIn func(*testing.T) time.Duration) time.Duration {
	var all sync.WaitGroup
	var mu sync.Mutex
	var spent time.Duration
	for range 4 {
		all.Go(func() {
			for range n / 4 {
				d := signIn(t)
				mu.Lock()
				spent += d
				mu.Unlock()
			}
		})
	}
	all.Wait()
	start := time.Now()
	m.Flush(t)
	return spent + 4*time.Since(start)
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// TestRecordingCostsASignInLittle measures sign-ins beside those that are not
// recorded, in turns, so that both see the same machine: one after the other, and
// as many at once as there is room for.
func TestRecordingCostsASignInLittle(t *testing.T) {
	rounds, each, most := 7, 40, 1.6 // so loose that a busy machine holds it
	if os.Getenv("SOAK") != "" {
		rounds, each, most = 21, 100, 1.1
	}
	for _, engine := range []string{dbtest.SQLiteEngine, dbtest.PostgresEngine} {
		on, off := newMeasured(t, engine, false), newMeasured(t, engine, true)
		for name, way := range map[string]func(m *measured) func(*testing.T) time.Duration{
			"sso":      func(m *measured) func(*testing.T) time.Duration { return m.bySSO },
			"password": func(m *measured) func(*testing.T) time.Duration { return m.byPassword },
		} {
			t.Run(engine+"/"+name, func(t *testing.T) {
				var single, throughput []float64
				each, atOnceEach := each, 10*each // so many that records are written while others sign in
				if name == "password" {
					each, atOnceEach = each/5, each/2 // a hash takes long, and is the same for both
				}
				one := func(m *measured) float64 {
					var spent time.Duration
					for range each / 4 {
						spent += way(m)(t)
					}
					return spent.Seconds()
				}
				one(on)
				one(off)
				for round := range rounds {
					pair := []*measured{on, off}
					if round%2 == 1 {
						slices.Reverse(pair)
					}
					took, atOnce := map[*measured]float64{}, map[*measured]float64{}
					for _, m := range pair {
						took[m] = one(m)
					}
					for _, m := range pair {
						atOnce[m] = m.saturated(t, atOnceEach, way(m)).Seconds()
					}
					single, throughput = append(single, took[on]/took[off]), append(throughput, atOnce[on]/atOnce[off])
				}
				a, b := median(single), median(throughput)
				t.Logf("with records a sign-in takes %.3f times as long by itself, and %.3f times at saturation", a, b)
				if a > most || b > most {
					t.Errorf("more than %.2f", most)
				}
			})
		}
	}
}
