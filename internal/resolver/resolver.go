package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"
)

// ErrFailed means that a resolver gave no usable answer: it did not answer in
// time, or answered that it can't. It says nothing about the records.
var ErrFailed = errors.New("resolver: no usable answer")

// A Resolver answers questions about names, given as A-labels. Without such
// records the answer is empty. Errors wrap [ErrFailed] and are for the log.
type Resolver interface {
	// Name is how to call it: HOST:PORT, or "system".
	Name() string
	// TXT returns the texts at a name, the parts of each joined.
	TXT(ctx context.Context, name string) ([]string, error)
	// MX returns the hosts that receive a domain's mail. A domain that says
	// that it receives none (RFC 7505) has none.
	MX(ctx context.Context, name string) ([]string, error)
	// Addresses returns the addresses of a host.
	Addresses(ctx context.Context, host string) ([]netip.Addr, error)
}

// Bounds of a question.
const (
	timeout    = 5 * time.Second // for an answer, over both transports
	tryAgain   = 2 * time.Second // after which a lost datagram is sent again
	tries      = 3               // datagrams with one question
	maxRecords = 100             // of an answer that are read
	maxText    = 1024            // octets of a text; the rest is cut off
)

// Public are the resolvers that are asked by default. They belong to different
// operators, so that nobody alone can make a proof.
var Public = []string{"1.1.1.1:53", "8.8.8.8:53"}

// New returns the resolvers that a setting names: empty for [Public], "system",
// or HOST:PORT[,HOST:PORT].
func New(setting string) ([]Resolver, error) {
	servers := Public
	switch setting {
	case "":
	case "system":
		return []Resolver{system{&net.Resolver{PreferGo: true}}}, nil
	default:
		servers = strings.Split(setting, ",")
	}
	var all []Resolver
	for _, s := range servers {
		if _, _, err := net.SplitHostPort(s); err != nil {
			return nil, fmt.Errorf("resolver: %q is not HOST:PORT", s)
		}
		all = append(all, server(s))
	}
	return all, nil
}

// system asks as every program of the machine does.
type system struct{ *net.Resolver }

// Name implements [Resolver].
func (system) Name() string { return "system" }

// TXT implements [Resolver].
func (s system) TXT(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := s.LookupTXT(ctx, name+".")
	for i, text := range found {
		found[i] = text[:min(len(text), maxText)]
	}
	return known(found, err)
}

// MX implements [Resolver].
func (s system) MX(ctx context.Context, name string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found, err := s.LookupMX(ctx, name+".")
	var hosts []string
	for _, mx := range found {
		hosts = append(hosts, mx.Host)
	}
	hosts, err = known(hosts, err)
	return receivers(hosts), err
}

// Addresses implements [Resolver].
func (s system) Addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return known(s.LookupNetIP(ctx, "ip", host)) // without a dot at its end: the hosts file has none
}

// known tells an empty answer from none.
func known[T any](found []T, err error) ([]T, error) {
	var d *net.DNSError
	switch {
	case errors.As(err, &d) && d.IsNotFound && !d.IsTemporary && !d.IsTimeout:
		return nil, nil
	case err != nil && len(found) == 0:
		return nil, fmt.Errorf("%w: %w", ErrFailed, err)
	}
	return found[:min(len(found), maxRecords)], nil
}

// receivers leaves out the root, which stands for no host.
func receivers(hosts []string) (list []string) {
	for _, h := range hosts {
		if h = strings.TrimSuffix(h, "."); h != "" {
			list = append(list, h)
		}
	}
	return list
}
