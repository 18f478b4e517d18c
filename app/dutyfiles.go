package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/prometheus/client_golang/prometheus"

	"cosmossdk.io/collections"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"

	"github.com/opengradient/opengradient/app/executor"
	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/modelstore"
	"github.com/opengradient/opengradient/internal/modelstore/peer"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// modelFolder is the folder of model files.
func (d *duty) modelFolder() string { return d.models.Folder(d.home) }

// openStore opens the store of model files.
func (d *duty) openStore() (*modelstore.Store, error) {
	metrics, err := modelstore.NewPrometheusMetrics(prometheus.DefaultRegisterer)
	if err != nil {
		return nil, fmt.Errorf("model files: %w", err)
	}
	return modelstore.Open(d.models, d.home, modelstore.Deps{Logger: d.app.Logger(), Metrics: metrics})
}

// modelFiles is the store as the executor sees it.
type modelFiles struct{ store *modelstore.Store }

// Local implements executor.Files.
func (f modelFiles) Local(id executor.ModelID) (executor.ModelFile, error) {
	file, err := f.store.Local(id)
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Fetch implements executor.Files.
func (f modelFiles) Fetch(ctx context.Context, ref modelref.Reference) (executor.ModelFile, error) {
	return f.store.Fetch(ctx, ref)
}

// nodeModels is what the node tells of its models.
func (d *duty) nodeModels(ctx context.Context) (nodeapi.Models, error) {
	r := d.running.Load()
	if r == nil {
		return nodeapi.Models{}, nodeapi.ErrNoDuty
	}
	document, err := r.executor.Models(ctx)
	if err != nil {
		return nodeapi.Models{}, err
	}
	store, err := d.store()
	if err != nil {
		return nodeapi.Models{}, err
	}
	entries, err := store.Cache().List()
	if err != nil {
		return nodeapi.Models{}, err
	}
	document.Cache = &nodeapi.Cache{Files: []nodeapi.CacheFile{}, MaxBytes: d.models.CacheBytes}
	for _, e := range entries {
		document.Cache.UsedBytes += uint64(e.Size)
		document.Cache.Files = append(document.Cache.Files, nodeapi.CacheFile{
			SHA256: hex.EncodeToString(e.SHA256[:]), SizeBytes: uint64(e.Size), LastUsed: e.LastUsed.UTC(), Complete: e.Complete, InUse: e.InUse,
		})
	}
	return document, nil
}

// chainFiles are the model files that the chain holds, as they are served to other nodes.
type chainFiles struct{ app *App }

// OpenModel implements peer.Files.
func (c chainFiles) OpenModel(sum [32]byte) (peer.File, error) {
	if c.app.LastBlockHeight() == 0 {
		return nil, fs.ErrNotExist
	}
	ctx, err := c.app.CreateQueryContext(0, false)
	if err != nil {
		return nil, err
	}
	model, err := c.app.ModelsKeeper.Models.Get(ctx, sum[:])
	if errors.Is(err, collections.ErrNotFound) || err == nil && !model.HasFile() {
		return nil, fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	file := &chainFile{app: c.app, file: model.File, size: int64(model.Size_)}
	return file, file.read(0) // it may be on its way still, or be dropped
}

// chainFile reads a file chunk by chunk, each from the state after the last block: the content of a file never changes.
type chainFile struct {
	app    *App
	file   uint64
	size   int64
	offset int64
	index  int64
	chunk  []byte
}

// Size implements peer.File.
func (f *chainFile) Size() int64 { return f.size }

// Close implements io.Closer.
func (f *chainFile) Close() error { return nil }

// Seek implements io.Seeker.
func (f *chainFile) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += f.offset
	case io.SeekEnd:
		offset += f.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("expected a place in the file, got %d", offset)
	}
	f.offset = offset
	return offset, nil
}

// Read implements io.Reader.
func (f *chainFile) Read(p []byte) (int, error) {
	if f.offset >= f.size {
		return 0, io.EOF
	}
	if index := f.offset / modelstypes.ChunkBytes; index != f.index || f.chunk == nil {
		if err := f.read(index); err != nil {
			return 0, err
		}
	}
	within := f.offset % modelstypes.ChunkBytes
	if within >= int64(len(f.chunk)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, f.chunk[within:])
	f.offset += int64(n)
	return n, nil
}

// read reads a chunk. The error is fs.ErrNotExist when it is not there.
func (f *chainFile) read(index int64) (err error) {
	defer func() {
		// A version of the state can be pruned while it is read.
		if p := recover(); p != nil {
			err = fmt.Errorf("read chunk %d of file %d: %v", index, f.file, p)
		}
	}()
	ctx, err := f.app.CreateQueryContext(0, false)
	if err != nil {
		return err
	}
	ctx = ctx.WithGasMeter(storetypes.NewInfiniteGasMeter())
	chunk, err := f.app.ModelsKeeper.Chunks.Get(ctx, collections.Join(f.file, uint32(index)))
	if errors.Is(err, collections.ErrNotFound) {
		return fmt.Errorf("chunk %d of file %d: %w", index, f.file, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	f.index, f.chunk = index, chunk
	return nil
}
