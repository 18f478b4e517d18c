package modelstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	modelpack "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/modelstore/guard"
	"github.com/opengradient/opengradient/testutil/fakenet"
)

// fakeRegistry has one repository, org/m, with manifests and blobs.
type fakeRegistry struct {
	manifests map[string][]byte
	blobs     http.Handler
	// challenge asks for a token when it is not empty.
	challenge string
}

func (g *fakeRegistry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		fmt.Fprint(w, `{"token":"for-anybody"}`)
		return
	}
	if g.challenge != "" && r.Header.Get("Authorization") != "Bearer for-anybody" {
		w.Header().Set("WWW-Authenticate", g.challenge)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if reference, found := strings.CutPrefix(r.URL.Path, "/v2/org/m/manifests/"); found {
		text, found := g.manifests[reference]
		if !found {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", ocispec.MediaTypeImageManifest)
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.Header().Set("Docker-Content-Digest", reference) // true or not
		_, _ = w.Write(text)
		return
	}
	g.blobs.ServeHTTP(w, r)
}

func layer(data []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: modelpack.MediaTypeModelWeightRaw, Digest: digest.FromBytes(data), Size: int64(len(data))}
}

// artifact is the manifest of a model artifact, and its source.
func artifact(t *testing.T, change func(*ocispec.Manifest), layers ...ocispec.Descriptor) (*fakeRegistry, string) {
	t.Helper()
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: modelpack.ArtifactTypeModelManifest,
		Config:       ocispec.Descriptor{MediaType: modelpack.MediaTypeModelConfig, Digest: digest.FromString("{}"), Size: 2},
		Layers:       layers,
	}
	if change != nil {
		change(&manifest)
	}
	text, err := json.Marshal(manifest)
	require.NoError(t, err)
	sum := digest.FromBytes(text).String()
	return &fakeRegistry{manifests: map[string][]byte{sum: text}}, "oci://a.example/org/m@" + sum
}

func TestAModelArtifactIsFetched(t *testing.T) {
	data, ref := model(300_000)
	for _, c := range []struct{ reason, challenge string }{
		{"from a registry that lets anybody in", ""},
		{"from one that gives a token to anybody", `Bearer realm="https://a.example/token",service="a.example",scope="repository:org/m:pull"`},
	} {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			card := ocispec.Descriptor{MediaType: modelpack.MediaTypeModelDocRaw, Digest: digest.FromString("card"), Size: 4}
			g, source := artifact(t, nil, card, layer(data))
			g.challenge = c.challenge
			blobs := &host{data: data}
			cdn := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "" {
					t.Error("the token was given away")
				}
				blobs.ServeHTTP(w, r)
			})
			network.Serve("b.example", outsideB, cdn)
			g.blobs = http.RedirectHandler("https://b.example/blob", http.StatusTemporaryRedirect)
			network.Serve("a.example", outsideA, g)
			store, seen := node(t, testConfig(), t.TempDir(), network)
			ref.Sources = []string{source}
			require.Equal(t, data, fetched(t, store, ref))
			require.Equal(t, len(data), seen.received(KindChain))
		})
	}
}

func TestAnArtifactIsResumed(t *testing.T) {
	data, ref := model(300_000)
	network := fakenet.New(t)
	g, source := artifact(t, nil, layer(data))
	times := atomic.Int32{}
	g.blobs = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Accept-Ranges", "bytes")
		if times.Add(1) > 1 {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:100_000])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	network.Serve("a.example", outsideA, g)
	store, seen := node(t, testConfig(), t.TempDir(), network)
	ref.Sources = []string{source}
	require.Equal(t, data, fetched(t, store, ref))
	require.Equal(t, len(data), seen.received(KindChain), "nothing is read twice")
	require.Equal(t, map[Event]int{EventFetched: 1, EventResumed: 1}, seen.seen())
}

