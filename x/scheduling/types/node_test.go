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

// models are sums that begin with these bytes.
func models(first ...byte) [][]byte {
	sums := make([][]byte, len(first))
	for i, b := range first {
		sums[i] = append([]byte{b}, make([]byte, 31)...)
	}
	return sums
}

// manyModels are so many sums, ascending.
func manyModels(from byte, count int) [][]byte {
	var first []byte
	for i := range count {
		first = append(first, from+byte(i))
	}
	return models(first...)
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
		"with a class that it prepares":      {func(s *types.NodeStatus) { s.NextEnvironment = s.Environment }, ""},
		"a next class of no instruction set": {func(s *types.NodeStatus) { s.NextEnvironment = &types.EnvironmentClass{RuntimeVersion: "2"} }, "next_environment"},
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
		"models that are ready and dropped":  {func(s *types.NodeStatus) { s.ModelsReady, s.ModelsDropped = models(1, 4), models(2, 3) }, ""},
		"as many models as a status may name": {func(s *types.NodeStatus) {
			s.ModelsReady, s.ModelsDropped = manyModels(0, types.MaxModelDeltas), manyModels(100, types.MaxModelDeltas)
		}, ""},
		"too many models":             {func(s *types.NodeStatus) { s.ModelsReady = manyModels(0, 33) }, "models_ready: expected at most 32, got 33"},
		"too many dropped models":     {func(s *types.NodeStatus) { s.ModelsDropped = manyModels(0, 33) }, "models_dropped: expected at most 32, got 33"},
		"a model in both lists":       {func(s *types.NodeStatus) { s.ModelsReady, s.ModelsDropped = models(1, 2, 3), models(0, 2) }, "models_dropped: expected none of models_ready"},
		"a model twice":               {func(s *types.NodeStatus) { s.ModelsReady = models(1, 1) }, "models_ready: expected ascending sums"},
		"descending models":           {func(s *types.NodeStatus) { s.ModelsDropped = models(2, 1) }, "models_dropped: expected ascending sums"},
		"a sum that is too short":     {func(s *types.NodeStatus) { s.ModelsReady = [][]byte{make([]byte, 31)} }, "expected sums of 32 bytes, got 31"},
		"an empty sum":                {func(s *types.NodeStatus) { s.ModelsDropped = [][]byte{{}} }, "expected sums of 32 bytes, got 0"},
		"models of one not ready yet": {func(s *types.NodeStatus) { *s = types.NodeStatus{ModelsReady: models(1)} }, ""},
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

func TestValidateHardware(t *testing.T) {
	tests := map[string]struct{ hardware, message string }{
		"left out":              {"", ""},
		"in words":              {"2 x EPYC 9654, 768 GiB ~ !", ""},
		"the longest":           {strings.Repeat("h", 128), ""},
		"too long":              {strings.Repeat("h", 129), "hardware: expected at most 128 bytes, got 129"},
		"a new line":            {"16\n", "expected printable ASCII, got '\\n' at 2"},
		"a byte after the last": {"\x7f", "at 0"},
		"not ASCII":             {"16 cœurs", "printable ASCII"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			msg := &types.MsgRegisterNode{Capacity: 1, MemoryBytes: types.MinMemoryBytes, TaskClasses: types.AllTaskClasses(), Hardware: tt.hardware}
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

func TestNewNode(t *testing.T) {
	node := types.NewNode("operator", 5, types.MinMemoryBytes, types.AllTaskClasses())
	require.EqualValues(t, types.MaxReliability, node.Reliability)
	require.EqualValues(t, 1000, node.Observed(types.DefaultParams()), "unproven")
	require.Equal(t, types.EligibilityNoStatus, node.Eligibility(1, 12, 1))
}

func TestEveryEligibilityHasAReason(t *testing.T) {
	for e := types.EligibilityNotRegistered; e <= types.EligibilityLeft; e++ {
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
	valid.ModelsReady, valid.ModelsDropped = models(1, 3), models(2)
	if seed, err = valid.Marshal(); err != nil {
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
		// What is taken into state is small, whatever was sent: the status, and sums of models.
		models := len(s.ModelsReady) + len(s.ModelsDropped)
		if s.ModelsReady, s.ModelsDropped = nil, nil; s.Size() > 256 || models > 2*types.MaxModelDeltas {
			t.Fatalf("expected a valid status of at most 256 bytes and 64 models, got %d and %d", s.Size(), models)
		}
	})
}
