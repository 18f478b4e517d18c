// Package fakenet is a public internet within a test: names, addresses, and https servers behind them.
package fakenet

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Net resolves names and connects to addresses. Its methods are those of a resolver and of a dialer.
type Net struct {
	t     testing.TB
	key   *ecdsa.PrivateKey
	root  *x509.Certificate
	pipes bool

	mu      sync.Mutex
	answers map[string][][]netip.Addr
	servers map[netip.Addr]func(context.Context) (net.Conn, error)
	dials   []string
}

// New makes a network whose servers listen on the loopback interface.
func New(t testing.TB) *Net { return build(t, false) }

// NewInMemory makes a network of pipes, which testing/synctest can see through.
func NewInMemory(t testing.TB) *Net { return build(t, true) }

func build(t testing.TB, pipes bool) *Net {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	root, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &Net{
		t: t, key: key, root: root, pipes: pipes,
		answers: map[string][][]netip.Addr{}, servers: map[netip.Addr]func(context.Context) (net.Conn, error){},
	}
}

// Roots hold the authority of every server's certificate.
func (n *Net) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(n.root)
	return pool
}

// Serve puts an https server, on every port, behind an address, and a name before it.
func (n *Net) Serve(name, address string, handler http.Handler) *httptest.Server {
	n.t.Helper()
	n.Answer(name, address)
	server := httptest.NewUnstartedServer(handler)
	server.TLS = &tls.Config{GetCertificate: n.certificate}
	connect := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	if n.pipes {
		listener := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		require.NoError(n.t, server.Listener.Close())
		server.Listener = listener
		connect = listener.dial
	}
	server.StartTLS()
	n.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers[netip.MustParseAddr(address)] = connect
	return server
}

// Answer is what a look-up of a name gives from now on.
func (n *Net) Answer(name string, addresses ...string) { n.Answers(name, addresses) }

// Answers are what the look-ups of a name give, one after the other; the last stays.
func (n *Net) Answers(name string, answers ...[]string) {
	var list [][]netip.Addr
	for _, addresses := range answers {
		var addrs []netip.Addr
		for _, address := range addresses {
			addrs = append(addrs, netip.MustParseAddr(address))
		}
		list = append(list, addrs)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers[name] = list
}

// Dials are the addresses that were connected to since it was last asked, in order.
func (n *Net) Dials() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	dials := n.dials
	n.dials = nil
	return dials
}

// LookupNetIP gives the answers for a name.
func (n *Net) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	answers := n.answers[host]
	if len(answers) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.answers[host] = answers[1:]
	}
	return answers[0], nil
}

// DialContext connects to the server behind an address.
func (n *Net) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.dials = append(n.dials, address)
	connect := n.servers[target.Addr()]
	n.mu.Unlock()
	if connect == nil {
		return nil, fmt.Errorf("connection to %s refused", address)
	}
	return connect(ctx)
}

func (n *Net) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName},
		NotBefore: n.root.NotBefore, NotAfter: n.root.NotAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, n.root, n.key.Public(), n.key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: n.key}, nil
}

// pipeListener hands out the server's ends of pipes.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443} }
