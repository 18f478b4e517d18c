package keeper_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

// checkState checks what holds between all blocks: counters, indexes, deposits, deadlines and chunks belong together.
func checkState(f *fixture) {
	f.Helper()
	require.NoError(f, f.k.CheckEscrow(f.ctx))
	files, bytes := uploadedFiles(f)
	admitting := uint64(0)
	err := f.k.Models.Walk(f.ctx, nil, func(id []byte, m types.Model) (bool, error) {
		checkModel(f, id, m)
		if m.Status == types.MODEL_STATUS_ADMITTING {
			admitting++
		}
		if m.HasFile() {
			files[m.File] = true
			bytes += m.Size_
		}
		return false, nil
	})
	require.NoError(f, err)
	open, err := f.k.OpenAdmissions.Get(f.ctx)
	if admitting > 0 || err == nil {
		require.Equal(f, admitting, open)
	}
	checkIndexes(f, admitting)
	// Every chunk belongs to a file, an upload, or a file that is dropped, whose bytes count until it is gone.
	err = f.k.Chunks.Walk(f.ctx, nil, func(key collections.Pair[uint64, uint32], chunk []byte) (bool, error) {
		if files[key.K1()] {
			return false, nil
		}
		dropped, err := f.k.DroppedFiles.Has(f.ctx, key.K1())
		require.True(f, dropped, "chunk %d of file %d belongs to nobody", key.K2(), key.K1())
		bytes += uint64(len(chunk))
		return false, err
	})
	require.NoError(f, err)
	require.Equal(f, bytes, f.stored())
}

func uploadedFiles(f *fixture) (files map[uint64]bool, bytes uint64) {
	f.Helper()
	files = make(map[uint64]bool)
	count := uint64(0)
	err := f.k.Uploads.Walk(f.ctx, nil, func(id uint64, u types.Upload) (bool, error) {
		count++
		files[id] = true
		bytes += u.Size_
		owner := sdk.MustAccAddressFromBech32(u.Owner)
		for name, has := range map[string]func() (bool, error){
			"owner":  func() (bool, error) { return f.k.UploadsByOwner.Has(f.ctx, collections.Join([]byte(owner), id)) },
			"expiry": func() (bool, error) { return f.k.UploadExpiries.Has(f.ctx, collections.Join(u.Expires, id)) },
		} {
			found, err := has()
			require.NoError(f, err)
			require.True(f, found, "%s of upload %d", name, id)
		}
		received, err := f.k.Received.Get(f.ctx, id)
		require.NoError(f, err)
		require.Less(f, int(types.Received(received).Count()), len(u.ChunkHashes), "an upload that is whole is a model")
		return false, nil
	})
	require.NoError(f, err)
	if open, err := f.k.OpenUploads.Get(f.ctx); count > 0 || err == nil {
		require.Equal(f, count, open)
	}
	return files, bytes
}

func checkModel(f *fixture, id []byte, m types.Model) {
	f.Helper()
	owner, err := f.k.Owner(f.ctx, m)
	require.NoError(f, err)
	entries := map[string]func() (bool, error){
		"status": func() (bool, error) { return f.k.ModelsByStatus.Has(f.ctx, collections.Join(uint64(m.Status), id)) },
		"owner":  func() (bool, error) { return f.k.ModelsByOwner.Has(f.ctx, collections.Join([]byte(owner), id)) },
		"task":   func() (bool, error) { return f.k.ModelsByTask.Has(f.ctx, collections.Join(uint64(m.TaskClass), id)) },
		"golden": func() (bool, error) { return f.k.Goldens.Has(f.ctx, id) },
		"version": func() (bool, error) {
			found, err := f.k.Versions.Get(f.ctx, collections.Join(m.Name, m.Version))
			return string(found) == string(id), err
		},
	}
	switch {
	case m.Status == types.MODEL_STATUS_ADMITTING:
		require.Greater(f, m.Deadline, f.ctx.BlockHeight()-1, "an admission ends at its deadline")
		entries["deadline"] = func() (bool, error) { return f.k.AdmissionDeadlines.Has(f.ctx, collections.Join(m.Deadline, id)) }
	case m.Status == types.MODEL_STATUS_INSPECTING:
		entries["inspection"] = func() (bool, error) { return f.k.Inspections.Has(f.ctx, m.File) }
	case m.Status.Admitted():
		entries["certificate"] = func() (bool, error) { return f.k.Certificates.Has(f.ctx, id) }
	}
	for name, has := range entries {
		found, err := has()
		require.NoError(f, err, name)
		require.True(f, found, "%s of %s:%d, %s", name, m.Name, m.Version, m.Status)
	}
}

// checkIndexes checks that no index has more entries than there are models.
func checkIndexes(f *fixture, admitting uint64) {
	f.Helper()
	models := f.allModels()
	counts := map[string]int{}
	for _, walk := range []func() error{
		func() error {
			return f.k.ModelsByStatus.Walk(f.ctx, nil, func(collections.Pair[uint64, []byte]) (bool, error) { counts["status"]++; return false, nil })
		},
		func() error {
			return f.k.ModelsByOwner.Walk(f.ctx, nil, func(collections.Pair[[]byte, []byte]) (bool, error) { counts["owner"]++; return false, nil })
		},
		func() error {
			return f.k.ModelsByTask.Walk(f.ctx, nil, func(collections.Pair[uint64, []byte]) (bool, error) { counts["task"]++; return false, nil })
		},
		func() error {
			return f.k.Versions.Walk(f.ctx, nil, func(collections.Pair[string, uint32], []byte) (bool, error) { counts["version"]++; return false, nil })
		},
		func() error {
			return f.k.Goldens.Walk(f.ctx, nil, func([]byte, types.Golden) (bool, error) { counts["golden"]++; return false, nil })
		},
	} {
		require.NoError(f, walk())
	}
	for name, n := range counts {
		require.Equal(f, len(models), n, name)
	}
	deadlines := uint64(0)
	require.NoError(f, f.k.AdmissionDeadlines.Walk(f.ctx, nil, func(collections.Pair[int64, []byte]) (bool, error) { deadlines++; return false, nil }))
	require.Equal(f, admitting, deadlines)
	require.NoError(f, f.k.Proofs.Walk(f.ctx, nil, func(key collections.Triple[[]byte, []byte, uint32], _ types.NodeProof) (bool, error) {
		if _, known := models[string(key.K1())]; !known {
			return true, fmt.Errorf("proof of an unknown model %x", key.K1())
		}
		return false, nil
	}))
	require.NoError(f, f.k.Tags.Walk(f.ctx, nil, func(key collections.Pair[string, string], version uint32) (bool, error) {
		known, err := f.k.Versions.Has(f.ctx, collections.Join(key.K1(), version))
		require.True(f, known, "tag %s:%s", key.K1(), key.K2())
		return false, err
	}))
}

func (f *fixture) allModels() map[string]types.Model {
	f.Helper()
	models := map[string]types.Model{}
	require.NoError(f, f.k.Models.Walk(f.ctx, nil, func(id []byte, m types.Model) (bool, error) {
		models[string(id)] = m
		return false, nil
	}))
	return models
}

func statusKey(s types.ModelStatus, id []byte) collections.Pair[uint64, []byte] {
	return collections.Join(uint64(s), id)
}
