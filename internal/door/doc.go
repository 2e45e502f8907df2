// Package door holds what the doors for browsers and for programs have in
// common: from where a request comes, how an error is answered, logged and
// counted, and the headers that go with every answer.
//
// Handlers return errors. Each is turned into an answer in one place:
// [Problem] for programs, and web's page for people, both with the same code
// and reference.
package door
