// Package outside holds the tests of the whole system through the built binary
// and real HTTP. Each is named by the sentence that it proves.
package outside

import (
	"os"
	"sync"
	"testing"

	"sallyport/test/harness"
)

// kept holds the servers that tests share. It and the servers are package
// variables because nothing else lives as long as all tests do.
var kept harness.Keeper

var servers = map[string]func() *harness.Server{
	"sqlite":   sync.OnceValue(func() *harness.Server { return start("sqlite") }),
	"postgres": sync.OnceValue(func() *harness.Server { return start("postgres") }),
}

func start(engine string) *harness.Server {
	return harness.Start(&kept, harness.Options{Engine: engine, Args: []string{"--log-level", "debug"}})
}

func TestMain(m *testing.M) {
	code := m.Run()
	if !kept.End() {
		code = 1
	}
	harness.RemoveBinary()
	os.Exit(code)
}

// each runs a test on both engines. Tests share a server, and each makes an
// organization of its own in it.
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

// alone runs a test on both engines with a server of its own.
func alone(t *testing.T, o harness.Options, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) {
			o := o
			o.Engine = engine
			f(t, harness.Start(t, o))
		})
	}
}
