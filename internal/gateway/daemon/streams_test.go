package daemon_test

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemontest"
	"github.com/opengradient/opengradient/internal/gateway/gatewaytest"
)

// One connection of HTTP/2 has as many calls at one time as one of gRPC: the first frame of the server says so.
func TestStreamsOfAConnection(t *testing.T) {
	const preface, noSettings = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certificate(t, cert, key)
	g := daemontest.Start(t, gatewaytest.New(), "", func(c *config.Config) { c.TLSCert, c.TLSKey, c.MaxStreams = cert, key, 7 })
	c, err := tls.Dial("tcp", g.REST, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, preface+noSettings); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 9)
	if _, err := io.ReadFull(c, head); err != nil {
		t.Fatal(err)
	}
	settings := make([]byte, int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(c, settings); err != nil || head[3] != 4 {
		t.Fatalf("expected settings, got a frame of type %d, %v", head[3], err)
	}
	for ; len(settings) >= 6; settings = settings[6:] {
		if binary.BigEndian.Uint16(settings) == 3 {
			if most := binary.BigEndian.Uint32(settings[2:]); most != 7 {
				t.Errorf("expected 7 streams, got %d", most)
			}
			return
		}
	}
	t.Error("expected a number of streams, got none")
}
