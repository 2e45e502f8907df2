package proof_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"sallyport/internal/outbound"
	"sallyport/internal/proof"
	"sallyport/internal/resolver"
	"sallyport/internal/testenv"
)

const (
	token   = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	value   = "sallyport-verification=" + token
	foreign = "sallyport-verification=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	record  = "_sallyport-challenge.acme.test"
	path    = "/.well-known/sallyport-verification.txt"
)

// A world has two name servers and one web server.
type world struct {
	*proof.Prover
	dns [2]*testenv.DNS
	web *http.ServeMux
	// dialed are the addresses that were connected to.
	dialed chan string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dns: [2]*testenv.DNS{testenv.StartDNS(t), testenv.StartDNS(t)}, web: http.NewServeMux(), dialed: make(chan string, 100)}
	files := testenv.TLSCertificate(t, "acme.test", "*.acme.test")
	server := httptest.NewUnstartedServer(w.web)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{files.Certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	resolvers, err := resolver.New(w.dns[0].Address + "," + w.dns[1].Address)
	if err != nil {
		t.Fatal(err)
	}
	guard := outbound.New(outbound.Config{Roots: files.Pool, Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			w.dialed <- address
			var d net.Dialer
			return d.DialContext(ctx, network, server.Listener.Addr().String())
		}})
	w.Prover = proof.New(resolvers, guard, time.Now)
	return w
}

// both tells both name servers.
func (w *world) both(tell func(d *testenv.DNS)) {
	for _, d := range w.dns {
		tell(d)
	}
}

// mail gives the domain a web server, and an MX record.
func (w *world) mail() {
	w.both(func(d *testenv.DNS) {
		d.MX("acme.test", "mail.acme.test")
		d.Host("acme.test", "10.0.0.1")
		d.Host("www.acme.test", "10.0.0.2")
	})
}

func (w *world) shows(body string) {
	w.web.HandleFunc(path, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, body) })
}

// look returns the verdict, and the sightings in short.
func (w *world) look(t *testing.T, last proof.Method) (proof.Verdict, string) {
	t.Helper()
	f, err := w.Look(t.Context(), "acme.test", token)
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for i, s := range f.Sightings {
		if s.Resolver != w.dns[i].Address {
			t.Errorf("%s and not %s", s.Resolver, w.dns[i].Address)
		}
		parts = append(parts, strings.TrimRight(fmt.Sprint(s.TXT, " ", s.MX, " ", s.File, " ", s.Reason), " "))
	}
	return f.Verdict(last), strings.Join(parts, ", ")
}

// expect fails unless a domain that was proved in no way before gets the
// verdict, and the sightings are these.
func (w *world) expect(t *testing.T, want proof.Verdict, sightings string) {
	t.Helper()
	if got, seen := w.look(t, ""); got != want || seen != sightings {
		t.Errorf("%s (%s), not %s (%s)", got, seen, want, sightings)
	}
}

func TestWhatToPublish(t *testing.T) {
	if proof.TXTName("acme.test") != record || proof.Value(token) != value || proof.FileURL("acme.test") != "https://acme.test"+path {
		t.Error(proof.TXTName("acme.test"), proof.Value(token), proof.FileURL("acme.test"))
	}
}

func TestARecordProves(t *testing.T) {
	w := newWorld(t)
	w.both(func(d *testenv.DNS) { d.TXT(record, "v=other", foreign, " "+value+" ") })
	w.expect(t, proof.Proved, "found, found")
	f, err := w.Look(t.Context(), "acme.test", token)
	if err != nil || f.Method() != proof.DNS || len(f.Sightings[0].Values) > 0 || time.Since(f.At) > time.Minute {
		t.Errorf("%+v, %v", f, err)
	}
	for _, d := range w.dns {
		for _, q := range d.Asked() {
			if q != "TXT "+record {
				t.Errorf("asked for %s", q)
			}
		}
	}
}

func TestARecordBehindAnAlias(t *testing.T) {
	w := newWorld(t)
	w.both(func(d *testenv.DNS) {
		d.Alias(record, "proofs.globex.test")
		d.TXT("proofs.globex.test", value)
	})
	w.expect(t, proof.Proved, "found, found")
}

