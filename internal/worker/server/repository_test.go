package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

func TestLoadRefuses(t *testing.T) {
	h := start(t, &fakeRuntime{load: func(model []byte) error {
		switch string(model) {
		case "invalid":
			return fmt.Errorf("%w: no such operator", backend.ErrModel)
		case "hungry":
			return fmt.Errorf("%w: bad_alloc", backend.ErrMemory)
		case "broken":
			return fmt.Errorf("disk on fire")
		case "panics":
			panic("surprise")
		}
		return nil
	}}, nil)
	named := func(s string) (string, []byte) { return workertest.Name([]byte(s)), []byte(s) }
	for name, c := range map[string]struct {
		model, as string
		code      codes.Code
		outcome   string
		message   string
	}{
		"a name that is no digest":    {"m", "m", codes.InvalidArgument, "", "hexadecimal"},
		"a name in capitals":          {"m", strings.ToUpper(workertest.Name([]byte("m"))), codes.InvalidArgument, "", "hexadecimal"},
		"the name of another model":   {"m", workertest.Name(nil), codes.InvalidArgument, "", "SHA-256"},
		"a file too large":            {strings.Repeat("m", 4001), "", codes.InvalidArgument, "", "at most 4000"},
		"a file beyond the budget":    {strings.Repeat("m", 1001), "", codes.ResourceExhausted, wire.OutcomeTooLarge, "budget"},
		"a model inspection refuses":  {"refused", "", codes.FailedPrecondition, wire.OutcomeModelRefused, "unsupported operator"},
		"a model the runtime refuses": {"invalid", "", codes.FailedPrecondition, wire.OutcomeModelRefused, "no such operator"},
		"a lack of memory":            {"hungry", "", codes.ResourceExhausted, wire.OutcomeTooLarge, "bad_alloc"},
		"a fault of the machine":      {"broken", "", codes.Internal, "", "fire"},
		"a panic":                     {"panics", "", codes.Internal, "", "surprise"},
	} {
		digest, model := named(c.model)
		if c.as != "" {
			digest = c.as
		}
		outcome, err := h.load(t.Context(), digest, model)
		if status.Code(err) != c.code || outcome != c.outcome || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: expected %s, %q and %q, got %q, %v", name, c.code, c.outcome, c.message, outcome, err)
		}
	}
	digest, model := named("fine")
	for name, parameters := range map[string]map[string]*oip.ModelRepositoryParameter{
		"no parameter": nil,
		"text instead of bytes": {
			wire.ModelFile: {ParameterChoice: &oip.ModelRepositoryParameter_StringParam{StringParam: "fine"}},
		},
	} {
		_, err := h.client.RepositoryModelLoad(t.Context(), &oip.RepositoryModelLoadRequest{ModelName: digest, Parameters: parameters})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: expected InvalidArgument, got %v", name, err)
		}
	}
	if _, err := h.load(t.Context(), digest, model); err != nil {
		t.Errorf("the server must survive refusals, got %v", err)
	}
}

func TestLoadOnce(t *testing.T) {
	runtime := &fakeRuntime{}
	h, name := loaded(t, runtime, nil)
	if _, err := h.load(t.Context(), name, []byte("model")); err != nil {
		t.Fatal(err)
	}
	if n := runtime.loads.Load(); n != 1 {
		t.Errorf("expected one load, got %d", n)
	}
}

func TestUnload(t *testing.T) {
	h, name := loaded(t, &fakeRuntime{}, nil)
	if _, err := h.client.RepositoryModelUnload(t.Context(), &oip.RepositoryModelUnloadRequest{ModelName: name}); err != nil {
		t.Fatal(err)
	}
	if models := h.models(t); len(models) != 0 {
		t.Errorf("expected no models, got %v", models)
	}
	if _, _, err := h.infer(t.Context(), name, 1); status.Code(err) != codes.NotFound {
		t.Errorf("expected NotFound, got %v", err)
	}
	if _, err := h.client.RepositoryModelUnload(t.Context(), &oip.RepositoryModelUnloadRequest{ModelName: name}); status.Code(err) != codes.NotFound {
		t.Errorf("again: expected NotFound, got %v", err)
	}
}

func TestLongestUnusedModelMakesRoom(t *testing.T) {
	h := start(t, &fakeRuntime{}, nil) // room for 1000 bytes of files
	a, b, c := bytes.Repeat([]byte("a"), 400), bytes.Repeat([]byte("b"), 400), bytes.Repeat([]byte("c"), 400)
	for _, model := range [][]byte{a, b} {
		if _, err := h.load(t.Context(), workertest.Name(model), model); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := h.infer(t.Context(), workertest.Name(a), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := h.load(t.Context(), workertest.Name(c), c); err != nil {
		t.Fatal(err)
	}
	if got := h.models(t); len(got) != 2 || !got[workertest.Name(a)] || !got[workertest.Name(c)] {
		t.Errorf("expected a and c, got %v", got)
	}
}

// The cache against a list kept in order of use.
func TestCacheAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const budget = 10 * SessionFactor
		runtime := &fakeRuntime{}
		c := newCache(budget)
		type entry struct {
			name string
			size int64
		}
		var list []entry // longest unused first
		find := func(name string) int {
			for i, e := range list {
				if e.name == name {
					return i
				}
			}
			return -1
		}
		remove := func(i int) entry {
			e := list[i]
			list = append(list[:i:i], list[i+1:]...)
			return e
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
			switch rapid.IntRange(0, 2).Draw(t, "action") {
			case 0: // load
				if _, ok := c.touch(name); ok {
					list = append(list, remove(find(name)))
					continue
				}
				size := rapid.Int64Range(0, 12).Draw(t, "size")
				cost, err := c.cost(size)
				if (err != nil) != (size > 10) {
					t.Fatalf("size %d: %v", size, err)
				}
				if err != nil {
					continue
				}
				c.makeRoom(cost)
				session, _ := runtime.Load(nil)
				c.add(&model{name: name, session: session, cost: cost})
				used := size
				for _, e := range list {
					used += e.size
				}
				for used > 10 {
					used -= remove(0).size
				}
				list = append(list, entry{name, size})
			case 1: // use
				_, ok := c.touch(name)
				if i := find(name); ok != (i >= 0) {
					t.Fatalf("touch %s: got %v, list %v", name, ok, list)
				} else if ok {
					list = append(list, remove(i))
				}
			case 2: // unload
				i := find(name)
				if c.drop(name) != (i >= 0) {
					t.Fatalf("drop %s: list %v", name, list)
				}
				if i >= 0 {
					remove(i)
				}
			}
			if len(c.list()) != len(list) || int(runtime.open.Load()) != len(list) {
				t.Fatalf("expected %v, got %d models, %d open", list, len(c.list()), runtime.open.Load())
			}
		}
	})
}
