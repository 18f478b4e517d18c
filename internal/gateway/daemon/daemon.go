// Package daemon runs a gateway: its jobs, its servers and its end.
package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/grpcserver"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/rest"
	"github.com/opengradient/opengradient/internal/gateway/service"
	"github.com/opengradient/opengradient/internal/gateway/store"
)

const (
	headerTimeout = 10 * time.Second
	keysInterval  = time.Second
	balanceEvery  = 15 * time.Second
)

// Open connects to the chain with an account whose transactions are in a journal. end ends the connection.
type Open func(ctx context.Context, journal chain.Journal) (c chain.Chain, end func() error, err error)

// Options say what is run.
type Options struct {
	Config config.Config
	// Folder holds the API keys and the jobs of the gateway.
	Folder  string
	Version string
	Open    Open
	Log     *slog.Logger
	// Started, when set, is told where the servers listen, once they do.
	Started func(Addresses)
}

// Addresses are where the servers listen; empty for one that does not.
type Addresses struct{ REST, GRPC, Metrics string }

// Folder is the folder of a gateway in the home of the daemon.
func Folder(home string) string { return filepath.Join(home, "gateway") }

// Run serves until the context ends, then lets the requests under way have their answers. What is open then goes on with the
// next start.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.Config.Validate(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return err
	}
	d := &daemon{Options: o, registry: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.open(ctx); err != nil {
		return err
	}
	return d.serve(ctx)
}

type daemon struct {
	Options
	registry *prometheus.Registry
	db       *store.Store
	ring     *keys.Ring
	chain    chain.Chain
	engine   *jobs.Engine
	service  *service.Service
	closers  []func() error // run in reverse
}

func (d *daemon) close() error {
	var errs []error
	for i := len(d.closers) - 1; i >= 0; i-- {
		errs = append(errs, d.closers[i]())
	}
	return errors.Join(errs...)
}

// open opens the database and the chain and takes up the jobs.
func (d *daemon) open(ctx context.Context) error {
	stats := service.NewStats(d.registry)
	anonymous, err := d.Config.Anonymous()
	if err != nil {
		return err
	}
	if d.ring, err = keys.Open(d.Folder, keys.Defaults{Rate: d.Config.Rate, Concurrency: d.Config.Concurrency, Anonymous: anonymous}); err != nil {
		return fmt.Errorf("API keys: %w", err)
	}
	if d.db, err = store.Open("jobs", d.Folder, stats.Commit); err != nil {
		return fmt.Errorf("jobs (does another gateway use this folder?): %w", err)
	}
	d.closers = append(d.closers, d.db.Close)
	book := jobs.NewBook(d.db, d.quota, time.Now)
	c, closeChain, err := d.Open(ctx, book.Journal())
	if err != nil {
		return err
	}
	d.chain = c
	d.closers = append(d.closers, closeChain)
	d.engine, err = jobs.Start(jobs.Config{
		MaxOpen: d.Config.MaxOpenJobs, Retention: d.Config.Retention, Callers: d.ring.ByID, Log: d.Log, Answered: stats.Answered,
	}, book, c)
	if err != nil {
		return err
	}
	d.closers = append(d.closers, d.engine.Close)
	d.service = service.New(service.Config{
		Version: d.Version, Chain: c, Engine: d.engine, Ring: d.ring, Stats: stats, Log: d.Log, Patience: d.Config.AnswerTimeout,
		BodyMemory: d.Config.MaxBodyMemory, Failed: d.db.Failed(),
	})
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &collector{daemon: d})
	return nil
}

// quota is the limits of an API key now.
func (d *daemon) quota(id string) (keys.Limits, bool) {
	c, ok := d.ring.ByID(id)
	if !ok {
		return keys.Limits{}, false
	}
	return c.Limits, true
}

// server is one that listens.
type server struct {
	name     string
	listener net.Listener
	serve    func(net.Listener) error
	shutdown func(context.Context)
}

