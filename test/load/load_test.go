// Package load measures the running binary: sign-ins through HTTP, how soon it
// is ready, and what memory it takes.
package load

import (
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/saml/samltest"
	"sallyport/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinary()
	os.Exit(code)
}

// clients is how many browsers sign in at once.
const clients = 32

// A login is one browser's on its way.
type login struct {
	browser *harness.Browser
	request *samltest.Request
	answer  string // the encoded response
}

// parallel does something with each login, with all clients.
func parallel(logins []login, do func(l *login)) {
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			for i := c; i < len(logins); i += clients {
				do(&logins[i])
			}
		})
	}
	group.Wait()
}

// signIn signs users in through the login page, the ACS and the finish, and
// returns how long the server took. The Identity Provider's own work, which is
// the dearer one, is done in between and not counted.
func signIn(b *testing.B, s *harness.Server, p *harness.Profile, user string, n int) (took time.Duration) {
	b.Helper()
	logins := make([]login, n)
	for i := range logins {
		logins[i].browser = s.NewBrowser(b)
	}
	began := time.Now()
	parallel(logins, func(l *login) { l.request = l.browser.Depart(b, user, "") })
	took += time.Since(began)
	parallel(logins, func(l *login) { l.answer = p.Response(user, l.request.ID).Encode() })
	began = time.Now()
	parallel(logins, func(l *login) {
		a := l.browser.DeliverEncoded(b, p, l.answer, l.request.RelayState)
		if a = l.browser.Get(b, a.Location); a.Location != "/" {
			b.Errorf("%d %s", a.Status, a.Code)
		}
	})
	return took + time.Since(began)
}

// BenchmarkSignIn measures whole logins through HTTP, three requests each, from
// 32 browsers on this machine, which share its processors with the server.
func BenchmarkSignIn(b *testing.B) {
	for _, engine := range harness.Engines {
		b.Run(engine, func(b *testing.B) {
			s := harness.Start(b, harness.Options{Engine: engine})
			p, user, _ := harness.Enforced(b, s, nil)
			signIn(b, s, p, user, clients)
			b.ResetTimer()
			took := signIn(b, s, p, user, b.N)
			b.ReportMetric(float64(b.N)/took.Seconds(), "sign-ins/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkPassword measures sign-ins with a password: argon2id is meant to
// cost what it does.
func BenchmarkPassword(b *testing.B) {
	s := harness.Start(b, harness.Options{})
	o := harness.NewOrganization(b, s)
	user := o.Address("user")
	o.AddUser(b, user)
	browser := s.NewBrowser(b)
	for b.Loop() {
		form := url.Values{"email": {user}, "password": {harness.Password}}
		if a := browser.Clone(b).Post(b, "/login/password", form); a.Location != "/" {
			b.Fatalf("%d %s", a.Status, a.Code)
		}
	}
}

// BenchmarkColdStart measures from the start of the process until it is ready,
// on a database that is there.
func BenchmarkColdStart(b *testing.B) {
	s := harness.Start(b, harness.Options{})
	s.Stop()
	for b.Loop() {
		s.Again(b)
		b.StopTimer()
		s.Stop()
		b.StartTimer()
	}
}

// BenchmarkMemory tells what the server holds before and after 10,000 sign-ins.
func BenchmarkMemory(b *testing.B) {
	const signIns, batch = 10_000, 500
	for _, engine := range harness.Engines {
		b.Run(engine, func(b *testing.B) {
			for range b.N {
				s := harness.Start(b, harness.Options{Engine: engine})
				p, user, _ := harness.Enforced(b, s, nil)
				idle := s.Memory(b, "VmRSS")
				for range signIns / batch {
					signIn(b, s, p, user, batch)
				}
				b.ReportMetric(float64(idle)/(1<<20), "idle-MiB")
				b.ReportMetric(float64(s.Memory(b, "VmRSS"))/(1<<20), "after-MiB")
				b.ReportMetric(float64(s.Memory(b, "VmHWM"))/(1<<20), "peak-MiB")
			}
		})
	}
}

// BenchmarkBinary tells how large the binary is.
func BenchmarkBinary(b *testing.B) {
	path, err := harness.Binary()
	if err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}

// BenchmarkTracing tells what traces cost a sign-in of three requests: the
// processor's time of the server, which others on the machine change little,
// without a collector and with one, in turns.
func BenchmarkTracing(b *testing.B) {
	collector := testenv.StartCollector(b)
	off := harness.Start(b, harness.Options{})
	on := harness.Start(b, harness.Options{Args: []string{"--otlp-endpoint", collector.URL}})
	const batch = 100
	for _, c := range []struct {
		name string
		s    *harness.Server
	}{{"off", off}, {"on", on}, {"off-again", off}, {"on-again", on}} {
		b.Run(c.name, func(b *testing.B) {
			p, user, _ := harness.Enforced(b, c.s, nil)
			signIn(b, c.s, p, user, batch)
			b.ResetTimer()
			before := c.s.Scrape(b)["process_cpu_seconds_total"].Series[0].Value
			for range b.N {
				signIn(b, c.s, p, user, batch)
			}
			took := c.s.Scrape(b)["process_cpu_seconds_total"].Series[0].Value - before
			b.ReportMetric(took*1e3/float64(b.N*batch), "cpu-ms/sign-in")
			b.ReportMetric(0, "ns/op")
		})
	}
}
