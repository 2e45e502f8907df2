package parts

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"

	"sallyport/internal/outbound"
	"sallyport/internal/testenv"
)

// A Net is the network as outbound requests find it: every host below idp.test
// answers, over TLS, what a test has put there.
type Net struct {
	guard *outbound.Guard
	roots *x509.CertPool

	mu     sync.Mutex
	hosts  map[string]http.Handler
	lookup map[string][]netip.Addr
	server string // where the hosts really are; empty until there is one
	asked  int
}

// netAddress is where hosts are, unless a test says otherwise.
var netAddress = netip.MustParseAddr("8.8.8.8")

// newNet makes a network in which nobody answers.
func newNet() *Net {
	n := &Net{hosts: make(map[string]http.Handler), lookup: make(map[string][]netip.Addr), roots: x509.NewCertPool()}
	n.guard = outbound.New(outbound.Config{
		Roots: n.roots,
		Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.hosts[host] == nil {
				return nil, errors.New("no such host")
			}
			return n.lookup[host], nil
		},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			n.mu.Lock()
			server := n.server
			n.mu.Unlock()
			return (&net.Dialer{}).DialContext(ctx, network, server)
		},
	})
	return n
}

func (n *Net) serve(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	n.asked++
	h := n.hosts[r.Host]
	n.mu.Unlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}

// Serve has a host answer, at an address of the Internet unless others are given.
func (n *Net) Serve(t testing.TB, host string, h http.Handler, at ...netip.Addr) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.server == "" {
		files := testenv.TLSCertificate(t, "idp.test", "*.idp.test")
		server := httptest.NewUnstartedServer(http.HandlerFunc(n.serve))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{files.Certificate}}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.CloseClientConnections)
		n.roots.AppendCertsFromPEM(files.Authority(t))
		n.server = server.Listener.Addr().String()
	}
	if at == nil {
		at = []netip.Addr{netAddress}
	}
	n.hosts[host], n.lookup[host] = h, at
}

// Publish has a host answer with a document, and returns its address.
func (n *Net) Publish(t testing.TB, host string, document []byte) (url string) {
	t.Helper()
	n.Serve(t, host, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/samlmetadata+xml")
		w.Write(document)
	}))
	return "https://" + host + "/metadata"
}

// Asked is how many requests were answered so far.
func (n *Net) Asked() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.asked
}
