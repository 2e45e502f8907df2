// Package directory knows who there is: organizations, their domains and the
// proofs of these, users, invitations, accounts and roles.
//
//	domain   pending ─> verified ─> lapsing ─> frozen (in use), else pending
//	            ^          ^───────────┴─────────┤ the proof is back
//	            └────────────────────────────────┘ not in use any more
//	user     invited ─> active <─> deactivated
//	         independent <─> managed by one organization
//
// A user has one address in the installation. Becoming managed, an address in
// a verified domain of the organization at once and any other by invitation,
// ends the user's sessions.
//
// The doors call its use cases, methods of [Service] with an actor; signin and
// sso read with the methods that take a transaction. The tables organizations,
// domains, domain_checks, users, invitations, accounts and account_members
// belong to this package.
package directory
