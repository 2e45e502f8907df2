// Package record is the flight recorder: it keeps what happened at every attempt
// to sign in, so that people can find out why.
//
//	refused ───────────────> queue ──> writer ──> attempt + details + audit event
//	accepted by the IdP ───> queue ──> writer ──> attempt (pending) + details
//	session begun ─────────> in its own transaction: attempt (succeeded) + audit event
//
// An [Attempt] is small; its [Details] are bulky, and sealed: each check with
// what was expected and found, the decoded message, the attributes. The values
// of attributes are shown only by [Service.Reveal], which is audited.
//
// An attempt that is refused costs its request no transaction. It goes into a
// bounded queue, which one writer empties in batches; [Service.Flush] empties it,
// too, before somebody reads. What is too much for the queue, a source, an
// organization or the day is counted in the hour's row and leaves nothing else:
// a flood fills neither memory nor disk. What waits when the database is away
// waits on. docs/flight-recorder.md has the limits, and why.
//
// signin and sso call it for each attempt, sso for the checks of its tests and
// to judge an attempt again, directory to erase a user; doors read it. The tables
// record_* belong to this package.
package record
