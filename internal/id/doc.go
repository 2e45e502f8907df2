// Package id makes the names of things: prefixed, time-sortable, unguessable
// ids such as org_06g8k2…, and the random tokens of sessions and links.
//
// An id is public and no secret; what it names is guarded by its own rules. A
// token is a secret: it is shown once and kept only as its [Hash].
//
// Every use case that makes a row calls a [Source]; doors call [Kind.Valid]
// before they ask the database.
package id
