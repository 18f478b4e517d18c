package model

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/x/models/types"
)

// chunkServer answers queries for the chunks of one file.
type chunkServer struct {
	types.QueryClient
	file  []byte
	asked []uint32
	// fail is the chunk at which the connection breaks, if any.
	fail map[uint32]bool
}

func (s *chunkServer) Chunk(_ context.Context, r *types.QueryChunkRequest, _ ...grpc.CallOption) (*types.QueryChunkResponse, error) {
	s.asked = append(s.asked, r.Index)
	if s.fail[r.Index] {
		return nil, errors.New("connection lost")
	}
	start := int64(r.Index) * modelpush.ChunkSize
	return &types.QueryChunkResponse{Data: s.file[start : start+modelpush.ChunkLength(int64(len(s.file)), r.Index)]}, nil
}

func chunked(size int) (*chunkServer, types.Model) {
	file := make([]byte, size)
	for i := range file {
		file[i] = byte(i>>8) ^ byte(i)
	}
	sum := sha256.Sum256(file)
	return &chunkServer{file: file, fail: map[uint32]bool{}}, types.Model{Name: "net", Version: 1, File: 7, Size_: uint64(size), Sha256: hex.EncodeToString(sum[:])}
}

func TestPullGoesOnWhereItWas(t *testing.T) {
	server, m := chunked(3*modelpush.ChunkSize + 10)
	out := filepath.Join(t.TempDir(), "net.onnx")
	server.fail[2] = true
	require.ErrorContains(t, pullChunks(t.Context(), server, m, out, &progress{}), "chunk 2: connection lost")
	require.NoFileExists(t, out)
	// The process may die in the middle of a chunk as well.
	part, err := os.OpenFile(out+".part", os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = part.WriteString("half a chunk")
	require.NoError(t, err)
	require.NoError(t, part.Close())

	server.fail, server.asked = nil, nil
	require.NoError(t, pullChunks(t.Context(), server, m, out, &progress{}))
	require.Equal(t, []uint32{2, 3}, server.asked)
	got, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, server.file, got)
	require.NoFileExists(t, out+".part")
}

func TestPullDropsAPartOfAnotherFile(t *testing.T) {
	server, m := chunked(2*modelpush.ChunkSize + 10)
	out := filepath.Join(t.TempDir(), "net.onnx")
	require.NoError(t, os.WriteFile(out+".part", make([]byte, 5*modelpush.ChunkSize), 0o600))
	require.NoError(t, pullChunks(t.Context(), server, m, out, &progress{}))
	require.Equal(t, []uint32{2, 0, 1, 2}, server.asked, "the wrong hash shows at the end")
	got, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, server.file, got)
}

func TestPullRefusesWrongBytes(t *testing.T) {
	server, m := chunked(modelpush.ChunkSize + 10)
	server.file[5]++
	out := filepath.Join(t.TempDir(), "net.onnx")
	require.ErrorIs(t, pullChunks(t.Context(), server, m, out, &progress{}), errWrongHash)
	require.NoFileExists(t, out)
	_, err := downloadWhole(t.Context(), server, m)
	require.ErrorContains(t, err, "expected a file with SHA-256 "+m.Sha256)
	server.file = server.file[:modelpush.ChunkSize+5]
	_, err = downloadWhole(t.Context(), server, m)
	require.ErrorContains(t, err, "chunk 1: expected 10 bytes, got 5")
	m.File = 0
	_, err = downloadWhole(t.Context(), server, m)
	require.ErrorContains(t, err, "registered by reference")
}
