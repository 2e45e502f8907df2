// Package session keeps the sessions of people.
//
// A session is an opaque random token in a cookie; the database holds its hash.
// It is begun by signin and sso, looked up by every door at every request, and
// ended by many: sign-out, deactivation, a password change, an administrator.
//
//	begun ──> live ──> ended (deleted)
//	            └────> over: idle for too long, too old, or past the bound that
//	                   the Identity Provider set; deleted later
//
// The tables sessions and session_activity belong to this package.
package session
