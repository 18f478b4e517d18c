package executor

import (
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/spf13/viper"
	"github.com/stretchr/testify/require"
)

func written(t *testing.T, cfg Config) *viper.Viper {
	t.Helper()
	var text strings.Builder
	tmpl, err := template.New("app.toml").Parse(ConfigTemplate)
	require.NoError(t, err)
	require.NoError(t, tmpl.Execute(&text, struct{ Inference Config }{cfg}))
	v := viper.New()
	v.SetConfigType("toml")
	require.NoError(t, v.ReadConfig(strings.NewReader(text.String())))
	return v
}

func TestConfigRoundTripsThroughTheTemplate(t *testing.T) {
	for _, cfg := range []Config{DefaultConfig(), {
		Enabled: true, Operator: self, Worker: `/opt/a "b"`, Library: "/lib/x.so",
		Endpoints:   []string{"127.0.0.1:8001", "unix:///run/oip.sock"},
		MemoryLimit: 1 << 30, ModelBudget: 1 << 29, LoadTimeout: 90 * time.Second, RunTimeout: time.Millisecond, Nice: 19,
		NextLibrary: "/lib/next.so", AdmissionMemoryLimit: 1 << 31, AdmissionLoadTimeout: time.Minute, AdmissionRunTimeout: 20 * time.Second,
	}} {
		v := written(t, cfg)
		got, err := ReadConfig(v)
		require.NoError(t, err)
		require.Equal(t, cfg, got)

		var section struct {
			Inference Config `mapstructure:"inference"`
		}
		require.NoError(t, v.Unmarshal(&section))
		require.Equal(t, cfg, section.Inference)
	}
}

func TestConfigHasDefaults(t *testing.T) {
	got, err := ReadConfig(viper.New())
	require.NoError(t, err)
	require.Equal(t, DefaultConfig(), got)
}

func TestConfigRefuses(t *testing.T) {
	cases := []struct {
		reason, key string
		value       any
	}{
		{"a switch that is none", "enabled", "perhaps"},
		{"an operator of another kind", "operator", "cosmos1abc"},
		{"an endpoint without a port", "endpoints", []string{"localhost"}},
		{"an endpoint that is a URL", "endpoints", []string{"http://localhost:80"}},
		{"an endpoint without a host", "endpoints", []string{":80"}},
		{"a socket with a relative path", "endpoints", []string{"unix://run/x"}},
		{"a memory limit that is too small", "memory-limit", 1},
		{"a negative memory limit", "memory-limit", -1},
		{"a budget above the limit", "model-budget", uint64(1) << 40},
		{"no budget", "model-budget", 0},
		{"no load timeout", "load-timeout", "0s"},
		{"a run timeout without end", "run-timeout", "48h"},
		{"a priority above others", "nice", -5},
		{"an admission limit below the budget", "admission-memory-limit", 1 << 20},
		{"an admission load timeout below 0", "admission-load-timeout", "-1s"},
		{"an admission run timeout without end", "admission-run-timeout", "48h"},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			v := viper.New()
			v.Set("inference."+c.key, c.value)
			_, err := ReadConfig(v)
			require.ErrorContains(t, err, "inference."+c.key)
		})
	}
}

func TestLimitsOfAdmissions(t *testing.T) {
	c := DefaultConfig()
	same := c.Admission()
	require.Equal(t, 19, same.Nice)
	same.Nice = c.Nice
	require.Equal(t, c, same, "but for its priority")
	c.AdmissionMemoryLimit, c.AdmissionLoadTimeout, c.AdmissionRunTimeout = 7, 8, 9
	own := c.Admission()
	require.Equal(t, []any{uint64(7), time.Duration(8), time.Duration(9)}, []any{own.MemoryLimit, own.LoadTimeout, own.RunTimeout})
}

func TestConfigThatIsOffIsNotChecked(t *testing.T) {
	v := viper.New()
	v.Set("inference.enabled", false)
	v.Set("inference.nice", -5)
	got, err := ReadConfig(v)
	require.NoError(t, err)
	require.False(t, got.Enabled)
}
