// Package resolver asks DNS for what proves a domain: TXT and MX records, and
// the addresses of its web server.
//
// The setting dns-resolver says whom it asks: two public resolvers of different
// operators by default, those of the system, or named ones. Each is asked for
// itself and its answer is handed on as its own; the caller decides on what they
// have to agree. Nothing is kept: each question is sent.
//
// Answers are bounded in time and size. An answer that there are no records is
// no error; [ErrFailed] is that nothing is known.
//
// The package knows no other package of this module.
package resolver
