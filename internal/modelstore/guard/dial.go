package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

const (
	dialTimeout = 5 * time.Second
	// maxAddresses bounds the addresses of one name that are tried.
	maxAddresses = 6
)

// Resolver finds the addresses of a name; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Connector connects to an address of the form ip:port; *net.Dialer is one.
type Connector interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// dialer resolves a name once and connects to what it checked: there is no second look-up whose answer could differ.
type dialer struct {
	resolver  Resolver
	connector Connector
}

// systemConnector checks the address again in the last moment, as the kernel is given it.
func systemConnector() Connector {
	return &net.Dialer{Control: func(_, address string, _ syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: expected ip:port, got %q", ErrForbidden, address)
		}
		return Public(target.Addr())
	}}
}

func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", address, err)
	}
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, addr := range addrs {
		conn, err := d.connect(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("connect to %s: %w", host, errors.Join(errs...))
}

func (d dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return d.connector.DialContext(ctx, network, address)
}

// resolve gives the addresses of a name. One that is not public spoils them all: who mixes them is up to something.
func (d dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{addr}, Public(addr)
	}
	found, err := d.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("resolve %s: no address", host)
	}
	addrs := make([]netip.Addr, len(found))
	for i, addr := range found {
		// A resolver gives IPv4 addresses in their IPv6 form at times.
		addrs[i] = addr.Unmap()
		if err := Public(addrs[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", host, err)
		}
	}
	return addrs[:min(len(addrs), maxAddresses)], nil
}
