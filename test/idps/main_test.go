// Package idps holds the tests against Identity Providers that share no code
// with us, set up by the tests themselves. Browsers are plain HTTP clients here;
// package browser does the same with a real one.
package idps

import (
	"os"
	"sync"
	"testing"

	"sallyport/test/harness"
)

// kept holds what the tests share. It, and what it keeps, are package variables
// because nothing else lives as long as all tests do.
var kept harness.Keeper

var servers = map[string]func() *harness.Server{
	"sqlite":   sync.OnceValue(func() *harness.Server { return harness.Start(&kept, harness.Options{Engine: "sqlite"}) }),
	"postgres": sync.OnceValue(func() *harness.Server { return harness.Start(&kept, harness.Options{Engine: "postgres"}) }),
}

func TestMain(m *testing.M) {
	code := m.Run()
	if !kept.End() {
		code = 1
	}
	harness.RemoveBinary()
	os.Exit(code)
}

// each runs a test on both engines.
func each(t *testing.T, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) {
			s := servers[engine]()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("log of the server:\n%s", s.LogTail(40))
				}
			})
			f(t, s)
		})
	}
}
