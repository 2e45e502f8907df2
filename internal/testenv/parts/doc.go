// Package parts gives a test the use cases, wired on a database of its own and
// on a clock that the test turns, and verbs that make what a test starts from:
//
//	parts.Each(t, func(t *testing.T, p *parts.Parts) {
//		acme := p.Organization(t, "Acme")
//		acme.Domain(t, "acme.test")
//		user := acme.User(t, "user@acme.test", access.RoleMember)
//		…
//	})
//
// Every verb goes through a use case, as the operator, so that what it makes is
// what an installation could hold.
//
// Only tests import it.
package parts
