package door

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func visit(remote string, forwarded ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

func TestAddress(t *testing.T) {
	proxies := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"straight":                                {"192.0.2.7:4000", nil, "192.0.2.7"},
		"straight, IPv6":                          {"[2001:db8::7]:4000", nil, "2001:db8::7"},
		"a zone says nothing":                     {"[fe80::1%eth0]:4000", nil, "fe80::1"},
		"mapped is IPv4":                          {"[::ffff:192.0.2.7]:4000", nil, "192.0.2.7"},
		"a stranger's header does not count":      {"192.0.2.7:4000", []string{"198.51.100.9"}, "192.0.2.7"},
		"a proxy's header counts":                 {"10.1.2.3:4000", []string{"198.51.100.9"}, "198.51.100.9"},
		"a mapped proxy's, too":                   {"[::ffff:10.1.2.3]:4000", []string{"198.51.100.9"}, "198.51.100.9"},
		"an IPv6 proxy's":                         {"[fd00::1]:4000", []string{"2001:db8::9"}, "2001:db8::9"},
		"what the visitor wrote before it counts": {"10.1.2.3:4000", []string{"1.1.1.1, 198.51.100.9"}, "198.51.100.9"},
		"two proxies":                             {"10.1.2.3:4000", []string{"198.51.100.9, 10.9.9.9"}, "198.51.100.9"},
		"two proxies and a lie":                   {"10.1.2.3:4000", []string{"10.0.0.1, 198.51.100.9, 10.9.9.9"}, "198.51.100.9"},
		"two headers are one":                     {"10.1.2.3:4000", []string{"1.1.1.1", "198.51.100.9"}, "198.51.100.9"},
		"spaces":                                  {"10.1.2.3:4000", []string{"  198.51.100.9  "}, "198.51.100.9"},
		"everything is a proxy":                   {"10.1.2.3:4000", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"no header":                               {"10.1.2.3:4000", nil, "10.1.2.3"},
		"an empty header":                         {"10.1.2.3:4000", []string{""}, "10.1.2.3"},
		"not an address":                          {"10.1.2.3:4000", []string{"198.51.100.9, unknown"}, "10.1.2.3"},
		"not an address behind a proxy":           {"10.1.2.3:4000", []string{"unknown, 10.9.9.9"}, "10.9.9.9"},
		"a script":                                {"10.1.2.3:4000", []string{"<script>"}, "10.1.2.3"},
		"no connection":                           {"", []string{"198.51.100.9"}, ""},
		"a socket":                                {"@", []string{"198.51.100.9"}, ""},
		"a name in place of an address":           {"proxy:4000", nil, ""},
	} {
		if got := proxies.Address(visit(c.remote, c.forwarded...)); got != c.want {
			t.Errorf("%s: %q, not %q", name, got, c.want)
		}
	}
}

func TestWithoutProxiesNoHeaderCounts(t *testing.T) {
	if got := Proxies(nil).Address(visit("127.0.0.1:4000", "198.51.100.9")); got != "127.0.0.1" {
		t.Error(got)
	}
}

func TestOtherForwardingHeadersNeverCount(t *testing.T) {
	r := visit("10.1.2.3:4000")
	for _, name := range []string{"Forwarded", "X-Real-Ip", "Client-Ip", "True-Client-Ip", "X-Forwarded-Host"} {
		r.Header.Set(name, "198.51.100.9")
	}
	if got := (Proxies{netip.MustParsePrefix("10.0.0.0/8")}).Address(r); got != "10.1.2.3" {
		t.Error(got)
	}
}

func TestAgent(t *testing.T) {
	for sent, want := range map[string]string{
		"":                       "",
		"Mozilla/5.0 (X11)":      "Mozilla/5.0 (X11)",
		"a\x1b[31mred\x7f\r\nb":  "a[31mredb",
		"naïve \u202e browser":   "nave  browser",
		strings.Repeat("x", 500): strings.Repeat("x", maxAgent),
	} {
		r := visit("192.0.2.7:4000")
		r.Header["User-Agent"] = []string{sent}
		if got := Agent(r); got != want {
			t.Errorf("%q: %q, not %q", sent, got, want)
		}
	}
}
