//go:build unix

package saml_test

import (
	"syscall"
	"time"
)

// cpuTime is what the process has spent on all processors, with the collector's
// part. Other than the time of day it does not count what others run on the
// same machine meanwhile.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
