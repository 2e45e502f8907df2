// Package outside holds the tests of the whole system through the built binary
// and real HTTP. Each is named by the sentence that it proves.
package outside

import (
	"os"
	"testing"

	"sallyport/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinary()
	os.Exit(code)
}

// each runs a test on both engines. Tests share a server, and each makes an
// organization of its own in it.
func each(t *testing.T, f func(t *testing.T, s *harness.Server)) {
	t.Helper()
	for _, engine := range harness.Engines {
		t.Run(engine, func(t *testing.T) { f(t, harness.Start(t, harness.Options{Engine: engine})) })
	}
}

