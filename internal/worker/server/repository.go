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

// RepositoryModelLoad loads the model whose bytes the request carries in the parameter wire.ModelFile, or whose file in the
// model folder it names in wire.ModelPath. Loading a model that is loaded already only counts as a use.
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
	content, release, err := s.modelFile(r)
	if err != nil {
		return nil, err
	}
	defer release()
	if n := int64(len(content)); n > s.cfg.MaxModelBytes {
		return nil, status.Errorf(codes.InvalidArgument, "expected a model of at most %d bytes, got %d", s.cfg.MaxModelBytes, n)
	}
	if err := s.load(name, content); err != nil {
		if errors.Is(err, errContent) {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
		return nil, loadFailure(ctx, err)
	}
	return &oip.RepositoryModelLoadResponse{}, nil
}

// errContent is a file that is not what its name says.
var errContent = errors.New("the content does not have the SHA-256 of its name")

// modelFile finds the model's bytes: those in the parameters, or those of the file that they name. Other parameters of the
// extension, such as "config", do not apply. The bytes are valid until they are released.
func (s *Server) modelFile(r *oip.RepositoryModelLoadRequest) (content []byte, release func(), err error) {
	if p, ok := r.GetParameters()[wire.ModelPath]; ok {
		path, ok := p.GetParameterChoice().(*oip.ModelRepositoryParameter_StringParam)
		if !ok || s.files == nil {
			return nil, nil, status.Errorf(codes.InvalidArgument, "parameter %q: expected text, and a worker with a model folder", wire.ModelPath)
		}
		if content, release, err = openFile(s.files, path.StringParam, s.cfg.MaxModelBytes); err != nil {
			return nil, nil, status.Error(codes.InvalidArgument, err.Error())
		}
		return content, release, nil
	}
	p, ok := r.GetParameters()[wire.ModelFile]
	if !ok {
		return nil, nil, status.Errorf(codes.InvalidArgument, "expected the model's bytes in parameter %q: this server has no repository of its own", wire.ModelFile)
	}
	sent, ok := p.GetParameterChoice().(*oip.ModelRepositoryParameter_BytesParam)
	if !ok {
		return nil, nil, status.Errorf(codes.InvalidArgument, "expected parameter %q to hold bytes", wire.ModelFile)
	}
	return sent.BytesParam, func() {}, nil
}

// load checks, inspects and loads a model under the hard deadline. The turn must be held.
func (s *Server) load(name string, content []byte) error {
	size := int64(len(content))
	cost, err := s.cache.cost(size)
	if err != nil {
		return err
	}
	defer s.deadline(s.loadTimeout(size), wire.ExitLoadDeadline, "loading model "+name)()
	if digest := sha256.Sum256(content); hex.EncodeToString(digest[:]) != name {
		return fmt.Errorf("%w: expected %s, got %x", errContent, name, digest)
	}
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
