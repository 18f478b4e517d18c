package executor

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cast"

	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

const (
	// minMemoryLimit is the least memory a worker can do anything with, in bytes.
	minMemoryLimit = 64 << 20
	maxTimeout     = time.Hour
	maxNice        = 19
)

// Config is the section [inference] of app.toml.
type Config struct {
	// Enabled is false on nodes without an inference duty.
	Enabled bool `mapstructure:"enabled"`
	// Operator is the operator address of the validator; empty means that of the
	// node's consensus key.
	Operator string `mapstructure:"operator"`
	// Worker is the path of the worker binary; empty means the daemon's folder,
	// then PATH.
	Worker string `mapstructure:"worker"`
	// Library is the path of the ONNX Runtime library; empty means the environment
	// variable of the worker, then <home>/lib.
	Library string `mapstructure:"library"`
	// NextLibrary is the path of the ONNX Runtime library that the node is to move to; empty means none. The node proves the
	// models in use with it, so that it has them all when it is restarted with it as its library.
	NextLibrary string `mapstructure:"next-library"`
	// Endpoints are addresses of Open Inference Protocol servers that stand in for
	// the worker. The first is used; with one set, no worker is started.
	Endpoints []string `mapstructure:"endpoints"`
	// MemoryLimit is the memory the worker may use, in bytes.
	MemoryLimit uint64 `mapstructure:"memory-limit"`
	// ModelBudget is the memory the worker keeps loaded models in, in bytes.
	ModelBudget uint64 `mapstructure:"model-budget"`
	// LoadTimeout bounds loading a model; a small one has less.
	LoadTimeout time.Duration `mapstructure:"load-timeout"`
	// RunTimeout bounds one run of a model.
	RunTimeout time.Duration `mapstructure:"run-timeout"`
	// Nice is the scheduling priority of the worker, from 0 to 19.
	Nice int `mapstructure:"nice"`
	// AdmissionMemoryLimit, AdmissionLoadTimeout and AdmissionRunTimeout are the limits of the worker that tries models before
	// the node vouches for them. The times are times of the processor. Zero means those of the other worker.
	AdmissionMemoryLimit uint64        `mapstructure:"admission-memory-limit"`
	AdmissionLoadTimeout time.Duration `mapstructure:"admission-load-timeout"`
	AdmissionRunTimeout  time.Duration `mapstructure:"admission-run-timeout"`
}

// Admission is the section as the worker that tries models has it: its own limits, and the lowest priority.
func (c Config) Admission() Config {
	c.Nice = maxNice
	if c.AdmissionMemoryLimit > 0 {
		c.MemoryLimit = c.AdmissionMemoryLimit
	}
	if c.AdmissionLoadTimeout > 0 {
		c.LoadTimeout = c.AdmissionLoadTimeout
	}
	if c.AdmissionRunTimeout > 0 {
		c.RunTimeout = c.AdmissionRunTimeout
	}
	return c
}

// DefaultConfig is what a new home gets.
func DefaultConfig() Config {
	return Config{
		Enabled:     true,
		Endpoints:   []string{},
		MemoryLimit: 4 << 30,
		ModelBudget: 2 << 30,
		LoadTimeout: 30 * time.Second,
		RunTimeout:  10 * time.Second,
		Nice:        5,
	}
}

// ConfigTemplate writes the section. It is executed on a value whose field
// Inference is a [Config].
const ConfigTemplate = `
###############################################################################
###                               Inference                                 ###
###############################################################################

[inference]

# enabled is true on validators that run models. RPC and sentry nodes set it to false.
enabled = {{ .Inference.Enabled }}

# operator is the operator address of the validator. Empty: the one of the node's consensus key.
operator = {{ printf "%q" .Inference.Operator }}

# worker is the path of the opengradient-worker binary. Empty: the daemon's folder, then PATH.
worker = {{ printf "%q" .Inference.Worker }}

# library is the path of the ONNX Runtime library. Empty: the environment variable, then <home>/lib.
library = {{ printf "%q" .Inference.Library }}

# next-library is the path of the ONNX Runtime library that this node is to move to. The node then proves the models in
# use with it as well, and loses no work when it is restarted with it as its library. Empty: none.
next-library = {{ printf "%q" .Inference.NextLibrary }}

# endpoints are Open Inference Protocol servers (host:port or unix:///path) that stand in for the worker.
# The first one is used.
endpoints = [{{ range $i, $e := .Inference.Endpoints }}{{ if $i }}, {{ end }}{{ printf "%q" $e }}{{ end }}]

# memory-limit is the memory the worker may use, in bytes.
memory-limit = {{ .Inference.MemoryLimit }}

# model-budget is the part of it that loaded models may take, in bytes.
model-budget = {{ .Inference.ModelBudget }}

# load-timeout bounds loading a model, run-timeout one run of it. The worker is stopped when it takes longer. A small model
# has 10 s and a second for each 8 MiB to load.
load-timeout = "{{ .Inference.LoadTimeout }}"
run-timeout = "{{ .Inference.RunTimeout }}"

# nice is the scheduling priority of the worker, from 0 to 19, the lowest.
nice = {{ .Inference.Nice }}

# These are the limits of a second worker, of the lowest priority, which tries models before this node vouches for them. Its
# timeouts count time of the processor. 0: as those above.
admission-memory-limit = {{ .Inference.AdmissionMemoryLimit }}
admission-load-timeout = "{{ .Inference.AdmissionLoadTimeout }}"
admission-run-timeout = "{{ .Inference.AdmissionRunTimeout }}"
`

