// Package outbound is the one way out: whoever sends a request to an address
// that a tenant has named takes its [net/http.Client] from a [Guard].
//
//	host ─> lookup ─> check each address ─> connect to a checked one ─> TLS ─> answer, bounded
//	  ^                                                                          │
//	  └───────────────────────── redirect, at most three ────────────────────────┘
//
// The guard connects to the very address that it checked: no second lookup can
// lead it elsewhere. Only public addresses pass, and those that the operator
// allows by network. http passes to networks that the operator allows alone,
// everything else is https. No proxy of the environment is used.
//
// What an answer held, or an error of the network said, is never told to a
// tenant: [Explain] says what went wrong in one of a few fixed sentences.
//
// The package knows no other package of this module.
package outbound
