// Package trace makes OpenTelemetry spans of what happens in a request: at the
// door, in a use case, while a message is validated, in a transaction.
//
// A [Tracer] begins the trace at the door. Everything below continues what
// stands in the context, so that only the door has to know whether there are
// traces: without one [Start] looks into the context and makes nothing.
//
// Spans hold codes, ids and numbers. They hold no text of a request, an error
// or a statement: each of these can have an address or a secret in it.
package trace
