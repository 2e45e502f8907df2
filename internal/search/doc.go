// Package search finds the entries of an organization by the beginnings of
// their words and by what class they are of, newest first, in a time that does
// not grow with what is not found.
//
// An entry is whatever has an id that sorts by age: a user, an invitation. Its
// [Class] holds all that a list is filtered by. The entries of one class stand
// in segments, each a stretch of ids:
//
//	acme.test, active, member:  [ … 1024 … )[ … 1024 … )[ … ──> newest
//	acme.test, invited, member: [ … ──> newest
//
// In its segment an entry stands below each of its words, and below the empty
// word, which makes the list. A search asks every segment of the classes that it
// wants whether there is such a word at all, which is one step in an index each,
// and then reads those where there is, newest first, until the page is full. So a
// common beginning with a rare filter, one letter, and a page far behind the first
// cost about the same.
//
// Which entry begins a segment its id alone decides, one in 1024: there is no
// counter that all who add somebody would wait for.
//
// directory puts in what it writes, in the same transaction, and asks. The
// tables search_segments and search_words belong to this package.
package search
