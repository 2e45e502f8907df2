// Package web is the door for people: pages rendered on the server that work
// without JavaScript.
//
// The routes stand in one table in web.go, one file per action. A handler reads
// the request, calls one use case and returns a view or an error; errors become
// pages in one place. Each page has a typed view, and each sentence on it stands
// in the catalogue under text/, once per language.
package web
