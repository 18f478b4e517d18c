// Package config reads the settings of a gateway. Each setting has one name, in the file, as a flag and in the environment.
// Flags come before the environment, the environment before the file, and the file before the defaults.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
)

// Config are the settings.
type Config struct {
	RESTListen    string
	GRPCListen    string
	MetricsListen string

	From          string
	Node          string
	NodeGRPC      string
	NodeGRPCTLS   bool
	GasPrices     string
	GasAdjustment float64

	TLSCert     string
	TLSKey      string
	CORSOrigins []string

	AnswerTimeout   time.Duration
	MaxWait         time.Duration
	ReadTimeout     time.Duration
	WriteTimeout    time.Duration
	IdleTimeout     time.Duration
	ShutdownTimeout time.Duration

	MaxBodyBytes   int64
	MaxBodyMemory  int64
	MaxConnections int
	MaxStreams     int
	MaxOpenJobs    int
	Retention      time.Duration

	Rate                 float64
	Concurrency          int
	AnonymousQuota       string
	AnonymousPer         string
	AnonymousRate        float64
	AnonymousConcurrency int
}

// Default are the settings of a gateway that was told nothing.
func Default() Config {
	return Config{
		RESTListen: "127.0.0.1:8000", GRPCListen: "127.0.0.1:8001", MetricsListen: "127.0.0.1:8002",
		Node: "tcp://localhost:26657", NodeGRPC: "localhost:9090", GasAdjustment: 1.1,
		AnswerTimeout: time.Minute, MaxWait: time.Minute, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: 2 * time.Minute, ShutdownTimeout: 30 * time.Second,
		MaxBodyBytes: 4 << 20, MaxBodyMemory: 512 << 20, MaxConnections: 4096, MaxStreams: 1024, MaxOpenJobs: 20_000, Retention: 72 * time.Hour,
		Rate: 100, Concurrency: 256, AnonymousPer: string(ledger.PerDay), AnonymousRate: 10, AnonymousConcurrency: 16,
	}
}

// setting is one setting, with the part of the file that it belongs to.
type setting struct {
	section, name, help string
	into                any // *string, *bool, *int, *int64, *float64, *time.Duration or *[]string
}

// settings lists all of them, in the order of the file.
func (c *Config) settings() []setting {
	return []setting{
		{"Addresses to listen on. Empty: not at all.", "rest-listen", "`ADDRESS` of the Open Inference Protocol over HTTP", &c.RESTListen},
		{"", "grpc-listen", "`ADDRESS` of the Open Inference Protocol over gRPC", &c.GRPCListen},
		{"", "metrics-listen", "`ADDRESS` of the Prometheus metrics", &c.MetricsListen},
		{"The node, and the account that pays.", "from", "`KEY` of the keyring that signs and pays", &c.From},
		{"", "node", "RPC `ADDRESS` of a node; not given: that of client.toml", &c.Node},
		{"", "node-grpc", "gRPC `ADDRESS` of the node, host and port; empty: the RPC answers queries, as for another node than the default", &c.NodeGRPC},
		{"", "node-grpc-tls", "speak TLS to the node's gRPC", &c.NodeGRPCTLS},
		{"", "gas-prices", "`PRICE` of a unit of gas; empty: the least that the node takes", &c.GasPrices},
		{"", "gas-adjustment", "`FACTOR` for limits of gas, at least 1", &c.GasAdjustment},
		{"TLS for REST and gRPC, and what browsers may do.", "tls-cert", "`FILE` of the certificate, PEM; empty: no TLS. It is read again when it changes", &c.TLSCert},
		{"", "tls-key", "`FILE` of the certificate's key, PEM", &c.TLSKey},
		{"", "cors-origins", "`ORIGINS` from which browsers may call, such as https://app.example.org; * is any", &c.CORSOrigins},
		{"Times.", "answer-timeout", "how long a synchronous request waits for its answer", &c.AnswerTimeout},
		{"", "max-wait", "longest wait for a job by ?wait=", &c.MaxWait},
		{"", "read-timeout", "time a client has to send a request", &c.ReadTimeout},
		{"", "write-timeout", "time a client has to read an answer", &c.WriteTimeout},
		{"", "idle-timeout", "time after which a quiet connection is closed", &c.IdleTimeout},
		{"", "shutdown-timeout", "time that requests under way have when the gateway ends", &c.ShutdownTimeout},
		{"Limits.", "max-body-bytes", "largest request, also when decompressed", &c.MaxBodyBytes},
		{"", "max-body-memory", "bytes of all requests under way together, after which others are told to come again", &c.MaxBodyMemory},
		{"", "max-connections", "most connections of each of REST and gRPC", &c.MaxConnections},
		{"", "max-streams", "most gRPC calls of one connection at a time", &c.MaxStreams},
		{"", "max-open-jobs", "most jobs that are not done", &c.MaxOpenJobs},
		{"", "retention", "how long a job that is done, and its idempotency key, are kept", &c.Retention},
		{"What an API key may do that has no limits of its own.", "rate", "inference requests per second of an API key", &c.Rate},
		{"", "concurrency", "requests of an API key without an answer", &c.Concurrency},
		{"Callers without an API key.", "anonymous-quota", "what they may spend together, such as 1000000uopg; empty: they may not call", &c.AnonymousQuota},
		{"", "anonymous-per", "for which time that is, `day|total`", &c.AnonymousPer},
		{"", "anonymous-rate", "their inference requests per second", &c.AnonymousRate},
		{"", "anonymous-concurrency", "their requests without an answer", &c.AnonymousConcurrency},
	}
}

