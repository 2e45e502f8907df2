package audit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

// BenchmarkSignIn signs in with passwords from four browsers at once, with the
// sealing stopped, as often as a server seals, and ten times as often.
func BenchmarkSignIn(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for name, every := range map[string]time.Duration{"stopped": 0, "sealing": 5 * time.Second, "tenfold": 500 * time.Millisecond} {
			b.Run(engine+"/"+name, func(b *testing.B) {
				p := parts.New(b, engine)
				u := p.Organization(b, "Acme").User(b, "user@acme.test", access.RoleMember)
				ctx, cancel := context.WithCancel(b.Context())
				var sealing sync.WaitGroup
				if every > 0 {
					sealing.Go(func() {
						for ctx.Err() == nil {
							if err := p.Audit.Seal(ctx); err != nil && ctx.Err() == nil {
								b.Error(err)
							}
							select {
							case <-ctx.Done():
							case <-time.After(every):
							}
						}
					})
				}
				b.SetParallelism(2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						_, err := p.SignIn.Password(ctx, access.Actor{Address: "192.0.2.1"}, signin.PasswordAttempt{Email: u.Email, Password: parts.Password})
						if err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sign-ins/s")
				cancel()
				sealing.Wait()
			})
		}
	}
}