// serve runs the servers until the context ends or one of them fails.
func (d *daemon) serve(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	servers, addresses, err := d.listen(background)
	if err != nil {
		return err
	}
	go d.ring.Watch(background, keysInterval, d.Log)
	failures := make(chan error, len(servers)+1)
	for _, s := range servers {
		go func() {
			if err := s.serve(s.listener); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, grpc.ErrServerStopped) {
				failures <- fmt.Errorf("%s server: %w", s.name, err)
			}
		}()
	}
	d.Log.Info("gateway started", "account", d.chain.Address(), "rest", addresses.REST, "grpc", addresses.GRPC, "metrics", addresses.Metrics,
		"open_jobs", d.engine.Open())
	if d.Started != nil {
		d.Started(addresses)
	}
	select {
	case <-ctx.Done():
	case err = <-failures:
	case <-d.db.Failed():
		err = d.db.Err()
	}
	d.Log.Info("gateway ends", "open_jobs", d.engine.Open())
	d.service.Drain()
	ending, cancel := context.WithTimeout(background, d.Config.ShutdownTimeout)
	defer cancel()
	done := make(chan struct{}, len(servers))
	for _, s := range servers {
		go func() { s.shutdown(ending); done <- struct{}{} }()
	}
	for range servers {
		<-done
	}
	return err
}

// listen makes the servers, which do not serve yet.
func (d *daemon) listen(ctx context.Context) (servers []server, at Addresses, err error) {
	var secure *tls.Config
	if d.Config.TLSCert != "" {
		if secure, err = loadCertificates(d.Config.TLSCert, d.Config.TLSKey, d.Log); err != nil {
			return nil, at, err
		}
	}
	defer func() {
		if err != nil {
			for _, s := range servers {
				err = errors.Join(err, s.listener.Close())
			}
		}
	}()
	add := func(name, address string, bound *string, most int, serve func(net.Listener) error, shutdown func(context.Context)) error {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("%s-listen: %w", name, err)
		}
		*bound = l.Addr().String()
		servers = append(servers, server{name, limit(l, most), serve, shutdown})
		return nil
	}
	if d.Config.RESTListen != "" {
		h := d.http(rest.New(rest.Config{
			MaxBody: d.Config.MaxBodyBytes, ReadTimeout: d.Config.ReadTimeout, WriteTimeout: d.Config.WriteTimeout,
			Origins: d.Config.CORSOrigins, MaxWait: d.Config.MaxWait,
		}, d.service), secure)
		serve := h.Serve
		if secure != nil {
			serve = func(l net.Listener) error { return h.ServeTLS(l, "", "") }
		}
		if err = add("rest", d.Config.RESTListen, &at.REST, d.Config.MaxConnections, serve, d.shutdownHTTP(h)); err != nil {
			return servers, at, err
		}
	}
	if d.Config.GRPCListen != "" {
		g := grpcserver.New(ctx, grpcserver.Config{
			MaxMessage: int(d.Config.MaxBodyBytes), ReadTimeout: d.Config.ReadTimeout, MaxStreams: uint32(d.Config.MaxStreams), TLS: secure,
		}, d.service)
		if err = add("grpc", d.Config.GRPCListen, &at.GRPC, d.Config.MaxConnections, g.Serve, shutdownGRPC(g)); err != nil {
			return servers, at, err
		}
	}
	if d.Config.MetricsListen != "" {
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", promhttp.HandlerFor(d.registry, promhttp.HandlerOpts{}))
		h := d.http(mux, nil)
		h.ReadTimeout, h.WriteTimeout = d.Config.ReadTimeout, d.Config.WriteTimeout
		if err = add("metrics", d.Config.MetricsListen, &at.Metrics, 64, h.Serve, d.shutdownHTTP(h)); err != nil {
			return servers, at, err
		}
	}
	return servers, at, nil
}

func (d *daemon) http(h http.Handler, secure *tls.Config) *http.Server {
	return &http.Server{
		Handler: h, TLSConfig: secure, ReadHeaderTimeout: headerTimeout, IdleTimeout: d.Config.IdleTimeout, MaxHeaderBytes: 64 << 10,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: d.Config.MaxStreams},
		ErrorLog: slog.NewLogLogger(d.Log.Handler(), slog.LevelDebug),
	}
}

func (d *daemon) shutdownHTTP(h *http.Server) func(context.Context) {
	return func(ctx context.Context) {
		if err := h.Shutdown(ctx); err != nil {
			d.Log.Warn("requests under way were cut off", "error", errors.Join(err, h.Close()))
		}
	}
}

func shutdownGRPC(g *grpc.Server) func(context.Context) {
	return func(ctx context.Context) {
		stopped := make(chan struct{})
		go func() { g.GracefulStop(); close(stopped) }()
		select {
		case <-stopped:
		case <-ctx.Done():
			g.Stop()
			<-stopped
		}
	}
}
