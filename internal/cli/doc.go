// Package cli is the command line's door. Each command but serve and init is
// one call of the API: over the network where it is given --server and a token,
// or answered in this process where it is given --database. So the doors have
// the same rules, checks and audit entries.
package cli