func TestResolversHaveToAgree(t *testing.T) {
	w := newWorld(t)
	w.dns[0].TXT(record, value)
	w.expect(t, proof.Unclear, "found, none none")
	w.dns[1].TXT(record, foreign)
	w.expect(t, proof.Unclear, "found, other none")
	w.dns[1].Refuse(record, dnsmessage.RCodeServerFailure)
	w.expect(t, proof.Unclear, "found, failed none")
	w.dns[1].TXT(record, value)
	w.expect(t, proof.Proved, "found, found")
	w.both(func(d *testenv.DNS) { d.Refuse(record, dnsmessage.RCodeServerFailure) })
	w.expect(t, proof.Unclear, "failed none, failed none")
	w.dns[0].TXT(record)
	w.expect(t, proof.Unclear, "none none, failed none")
}

// TestWhatIsNoProof: each differs from the right value a little.
func TestWhatIsNoProof(t *testing.T) {
	w := newWorld(t)
	w.mail()
	texts := []string{
		foreign, token, value + "A", value[:len(value)-1], strings.ToLower(value), strings.ToUpper(value), "Sallyport-verification=" + token,
		"sallyport-verification = " + token, `"` + value + `"`, value + ";x", "x " + value, strings.Repeat(value, 2), "sallyport-verification=",
	}
	served := ""
	w.web.HandleFunc(path, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, served) })
	for _, text := range texts {
		w.both(func(d *testenv.DNS) { d.TXT(record, text) })
		served = "<html>" + text + "</html>\n" + text + "\n"
		w.expect(t, proof.Missing, "other found other, other found other")
	}
	w.both(func(d *testenv.DNS) { d.TXT(record); d.TXT("acme.test", value); d.TXT("_sallyport-challenge", value) })
	w.expect(t, proof.Missing, "none found other, none found other")
}

// TestOfOtherTextsOnlyProofsAreTold: whatever else stands there is counted.
func TestOfOtherTextsOnlyProofsAreTold(t *testing.T) {
	w := newWorld(t)
	texts := []string{foreign, "password=secret", "sallyport-verification=<script>", "sallyport-verification=" + strings.Repeat("x", 200), ""}
	for i := range 10 {
		texts = append(texts, fmt.Sprint("sallyport-verification=old", i))
	}
	w.both(func(d *testenv.DNS) { d.TXT(record, texts...) })
	f, err := w.Look(t.Context(), "acme.test", token)
	if err != nil {
		t.Fatal(err)
	}
	if s := f.Sightings[0]; len(s.Values) != 5 || s.Values[0] != foreign || s.Values[4] != "sallyport-verification=old3" || s.Others != 10 {
		t.Errorf("%+v", s)
	}
}

func TestAFileProves(t *testing.T) {
	w := newWorld(t)
	w.mail()
	w.shows("\uFEFF" + value + "\r\nanother line\r\n")
	w.expect(t, proof.Proved, "none found found, none found found")
	f, err := w.Look(t.Context(), "acme.test", token)
	if err != nil || f.Method() != proof.File {
		t.Errorf("%+v, %v", f, err)
	}
	if to := <-w.dialed; to != "10.0.0.1:443" {
		t.Errorf("connected to %s", to)
	}
	w.dns[0].TXT(record, value) // one sees the record, the other one the file
	w.expect(t, proof.Proved, "found, none found found")
}

// TestAFileNeedsAnMXRecord: without one nobody is even asked for the file.
func TestAFileNeedsAnMXRecord(t *testing.T) {
	w := newWorld(t)
	w.mail()
	w.shows(value)
	w.both(func(d *testenv.DNS) { d.MX("acme.test") })
	w.expect(t, proof.Missing, "none none, none none")
	w.both(func(d *testenv.DNS) { d.MX("acme.test", ".") }) // RFC 7505: takes no mail
	w.expect(t, proof.Missing, "none none, none none")
	w.both(func(d *testenv.DNS) { d.MX("www.acme.test", "mail.acme.test") })
	w.expect(t, proof.Missing, "none none, none none")
	if len(w.dialed) > 0 {
		t.Errorf("connected to %s", <-w.dialed)
	}
}

