// Package guard is an HTTP client for addresses that somebody else chose. It speaks https to public addresses only, and
// looks at the address that it connects to, not at the name: a name that leads inside is refused whoever resolves it, and
// whatever redirected to it.
package guard

import (
	"errors"
	"fmt"
	"net/netip"
)

// ErrForbidden means that an address or URL is one that a chain-supplied source may not lead to.
var ErrForbidden = errors.New("forbidden by the rules for sources of the chain")

// special are the blocks within the public space that do not lead to public hosts, from the IANA registries of special
// purpose addresses, with the well-known metadata servers of cloud providers that lie in public space.
var special = prefixes(
	// IPv4.
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // carrier-grade NAT; a metadata server at 100.100.100.200
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // a metadata server in public space
	"169.254.0.0/16",   // link-local; metadata servers at 169.254.169.254 and 169.254.170.2
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments; a metadata server at 192.0.0.192
	"192.0.2.0/24",     // documentation
	"192.31.196.0/24",  // AS112
	"192.52.193.0/24",  // AMT
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"192.175.48.0/24",  // AS112
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, broadcast
	// IPv6, within 2000::/3: nothing outside it is public.
	"2001::/23",         // protocol assignments, among them Teredo, ORCHID and benchmarks
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4, which carries any IPv4 address
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

var public6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// Public gives an error, [ErrForbidden], unless addr is a unicast address on the public internet. An IPv4 address within
// an IPv6 one is refused in every form, mapped, compatible, translated (NAT64) or tunnelled: no resolver has to
// answer so.
func Public(addr netip.Addr) error {
	switch {
	case !addr.IsValid():
		return fmt.Errorf("%w: no address", ErrForbidden)
	case addr.Zone() != "":
		return fmt.Errorf("%w: %s has a zone", ErrForbidden, addr)
	case addr.Is6() && !public6.Contains(addr):
		return fmt.Errorf("%w: %s is not a public address", ErrForbidden, addr)
	}
	for _, block := range special {
		if block.Contains(addr) {
			return fmt.Errorf("%w: %s is not a public address, it is in %s", ErrForbidden, addr, block)
		}
	}
	return nil
}
