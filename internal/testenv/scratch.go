package testenv

import (
	"os"
	"syscall"
	"testing"
)

// ScratchDir is t.TempDir in memory, where the system has room for that.
// Databases of tests stand there: on a busy disk they would wait for flushes
// that nobody needs.
func ScratchDir(t testing.TB) string {
	t.Helper()
	base := scratchBase()
	if base != memory {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(base, "sallyport-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// memory is where Linux mounts a file system in memory for everybody.
const memory = "/dev/shm"

// scratchBase is the directory for large files that may get lost.
func scratchBase() string {
	const room = 4 << 30 // enough for the largest tests
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) >= room {
		return memory
	}
	return os.TempDir()
}
