// Package tutorial follows docs/tutorial.md in a real browser, as it stands there,
// in each of its ways: from an empty organization to an enforced domain, beside
// the demo's Identity Provider.
//
// SCREENSHOTS=DIR leaves a picture of what the reader sees after each step, for
// people to look at.
package tutorial

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/internal/testenv"
	"sallyport/test/harness"
)

// limit is for all of it: a newcomer has no more patience.
const limit = 3 * time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	harness.RemoveBinary()
	os.Exit(code)
}

func TestTutorial(t *testing.T) {
	steps := script(t)
	if got := ways(steps); !slices.Equal(got, []string{"By URL", "By file", "By hand"}) {
		t.Fatalf("the ways are %q", got)
	}
	demo := buildDemo(t)
	for _, way := range ways(steps) {
		t.Run(way, func(t *testing.T) { follow(t, demo, steps, way) })
	}
}

func follow(t *testing.T, demo string, steps []step, way string) {
	said, sites := startDemo(t, demo)
	r := &reader{t: t, chromium: testenv.Browser(t), sites: sites}
	r.seen.WriteString(said)
	// Where it ends is told; a verb ends the test by itself.
	at := step{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("docs/tutorial.md, line %d: %s", at.line, at.text)
		}
	})
	start, done := time.Now(), 0
	for _, at = range steps {
		if at.way != "" && at.way != way {
			continue
		}
		at.do(r, at.with)
		r.look()
		done++
		if dir := os.Getenv("SCREENSHOTS"); dir != "" {
			r.page().Screenshot(filepath.Join(dir, fmt.Sprintf("tutorial-%s-%03d.png", strings.ReplaceAll(way, " ", "-"), done)))
		}
	}
	if _, header := r.page().Response(); header.Get("Sallyport-Error") != "sso_required" {
		t.Errorf("the tutorial ends at %s with %q: the password of a managed user is not refused", r.page().URL(), header.Get("Sallyport-Error"))
	}
	took := time.Since(start).Round(100 * time.Millisecond)
	t.Logf("%d steps from an empty organization to an enforced domain took %s of %s", done, took, limit)
	if took > limit {
		t.Errorf("the tutorial takes %s", took)
	}
	for _, page := range r.tabs {
		for _, problem := range page.Problems() {
			t.Errorf("in the browser: %s", problem)
		}
	}
}

func buildDemo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.Command("go", "build", "-o", path, "sallyport/cmd/demo").CombinedOutput(); err != nil {
		t.Fatalf("building the demo: %v\n%s", err, out)
	}
	return path
}

var address = regexp.MustCompile(`(?m)^  (http://localhost:\d+)/ `)

// startDemo runs what the tutorial has its reader run, and returns what that
// prints.
func startDemo(t *testing.T, demo string) (said string, sites *strings.Replacer) {
	t.Helper()
	binary, err := harness.Binary()
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd := exec.Command(demo, "--sallyport", binary, "--tutorial", "--free-ports")
	cmd.Stdout, cmd.Stderr = f, f
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		raw, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if found := address.FindAllStringSubmatch(string(raw), -1); len(found) == 2 && strings.Contains(string(raw), "Ctrl-C") {
			return string(raw), strings.NewReplacer("http://localhost:8400", found[0][1], "http://localhost:8402", found[1][1])
		}
	}
	t.Fatal("the demo did not start")
	return "", nil
}
