// Package api is the door for programs: JSON under /api/v1, described by
// OpenAPI 3.1, with problems as RFC 9457 has them.
//
// Each operation is one line of a table in a file by its noun: method, path, the
// action that access decides on, and of which kind the id in the path is. From
// these the guard answers, before a body is read and in this order: token,
// scope, whether the thing exists for this token's organization, edition. What
// is left to the handler is one call of one use case, which checks the right
// again.
package api
