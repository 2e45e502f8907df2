// Package imports brings many users into an organization: those of a CSV file,
// or all independent ones whose address is in one of its verified domains.
//
//	upload ──> dry run ──> import ──> undo
//	   └─────────────────────^
//	import   queued ──> running ──> done | failed
//
// An upload keeps the rows of a file, so that a dry run, the import after it and
// the files with their results are about the same rows. The work is done in
// steps by package job, each short enough for sign-ins to get their turn, and
// each committed with its results: whoever goes on after a kill -9 does no row
// twice. Mails leave afterwards, in steps of their own.
//
// What becomes of a row package directory decides, as it does for a user who is
// added alone. Rows and results are deleted after 30 days; what was counted
// stays.
//
// The doors call the use cases, methods of [Service]. The tables import_uploads,
// import_rows, imports and import_results belong to this package.
package imports
