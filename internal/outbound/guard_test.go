package outbound_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/internal/outbound"
	"sallyport/internal/testenv"
)

var (
	publicly  = netip.MustParseAddr("8.8.8.8")
	privately = netip.MustParseAddr("127.0.0.1")
	limits    = outbound.Limits{Time: 5 * time.Second, Size: 1000}
)

// A world is the network as a guard finds it: names, and one server that
// answers at each address that is dialled.
type world struct {
	outbound.Config
	mu     sync.Mutex
	dialed []string
}

// newWorld makes a world in which every name has these addresses and every
// address leads to the handler, over TLS for names below acme.test.
func newWorld(t *testing.T, h http.Handler, found ...netip.Addr) *world {
	t.Helper()
	files := testenv.TLSCertificate(t, "acme.test", "*.acme.test", "127.0.0.1")
	plain, server := httptest.NewServer(h), httptest.NewUnstartedServer(h)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{files.Certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	t.Cleanup(plain.Close)
	w := &world{}
	w.Roots = files.Pool
	w.Lookup = func(context.Context, string) ([]netip.Addr, error) { return found, nil }
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.mu.Lock()
		w.dialed = append(w.dialed, address)
		w.mu.Unlock()
		to := server.Listener.Addr().String()
		if strings.HasSuffix(address, ":80") {
			to = plain.Listener.Addr().String()
		}
		var d net.Dialer
		return d.DialContext(ctx, network, to)
	}
	return w
}

// get reads an answer to its end.
func (w *world) get(t *testing.T, l outbound.Limits, address string) (string, error) {
	t.Helper()
	res, err := outbound.New(w.Config).Client(l).Get(address)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return string(raw), err
}

// refused fails unless the request comes to nothing for the reason.
func (w *world) refused(t *testing.T, l outbound.Limits, address string, want outbound.Reason) {
	t.Helper()
	body, err := w.get(t, l, address)
	if err == nil || outbound.Explain(err) != want {
		t.Errorf("%s: %v after %d octets, not %s", address, err, len(body), want)
	}
}

// nowhere fails if anything was connected to.
func (w *world) nowhere(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.dialed) > 0 {
		t.Errorf("connected to %v", w.dialed)
	}
}

func hello(rw http.ResponseWriter, r *http.Request) { io.WriteString(rw, "hello "+r.Host) }

func TestAPublicServerIsReached(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(hello), publicly)
	if body, err := w.get(t, limits, "https://www.acme.test/x"); err != nil || body != "hello www.acme.test" {
		t.Errorf("%q, %v", body, err)
	}
	if len(w.dialed) != 1 || w.dialed[0] != "8.8.8.8:443" {
		t.Errorf("%v", w.dialed)
	}
}

func TestAddressesThatAreNotPublicAreRefused(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(hello), publicly)
	for _, host := range []string{
		"127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[fe80::1%25eth0]", "[fd00::1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]",
		"2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "127.0.0.1.", "1.1.1.1.1",
	} {
		w.refused(t, limits, "https://"+host+"/", outbound.NotPublic)
	}
	w.nowhere(t)
}

func TestNamesOfAddressesThatAreNotPublicAreRefused(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "::ffff:127.0.0.1", "::1", "192.168.0.1", "0.0.0.0", "fe80::1%lo", "::ffff:8.8.8.8"} {
		w := newWorld(t, http.HandlerFunc(hello), netip.MustParseAddr(a))
		w.refused(t, limits, "https://www.acme.test/", outbound.NotPublic)
		w.nowhere(t)
	}
	w := newWorld(t, http.HandlerFunc(hello))
	w.refused(t, limits, "https://www.acme.test/", outbound.NotPublic)
	w.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
	w.refused(t, limits, "https://www.acme.test/", outbound.NotPublic)
	w.nowhere(t)
}

func TestOfSeveralAddressesOnlyPublicOnesAreTried(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(hello), privately, netip.MustParseAddr("10.0.0.1"), publicly)
	if _, err := w.get(t, limits, "https://www.acme.test/"); err != nil || fmt.Sprint(w.dialed) != "[8.8.8.8:443]" {
		t.Errorf("%v, %v", w.dialed, err)
	}
}

