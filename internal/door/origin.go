package door

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose X-Forwarded-For counts.
type Proxies []netip.Prefix

func (p Proxies) trusts(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// passedOn reports whether a request comes straight from a trusted proxy.
func (p Proxies) passedOn(r *http.Request) bool {
	if len(p) == 0 {
		return false
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && p.trusts(from.Addr().Unmap().WithZone(""))
}

// Address returns the address that a request comes from: that of the
// connection, or, where trusted proxies have passed the request on, the
// address that the first of them in our sight saw. It is empty if it can't be
// told.
func (p Proxies) Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	addr = addr.Unmap().WithZone("")
	// From the nearest hop outwards: each entry was added by a proxy that has
	// to be trusted itself.
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		addr = next.Unmap().WithZone("")
	}
	return addr.String()
}

// Loopback reports whether a host is this machine, to which browsers speak as
// over https.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}

// maxAgent bounds what is kept of a User-Agent header.
const maxAgent = 200

// Agent returns the User-Agent header, shortened, without characters that do
// not show.
func Agent(r *http.Request) string {
	agent := strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, r.UserAgent())
	return agent[:min(len(agent), maxAgent)]
}
