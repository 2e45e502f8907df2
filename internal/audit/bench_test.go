package audit_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/signin"
	"sallyport/internal/testenv/parts"
)

// BenchmarkSignIn signs in with passwords from four browsers at once, with the
// sealing stopped, and sealed as often as a server does.
func BenchmarkSignIn(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for name, every := range map[string]time.Duration{"stopped": 0, "sealing": 5 * time.Second} {
			b.Run(engine+"/"+name, func(b *testing.B) {
				p := parts.New(b, engine)
				acme := p.Organization(b, "Acme")
				acme.Domain(b, "acme.test")
				var users [8]string // one for each goroutine: nobody signs in twice at once
				for i := range users {
					users[i] = acme.User(b, fmt.Sprintf("user%d@acme.test", i), access.RoleMember).Email
				}
				var next atomic.Int64
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
					n := int(next.Add(1)) % len(users)
					email, source := users[n], fmt.Sprint("192.0.2.", n) // failed tries are counted by source
					for pb.Next() {
						_, err := p.SignIn.Password(ctx, access.Actor{Address: source}, signin.PasswordAttempt{Email: email, Password: parts.Password})
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