// TestTheCheckedAddressIsConnectedTo: the name says another address each time
// that it is asked for.
func TestTheCheckedAddressIsConnectedTo(t *testing.T) {
	var asked atomic.Int64
	w := newWorld(t, http.HandlerFunc(hello))
	w.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		if asked.Add(1)%2 == 1 {
			return []netip.Addr{publicly}, nil
		}
		return []netip.Addr{privately}, nil
	}
	client := outbound.New(w.Config).Client(limits)
	res, err := client.Get("https://www.acme.test/")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if asked.Load() != 1 || fmt.Sprint(w.dialed) != "[8.8.8.8:443]" {
		t.Errorf("asked %d times, connected to %v", asked.Load(), w.dialed)
	}
	// The next request is checked anew: no connection is kept.
	if _, err := client.Get("https://www.acme.test/"); outbound.Explain(err) != outbound.NotPublic || len(w.dialed) != 1 {
		t.Errorf("%v, connected to %v", err, w.dialed)
	}
}

func TestNetworksThatTheOperatorAllows(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(hello), privately)
	w.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, address := range []string{"https://www.acme.test/", "https://127.0.0.1/", "http://www.acme.test/", "http://[::ffff:127.0.0.1]/"} {
		if _, err := w.get(t, limits, address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, host := range []string{"10.0.0.1", "[::1]", "[fe80::1%25lo]"} {
		w.refused(t, limits, "https://"+host+"/", outbound.NotPublic)
	}
}

func TestOnlyHTTPSLeavesTheOperatorsNetworks(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(hello), publicly)
	w.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	w.refused(t, limits, "http://www.acme.test/", outbound.NotPublic)
	w.refused(t, limits, "http://8.8.8.8/", outbound.NotPublic)
	for _, address := range []string{"ftp://www.acme.test/", "file:///etc/passwd", "gopher://127.0.0.1/", "https:///x", "https://user@www.acme.test/",
		"https://user:word@www.acme.test/", "unix://x/", "//www.acme.test/"} {
		w.refused(t, limits, address, outbound.NotWeb)
	}
	w.nowhere(t)
}

func TestRedirects(t *testing.T) {
	mux := http.NewServeMux()
	to := func(path, where string) {
		mux.HandleFunc(path, func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Location", where)
			rw.WriteHeader(http.StatusFound)
		})
	}
	to("/3", "/2")
	to("/2", "https://login.acme.test/1")
	to("/1", "/end")
	to("/4", "/3")
	to("/loop", "/loop")
	to("/loopback", "https://127.0.0.1/end")
	to("/decimal", "https://2130706433/end")
	to("/metadata", "http://169.254.169.254/latest/meta-data/")
	to("/private", "https://private.acme.test/end")
	to("/plain", "http://www.acme.test/end")
	to("/file", "file:///etc/passwd")
	to("/user", "https://user:word@www.acme.test/end")
	mux.HandleFunc("/end", func(rw http.ResponseWriter, r *http.Request) {
		if r.Referer() != "" {
			t.Errorf("the referer is %s", r.Referer())
		}
		io.WriteString(rw, "end")
	})
	w := newWorld(t, mux)
	w.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		if strings.HasPrefix(host, "private") {
			return []netip.Addr{privately}, nil
		}
		return []netip.Addr{publicly}, nil
	}
	if body, err := w.get(t, limits, "https://www.acme.test/3"); err != nil || body != "end" {
		t.Errorf("three: %q, %v", body, err)
	}
	for path, want := range map[string]outbound.Reason{
		"/4": outbound.Redirected, "/loop": outbound.Redirected, "/loopback": outbound.NotPublic, "/decimal": outbound.NotPublic,
		"/metadata": outbound.NotPublic, "/private": outbound.NotPublic, "/plain": outbound.NotPublic,
		"/file": outbound.NotWeb, "/user": outbound.NotWeb,
	} {
		w.refused(t, limits, "https://www.acme.test"+path, want)
	}
	here := limits
	here.Follow = func(to *url.URL) bool { return to.Host == "www.acme.test" }
	w.refused(t, here, "https://www.acme.test/3", outbound.Redirected)
	if body, err := w.get(t, here, "https://www.acme.test/1"); err != nil || body != "end" {
		t.Errorf("here: %q, %v", body, err)
	}
	for _, a := range w.dialed {
		if a != "8.8.8.8:443" {
			t.Errorf("connected to %s", a)
		}
	}
}

