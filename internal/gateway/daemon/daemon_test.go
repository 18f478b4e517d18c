package daemon_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemontest"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/oip"
)

// certificate writes a new certificate for localhost and returns its serial number.
func certificate(t *testing.T, cert, key string) int64 {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial := time.Now().UnixNano()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: encoded}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return serial
}

func TestTLSIsReloaded(t *testing.T) {
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	first := certificate(t, cert, key)
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.TLSCert, c.TLSKey = cert, key })
	trust := &tls.Config{InsecureSkipVerify: true}
	serial := func() int64 {
		c, err := tls.Dial("tcp", g.REST, trust)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != first {
		t.Fatalf("expected %d, got %d", first, got)
	}
	conn, err := grpc.NewClient(g.GRPC, grpc.WithTransportCredentials(credentials.NewTLS(trust)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if r, err := oip.NewGRPCInferenceServiceClient(conn).ServerLive(t.Context(), &oip.ServerLiveRequest{}); err != nil || !r.Live {
		t.Errorf("got %v, %v", r, err)
	}
	second := certificate(t, cert, key)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(15 * time.Second); serial() != second; <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for the new certificate")
		}
	}
}

func TestMetrics(t *testing.T) {
	g := daemontest.Start(t, gatewaytest.New(), "", nil)
	body := `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}`
	if r := g.Do("POST", "/v2/models/iris/infer", body); r.Code != 200 {
		t.Fatal(r.Body)
	}
	wanted := []string{
		`nv_inference_request_success{model="iris",version="1"} 1`, `nv_inference_count{model="iris",version="1"} 1`,
		"opengradient_gateway_ready 1", "opengradient_gateway_jobs_open", "opengradient_gateway_account_balance_uopg 9.9",
		`opengradient_gateway_key_jobs_total{key="anonymous"} 1`, `opengradient_gateway_http_requests_total{code="200",route="/v2/models/{model}/infer"} 1`,
		"opengradient_gateway_commit_seconds_count", "go_goroutines",
	}
	// An answer is counted right after it is there, which may be after its client has it.
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(15 * time.Second); ; <-ticker.C {
		text := metrics(t, g.Metrics)
		missing := slices.DeleteFunc(slices.Clone(wanted), func(want string) bool { return bytes.Contains(text, []byte(want)) })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("expected %q in\n%s", missing, text)
		}
	}
}

func metrics(t *testing.T, address string) []byte {
	t.Helper()
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Many clients at one time, and a chain that takes them: all are answered, and what was counted is what the account has paid.
func TestCrowd(t *testing.T) {
	const clients, each = 200, 10
	c := gatewaytest.New()
	g := daemontest.Start(t, c, "", func(c *config.Config) { c.Rate, c.Concurrency = 1e6, clients })
	key := g.Key("crowd", keys.Limits{Quota: 1e9, Per: ledger.Total})
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	usage := func() string { return g.Do("GET", "/v2/opengradient/usage", "", "Authorization", "Bearer "+key).Body }
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(usage(), "crowd"); {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for the key")
		}
	}
	began := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for j := range each {
				body := fmt.Sprintf(`{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[%d,%d]}]}`, i, j)
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.REST+"/v2/models/iris/infer", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Authorization", "Bearer "+key)
				r.Header.Set("Idempotency-Key", fmt.Sprint(i, "/", j))
				res, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(res.Body)
				_ = res.Body.Close()
				if want := fmt.Sprintf(`"data":[%d,%d]`, 2*i, 2*j); err != nil || res.StatusCode != http.StatusOK || !bytes.Contains(b, []byte(want)) {
					t.Errorf("expected %s, got %d %s, %v", want, res.StatusCode, b, err)
					return
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d requests in %s", clients*each, time.Since(began))
	if n := c.Requests(); n != clients*each {
		t.Errorf("expected %d requests, got %d", clients*each, n)
	}
	c.Reach(chain.StageSettled)
	want := fmt.Sprintf(`"used_uopg":%d`, c.Spent())
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(usage(), want); {
		if time.Now().After(deadline) {
			t.Fatalf("expected %s, got %s", want, usage())
		}
	}
}
