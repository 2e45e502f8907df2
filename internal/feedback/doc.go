// Package feedback keeps what readers say of the pages of /help: whether one was
// helpful, why, and what they write besides.
//
//	answer  given ──> deleted: by the operator, or after [Keep]
//
// Anybody may answer, signed in or not, and an answer says nothing of who gave it:
// no user, no network address. So everything has a bound: answers by source
// ([throttle.Requests]), by page and day, by day, and the length of the text.
// What somebody wrote is stored as it is; whoever shows it escapes it, and no log
// holds it. web takes answers, api and the command line read them, for the
// operator alone. The table feedback_answers belongs to this package.
package feedback