func TestTooMuch(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/fits", func(rw http.ResponseWriter, r *http.Request) { rw.Write(make([]byte, limits.Size)) })
	mux.HandleFunc("/longer", func(rw http.ResponseWriter, r *http.Request) { rw.Write(make([]byte, limits.Size+1)) })
	mux.HandleFunc("/endless", func(rw http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := rw.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/headers", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	mux.HandleFunc("/bomb", func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			t.Errorf("asked for %s", r.Header.Get("Accept-Encoding"))
		}
		rw.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(rw)
		z.Write(make([]byte, 100*limits.Size))
		z.Close()
	})
	w := newWorld(t, mux, publicly)
	if body, err := w.get(t, limits, "https://www.acme.test/fits"); err != nil || int64(len(body)) != limits.Size {
		t.Errorf("%d, %v", len(body), err)
	}
	w.refused(t, limits, "https://www.acme.test/longer", outbound.TooLarge)
	w.refused(t, limits, "https://www.acme.test/endless", outbound.TooLarge)
	w.refused(t, limits, "https://www.acme.test/headers", outbound.Unreachable)
	if body, err := w.get(t, limits, "https://www.acme.test/bomb"); err != nil || int64(len(body)) > limits.Size {
		t.Errorf("%d, %v", len(body), err)
	}
}

// TestTooSlow: the bound is on all of it together.
func TestTooSlow(t *testing.T) {
	drip := func(rw http.ResponseWriter, r *http.Request, each func()) {
		for r.Context().Err() == nil {
			each()
			rw.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/silent", func(rw http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/drip", func(rw http.ResponseWriter, r *http.Request) { drip(rw, r, func() { io.WriteString(rw, "x") }) })
	mux.HandleFunc("/stall", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Length", "100")
		io.WriteString(rw, "x")
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/hops", func(rw http.ResponseWriter, r *http.Request) {
		time.Sleep(200 * time.Millisecond)
		http.Redirect(rw, r, "/hops", http.StatusFound)
	})
	w := newWorld(t, mux, publicly)
	short := outbound.Limits{Time: 400 * time.Millisecond, Size: 1 << 20}
	try := func(what string) {
		t.Helper()
		began := time.Now()
		w.refused(t, short, "https://www.acme.test/"+what, outbound.Unreachable)
		if took := time.Since(began); took > 10*short.Time {
			t.Errorf("%s took %v", what, took)
		}
	}
	for _, what := range []string{"silent", "drip", "stall", "hops"} {
		try(what)
	}
	lookup, dial := w.Lookup, w.Dial
	w.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) { <-ctx.Done(); return nil, ctx.Err() }
	began := time.Now()
	if _, err := w.get(t, short, "https://www.acme.test/"); err == nil || time.Since(began) > 10*short.Time {
		t.Errorf("a slow lookup: %v after %v", err, time.Since(began))
	}
	w.Lookup = lookup
	w.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	try("connection")
	w.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		_, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		ours, _ := net.Pipe() // nobody shakes hands
		return ours, nil
	}
	try("handshake")
}

func TestCertificatesAreChecked(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(hello), publicly)
	w.refused(t, limits, "https://www.globex.test/", outbound.Untrusted)
	w.refused(t, limits, "https://8.8.8.8/", outbound.Untrusted)
	w.Roots = testenv.TLSCertificate(t, "other.test").Pool
	w.refused(t, limits, "https://www.acme.test/", outbound.Untrusted)
	w.Roots = nil
	w.refused(t, limits, "https://www.acme.test/", outbound.Untrusted)
}

func TestNoProxyOfTheEnvironmentIsUsed(t *testing.T) {
	proxied := false
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied = true }))
	t.Cleanup(proxy.Close)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	w := newWorld(t, http.HandlerFunc(hello), publicly)
	if _, err := w.get(t, limits, "https://www.acme.test/"); err != nil || proxied {
		t.Errorf("%v, proxied: %v", err, proxied)
	}
}

func TestWhatIsNoHTTP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, "SSH-2.0-secret version\r\n")
			c.Close()
		}
	}()
	w := &world{Config: outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	for _, scheme := range []string{"http", "https"} {
		_, err = w.get(t, limits, scheme+"://"+l.Addr().String()+"/")
		if reason := outbound.Explain(err); reason != outbound.Unreachable || strings.Contains(reason.Sentence(), "secret") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}

func TestNobodyIsThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	w := &world{Config: outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	w.refused(t, limits, "https://"+l.Addr().String()+"/", outbound.Unreachable)
}

func TestAClientHasLimits(t *testing.T) {
	for _, l := range []outbound.Limits{{}, {Time: time.Second}, {Size: 1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v", l)
				}
			}()
			outbound.New(outbound.Config{}).Client(l)
		}()
	}
}

func TestEachReasonHasItsSentence(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range []outbound.Reason{outbound.NotWeb, outbound.NotPublic, outbound.Unreachable, outbound.Untrusted, outbound.Redirected, outbound.TooLarge} {
		if s := r.Sentence(); seen[s] || s == "" {
			t.Errorf("%s: %q", r, s)
		} else {
			seen[s] = true
		}
	}
}
