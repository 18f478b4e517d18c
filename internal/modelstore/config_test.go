package modelstore

import (
	"strings"
	"testing"
	"text/template"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/viper"
	"github.com/stretchr/testify/require"
)

func written(t *testing.T, cfg Config) *viper.Viper {
	t.Helper()
	var text strings.Builder
	tmpl, err := template.New("app.toml").Parse(ConfigTemplate)
	require.NoError(t, err)
	require.NoError(t, tmpl.Execute(&text, struct{ Models Config }{cfg}))
	v := viper.New()
	v.SetConfigType("toml")
	require.NoError(t, v.ReadConfig(strings.NewReader(text.String())))
	return v
}

func TestConfigRoundTripsThroughTheTemplate(t *testing.T) {
	for _, cfg := range []Config{DefaultConfig(), {
		CacheDir: `/var/"models"`, CacheBytes: 1 << 40, MaxFetchBytes: 1 << 30, FetchFromChainSources: true,
		Peers: []string{"http://10.0.0.2:1317", "https://node.example.org/api"}, Files: []string{"/a", "/b c"},
		Serve: true, ServeConnections: 3, ServeRateBytes: 1 << 20,
	}} {
		v := written(t, cfg)
		got, err := ReadConfig(v)
		require.NoError(t, err)
		require.Equal(t, cfg, got)

		var section struct {
			Models Config `mapstructure:"models"`
		}
		require.NoError(t, v.Unmarshal(&section))
		require.Equal(t, cfg, section.Models)
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
		{"a relative folder", "cache-dir", "models"},
		{"no room", "cache-bytes", 0},
		{"negative room", "cache-bytes", -1},
		{"room that no disk has", "cache-bytes", uint64(1) << 63},
		{"files larger than the room", "max-fetch-bytes", uint64(1) << 40},
		{"a switch that is none", "fetch-from-chain-sources", "perhaps"},
		{"a peer that is no URL", "peers", []string{"http://a b"}},
		{"a peer without a scheme", "peers", []string{"10.0.0.2:1317"}},
		{"a peer of another scheme", "peers", []string{"ftp://10.0.0.2"}},
		{"a peer without a host", "peers", []string{"http://:1317"}},
		{"a peer with a password", "peers", []string{"http://a:b@10.0.0.2"}},
		{"a peer with a query", "peers", []string{"http://10.0.0.2?x=1"}},
		{"a relative file", "files", []string{"/a", "b.onnx"}},
		{"no connections", "serve-connections", 0},
		{"too many connections", "serve-connections", 2000},
		{"a rate that is too low for the connections", "serve-rate-bytes", 100_000},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			v := viper.New()
			v.Set("models."+c.key, c.value)
			_, err := ReadConfig(v)
			require.ErrorContains(t, err, "models."+c.key)
		})
	}
	v := viper.New()
	v.Set("models.peers", []string{"http://user:secret@10.0.0.2"})
	_, err := ReadConfig(v)
	require.NotContains(t, err.Error(), "secret")
}

func TestConfigOfServingIsCheckedWhenItIsOn(t *testing.T) {
	v := viper.New()
	v.Set("models.serve", false)
	v.Set("models.serve-connections", 0)
	cfg, err := ReadConfig(v)
	require.NoError(t, err)
	require.False(t, cfg.Serve)
}

func TestMetricsAreCounted(t *testing.T) {
	registry := prometheus.NewRegistry()
	m, err := NewPrometheusMetrics(registry)
	require.NoError(t, err)
	m.Count(EventFetched)
	m.Received(KindPeer, 10)
	m.Received(KindPeer, 5)
	m.Sent(7)
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			got[family.GetName()] += metric.GetCounter().GetValue()
		}
	}
	require.Equal(t, map[string]float64{
		"opengradient_models_events_total": 1, "opengradient_models_received_bytes_total": 15, "opengradient_models_sent_bytes_total": 7,
	}, got)
	_, err = NewPrometheusMetrics(registry)
	require.ErrorContains(t, err, "metrics of the model files")
}
