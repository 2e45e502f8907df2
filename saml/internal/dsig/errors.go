package dsig

import (
	"fmt"

	"sallyport/saml/internal/xmltree"
)

// A Kind tells failures apart that have different remedies.
type Kind int

const (
	// Invalid: the signature does not fit the element, or has a shape that is
	// refused.
	Invalid Kind = iota
	// Algorithm: it uses an algorithm that the policy does not list.
	Algorithm
	// UnknownKey: no configured key verifies it, and its KeyInfo holds a
	// certificate that is not configured.
	UnknownKey
)

// An Error says why a signature was refused.
type Error struct {
	Kind   Kind
	Reason string
	// Expected and Found are set where both can be named.
	Expected, Found string
}

func (e *Error) Error() string { return e.Reason }

func invalid(format string, args ...any) *Error {
	return &Error{Kind: Invalid, Reason: fmt.Sprintf(format, args...)}
}

func badAlgorithm(what string, uri []byte) *Error {
	return &Error{Kind: Algorithm, Reason: what + " that is not accepted", Found: clip(uri)}
}

// clip shortens what stands in a message to what a person can read.
func clip(b []byte) string {
	return xmltree.Clip(b, 200)
}
