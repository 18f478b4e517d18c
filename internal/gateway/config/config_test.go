package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func load(t *testing.T, file string, env map[string]string, args ...string) (Config, error) {
	t.Helper()
	c := Default()
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.AddFlags(f)
	if err := f.Parse(args); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "gateway.toml")
	if file != "" {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return c, c.Load(f, path, func(name string) string { return env[name] })
}

func TestOrderOfSources(t *testing.T) {
	c, err := load(t, "[gateway]\nfrom = \"file\"\nnode = \"tcp://file:1\"\nrest-listen = \"file:1\"\nrate = 7\nread-timeout = \"5s\"\ncors-origins = [\"https://a.example\", \"https://b.example\"]\n",
		map[string]string{"OPENGRADIENTD_GATEWAY_FROM": "env", "OPENGRADIENTD_GATEWAY_NODE": "tcp://env:1"}, "--from", "flag")
	if err != nil {
		t.Fatal(err)
	}
	if c.From != "flag" || c.Node != "tcp://env:1" || c.RESTListen != "file:1" || c.Rate != 7 || c.ReadTimeout != 5*time.Second || c.GRPCListen != "127.0.0.1:8001" ||
		!reflect.DeepEqual(c.CORSOrigins, []string{"https://a.example", "https://b.example"}) {
		t.Errorf("got %+v", c)
	}
}

func TestTemplateReadsBack(t *testing.T) {
	want := Default()
	want.From, want.CORSOrigins, want.NodeGRPCTLS = "alice \"x\"", []string{"*"}, true
	got, err := load(t, want.Template(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("expected %+v, got %+v", want, got)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

// What the file does not say is left to client.toml.
func TestTemplateNamesNoNode(t *testing.T) {
	c := Default()
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.AddFlags(f)
	path := filepath.Join(t.TempDir(), "gateway.toml")
	if err := os.WriteFile(path, []byte(Default().Template()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Load(f, path, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"node", "node-grpc"} {
		if f.Changed(name) {
			t.Errorf("%s: expected it to be open, got %s", name, f.Lookup(name).Value)
		}
		if !strings.Contains(Default().Template(), "\n# "+name+" = ") {
			t.Errorf("%s: expected it with its meaning", name)
		}
	}
	want := Default()
	want.Node, want.NodeGRPC = "tcp://node.example.org:26657", ""
	if got, err := load(t, want.Template(), nil); err != nil || got.Node != want.Node || got.NodeGRPC != "" {
		t.Errorf("expected %+v, got %+v, %v", want, got, err)
	}
}

func TestRefused(t *testing.T) {
	for file, message := range map[string]string{
		"[gateway]\nport = 1\n":        "gateway.port",
		"[other]\nfrom = \"x\"\n":      "other.from",
		"[gateway]\nrate = \"many\"\n": "gateway.rate",
		"[gateway\n":                   "gateway.toml",
	} {
		if _, err := load(t, file, nil); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: expected an error with %q, got %v", file, message, err)
		}
	}
	if _, err := load(t, "", map[string]string{"OPENGRADIENTD_GATEWAY_RATE": "x"}); err == nil || !strings.Contains(err.Error(), "OPENGRADIENTD_GATEWAY_RATE") {
		t.Errorf("got %v", err)
	}
	for message, change := range map[string]func(*Config){
		"rest-listen: expected host:port":     func(c *Config) { c.RESTListen = "8000" },
		"rest-listen: expected an address":    func(c *Config) { c.RESTListen, c.GRPCListen = "", "" },
		"from: expected the name of a key":    func(c *Config) { c.From = "" },
		"gas-adjustment":                      func(c *Config) { c.GasAdjustment = 0.5 },
		"tls-cert and tls-key":                func(c *Config) { c.TLSCert = "x" },
		"cors-origins":                        func(c *Config) { c.CORSOrigins = []string{"app.example.org"} },
		"read-timeout":                        func(c *Config) { c.ReadTimeout = 0 },
		"retention":                           func(c *Config) { c.Retention = time.Minute },
		"max-open-jobs":                       func(c *Config) { c.MaxOpenJobs = 0 },
		"max-body-bytes":                      func(c *Config) { c.MaxBodyBytes = 1 },
		"max-body-memory: expected more":      func(c *Config) { c.MaxBodyMemory = c.MaxBodyBytes },
		"rate: expected":                      func(c *Config) { c.Rate = 0 },
		"anonymous-quota: expected an amount": func(c *Config) { c.AnonymousQuota = "5OPG" },
		"anonymous-per":                       func(c *Config) { c.AnonymousQuota, c.AnonymousPer = "5uopg", "week" },
	} {
		c := Default()
		c.From = "x"
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("expected an error with %q, got %v", message, err)
		}
	}
}

func TestAmountsAndRates(t *testing.T) {
	for _, text := range []string{"5000000uopg", "5000000"} {
		if n, err := ParseAmount(text); n != 5_000_000 || err != nil {
			t.Errorf("%s: got %d, %v", text, n, err)
		}
	}
	for _, wrong := range []string{"", "uopg", "-5uopg", "5OPG", "99999999999999999999uopg"} {
		if _, err := ParseAmount(wrong); err == nil {
			t.Errorf("%q: expected an error", wrong)
		}
	}
	for text, want := range map[string]float64{"20/s": 20, "0.5": 0.5} {
		if r, err := ParseRate(text); r != want || err != nil {
			t.Errorf("%q: got %g, %v", text, r, err)
		}
	}
	for _, wrong := range []string{"", "0/s", "20/m", "NaN", "-1/s"} {
		if _, err := ParseRate(wrong); err == nil {
			t.Errorf("%q: expected an error", wrong)
		}
	}
}
