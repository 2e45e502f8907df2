// Package signin is the way in: who signs in how, passwords, and the last step
// of every sign-in before its session.
//
//	Identify ──> password ──┐
//	         └─> sso ───────┴─> Arrive ──> session
//	                              ├─────> page: set an initial password
//	                              └─────> page: another user is signed in here
//
// Every way in ends in [Service.Arrive], which asks the policy once more in the
// transaction that makes the session. The pages hold what was proved so far in
// the table arrivals, bound to the browser, for a quarter of an hour.
//
// web calls it for pages, sso for what an Identity Provider has proved. The
// table arrivals belongs to this package.
package signin
