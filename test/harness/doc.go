// Package harness runs the built binary for tests of the whole system from
// outside: a server on a database of its own, the API as a program calls it, a
// browser that keeps cookies as browsers do, and Identity Providers that the
// test controls.
package harness
