package server

import (
	"context"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/worker/wire"
)

// platform is how the protocol names ONNX models run by ONNX Runtime.
const platform = "onnxruntime_onnx"

// ServerLive answers true.
func (s *Server) ServerLive(context.Context, *oip.ServerLiveRequest) (*oip.ServerLiveResponse, error) {
	return &oip.ServerLiveResponse{Live: true}, nil
}

// ServerReady answers true, also while the runtime works: it does not wait for the turn.
func (s *Server) ServerReady(context.Context, *oip.ServerReadyRequest) (*oip.ServerReadyResponse, error) {
	return &oip.ServerReadyResponse{Ready: true}, nil
}

// ServerMetadata gives name, version, the protocol's extensions and, among them, the environment class.
func (s *Server) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	return &oip.ServerMetadataResponse{
		Name:    wire.Name,
		Version: s.cfg.Version,
		Extensions: append([]string{
			"model_repository", "statistics",
		}, s.cfg.Environment.Extensions()...),
	}, nil
}

// ModelReady tells whether a model is loaded. It does not count as a use.
func (s *Server) ModelReady(_ context.Context, r *oip.ModelReadyRequest) (*oip.ModelReadyResponse, error) {
	_, ok := s.cache.get(r.GetName())
	return &oip.ModelReadyResponse{Ready: ok && checkVersion(r.GetName(), r.GetVersion()) == nil}, nil
}

// ModelMetadata gives the signature of a loaded model.
func (s *Server) ModelMetadata(_ context.Context, r *oip.ModelMetadataRequest) (*oip.ModelMetadataResponse, error) {
	if err := checkVersion(r.GetName(), r.GetVersion()); err != nil {
		return nil, err
	}
	m, ok := s.cache.get(r.GetName())
	if !ok {
		return nil, notLoaded(r.GetName())
	}
	return &oip.ModelMetadataResponse{
		Name:     m.name,
		Versions: []string{wire.ModelVersion},
		Platform: platform,
		Inputs:   codec.Metadata(m.signature.Inputs),
		Outputs:  codec.Metadata(m.signature.Outputs),
	}, nil
}
