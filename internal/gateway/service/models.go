package service

import (
	"context"
	"sort"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
	"github.com/opengradient/opengradient/internal/tensor"
)

// Platform and Backend are what Triton calls a model in this format.
const (
	Platform = "onnxruntime_onnx"
	Backend  = "onnxruntime"
)

// ErrExplicit refuses to load and to unload models, as Triton does without explicit control.
var ErrExplicit = Errorf(Unavailable, "explicit model load / unload is not allowed: the chain decides which models can be run")

// Shape is the shape of a signature's tensor; a dimension that varies is -1.
func Shape(spec tensor.Spec) []int64 {
	shape := make([]int64, len(spec.Dims))
	for i, d := range spec.Dims {
		shape[i] = d.Size
		if d.Symbol != "" {
			shape[i] = -1
		}
	}
	return shape
}

// ConfigDatatype is the name of a datatype in Triton's model configuration.
func ConfigDatatype(d tensor.Datatype) string {
	if d == tensor.Bytes {
		return "TYPE_STRING"
	}
	return "TYPE_" + d.String()
}

// Versions lists the versions of a model's name that take requests, ascending. A model that takes none is listed itself.
func (s *Service) Versions(ctx context.Context, m chain.Model) ([]string, error) {
	all, err := s.Chain.Models(ctx, m.Name)
	if err != nil {
		s.Log.Warn("models not read", "error", err)
		return nil, Errorf(Unavailable, "%s", jobs.ErrChain)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Version < all[j].Version })
	var versions []string
	for _, v := range all {
		if v.Ready() {
			versions = append(versions, Version(v))
		}
	}
	if len(versions) == 0 {
		versions = []string{Version(m)}
	}
	return versions, nil
}

// IndexEntry is one model of the repository index.
type IndexEntry struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

// Index lists the versions of all models by name and version.
func (s *Service) Index(ctx context.Context, onlyReady bool) ([]IndexEntry, error) {
	all, err := s.Chain.Models(ctx, "")
	if err != nil {
		s.Log.Warn("models not read", "error", err)
		return nil, Errorf(Unavailable, "%s", jobs.ErrChain)
	}
	sort.Slice(all, func(i, j int) bool {
		if all[i].Name != all[j].Name {
			return all[i].Name < all[j].Name
		}
		return all[i].Version < all[j].Version
	})
	entries := make([]IndexEntry, 0, len(all))
	for _, m := range all {
		e := IndexEntry{Name: m.Name, Version: Version(m), State: "READY"}
		if !m.Ready() {
			e.State, e.Reason = "UNAVAILABLE", m.Status
			if m.Reason != "" {
				e.Reason += ": " + m.Reason
			}
		}
		if e.State == "READY" || !onlyReady {
			entries = append(entries, e)
		}
	}
	return entries, nil
}

// Statistics gives what was counted for a model, or for all when name is empty. A model without requests counts zero.
func (s *Service) Statistics(ctx context.Context, name, version string) ([]ModelStats, error) {
	if name == "" {
		return s.Stats.Models("", ""), nil
	}
	m, err := s.Model(ctx, name, version)
	if err != nil {
		return nil, err
	}
	if version != "" || name != m.Name {
		version = Version(m)
	}
	list := s.Stats.Models(m.Name, version)
	if len(list) == 0 {
		list = []ModelStats{{Name: m.Name, Version: Version(m)}}
	}
	return list, nil
}

// Usage is what an API key may spend and has spent.
type Usage struct {
	Key  string        `json:"key"`
	Name string        `json:"name"`
	Per  ledger.Period `json:"per"`
	// Quota, Used and Left are those of the period, in uopg. Used counts what is reserved.
	Quota uint64 `json:"quota_uopg"`
	Used  uint64 `json:"used_uopg"`
	Left  uint64 `json:"left_uopg"`
	jobs.Usage
}

// Usage tells a caller what it has used.
func (s *Service) Usage(caller *keys.Caller) (Usage, error) {
	u, err := s.Engine.Usage(caller.ID)
	if err != nil {
		return Usage{}, s.tell("usage not read", err)
	}
	used := u.Total.Used()
	if caller.Per == ledger.PerDay {
		used = u.Today.Used()
	}
	return Usage{
		Key: caller.ID, Name: caller.Name, Per: caller.Per, Quota: caller.Quota, Used: used, Left: caller.Quota - min(used, caller.Quota), Usage: u,
	}, nil
}
