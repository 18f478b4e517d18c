// Package daemontest runs gateways on fake chains for tests.
package daemontest

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemon"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/gateway/keys"
)

// Gateway is one that runs.
type Gateway struct {
	t *testing.T
	daemon.Addresses
	Folder string
	Chain  *gatewaytest.Chain
	stop   func() error
}

// Start runs a gateway on a chain until the test ends. A folder that an earlier one had gives its jobs; empty is a new one.
func Start(t *testing.T, c *gatewaytest.Chain, folder string, configure func(*config.Config)) *Gateway {
	t.Helper()
	if folder == "" {
		folder = t.TempDir()
	}
	cfg := config.Default()
	cfg.RESTListen, cfg.GRPCListen, cfg.MetricsListen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.From, cfg.AnonymousQuota, cfg.AnonymousRate, cfg.AnonymousConcurrency = "gateway", "1000000000uopg", 1e6, 10_000
	if configure != nil {
		configure(&cfg)
	}
	ctx, cancel := context.WithCancel(context.Background())
	started, ended := make(chan daemon.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- daemon.Run(ctx, daemon.Options{
			Config: cfg, Folder: folder, Version: "test", Log: slog.New(slog.DiscardHandler), Started: func(a daemon.Addresses) { started <- a },
			Open: func(_ context.Context, j chain.Journal) (chain.Chain, func() error, error) {
				p, err := c.Process(j, nil)
				return p, func() error { return nil }, err
			},
		})
	}()
	g := &Gateway{t: t, Folder: folder, Chain: c}
	stopped := false
	g.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	select {
	case g.Addresses = <-started:
	case err := <-ended:
		cancel()
		t.Fatalf("gateway: %v", err)
	}
	t.Cleanup(g.Stop)
	return g
}

// Stop ends it in good order.
func (g *Gateway) Stop() {
	g.t.Helper()
	if err := g.stop(); err != nil {
		g.t.Errorf("gateway: %v", err)
	}
}

// Key makes an API key.
func (g *Gateway) Key(name string, l keys.Limits) string {
	g.t.Helper()
	k, text, err := keys.Generate(name, l, time.Now())
	if err != nil {
		g.t.Fatal(err)
	}
	if err := keys.Edit(g.Folder, func(list []keys.Key) ([]keys.Key, error) { return append(list, k), nil }); err != nil {
		g.t.Fatal(err)
	}
	return text
}

// Response is an answer over HTTP.
type Response struct {
	Code   int
	Header http.Header
	Body   string
}

// Do makes a request; header holds names and values by turns.
func (g *Gateway) Do(method, path, body string, header ...string) Response {
	g.t.Helper()
	r, err := http.NewRequestWithContext(g.t.Context(), method, "http://"+g.REST+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer res.Body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, res.Body); err != nil {
		g.t.Fatal(err)
	}
	return Response{res.StatusCode, res.Header, b.String()}
}

// Await fails the test when a condition does not come true in time.
func Await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(20 * time.Second); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
