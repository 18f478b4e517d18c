package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	maxRedirects        = 5
	maxHeaderBytes      = 32 << 10
	maxURLBytes         = 4 << 10
	tlsHandshakeTimeout = 10 * time.Second
	headerTimeout       = 30 * time.Second
	idleConnTimeout     = 30 * time.Second
	userAgent           = "opengradient"
)

// Options are what a client finds hosts with. The zero value is the machine's.
type Options struct {
	// Resolver finds addresses; nil is the system's.
	Resolver Resolver
	// Connector connects to an address that was found public; nil is the system's.
	Connector Connector
	// Roots are the certificate authorities; nil are the system's.
	Roots *x509.CertPool
}

// NewClient makes a client for URLs from the chain. It speaks HTTP/1.1 over TLS to public addresses, follows up to five
// redirects under the same rules, and has no cookies, credentials, compression or proxy; the environment does not add one.
// Waiting for a connection and for headers is bounded, reading the body is the caller's to bound.
func NewClient(options Options) *http.Client {
	d := dialer{resolver: options.Resolver, connector: options.Connector}
	if d.resolver == nil {
		d.resolver = net.DefaultResolver
	}
	if d.connector == nil {
		d.connector = systemConnector()
	}
	return &http.Client{
		CheckRedirect: checkRedirect,
		Transport:     onlyHTTPS{transport(options.Roots, d.dial)},
	}
}

// NewPeerClient makes a client for URLs of the operator's own configuration, which may be private and http. It follows no
// redirect: the operator named the place.
func NewPeerClient(roots *x509.CertPool) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     transport(roots, (&net.Dialer{Timeout: dialTimeout}).DialContext),
	}
}

// transport is what both clients have in common: bounded waits and headers, and nothing from the environment.
func transport(roots *x509.CertPool, dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    tlsHandshakeTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		IdleConnTimeout:        idleConnTimeout,
		MaxIdleConns:           8,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		// One connection, one response: a stalled download is cut without harm to another.
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{},
	}
}

func checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("expected up to %d redirects", maxRedirects)
	}
	// The URL that led here is nobody's business.
	request.Header.Del("Referer")
	return checkURL(request.URL)
}

func checkURL(u *url.URL) error {
	switch {
	case u.Scheme != "https":
		return fmt.Errorf("%w: expected https, got %.16q", ErrForbidden, u.Scheme)
	case u.User != nil:
		return fmt.Errorf("%w: a URL with a user", ErrForbidden)
	case len(u.String()) > maxURLBytes:
		return fmt.Errorf("%w: expected a URL of up to %d bytes", ErrForbidden, maxURLBytes)
	}
	return nil
}

// onlyHTTPS refuses every request, of whoever made it, that is not https.
type onlyHTTPS struct{ next *http.Transport }

// CloseIdleConnections is what http.Client looks for.
func (t onlyHTTPS) CloseIdleConnections() { t.next.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (t onlyHTTPS) RoundTrip(request *http.Request) (*http.Response, error) {
	if err := checkURL(request.URL); err != nil {
		if request.Body != nil {
			_ = request.Body.Close()
		}
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("Accept-Encoding", "identity")
	return t.next.RoundTrip(request)
}
