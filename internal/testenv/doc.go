// Package testenv starts what tests need from outside the process.
//
// Whatever is not installed makes a test fail by name; nothing is skipped.
// Whatever is started ends with the test process, however that ends.
//
// Only tests, and the commands below this directory, import it.
package testenv