// TestEachResolverShowsItsOwnFile: addresses that one of them invents do not
// help.
func TestEachResolverShowsItsOwnFile(t *testing.T) {
	w := newWorld(t)
	w.mail()
	w.shows(value)
	w.dns[1].Host("acme.test", "192.168.0.1")
	w.expect(t, proof.Unclear, "none found found, none found failed not_public")
}

func TestFilesThatCanNotBeRead(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(code)
			io.WriteString(rw, value)
		}
	}
	to := func(where string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", where)
			rw.WriteHeader(http.StatusMovedPermanently)
			io.WriteString(rw, value)
		}
	}
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		verdict proof.Verdict
		file    string
	}{
		"not there":             {status(404), proof.Missing, "none"},
		"forbidden":             {status(403), proof.Missing, "none"},
		"no content":            {status(204), proof.Missing, "none"},
		"broken":                {status(500), proof.Unclear, "failed unreachable"},
		"busy":                  {status(429), proof.Unclear, "failed unreachable"},
		"too large":             {func(rw http.ResponseWriter, _ *http.Request) { rw.Write([]byte(strings.Repeat("x\n", 4000) + value)) }, proof.Missing, "other too_large"},
		"redirect to the www":   {to("https://www.acme.test/file"), proof.Proved, "found"},
		"redirect elsewhere":    {to("https://globex.test/file"), proof.Missing, "other redirected"},
		"redirect to a sibling": {to("https://notacme.test/file"), proof.Missing, "other redirected"},
		"redirect to http":      {to("http://acme.test/file"), proof.Missing, "other redirected"},
		"redirect to itself":    {to("https://acme.test" + path), proof.Missing, "other redirected"},
		"redirect inside":       {to("https://inside.acme.test/file"), proof.Unclear, "failed not_public"},
		"redirect to a number":  {to("https://2130706433/file"), proof.Missing, "other redirected"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.mail()
			w.both(func(d *testenv.DNS) { d.Host("inside.acme.test", "127.0.0.1") })
			w.web.HandleFunc(path, c.handler)
			w.web.HandleFunc("/file", func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, value) })
			w.expect(t, c.verdict, "none found "+c.file+", none found "+c.file)
		})
	}
}

func TestACertificateOfAnotherHost(t *testing.T) {
	w := newWorld(t)
	w.shows("sallyport-verification=" + token)
	w.both(func(d *testenv.DNS) { d.MX("globex.test", "mail.globex.test"); d.Host("globex.test", "10.0.0.1") })
	f, err := w.Look(t.Context(), "globex.test", token)
	if err != nil || f.Verdict("") != proof.Unclear || f.Sightings[0].Reason != outbound.Untrusted {
		t.Errorf("%+v, %v", f, err)
	}
}

// TestHowItWasProvedDecidesWhatIsDoubt: where the proof was a record, the web
// server's silence is none.
func TestHowItWasProvedDecidesWhatIsDoubt(t *testing.T) {
	w := newWorld(t)
	w.mail()
	w.web.HandleFunc(path, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(503) })
	for last, want := range map[proof.Method]proof.Verdict{proof.DNS: proof.Missing, proof.File: proof.Unclear, "": proof.Unclear} {
		if got, seen := w.look(t, last); got != want {
			t.Errorf("%s: %s (%s)", last, got, seen)
		}
	}
	w.both(func(d *testenv.DNS) { d.Refuse("acme.test", dnsmessage.RCodeServerFailure) })
	for last, want := range map[proof.Method]proof.Verdict{proof.DNS: proof.Missing, proof.File: proof.Unclear, "": proof.Unclear} {
		if got, seen := w.look(t, last); got != want {
			t.Errorf("no word on MX: %s: %s (%s)", last, got, seen)
		}
	}
}

func TestNoTimeToLook(t *testing.T) {
	w := newWorld(t)
	w.both(func(d *testenv.DNS) { d.TXT(record, value) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if f, err := w.Look(ctx, "acme.test", token); err == nil {
		t.Errorf("%+v", f)
	}
}

func TestNoResolverNoVerdict(t *testing.T) {
	var f proof.Findings
	if v := f.Verdict(""); v != proof.Unclear {
		t.Error(v)
	}
}
