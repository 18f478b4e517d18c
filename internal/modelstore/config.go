package modelstore

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"

	"github.com/spf13/cast"

	"github.com/opengradient/opengradient/internal/modelstore/peer"
)

const maxConnections = 1024

// Config is the section [models] of app.toml.
type Config struct {
	// CacheDir is the folder of the cache; empty means <home>/data/models.
	CacheDir string `mapstructure:"cache-dir"`
	// CacheBytes is the room that the cache may take, in bytes.
	CacheBytes uint64 `mapstructure:"cache-bytes"`
	// MaxFetchBytes is the size of the largest file that is fetched, in bytes.
	MaxFetchBytes uint64 `mapstructure:"max-fetch-bytes"`
	// FetchFromChainSources allows to read from the hosts that the chain names.
	FetchFromChainSources bool `mapstructure:"fetch-from-chain-sources"`
	// Peers are base URLs, http or https, of the API of other nodes.
	Peers []string `mapstructure:"peers"`
	// Files are paths of model files that the node may use.
	Files []string `mapstructure:"files"`
	// Serve is whether other nodes may read model files from the node's API.
	Serve bool `mapstructure:"serve"`
	// ServeConnections is how many may at a time.
	ServeConnections int `mapstructure:"serve-connections"`
	// ServeRateBytes is how much they get together, in bytes a second.
	ServeRateBytes uint64 `mapstructure:"serve-rate-bytes"`
}

// Folder is the folder of the cache of a node with a home.
func (c Config) Folder(home string) string {
	if c.CacheDir != "" {
		return c.CacheDir
	}
	return filepath.Join(home, "data", "models")
}

// DefaultConfig is what a new home gets.
func DefaultConfig() Config {
	return Config{
		CacheBytes:       20 << 30,
		MaxFetchBytes:    2 << 30,
		Peers:            []string{},
		Files:            []string{},
		Serve:            true,
		ServeConnections: 8,
		ServeRateBytes:   16 << 20,
	}
}

// ConfigTemplate writes the section. It is executed on a value whose field Models is a [Config].
const ConfigTemplate = `
###############################################################################
###                                 Models                                  ###
###############################################################################

[models]

# cache-dir is the folder of model files that are not in the state of the chain. Empty: <home>/data/models.
cache-dir = {{ printf "%q" .Models.CacheDir }}

# cache-bytes is the room they may take. What was used longest ago is removed first, and nothing that is in use.
cache-bytes = {{ .Models.CacheBytes }}

# max-fetch-bytes is the size of the largest file that is fetched.
max-fetch-bytes = {{ .Models.MaxFetchBytes }}

# fetch-from-chain-sources allows to fetch from hosts that owners of models wrote into the chain: https, public addresses
# only. Without it, files come from peers and from the files below.
fetch-from-chain-sources = {{ .Models.FetchFromChainSources }}

# peers are base URLs of the API of nodes to fetch from, such as "http://10.0.0.2:1317" or "https://node.example.org".
peers = [{{ range $i, $e := .Models.Peers }}{{ if $i }}, {{ end }}{{ printf "%q" $e }}{{ end }}]

# files are absolute paths of model files that the node may use.
files = [{{ range $i, $e := .Models.Files }}{{ if $i }}, {{ end }}{{ printf "%q" $e }}{{ end }}]

# serve lets other nodes fetch model files from this node's API, when that is enabled.
serve = {{ .Models.Serve }}

# serve-connections is how many may at a time, serve-rate-bytes what they get together in a second.
serve-connections = {{ .Models.ServeConnections }}
serve-rate-bytes = {{ .Models.ServeRateBytes }}
`

// ReadConfig reads the section from the options of the application; what is not set has its default. The result is valid.
func ReadConfig(opts interface{ Get(string) any }) (Config, error) {
	cfg := DefaultConfig()
	var errs []error
	read := func(name string, set func(any) error) {
		if value := opts.Get("models." + name); value != nil {
			if err := set(value); err != nil {
				errs = append(errs, fmt.Errorf("models.%s: %w", name, err))
			}
		}
	}
	read("cache-dir", into(&cfg.CacheDir, cast.ToStringE))
	read("cache-bytes", into(&cfg.CacheBytes, cast.ToUint64E))
	read("max-fetch-bytes", into(&cfg.MaxFetchBytes, cast.ToUint64E))
	read("fetch-from-chain-sources", into(&cfg.FetchFromChainSources, cast.ToBoolE))
	read("peers", into(&cfg.Peers, cast.ToStringSliceE))
	read("files", into(&cfg.Files, cast.ToStringSliceE))
	read("serve", into(&cfg.Serve, cast.ToBoolE))
	read("serve-connections", into(&cfg.ServeConnections, cast.ToIntE))
	read("serve-rate-bytes", into(&cfg.ServeRateBytes, cast.ToUint64E))
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

// Validate checks the section and names every field that is wrong.
func (c Config) Validate() error {
	var errs []error
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("models."+format, args...))
		}
	}
	expect(c.CacheDir == "" || filepath.IsAbs(c.CacheDir), "cache-dir: expected an absolute path, got %q", c.CacheDir)
	expect(c.CacheBytes > 0 && c.CacheBytes <= math.MaxInt64, "cache-bytes: expected 1 to %d, got %d", int64(math.MaxInt64), c.CacheBytes)
	expect(c.MaxFetchBytes <= c.CacheBytes, "max-fetch-bytes: expected up to the %d of the cache, got %d", c.CacheBytes, c.MaxFetchBytes)
	for i, text := range c.Peers {
		err := validatePeer(text)
		expect(err == nil, "peers[%d]: %w", i, err)
	}
	for i, path := range c.Files {
		expect(filepath.IsAbs(path), "files[%d]: expected an absolute path, got %q", i, path)
	}
	if !c.Serve {
		return errors.Join(errs...)
	}
	expect(c.ServeConnections > 0 && c.ServeConnections <= maxConnections, "serve-connections: expected 1 to %d, got %d", maxConnections, c.ServeConnections)
	if c.ServeConnections > 0 {
		least := peer.LeastRate * uint64(c.ServeConnections)
		expect(c.ServeRateBytes >= least && c.ServeRateBytes <= math.MaxInt32,
			"serve-rate-bytes: expected %d (%d for each connection) to %d, got %d", least, peer.LeastRate, math.MaxInt32, c.ServeRateBytes)
	}
	return errors.Join(errs...)
}

// validatePeer accepts the base URL of a node's API.
func validatePeer(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		return fmt.Errorf("expected a URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("expected http://host[:port] or https://host[:port], got %q", u.Redacted())
	}
	return nil
}
