package types_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func status() types.NodeStatus {
	return types.NodeStatus{
		Ready:         true,
		FreeCapacity:  1000,
		QueueDepth:    3,
		WorkerVersion: "opengradient-worker/0.1.0",
		Environment: &types.EnvironmentClass{
			RuntimeVersion: "1.27.0", LibrarySha256: make([]byte, 32), Provider: "cpu", Profile: 1, Isa: "avx512",
		},
	}
}

func TestNodeStatusValidate(t *testing.T) {
	tests := map[string]struct {
		change  func(*types.NodeStatus)
		message string // empty when valid
	}{
		"as a node sends it":                 {func(*types.NodeStatus) {}, ""},
		"not ready, without an environment":  {func(s *types.NodeStatus) { *s = types.NodeStatus{} }, ""},
		"not ready, with an environment":     {func(s *types.NodeStatus) { s.Ready = false }, ""},
		"ready, without an environment":      {func(s *types.NodeStatus) { s.Environment = nil }, "environment"},
		"the largest free capacity":          {func(s *types.NodeStatus) { s.FreeCapacity = types.MaxCapacity }, ""},
		"too much free capacity":             {func(s *types.NodeStatus) { s.FreeCapacity = types.MaxCapacity + 1 }, "free_capacity"},
		"any queue depth":                    {func(s *types.NodeStatus) { s.QueueDepth = math.MaxUint32 }, ""},
		"the longest worker version":         {func(s *types.NodeStatus) { s.WorkerVersion = strings.Repeat("v", 64) }, ""},
		"a long worker version":              {func(s *types.NodeStatus) { s.WorkerVersion = strings.Repeat("v", 65) }, "expected 0 to 64 bytes, got 65"},
		"a worker version with a space":      {func(s *types.NodeStatus) { s.WorkerVersion = "0.1 beta" }, "got byte 0x20 at 3"},
		"a worker version with a new line":   {func(s *types.NodeStatus) { s.WorkerVersion = "0.1\n" }, "printable ASCII"},
		"a worker version that is not ASCII": {func(s *types.NodeStatus) { s.WorkerVersion = "é" }, "printable ASCII"},
		"no runtime version":                 {func(s *types.NodeStatus) { s.Environment.RuntimeVersion = "" }, "runtime_version"},
		"a long runtime version":             {func(s *types.NodeStatus) { s.Environment.RuntimeVersion = strings.Repeat("1", 33) }, "runtime_version"},
		"a short library hash":               {func(s *types.NodeStatus) { s.Environment.LibrarySha256 = make([]byte, 31) }, "expected 32 bytes, got 31"},
		"no library hash":                    {func(s *types.NodeStatus) { s.Environment.LibrarySha256 = nil }, "library_sha256"},
		"no provider":                        {func(s *types.NodeStatus) { s.Environment.Provider = "" }, "provider"},
		"a long provider":                    {func(s *types.NodeStatus) { s.Environment.Provider = strings.Repeat("p", 33) }, "provider"},
		"no profile":                         {func(s *types.NodeStatus) { s.Environment.Profile = 0 }, "profile"},
		"a profile out of bounds":            {func(s *types.NodeStatus) { s.Environment.Profile = math.MaxUint32 }, "profile"},
		"no instruction set":                 {func(s *types.NodeStatus) { s.Environment.Isa = "" }, "isa"},
		"an unknown instruction set":         {func(s *types.NodeStatus) { s.Environment.Isa = "AVX2" }, "isa"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := status()
			tt.change(&s)
			err := s.Validate()
			if tt.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, types.ErrInvalidStatus)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

func TestEveryISAClassIsTaken(t *testing.T) {
	classes := types.ISAClasses()
	require.ElementsMatch(t, []string{"sse", "avx", "avx2", "avx512", "vnni", "arm64", "other"}, classes)
	for _, class := range classes {
		s := status()
		s.Environment.Isa = class
		require.NoError(t, s.Validate())
	}
	classes[0] = "changed"
	require.NotContains(t, types.ISAClasses(), "changed")
}

// TestIdentityTellsClassesApart: moving bytes from a field to its neighbour is another class.
func TestIdentityTellsClassesApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) types.EnvironmentClass {
			return types.EnvironmentClass{
				RuntimeVersion: rapid.StringMatching("[12]{0,2}").Draw(t, label+" runtime"),
				LibrarySha256:  []byte(rapid.StringMatching("[12]{0,2}").Draw(t, label+" library")),
				Provider:       rapid.StringMatching("[12]{0,2}").Draw(t, label+" provider"),
				Profile:        rapid.Uint32Range(0, 2).Draw(t, label+" profile"),
				Isa:            rapid.StringMatching("[12]{0,2}").Draw(t, label+" isa"),
			}
		}
		a, b := draw("a"), draw("b")
		require.Equal(t, a.String() == b.String(), string(a.Identity()) == string(b.Identity()))
	})
}

func TestValidateAdvertised(t *testing.T) {
	classes := []types.TaskClass{types.TASK_CLASS_CLASSIFICATION, types.TASK_CLASS_OTHER}
	tests := map[string]struct {
		capacity, memory uint64
		classes          []types.TaskClass
		message          string // empty when valid
	}{
		"the least":            {1, types.MinMemoryBytes, classes[:1], ""},
		"the most":             {types.MaxCapacity, types.MaxMemoryBytes, classes, ""},
		"no capacity":          {0, types.MinMemoryBytes, classes, "capacity"},
		"too much capacity":    {types.MaxCapacity + 1, types.MinMemoryBytes, classes, "capacity"},
		"too little memory":    {1, types.MinMemoryBytes - 1, classes, "expected 67108864 to"},
		"too much memory":      {1, math.MaxUint64, classes, "memory"},
		"no classes":           {1, types.MinMemoryBytes, nil, "at least one"},
		"an unset class":       {1, types.MinMemoryBytes, []types.TaskClass{types.TASK_CLASS_UNSPECIFIED}, "known class at position 0"},
		"an unknown class":     {1, types.MinMemoryBytes, []types.TaskClass{types.TASK_CLASS_OTHER, 8}, "known class at position 1"},
		"a negative class":     {1, types.MinMemoryBytes, []types.TaskClass{-1}, "known class"},
		"a class twice":        {1, types.MinMemoryBytes, []types.TaskClass{2, 2}, "ascending"},
		"descending classes":   {1, types.MinMemoryBytes, []types.TaskClass{2, 1}, "ascending"},
		"every class there is": {1, types.MinMemoryBytes, []types.TaskClass{1, 2, 3, 4, 5, 6, 7}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			msg := &types.MsgRegisterNode{Capacity: tt.capacity, MemoryBytes: tt.memory, TaskClasses: tt.classes}
			err := msg.Validate()
			if tt.message == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, types.ErrInvalidNode)
			require.ErrorContains(t, err, tt.message)
		})
	}
}

func TestEveryEligibilityHasAReason(t *testing.T) {
	for e := types.EligibilityNotRegistered; e <= types.EligibilityConductJailed; e++ {
		require.Equal(t, e == types.EligibilityEligible, e.Reason() == "", "eligibility %d", e)
	}
}

func FuzzNodeStatus(f *testing.F) {
	valid := status()
	seed, err := valid.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{})
	f.Add([]byte{0x22, 0x00})
	f.Fuzz(func(t *testing.T, data []byte) {
		var s types.NodeStatus
		if s.Unmarshal(data) != nil || s.Validate() != nil {
			return
		}
		// What is taken into state is small, whatever was sent.
		if size := s.Size(); size > 256 {
			t.Fatalf("expected a valid status of at most 256 bytes, got %d", size)
		}
	})
}
