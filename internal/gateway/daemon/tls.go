package daemon

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// certificates reads a certificate and its key, again when the files change.
type certificates struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	looked  time.Time
	seen    [2]time.Time
	current *tls.Certificate
}

// lookInterval is the time between two looks at the files.
const lookInterval = time.Second

func loadCertificates(cert, key string, log *slog.Logger) (*tls.Config, error) {
	c := &certificates{cert: cert, key: key, log: log}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

func (c *certificates) read() error {
	seen := c.modified()
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("tls-cert %s, tls-key %s: %w", c.cert, c.key, err)
	}
	c.current, c.seen = &pair, seen
	return nil
}

func (c *certificates) modified() (times [2]time.Time) {
	for i, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil {
			times[i] = info.ModTime()
		}
	}
	return times
}

// get gives the certificate for a connection. Files that cannot be read leave the former one.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookInterval {
		c.looked = now
		if seen := c.modified(); seen != c.seen {
			if err := c.read(); err != nil {
				c.log.Error("certificate not reloaded, the former one stays", "error", err)
			} else {
				c.log.Info("certificate reloaded")
			}
		}
	}
	return c.current, nil
}

// limited is a listener with a bound on its connections; further ones wait to be accepted.
type limited struct {
	net.Listener
	free chan struct{}
	done chan struct{}
	once sync.Once
}

func limit(l net.Listener, most int) net.Listener {
	return &limited{Listener: l, free: make(chan struct{}, most), done: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &limitedConn{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
}

// Close implements net.Listener.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

type limitedConn struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
