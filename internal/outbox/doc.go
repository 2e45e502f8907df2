// Package outbox delivers mail after the commit, and runs errands.
//
// A use case writes a [Letter] with [Outbox.Mail] in its own transaction. What
// is rolled back is never sent, and what is committed is sent, if need be by
// another node, at least once:
//
//	written ──> claimed ──> sent (the row goes)
//	   ^           │ └────> refused for good, or too old: given up, logged, counted
//	   └───────────┘ later again
//
// A claim is a lease on the row: a node that dies keeps a mail from the others
// for [lease] and no longer. A mail that is sent twice has the same Message-ID
// both times.
//
// An errand, [Outbox.Send], is work of the house that takes the same way: what
// somebody asks for whose answer must not tell what there was to do.
//
// The rows are encrypted, because mails hold one-time links. No part of a mail
// but its kind and id stands in the log, unless the log is what the operator
// has mails sent to.
//
// Texts stand in text/, once per language; templates/ makes a plain and an HTML
// part of them. The capability packages write letters; app runs the delivery.
// The table outbox_mails belongs to this package.
package outbox
