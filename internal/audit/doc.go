// Package audit keeps the append-only log of what changed and who signed in.
//
// Every use case that changes something appends its [Event] in the transaction
// of the change, so that neither is ever there without the other. Nothing
// changes an event, and nothing but the retention deletes one. [Catalogue] lists
// what can happen.
//
// An event has a MAC from the start. Afterwards it gets a place in the chain of
// its organization and one among all:
//
//	Append ──> waiting ── Seal, every 5 s, one node ──> sealed ── Purge ──> gone, with a checkpoint
//
// [Log.Verify] finds what was done to events and seals behind our back. See
// docs/decisions/0016-audit-chain.md.
//
// The tables audit_events, audit_keys, audit_waiting, audit_seals and audit_heads
// belong to this package. app registers Seal, LogHead and Purge.
package audit
