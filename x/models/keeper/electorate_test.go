package keeper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/models/types"
)

const tooLittleMemory = "nodes that give the memory it needs hold no more than half of all power"

// TestShortElectorate: who has a say, by the power of the nodes with the memory that the model needs. All nodes of a case run
// it or all fail at it; what they have no say in changes nothing.
func TestShortElectorate(t *testing.T) {
	const active, rejected, expired = types.MODEL_STATUS_ACTIVE, types.MODEL_STATUS_REJECTED, types.MODEL_STATUS_EXPIRED
	for _, c := range []struct {
		name   string
		powers []int64
		small  []int
		other  int64 // power of validators that do not serve the class
		ran    []int
		failed []int
		want   types.ModelStatus
		detail string
	}{
		{"all have it", []int64{40, 30, 30}, nil, 0, []int{0, 1}, nil, active, ""},
		{"those that have it hold more than half and run it", []int64{51, 49}, []int{1}, 0, []int{0}, nil, active, ""},
		{"the others have no say then", []int64{51, 49}, []int{1}, 0, []int{0}, []int{1}, active, ""},
		{"nor alone", []int64{51, 49}, []int{1}, 0, nil, []int{1}, expired, "nodes with 0 of 51 power agree, 51 said nothing that could be compared"},
		{"those that have it reject alone", []int64{51, 49}, []int{1}, 0, []int{1}, []int{0}, rejected, "nodes with 51 of 51 power failed or disagree"},
		{"half is short: all run it", []int64{50, 50}, []int{1}, 0, []int{0, 1}, nil, expired, tooLittleMemory},
		{"half of an odd power is short", []int64{50, 51}, []int{1}, 0, []int{0, 1}, nil, expired, tooLittleMemory},
		{"half of all power, not of those that serve", []int64{50, 10}, []int{1}, 40, []int{0, 1}, nil, expired, tooLittleMemory},
		{"nobody has it, and all run it", []int64{40, 30, 30}, []int{0, 1, 2}, 0, []int{0, 1, 2}, nil, expired, tooLittleMemory},
		{"nobody has it, and nobody says anything", []int64{40, 30, 30}, []int{0, 1, 2}, 0, nil, nil, expired, tooLittleMemory},
		{"nobody has it, and more than a third fail", []int64{40, 30, 30}, []int{0, 1, 2}, 0, []int{1}, []int{0}, rejected, "nodes with 40 of 100 power failed or disagree"},
		{"nobody has it, and less than a third fail", []int64{40, 30, 30}, []int{0, 1, 2}, 0, []int{0}, []int{1}, expired, tooLittleMemory},
		{"one that has it runs it, and the others fail", []int64{50, 20, 30}, []int{1, 2}, 0, []int{0}, []int{1, 2}, rejected, "nodes with 50 of 100 power failed or disagree"},
		{"great powers, more than half", []int64{1 << 62, 1<<62 - 1}, []int{1}, 0, []int{0}, nil, active, ""},
		{"great powers, half", []int64{1<<62 - 1, 1<<62 - 1}, []int{1}, 0, []int{0, 1}, nil, expired, tooLittleMemory},
		{"nobody serves the class", nil, nil, 100, nil, nil, expired, tooLittleMemory},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.setParams(func(p *types.Params) { p.AdmissionBlocks = 3 })
			f.nodes(1, c.powers...)
			f.shrink(c.small...)
			f.scheduling.total += c.other
			m := f.register("large", onnx(1))
			for _, node := range c.ran {
				f.attest(node, f.ran(m, 1, 1))
			}
			for _, node := range c.failed {
				f.attest(node, failure(m, 1, types.MODEL_FAILURE_RESOURCES))
			}
			f.endBlock()
			if c.want == expired {
				require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("large:1"), "until the deadline")
				f.endBlocks(2)
				require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("large:1"), "until the deadline")
				f.endBlock()
			}
			m = f.model("large:1")
			require.Equal(t, c.want, m.Status)
			require.Equal(t, c.detail, m.Verdict.Detail)
			require.Equal(t, map[types.ModelStatus]string{rejected: "resources", expired: types.ReasonNoQuorum}[c.want], m.Verdict.Reason)
			if c.want != active {
				for node := range c.powers {
					require.False(t, f.proved(m, node, 1))
				}
			}
			checkState(f)
		})
	}
}

// TestShortElectorateDisagrees: roots alone reject a model, too.
func TestShortElectorateDisagrees(t *testing.T) {
	f := newFixture(t)
	f.shrink(0, 1, 2)
	m := f.register("large", onnx(1))
	for i, value := range []float32{1, 2, 3} {
		f.attest(i, f.ran(m, 1, value))
	}
	f.endBlock()
	m = f.model("large:1")
	require.Equal(t, types.MODEL_STATUS_REJECTED, m.Status)
	require.Equal(t, types.ReasonDisagreement, m.Verdict.Reason)
}

// TestMemoryThatComes: what all can run is admitted by its roots once nodes give the memory, within the same admission and in
// another one.
func TestMemoryThatComes(t *testing.T) {
	f := newFixture(t)
	f.setParams(func(p *types.Params) { p.AdmissionBlocks = 3 })
	f.shrink(0, 1, 2)
	soon, later := f.register("soon", onnx(1)), f.register("later", onnx(2))
	for node := range 2 {
		f.attest(node, f.ran(soon, 1, 1), f.ran(later, 1, 1))
	}
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ADMITTING, f.status("soon:1"))
	f.nodes(1, 40, 30, 30)
	f.attest(2, f.ran(soon, 1, 1))
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.status("soon:1"))
	f.shrink(0, 1, 2)
	f.endBlocks(2)
	require.Equal(t, types.MODEL_STATUS_EXPIRED, f.status("later:1"))
	require.NoError(t, f.k.RequestAdmission(f.ctx, alice, "later:1"))
	f.nodes(1, 40, 30, 30)
	f.endBlock()
	require.Equal(t, types.MODEL_STATUS_ACTIVE, f.status("later:1"), "the roots stood")
	checkState(f)
}

// TestShortElectorateIsCountedOnce: also when those with the memory are too few.
func TestShortElectorateIsCountedOnce(t *testing.T) {
	f := newFixture(t)
	f.shrink(0)
	f.scheduling.voters[1].Power = 10 // of 100
	for i := range 5 {
		f.attest(1, f.ran(f.register("many", onnx(i)), 1, 1))
	}
	f.endBlock()
	require.Equal(t, 1, f.scheduling.asked)
}
