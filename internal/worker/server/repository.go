package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// RepositoryModelLoad loads the model whose bytes the request carries in the parameter wire.ModelFile. Loading a model
// that is loaded already only counts as a use.
func (s *Server) RepositoryModelLoad(ctx context.Context, r *oip.RepositoryModelLoadRequest) (*oip.RepositoryModelLoadResponse, error) {
	name := r.GetModelName()
	if !wire.IsSHA256(name) {
		return nil, status.Errorf(codes.InvalidArgument, "expected a model name of 64 lower-case hexadecimal digits, got %.80q", name)
	}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	if _, ok := s.cache.touch(name); ok {
		return &oip.RepositoryModelLoadResponse{}, nil
	}
	content, err := modelFile(r)
	if err != nil {
		return nil, err
	}
	if n := int64(len(content)); n > s.cfg.MaxModelBytes {
		return nil, status.Errorf(codes.InvalidArgument, "expected a model of at most %d bytes, got %d", s.cfg.MaxModelBytes, n)
	}
	if digest := sha256.Sum256(content); hex.EncodeToString(digest[:]) != name {
		return nil, status.Errorf(codes.InvalidArgument, "expected a model with SHA-256 %s, got one with %x", name, digest)
	}
	if err := s.load(name, content); err != nil {
		if errors.Is(err, errBudget) {
			return nil, status.Error(codes.ResourceExhausted, err.Error())
		}
		return nil, loadFailure(ctx, err)
	}
	return &oip.RepositoryModelLoadResponse{}, nil
}

// modelFile finds the model's bytes in the parameters. Others of the extension, such as "config", do not apply.
func modelFile(r *oip.RepositoryModelLoadRequest) ([]byte, error) {
	p, ok := r.GetParameters()[wire.ModelFile]
	if !ok {
		return nil, status.Errorf(codes.InvalidArgument, "expected the model's bytes in parameter %q: this server has no repository of its own", wire.ModelFile)
	}
	content, ok := p.GetParameterChoice().(*oip.ModelRepositoryParameter_BytesParam)
	if !ok {
		return nil, status.Errorf(codes.InvalidArgument, "expected parameter %q to hold bytes", wire.ModelFile)
	}
	return content.BytesParam, nil
}

// load inspects and loads a model under the hard deadline. The turn must be held.
func (s *Server) load(name string, content []byte) error {
	cost, err := s.cache.cost(int64(len(content)))
	if err != nil {
		return err
	}
	defer s.deadline(s.cfg.LoadTimeout, wire.ExitLoadDeadline, "loading model "+name)()
	signature, err := s.cfg.Inspect(content)
	if err != nil {
		return fmt.Errorf("%w: %w", backend.ErrModel, err)
	}
	s.cache.makeRoom(cost)
	session, err := s.cfg.Runtime.Load(content)
	if err != nil {
		return err
	}
	s.cache.add(&model{name: name, session: session, signature: signature, cost: cost})
	return nil
}

// RepositoryModelUnload frees a model. A model that is not loaded is an error with code NotFound.
func (s *Server) RepositoryModelUnload(ctx context.Context, r *oip.RepositoryModelUnloadRequest) (*oip.RepositoryModelUnloadResponse, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	defer s.end()
	if !s.cache.drop(r.GetModelName()) {
		return nil, notLoaded(r.GetModelName())
	}
	return &oip.RepositoryModelUnloadResponse{}, nil
}

// RepositoryIndex lists the loaded models by name. All are ready.
func (s *Server) RepositoryIndex(context.Context, *oip.RepositoryIndexRequest) (*oip.RepositoryIndexResponse, error) {
	r := &oip.RepositoryIndexResponse{}
	for _, m := range s.cache.list() {
		r.Models = append(r.Models, &oip.RepositoryIndexResponse_ModelIndex{Name: m.name, Version: wire.ModelVersion, State: "READY"})
	}
	return r, nil
}

func notLoaded(name string) error {
	return status.Errorf(codes.NotFound, "model %.80q is not loaded", name)
}
