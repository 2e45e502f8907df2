// Package access holds the two policies of Sallyport as pure functions: who
// signs in how, and who may do what.
//
// Both decide on plain values that the caller read in its own transaction, so
// that each can be tested over every combination without a database and so
// that a decision is the same at every door: the login page, the password
// check, the assertion consumer, the API and the page that explains why.
//
//   - [SignIn] answers by which method one user signs in, and why.
//   - [May] answers whether an actor may take an action on a tenant's data.
//
// The package knows no other package of this module.
package access