// ReadConfig reads the section from the options of the application; what is not
// set has its default. The result is valid.
func ReadConfig(opts servertypes.AppOptions) (Config, error) {
	cfg := DefaultConfig()
	var errs []error
	read := func(name string, set func(any) error) {
		if value := opts.Get("inference." + name); value != nil {
			if err := set(value); err != nil {
				errs = append(errs, fmt.Errorf("inference.%s: %w", name, err))
			}
		}
	}
	read("enabled", into(&cfg.Enabled, cast.ToBoolE))
	read("operator", into(&cfg.Operator, cast.ToStringE))
	read("worker", into(&cfg.Worker, cast.ToStringE))
	read("library", into(&cfg.Library, cast.ToStringE))
	read("next-library", into(&cfg.NextLibrary, cast.ToStringE))
	read("endpoints", into(&cfg.Endpoints, cast.ToStringSliceE))
	read("memory-limit", into(&cfg.MemoryLimit, cast.ToUint64E))
	read("model-budget", into(&cfg.ModelBudget, cast.ToUint64E))
	read("load-timeout", into(&cfg.LoadTimeout, cast.ToDurationE))
	read("run-timeout", into(&cfg.RunTimeout, cast.ToDurationE))
	read("nice", into(&cfg.Nice, cast.ToIntE))
	read("admission-memory-limit", into(&cfg.AdmissionMemoryLimit, cast.ToUint64E))
	read("admission-load-timeout", into(&cfg.AdmissionLoadTimeout, cast.ToDurationE))
	read("admission-run-timeout", into(&cfg.AdmissionRunTimeout, cast.ToDurationE))
	if err := errors.Join(errs...); err != nil {
		return Config{}, err
	}
	return cfg, cfg.Validate()
}

func into[T any](field *T, convert func(any) (T, error)) func(any) error {
	return func(value any) (err error) {
		*field, err = convert(value)
		return err
	}
}

// Validate checks the section and names every field that is wrong. A section that
// is not enabled is not checked.
func (c Config) Validate() error {
	if !c.Enabled {
		return nil
	}
	var errs []error
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("inference."+format, args...))
		}
	}
	if c.Operator != "" {
		_, err := sdk.ValAddressFromBech32(c.Operator)
		expect(err == nil, "operator: expected an operator address, got %q: %w", c.Operator, err)
	}
	for i, endpoint := range c.Endpoints {
		err := validateEndpoint(endpoint)
		expect(err == nil, "endpoints[%d]: %w", i, err)
	}
	expect(c.MemoryLimit >= minMemoryLimit, "memory-limit: expected at least %d bytes, got %d", minMemoryLimit, c.MemoryLimit)
	expect(c.ModelBudget > 0 && c.ModelBudget <= c.MemoryLimit,
		"model-budget: expected 1 byte to the memory limit of %d, got %d", c.MemoryLimit, c.ModelBudget)
	expect(c.LoadTimeout > 0 && c.LoadTimeout <= maxTimeout, "load-timeout: expected up to %s, got %s", maxTimeout, c.LoadTimeout)
	expect(c.RunTimeout > 0 && c.RunTimeout <= maxTimeout, "run-timeout: expected up to %s, got %s", maxTimeout, c.RunTimeout)
	expect(c.Nice >= 0 && c.Nice <= maxNice, "nice: expected 0 to %d, got %d", maxNice, c.Nice)
	expect(c.AdmissionMemoryLimit == 0 || c.AdmissionMemoryLimit >= c.ModelBudget,
		"admission-memory-limit: expected 0 or at least the model budget of %d bytes, got %d", c.ModelBudget, c.AdmissionMemoryLimit)
	expect(c.AdmissionLoadTimeout >= 0 && c.AdmissionLoadTimeout <= maxTimeout,
		"admission-load-timeout: expected up to %s, got %s", maxTimeout, c.AdmissionLoadTimeout)
	expect(c.AdmissionRunTimeout >= 0 && c.AdmissionRunTimeout <= maxTimeout,
		"admission-run-timeout: expected up to %s, got %s", maxTimeout, c.AdmissionRunTimeout)
	return errors.Join(errs...)
}

// validateEndpoint accepts host:port and unix:///path.
func validateEndpoint(endpoint string) error {
	if path, ok := strings.CutPrefix(endpoint, "unix://"); ok {
		if !filepath.IsAbs(path) {
			return fmt.Errorf("expected unix:// with an absolute path, got %q", endpoint)
		}
		return nil
	}
	host, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return fmt.Errorf("expected host:port or unix:///path, got %q: %w", endpoint, err)
	}
	if host == "" || port == "" || strings.ContainsAny(endpoint, " /") {
		return fmt.Errorf("expected host:port or unix:///path, got %q", endpoint)
	}
	return nil
}
