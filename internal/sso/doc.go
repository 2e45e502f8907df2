// Package sso connects organizations with their Identity Providers: SSO
// profiles and their tests, enforcement, and the way of a login from a request
// to a ticket.
//
//	profile  draft ─> configured ─> tested ─> enforced
//	                       └────────────┴───> disabled
//
//	Start ──> (browser, Identity Provider) ──> Consume ──> ticket ──> Finish
//
// [Service.Consume] validates the response with package saml, asks the policy,
// and in one transaction uses the request up, remembers the assertion, records
// the attempt and makes a ticket. The ticket is bound to the browser by a
// cookie that only a top-level navigation carries: [Service.Finish] takes it
// there and hands the user to signin.
//
// A [Test] goes the same way up to [Service.Consume], which knows its answer by
// the request that it answers: there its result is stored, and nobody signed in.
// A [SetupLink] lets somebody without an account enter a [SetupDraft], test it,
// and no more; an administrator applies it.
//
// Each profile has keys of ours: [Service.RotateKey]. A session that came from an
// Identity Provider ends there, too, by [Service.Logout], and by its order here,
// by [Service.TakeLogout].
//
// A profile is found by its own URL, never by the issuer that a message names:
// two profiles may name the same one. The tables sso_* belong to this package.
package sso