func TestArtifactsThatAreWrong(t *testing.T) {
	data, ref := model(1000)
	other := layer([]byte("other"))
	archive := layer(data)
	archive.MediaType = modelpack.MediaTypeModelWeight
	short := layer(data)
	short.Size--
	for _, c := range []struct {
		reason string
		change func(*ocispec.Manifest)
		layers []ocispec.Descriptor
		blob   []byte
		says   string
	}{
		{"no layers", nil, nil, data, "none of 0 layers"},
		{"layers of something else", nil, []ocispec.Descriptor{other}, data, "none of 1 layers"},
		{"an archive", nil, []ocispec.Descriptor{archive}, data, "expected the media type"},
		{"another size", nil, []ocispec.Descriptor{short}, data, "1000 bytes"},
		{"another artifact", func(m *ocispec.Manifest) { m.ArtifactType = "application/vnd.example" }, []ocispec.Descriptor{layer(data)}, data, "artifact type"},
		{"an index", func(m *ocispec.Manifest) { m.MediaType = ocispec.MediaTypeImageIndex }, []ocispec.Descriptor{layer(data)}, data, "media type"},
		{"another configuration", func(m *ocispec.Manifest) { m.Config.MediaType = "x" }, []ocispec.Descriptor{layer(data)}, data, "configuration"},
		{"other bytes", nil, []ocispec.Descriptor{layer(data)}, bytes.Repeat([]byte{1}, 1000), "wrong SHA-256"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			g, source := artifact(t, c.change, c.layers...)
			g.blobs = &host{data: c.blob}
			network.Serve("a.example", outsideA, g)
			store, _ := node(t, testConfig(), t.TempDir(), network)
			ref.Sources = []string{source}
			err := failed(t, store, ref)
			require.ErrorIs(t, err, errWrong)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestRegistriesThatAreWrong(t *testing.T) {
	data, ref := model(1000)
	for _, c := range []struct {
		reason string
		change func(g *fakeRegistry, sum string)
		err    error
	}{
		{"another manifest under the digest", func(g *fakeRegistry, sum string) { g.manifests[sum][0] = ' ' }, errWrong},
		{"an endless manifest", func(g *fakeRegistry, sum string) { g.manifests[sum] = make([]byte, maxManifestBytes+1) }, errWrong},
		{"no manifest", func(g *fakeRegistry, sum string) { delete(g.manifests, sum) }, errAbsent},
		{"no blob", func(g *fakeRegistry, _ string) { g.blobs = http.NotFoundHandler() }, errAbsent},
		{"too many requests", func(g *fakeRegistry, _ string) {
			g.blobs = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
		}, errBusy},
		{"a blob that leads inside", func(g *fakeRegistry, _ string) {
			g.blobs = http.RedirectHandler("https://inside.example/blob", http.StatusTemporaryRedirect)
		}, guard.ErrForbidden},
		{"a token that leads inside", func(g *fakeRegistry, _ string) { g.challenge = `Bearer realm="https://inside.example/token"` }, guard.ErrForbidden},
		{"a blob by http", func(g *fakeRegistry, _ string) {
			g.blobs = http.RedirectHandler("http://a.example/blob", http.StatusTemporaryRedirect)
		}, guard.ErrForbidden},
	} {
		t.Run(c.reason, func(t *testing.T) {
			network := fakenet.New(t)
			reached := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") })
			network.Serve("inside.example", "10.0.0.1", reached)
			g, source := artifact(t, nil, layer(data))
			g.blobs = &host{data: data}
			_, sum, _ := strings.Cut(source, "@")
			c.change(g, sum)
			network.Serve("a.example", outsideA, g)
			store, _ := node(t, testConfig(), t.TempDir(), network)
			ref.Sources = []string{source}
			require.ErrorIs(t, failed(t, store, ref), c.err)
		})
	}
}

func FuzzLayerOf(f *testing.F) {
	data, ref := model(100)
	w := want{sum: ref.SHA256, size: 100}
	for _, change := range []func(*ocispec.Manifest){nil, func(m *ocispec.Manifest) { m.MediaType = "" }, func(m *ocispec.Manifest) { m.Layers = nil }} {
		manifest := ocispec.Manifest{
			MediaType: ocispec.MediaTypeImageManifest, ArtifactType: modelpack.ArtifactTypeModelManifest,
			Config: ocispec.Descriptor{MediaType: modelpack.MediaTypeModelConfig}, Layers: []ocispec.Descriptor{layer(data)},
		}
		if change != nil {
			change(&manifest)
		}
		text, err := json.Marshal(manifest)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte(`{"layers":[null]}`))
	sum := sha256.Sum256(data)
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := layerOf(text, w)
		if err == nil && (found.Size != 100 || found.Digest.Encoded() != hex.EncodeToString(sum[:]) || len(found.URLs) != 0) {
			t.Fatalf("another layer: %+v", found)
		}
	})
}
