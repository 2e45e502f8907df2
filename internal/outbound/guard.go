package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// A Lookup returns the addresses of a host name. It need not check them.
type Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

// A Config is what a [Guard] is made of.
type Config struct {
	// Allow are networks that may be reached though they are not public, and
	// by http.
	Allow []netip.Prefix
	// Roots are the authorities that servers' certificates are checked by; nil
	// for those of the system.
	Roots *x509.CertPool
	// Lookup is the system's if nil.
	Lookup Lookup
	// Dial connects to an address that was checked, given as IP:PORT; nil for
	// the network. Tests lead it to where their servers are.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Guard makes clients for outbound requests. It may be used by several
// goroutines at once.
type Guard struct{ cfg Config }

// New makes a Guard.
func New(cfg Config) *Guard {
	if cfg.Lookup == nil {
		cfg.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if cfg.Dial == nil {
		cfg.Dial = (&net.Dialer{}).DialContext
	}
	return &Guard{cfg}
}

// Limits bound the requests of a client. All have to be set but the last two.
type Limits struct {
	// Time is for a request as a whole: lookups, connections, redirects, and
	// reading the answer to its end.
	Time time.Duration
	// Size is of the body of an answer, in octets.
	Size int64
	// Follow says whether a redirect may be followed, besides all other
	// checks; nil for any.
	Follow func(to *url.URL) bool
	// Lookup replaces that of the guard.
	Lookup Lookup
}

// Bounds that hold for every client.
const (
	maxRedirects   = 3
	maxHeader      = 64 << 10
	maxAddresses   = 4 // that are tried one after the other
	connectTimeout = 5 * time.Second
)

// Client makes a client. Each request has a connection of its own. Errors of
// the client, and of reading a body, are for the log; [Explain] makes of them
// what a tenant may read.
func (g *Guard) Client(l Limits) *http.Client {
	if l.Time <= 0 || l.Size <= 0 {
		panic("outbound: a client without limits")
	}
	if l.Lookup == nil {
		l.Lookup = g.cfg.Lookup
	}
	return &http.Client{
		Timeout:   l.Time,
		Transport: guarded{l, g.transport(l, g.allowedOrPublic), g.transport(l, g.allowed)},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || l.Follow != nil && !l.Follow(req.URL) {
				return &Error{Reason: Redirected}
			}
			return nil
		},
	}
}

// allowed reports whether the operator names the address.
func (g *Guard) allowed(a netip.Addr) bool {
	return a.Zone() == "" && within(a.Unmap(), g.cfg.Allow)
}

func (g *Guard) allowedOrPublic(a netip.Addr) bool { return g.allowed(a) || public(a) }

// transport connects to addresses that pass the check, and to no other.
func (g *Guard) transport(l Limits, pass func(netip.Addr) bool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return g.connect(ctx, l, pass, network, address)
		},
		TLSClientConfig:        &tls.Config{RootCAs: g.cfg.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    l.Time,
		DisableKeepAlives:      true, // the next request is checked anew
		DisableCompression:     true, // the size limit holds for what was sent
		MaxResponseHeaderBytes: maxHeader,
	}
}

func (g *Guard) connect(ctx context.Context, l Limits, pass func(netip.Addr) bool, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, &Error{Reason: Unreachable, cause: err}
	}
	found, err := resolve(ctx, l.Lookup, host)
	if err != nil {
		return nil, err
	}
	refusal := &Error{Reason: NotPublic}
	tried := 0
	for _, a := range found {
		if !pass(a) || tried == maxAddresses {
			continue
		}
		tried++
		one, cancel := context.WithTimeout(ctx, connectTimeout)
		conn, err := g.cfg.Dial(one, network, net.JoinHostPort(a.Unmap().String(), port))
		cancel()
		if err == nil {
			return conn, nil
		}
		refusal = &Error{Reason: Unreachable, cause: err}
	}
	return nil, refusal
}

// resolve returns the addresses of a host, unchecked.
func resolve(ctx context.Context, lookup Lookup, host string) ([]netip.Addr, error) {
	if a, ok := literal(host); ok {
		if !a.IsValid() {
			return nil, &Error{Reason: NotPublic}
		}
		return []netip.Addr{a}, nil
	}
	found, err := lookup(ctx, host)
	if err != nil {
		return nil, &Error{Reason: NotPublic, cause: err}
	}
	return found, nil
}

// guarded is the transport of a client: what can be checked before there is a
// connection, and the bound on what comes back.
type guarded struct {
	limits      Limits
	https, http *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (t guarded) RoundTrip(req *http.Request) (*http.Response, error) {
	transport := t.https
	switch {
	case req.URL.User != nil || req.URL.Hostname() == "":
		return nil, &Error{Reason: NotWeb}
	case req.URL.Scheme == "http":
		transport = t.http
	case req.URL.Scheme != "https":
		return nil, &Error{Reason: NotWeb}
	}
	req = req.Clone(req.Context())
	req.Header.Del("Referer") // where a redirect came from concerns nobody
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "Sallyport")
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if res.ContentLength > t.limits.Size {
		res.Body.Close()
		return nil, &Error{Reason: TooLarge}
	}
	res.Body = &bounded{res.Body, t.limits.Size, req.Context().Err}
	return res, nil
}
