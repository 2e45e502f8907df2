// Package link makes the one-time links that are mailed, and knows what became
// of them.
//
//	issued ──> used
//	   ├────> ended: another one was used, or what it is for has changed
//	   └────> expired
//
// A link is a random token in a path; the database holds its hash. Whoever
// opens a link changes nothing by that: programs that look through mails open
// all of them. What it is for is done, and the link used, when the page's form
// comes back.
//
// directory and signin issue links and use them. The table one_time_links
// belongs to this package.
package link
