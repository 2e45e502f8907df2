// Package audit keeps the append-only log of what changed and who signed in.
//
// Every use case that changes something appends its [Event] in the transaction
// of the change, so that neither is ever there without the other. Nothing
// updates or deletes an event. The table audit_events belongs to this package.
package audit