// AddFlags adds a flag for each setting; they write into the config, whose values are the defaults.
func (c *Config) AddFlags(f *pflag.FlagSet) {
	for _, s := range c.settings() {
		switch into := s.into.(type) {
		case *string:
			f.StringVar(into, s.name, *into, s.help)
		case *bool:
			f.BoolVar(into, s.name, *into, s.help)
		case *int:
			f.IntVar(into, s.name, *into, s.help)
		case *int64:
			f.Int64Var(into, s.name, *into, s.help)
		case *float64:
			f.Float64Var(into, s.name, *into, s.help)
		case *time.Duration:
			f.DurationVar(into, s.name, *into, s.help)
		case *[]string:
			f.StringSliceVar(into, s.name, *into, s.help)
		}
	}
}

// Anonymous are the limits of callers without a key; nil when they may not call.
func (c Config) Anonymous() (*keys.Limits, error) {
	if c.AnonymousQuota == "" {
		return nil, nil //nolint:nilnil // No anonymous access is a choice, not a failure.
	}
	quota, err := ParseAmount(c.AnonymousQuota)
	if err != nil {
		return nil, fmt.Errorf("anonymous-quota: %w", err)
	}
	per, err := ledger.ParsePeriod(c.AnonymousPer)
	if err != nil {
		return nil, fmt.Errorf("anonymous-per: %w", err)
	}
	l := &keys.Limits{Quota: quota, Per: per, Rate: c.AnonymousRate, Concurrency: c.AnonymousConcurrency}
	return l, l.Validate()
}

// Validate checks every setting.
func (c Config) Validate() error {
	var errs []error
	refuse := func(name, expected string, got any) {
		errs = append(errs, fmt.Errorf("%s: expected %s, got %v", name, expected, got))
	}
	for name, address := range map[string]string{"rest-listen": c.RESTListen, "grpc-listen": c.GRPCListen, "metrics-listen": c.MetricsListen} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			refuse(name, "host:port such as 127.0.0.1:8000", address)
		}
	}
	if c.RESTListen == "" && c.GRPCListen == "" {
		refuse("rest-listen", "an address here or in grpc-listen", "none")
	}
	if c.From == "" {
		refuse("from", "the name of a key (see `opengradientd keys list`)", "none")
	}
	if c.Node == "" {
		refuse("node", "the RPC address of a node", "none")
	}
	if !(c.GasAdjustment >= 1 && c.GasAdjustment <= 100) {
		refuse("gas-adjustment", "1 to 100", c.GasAdjustment)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		refuse("tls-cert and tls-key", "both or neither", "one")
	}
	for _, o := range c.CORSOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			refuse("cors-origins", "* or origins such as https://app.example.org", o)
		}
	}
	for name, d := range map[string]time.Duration{
		"answer-timeout": c.AnswerTimeout, "max-wait": c.MaxWait, "read-timeout": c.ReadTimeout, "write-timeout": c.WriteTimeout,
		"idle-timeout": c.IdleTimeout,
	} {
		if d < 100*time.Millisecond || d > time.Hour {
			refuse(name, "100ms to 1h", d)
		}
	}
	if c.ShutdownTimeout < 0 || c.ShutdownTimeout > time.Hour {
		refuse("shutdown-timeout", "0 to 1h", c.ShutdownTimeout)
	}
	if c.Retention < time.Hour || c.Retention > 10*365*24*time.Hour {
		refuse("retention", "1h to ten years", c.Retention)
	}
	for name, n := range map[string]int64{
		"max-connections": int64(c.MaxConnections), "max-streams": int64(c.MaxStreams), "max-open-jobs": int64(c.MaxOpenJobs), "concurrency": int64(c.Concurrency),
		"anonymous-concurrency": int64(c.AnonymousConcurrency),
	} {
		if n < 1 || n > 1e6 {
			refuse(name, "1 to 1000000", n)
		}
	}
	if c.MaxBodyBytes < 1024 || c.MaxBodyBytes > 1<<30 {
		refuse("max-body-bytes", "1024 to 1073741824", c.MaxBodyBytes)
	}
	if c.MaxBodyMemory <= c.MaxBodyBytes {
		refuse("max-body-memory", fmt.Sprintf("more than max-body-bytes, %d", c.MaxBodyBytes), c.MaxBodyMemory)
	}
	for name, r := range map[string]float64{"rate": c.Rate, "anonymous-rate": c.AnonymousRate} {
		if !(r > 0 && r <= 1e6) {
			refuse(name, "more than 0 and at most 1000000", r)
		}
	}
	if _, err := c.Anonymous(); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// name of the setting's variable in the environment.
func variable(prefix, name string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}
