//go:build !unix

package saml_test

import "time"

var started = time.Now()

// cpuTime is the time of day where the system does not tell a process what it
// has spent.
func cpuTime() time.Duration { return time.Since(started) }
