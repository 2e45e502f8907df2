// Package bench measures package saml beside others that validate the same
// messages: crewjam/saml, gosaml2, and libxmlsec1 by its command. It is a module
// of its own, so that none of them is linked into anything else.
//
//	go test -run='^$' -bench=. -benchmem
//
// Each benchmark is one message, each row below it one implementation. The
// metric x-floor is the time as a multiple of the floor, what nobody can leave
// out (see floor_test.go), and ns-floor/op that floor, both measured in the same
// run by the time that the process spent on processors.
package bench
