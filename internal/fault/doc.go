// Package fault holds the coded errors that every door of Sallyport shows.
//
// A use case that refuses something returns an [*Error]. Its code is for
// machines and never changes; its title and detail are for the person at the
// door; its cause is for the log alone. A door turns any error into one with
// [From] and needs to know nothing else.
//
// The codes stand in one list, in codes.go, with the HTTP status and the
// title of each.
//
// Every package of internal/ may use this one; it uses none of them.
package fault
