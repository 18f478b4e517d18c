package daemon

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxTold bounds the API keys that the metrics name.
const maxTold = 1000

var (
	readyDesc     = prometheus.NewDesc("opengradient_gateway_ready", "1 while requests are taken", nil, nil)
	openDesc      = prometheus.NewDesc("opengradient_gateway_jobs_open", "Jobs that are not done", nil, nil)
	balanceDesc   = prometheus.NewDesc("opengradient_gateway_account_balance_uopg", "What the account that pays holds", nil, nil)
	usedDesc      = prometheus.NewDesc("opengradient_gateway_key_used_uopg", "What the jobs of an API key have cost or reserve", []string{"key"}, nil)
	jobsTotalDesc = prometheus.NewDesc("opengradient_gateway_key_jobs_total", "Jobs of an API key", []string{"key"}, nil)
)

// collector reads what is known elsewhere when the metrics are asked for.
type collector struct {
	*daemon
	mu      sync.Mutex
	asked   time.Time
	balance float64
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readyDesc, openDesc, balanceDesc, usedDesc, jobsTotalDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	ready := 1.0
	if c.service.Ready(ctx) != nil {
		ready = 0
	}
	gauge(readyDesc, ready)
	gauge(openDesc, float64(c.engine.Open()))
	gauge(balanceDesc, c.holds(ctx))
	for i, k := range c.ring.List() {
		if i == maxTold {
			break
		}
		u, err := c.engine.Usage(k.ID)
		if err != nil {
			c.Log.Warn("usage not read", "error", err)
			return
		}
		gauge(usedDesc, float64(u.Total.Used()), k.Name)
		ch <- prometheus.MustNewConstMetric(jobsTotalDesc, prometheus.CounterValue, float64(u.Total.Jobs), k.Name)
	}
}

// holds asks the chain for the balance from time to time.
func (c *collector) holds(ctx context.Context) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.asked) < balanceEvery {
		return c.balance
	}
	balance, err := c.chain.Balance(ctx)
	if err != nil {
		c.Log.Warn("balance not read", "error", err)
		return c.balance
	}
	c.asked, c.balance = time.Now(), float64(balance)
	return c.balance
}
