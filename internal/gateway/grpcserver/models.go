package grpcserver

import (
	"context"

	"github.com/opengradient/opengradient/internal/gateway/service"
	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/tensor"
)

// ServerLive implements oip.GRPCInferenceServiceServer.
func (s *Server) ServerLive(context.Context, *oip.ServerLiveRequest) (*oip.ServerLiveResponse, error) {
	return &oip.ServerLiveResponse{Live: true}, nil
}

// ServerReady implements oip.GRPCInferenceServiceServer.
func (s *Server) ServerReady(ctx context.Context, _ *oip.ServerReadyRequest) (*oip.ServerReadyResponse, error) {
	return &oip.ServerReadyResponse{Ready: s.Ready(ctx) == nil}, nil
}

// ServerMetadata implements oip.GRPCInferenceServiceServer.
func (s *Server) ServerMetadata(context.Context, *oip.ServerMetadataRequest) (*oip.ServerMetadataResponse, error) {
	return &oip.ServerMetadataResponse{Name: service.Name, Version: s.Version, Extensions: service.Extensions}, nil
}

// ModelReady implements oip.GRPCInferenceServiceServer.
func (s *Server) ModelReady(ctx context.Context, r *oip.ModelReadyRequest) (*oip.ModelReadyResponse, error) {
	m, err := s.Model(ctx, r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	return &oip.ModelReadyResponse{Ready: m.Ready()}, nil
}

// ModelMetadata implements oip.GRPCInferenceServiceServer.
func (s *Server) ModelMetadata(ctx context.Context, r *oip.ModelMetadataRequest) (*oip.ModelMetadataResponse, error) {
	m, err := s.Model(ctx, r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	versions, err := s.Versions(ctx, m)
	if err != nil {
		return nil, err
	}
	return &oip.ModelMetadataResponse{
		Name: r.GetName(), Versions: versions, Platform: service.Platform, Inputs: codec.Metadata(m.Inputs), Outputs: codec.Metadata(m.Outputs),
	}, nil
}

// ModelConfig implements oip.GRPCInferenceServiceServer.
func (s *Server) ModelConfig(ctx context.Context, r *oip.ModelConfigRequest) (*oip.ModelConfigResponse, error) {
	m, err := s.Model(ctx, r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	c := &oip.ModelConfig{
		Name: r.GetName(), Platform: service.Platform, Backend: service.Backend, DefaultModelFilename: "model.onnx",
		VersionPolicy: &oip.ModelVersionPolicy{PolicyChoice: &oip.ModelVersionPolicy_Specific_{
			Specific: &oip.ModelVersionPolicy_Specific{Versions: []int64{versionNumber(service.Version(m))}},
		}},
		Parameters: map[string]*oip.ModelParameter{"sha256": {StringValue: m.SHA256}},
	}
	for _, spec := range m.Inputs {
		c.Input = append(c.Input, &oip.ModelInput{Name: spec.Name, DataType: dataType(spec.Datatype), Dims: service.Shape(spec)})
	}
	for _, spec := range m.Outputs {
		c.Output = append(c.Output, &oip.ModelOutput{Name: spec.Name, DataType: dataType(spec.Datatype), Dims: service.Shape(spec)})
	}
	return &oip.ModelConfigResponse{Config: c}, nil
}

func dataType(d tensor.Datatype) oip.DataType {
	return oip.DataType(oip.DataType_value[service.ConfigDatatype(d)])
}

// ModelStatistics implements oip.GRPCInferenceServiceServer.
func (s *Server) ModelStatistics(ctx context.Context, r *oip.ModelStatisticsRequest) (*oip.ModelStatisticsResponse, error) {
	list, err := s.Statistics(ctx, r.GetName(), r.GetVersion())
	if err != nil {
		return nil, err
	}
	response := &oip.ModelStatisticsResponse{}
	for _, m := range list {
		duration := func(d service.Duration) *oip.StatisticDuration {
			return &oip.StatisticDuration{Count: d.Count, Ns: d.NS}
		}
		entry := &oip.ModelStatistics{
			Name: m.Name, Version: m.Version, InferenceCount: m.Success.Count, ExecutionCount: m.Success.Count,
			InferenceStats: &oip.InferStatistics{
				Success: duration(m.Success), Fail: duration(m.Fail), Queue: duration(m.Queue), ComputeInfer: duration(m.Compute),
				ComputeInput: &oip.StatisticDuration{}, ComputeOutput: &oip.StatisticDuration{},
				CacheHit: &oip.StatisticDuration{}, CacheMiss: &oip.StatisticDuration{},
			},
		}
		if !m.Last.IsZero() {
			entry.LastInference = uint64(m.Last.UnixMilli())
		}
		response.ModelStats = append(response.ModelStats, entry)
	}
	return response, nil
}

// RepositoryIndex implements oip.GRPCInferenceServiceServer.
func (s *Server) RepositoryIndex(ctx context.Context, r *oip.RepositoryIndexRequest) (*oip.RepositoryIndexResponse, error) {
	entries, err := s.Index(ctx, r.GetReady())
	if err != nil {
		return nil, err
	}
	response := &oip.RepositoryIndexResponse{}
	for _, e := range entries {
		response.Models = append(response.Models, &oip.RepositoryIndexResponse_ModelIndex{Name: e.Name, Version: e.Version, State: e.State, Reason: e.Reason})
	}
	return response, nil
}

// RepositoryModelLoad implements oip.GRPCInferenceServiceServer.
func (s *Server) RepositoryModelLoad(context.Context, *oip.RepositoryModelLoadRequest) (*oip.RepositoryModelLoadResponse, error) {
	return nil, service.ErrExplicit
}

// RepositoryModelUnload implements oip.GRPCInferenceServiceServer.
func (s *Server) RepositoryModelUnload(context.Context, *oip.RepositoryModelUnloadRequest) (*oip.RepositoryModelUnloadResponse, error) {
	return nil, service.ErrExplicit
}
