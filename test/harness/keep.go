package harness

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// A Keeper stands in for a test where something outlives all of them: a server
// that the tests of a package share. [Keeper.End] releases what it keeps.
type Keeper struct {
	testing.TB // nil: only what is overridden here may be called
	cleanups   []func()
	failed     bool
}

// End releases everything in the reverse order. It reports whether all went
// well.
func (k *Keeper) End() bool {
	for i := len(k.cleanups) - 1; i >= 0; i-- {
		k.cleanups[i]()
	}
	k.cleanups = nil
	return !k.failed
}

// Cleanup implements [testing.TB].
func (k *Keeper) Cleanup(f func()) { k.cleanups = append(k.cleanups, f) }

// Helper implements [testing.TB].
func (k *Keeper) Helper() {}

// Failed implements [testing.TB].
func (k *Keeper) Failed() bool { return k.failed }

// Context implements [testing.TB].
func (k *Keeper) Context() context.Context { return context.Background() }

// Error implements [testing.TB].
func (k *Keeper) Error(args ...any) {
	k.failed = true
	fmt.Fprintln(os.Stderr, args...)
}

// Logf implements [testing.TB].
func (k *Keeper) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// Fatal implements [testing.TB]. No test runs without what is kept.
func (k *Keeper) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf implements [testing.TB].
func (k *Keeper) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// TempDir implements [testing.TB].
func (k *Keeper) TempDir() string {
	dir, err := os.MkdirTemp("", "sallyport-kept-")
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
