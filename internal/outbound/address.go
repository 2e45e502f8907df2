package outbound

import (
	"net/netip"
	"strings"
)

// reserved are the networks that nobody on the Internet is reached at, or that
// lead to somebody else than they seem to: the special-purpose registries of
// IANA (RFC 6890), multicast and what stands for another address.
var reserved = prefixes(
	"0.0.0.0/8",       // this network
	"10.0.0.0/8",      // private
	"100.64.0.0/10",   // shared: carrier-grade NAT
	"127.0.0.0/8",     // loopback
	"169.254.0.0/16",  // link-local; metadata of clouds
	"172.16.0.0/12",   // private
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"192.168.0.0/16",  // private
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"224.0.0.0/4",     // multicast
	"240.0.0.0/4",     // reserved, broadcast

	"2001::/23",     // protocol assignments, Teredo
	"2001:db8::/32", // documentation
	"2002::/16",     // 6to4: stands for an IPv4 address
	"3fff::/20",     // documentation
)

// Of IPv6 nothing is public but global unicast: not ::/8 with loopback, mapped
// and compatible addresses, not fc00::/7 unique-local, not fe80::/10
// link-local, not ff00::/8 multicast.
var (
	globalUnicast = netip.MustParsePrefix("2000::/3")
	nat64         = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: stands for its last 32 bits
)

func prefixes(texts ...string) (list []netip.Prefix) {
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// public reports whether an address is one of the Internet's.
func public(a netip.Addr) bool {
	switch {
	case a.Zone() != "" || a.Is4In6():
		return false
	case a.Is4():
		return !within(a, reserved)
	case nat64.Contains(a):
		raw := a.As16()
		return public(netip.AddrFrom4([4]byte(raw[12:])))
	}
	return globalUnicast.Contains(a) && !within(a, reserved)
}

// literal reads a host that is an IP address, and reports whether the host is
// one in any notation: programs that look names up read 127.1, 0x7f.1 and
// 2130706433 as addresses, and here these are no names.
func literal(host string) (a netip.Addr, isAddress bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a, true
	}
	host = strings.TrimSuffix(host, ".")
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	digits, hex := strings.CutPrefix(last, "0x")
	if hex {
		return netip.Addr{}, strings.Trim(digits, "0123456789abcdef") == ""
	}
	return netip.Addr{}, strings.Trim(last, "0123456789") == ""
}
