package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/service"
	"github.com/opengradient/opengradient/internal/tensor"
)

// maxIndex bounds the body of a call for the index, which needs no key.
const maxIndex = 4096

func itoa(n int) string { return strconv.Itoa(n) }

func (s *Server) server(w http.ResponseWriter, _ *http.Request) error {
	s.writeJSON(w, http.StatusOK, map[string]any{"name": service.Name, "version": s.Version, "extensions": service.Extensions})
	return nil
}

func (s *Server) live(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if err := s.Ready(r.Context()); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Server) modelReady(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Model(r.Context(), r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	if !m.Ready() {
		return service.Errorf(service.Unavailable, "model %s:%d is %s", m.Name, m.Version, m.Status)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// tensorMetadata is one input or output; a dimension that varies is -1.
type tensorMetadata struct {
	Name     string  `json:"name"`
	Datatype string  `json:"datatype"`
	Shape    []int64 `json:"shape"`
}

func describeTensors(specs []tensor.Spec) []tensorMetadata {
	list := make([]tensorMetadata, len(specs))
	for i, spec := range specs {
		list[i] = tensorMetadata{Name: spec.Name, Datatype: spec.Datatype.String(), Shape: service.Shape(spec)}
	}
	return list
}

func (s *Server) metadata(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Model(r.Context(), r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	versions, err := s.Versions(r.Context(), m)
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, map[string]any{
		"name": r.PathValue("model"), "versions": versions, "platform": service.Platform,
		"inputs": describeTensors(m.Inputs), "outputs": describeTensors(m.Outputs),
	})
	return nil
}

func (s *Server) config(w http.ResponseWriter, r *http.Request) error {
	m, err := s.Model(r.Context(), r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, configDocument(r.PathValue("model"), m))
	return nil
}

// configDocument is a model's configuration in Triton's form.
func configDocument(name string, m chain.Model) map[string]any {
	list := func(specs []tensor.Spec, input bool) []map[string]any {
		all := make([]map[string]any, len(specs))
		for i, spec := range specs {
			all[i] = map[string]any{"name": spec.Name, "data_type": service.ConfigDatatype(spec.Datatype), "dims": service.Shape(spec), "is_shape_tensor": false}
			if input {
				all[i]["format"], all[i]["allow_ragged_batch"], all[i]["optional"] = "FORMAT_NONE", false, false
			} else {
				all[i]["label_filename"] = ""
			}
		}
		return all
	}
	return map[string]any{
		"name": name, "platform": service.Platform, "backend": service.Backend,
		"version_policy": map[string]any{"specific": map[string]any{"versions": []uint32{m.Version}}},
		"max_batch_size": 0, "input": list(m.Inputs, true), "output": list(m.Outputs, false),
		"batch_input": []any{}, "batch_output": []any{}, "instance_group": []any{}, "default_model_filename": "model.onnx",
		"parameters": map[string]any{"sha256": map[string]string{"string_value": m.SHA256}},
	}
}

func (s *Server) statistics(w http.ResponseWriter, r *http.Request) error {
	name, version := r.PathValue("model"), r.PathValue("version")
	list, err := s.Statistics(r.Context(), name, version)
	if err != nil {
		return err
	}
	all := make([]map[string]any, len(list))
	for i, m := range list {
		none := service.Duration{}
		last := int64(0)
		if !m.Last.IsZero() {
			last = m.Last.UnixMilli()
		}
		all[i] = map[string]any{
			"name": m.Name, "version": m.Version, "last_inference": last,
			"inference_count": m.Success.Count, "execution_count": m.Success.Count,
			"inference_stats": map[string]service.Duration{
				"success": m.Success, "fail": m.Fail, "queue": m.Queue, "compute_input": none, "compute_infer": m.Compute,
				"compute_output": none, "cache_hit": none, "cache_miss": none,
			},
			"batch_stats": []any{}, "memory_usage": []any{}, "response_stats": map[string]any{},
		}
	}
	s.writeJSON(w, http.StatusOK, map[string]any{"model_stats": all})
	return nil
}

func (s *Server) index(w http.ResponseWriter, r *http.Request) error {
	held := s.Hold()
	defer held.Release()
	body, err := s.readBody(w, r, maxIndex, held)
	if err != nil {
		return err
	}
	var want struct {
		Ready bool `json:"ready"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &want); err != nil {
			return service.Errorf(service.Invalid, `body: expected nothing or {"ready": true}: %s`, err)
		}
	}
	entries, err := s.Index(r.Context(), want.Ready)
	if err != nil {
		return err
	}
	body, err = json.Marshal(entries)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	s.write(w, r, http.StatusOK, "application/json", body)
	return nil
}

func (s *Server) repository(_ http.ResponseWriter, _ *http.Request) error { return service.ErrExplicit }

func (s *Server) usage(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.caller(r)
	if err != nil {
		return err
	}
	u, err := s.Usage(caller)
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, u)
	return nil
}
