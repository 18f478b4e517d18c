package modelstore

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	modelpack "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/opengradient/opengradient/internal/modelref"
)

const maxManifestBytes = 1 << 20

// ociOpener reads the layer of a model artifact that is the file: its digest is the file's hash. Layers that are archives
// are not unpacked. A registry may ask for a token and give one to anybody; there are no credentials.
func ociOpener(client *http.Client, source modelref.Source) opener {
	return func(ctx context.Context, w want) (stream, error) {
		repository := &remote.Repository{
			Client:           &auth.Client{Client: client, Cache: auth.NewCache()},
			Reference:        registry.Reference{Registry: source.Authority(), Repository: source.Repository},
			MaxMetadataBytes: maxManifestBytes,
		}
		layer, err := findLayer(ctx, repository, digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(source.Manifest[:])), w)
		if err != nil {
			return stream{}, registryError(err)
		}
		body, err := repository.Blobs().Fetch(ctx, layer)
		if err != nil {
			return stream{}, registryError(err)
		}
		s := stream{body: body, etag: `"` + layer.Digest.String() + `"`}
		if seeker, ok := body.(io.Seeker); ok && w.offset > 0 {
			if s.offset, err = seeker.Seek(w.offset, io.SeekStart); err != nil {
				return stream{}, registryError(errors.Join(err, body.Close()))
			}
		}
		return s, nil
	}
}

func findLayer(ctx context.Context, repository *remote.Repository, manifestDigest digest.Digest, w want) (ocispec.Descriptor, error) {
	descriptor, body, err := repository.Manifests().FetchReference(ctx, manifestDigest.String())
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	defer body.Close()
	if descriptor.Size < 0 || descriptor.Size > maxManifestBytes {
		return ocispec.Descriptor{}, fmt.Errorf("%w: expected a manifest of up to %d bytes, got %d", errWrong, maxManifestBytes, descriptor.Size)
	}
	// The digest is that of the source, whatever the registry says.
	descriptor.Digest = manifestDigest
	text, err := content.ReadAll(body, descriptor)
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("manifest: %w", err)
	}
	return layerOf(text, w)
}

// layerOf finds the file among the layers of a model artifact.
func layerOf(text []byte, w want) (ocispec.Descriptor, error) {
	var manifest ocispec.Manifest
	if err := json.Unmarshal(text, &manifest); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("%w: manifest: %w", errWrong, err)
	}
	for _, c := range []struct{ what, expected, got string }{
		{"media type", ocispec.MediaTypeImageManifest, manifest.MediaType},
		{"artifact type", modelpack.ArtifactTypeModelManifest, manifest.ArtifactType},
		{"configuration", modelpack.MediaTypeModelConfig, manifest.Config.MediaType},
	} {
		if c.got != c.expected {
			return ocispec.Descriptor{}, fmt.Errorf("%w: manifest: expected the %s %s, got %.80q", errWrong, c.what, c.expected, c.got)
		}
	}
	sum := digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(w.sum[:]))
	for _, layer := range manifest.Layers {
		if layer.Digest != sum {
			continue
		}
		if layer.MediaType != modelpack.MediaTypeModelWeightRaw || layer.Size != w.size {
			return ocispec.Descriptor{}, fmt.Errorf("%w: layer %s: expected the media type %s and %d bytes, got %.80q and %d",
				errWrong, sum, modelpack.MediaTypeModelWeightRaw, w.size, layer.MediaType, layer.Size)
		}
		// No URLs: the bytes are read from this registry.
		return ocispec.Descriptor{MediaType: layer.MediaType, Digest: layer.Digest, Size: layer.Size}, nil
	}
	return ocispec.Descriptor{}, fmt.Errorf("%w: none of %d layers has the digest %s", errWrong, len(manifest.Layers), sum)
}

// registryError says what an error of the registry client means.
func registryError(err error) error {
	var response *errcode.ErrorResponse
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%w: %w", errAbsent, err)
	case errors.As(err, &response) && (response.StatusCode == http.StatusServiceUnavailable || response.StatusCode == http.StatusTooManyRequests):
		return fmt.Errorf("%w: %w", errBusy, err)
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData), errors.Is(err, errdef.ErrSizeExceedsLimit):
		return fmt.Errorf("%w: %w", errWrong, err)
	default:
		return err
	}
}
