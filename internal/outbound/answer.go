package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
)

// bounded is a body that fails where it is longer than left octets, or where it
// ends when the request is over: a server that is hung up on may end it as if it
// were whole.
type bounded struct {
	io.ReadCloser
	left int64
	over func() error // of the request
}

// Read implements [io.Reader].
func (b *bounded) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if int64(n) > b.left {
		return int(b.left), &Error{Reason: TooLarge}
	}
	b.left -= int64(n)
	if over := b.over(); err == io.EOF && over != nil {
		return n, over
	}
	return n, err
}

// A Reason says why a request came to nothing, as far as a tenant may know it:
// nothing of it tells what there is in the operator's own network.
type Reason string

// The reasons.
const (
	NotWeb      Reason = "not_web"     // the URL is none of https, or names a user
	NotPublic   Reason = "not_public"  // no address, or none that may be reached
	Unreachable Reason = "unreachable" // nobody answers, or not in time, or not in HTTP
	Untrusted   Reason = "untrusted"   // the certificate does not hold
	Redirected  Reason = "redirected"  // too often, or to where it may not
	TooLarge    Reason = "too_large"
)

// Sentence tells the reason to a person.
func (r Reason) Sentence() string {
	switch r {
	case NotWeb:
		return "The address is not one of https."
	case NotPublic:
		return "The host name has no public address."
	case Untrusted:
		return "The server's certificate is not valid for this host."
	case Redirected:
		return "The server redirects too often, or to another place than it may."
	case TooLarge:
		return "The answer is too large."
	}
	return "The server does not answer, or not in time."
}

// An Error is a request that the guard refused or bounded.
type Error struct {
	Reason Reason
	cause  error
}

func (e *Error) Error() string {
	text := "outbound: " + string(e.Reason)
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap returns the cause, nil if there is none.
func (e *Error) Unwrap() error { return e.cause }

// Explain returns why a request of a guard's client, or reading its body,
// failed. Errors that it does not know are [Unreachable].
func Explain(err error) Reason {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	var (
		unverified *tls.CertificateVerificationError
		authority  x509.UnknownAuthorityError
		host       x509.HostnameError
		invalid    x509.CertificateInvalidError
	)
	if errors.As(err, &unverified) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid) {
		return Untrusted
	}
	return Unreachable
}
