package types_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func sampleRequest() types.Request {
	fee := types.Fee{Compute: math.NewInt(100), Bytes: math.NewInt(190), Royalty: math.NewInt(5), Total: math.NewInt(295)}
	return types.Request{
		Id: 7, Requester: sdk.AccAddress(bytes.Repeat([]byte{0xa1}, 20)).String(), Model: strings.Repeat("ab", 32), Tier: types.TIER_QUORUM,
		Outputs: []string{"label", "probabilities"}, InputRoot: bytes.Repeat([]byte{0xcd}, 32), InputBytes: 80, OutputBytes: 110,
		ComputeUnits: 1, Fee: fee, Escrow: fee.Escrow(), ParamsVersion: 3, Status: types.REQUEST_STATUS_SUBMITTED, MaxOutputBytes: 8192,
	}
}

// The digests of known requests must never change: nodes of every version have to agree on them.
func TestDigestGolden(t *testing.T) {
	var got strings.Builder
	for _, tier := range []types.Tier{types.TIER_QUORUM, types.TIER_COMMITTEE} {
		for _, sealed := range []bool{false, true} {
			for _, class := range []schedulingtypes.FeeClass{schedulingtypes.FEE_CLASS_STANDARD, schedulingtypes.FEE_CLASS_PRIORITY} {
				for _, schedule := range []uint64{0, 3} {
					r := sampleRequest()
					r.Tier, r.Sealed, r.FeeClass, r.ScheduleId = tier, sealed, class, schedule
					digest, err := r.ComputeDigest("opengradient-1")
					require.NoError(t, err)
					fmt.Fprintf(&got, "%s sealed=%t %s schedule=%d %x\n", tier, sealed, class, schedule, digest)
				}
			}
		}
	}
	want, err := os.ReadFile("testdata/digest.golden")
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
}

// Changing any one field that the digest binds changes it.
func TestDigestBindsEveryField(t *testing.T) {
	base, err := sampleRequest().ComputeDigest("opengradient-1")
	require.NoError(t, err)
	seen := map[string]string{string(base): "the request itself"}
	for name, change := range map[string]func(r *types.Request, chain *string){
		"chain id":  func(_ *types.Request, chain *string) { *chain = "opengradient-2" },
		"id":        func(r *types.Request, _ *string) { r.Id++ },
		"requester": func(r *types.Request, _ *string) { r.Requester = sdk.AccAddress(bytes.Repeat([]byte{1}, 20)).String() },
		"requester of another length": func(r *types.Request, _ *string) {
			r.Requester = sdk.AccAddress(bytes.Repeat([]byte{0xa1}, 32)).String()
		},
		"model":            func(r *types.Request, _ *string) { r.Model = strings.Repeat("ac", 32) },
		"input root":       func(r *types.Request, _ *string) { r.InputRoot[31]++ },
		"output":           func(r *types.Request, _ *string) { r.Outputs[0] = "labels" },
		"order of outputs": func(r *types.Request, _ *string) { r.Outputs = []string{"probabilities", "label"} },
		"output fewer":     func(r *types.Request, _ *string) { r.Outputs = r.Outputs[:1] },
		"outputs joined":   func(r *types.Request, _ *string) { r.Outputs = []string{"labelprobabilities"} },
		"tier":             func(r *types.Request, _ *string) { r.Tier = types.TIER_COMMITTEE },
		"sealing":          func(r *types.Request, _ *string) { r.Sealed = true },
		"fee class":        func(r *types.Request, _ *string) { r.FeeClass = schedulingtypes.FEE_CLASS_ECONOMY },
		"schedule":         func(r *types.Request, _ *string) { r.ScheduleId = 1 },
		"compute fee": func(r *types.Request, _ *string) {
			r.Fee.Compute, r.Fee.Total = math.NewInt(101), math.NewInt(296)
		},
		"byte fee": func(r *types.Request, _ *string) { r.Fee.Bytes, r.Fee.Total = math.NewInt(191), math.NewInt(296) },
		"royalty":  func(r *types.Request, _ *string) { r.Fee.Royalty, r.Fee.Total = math.NewInt(6), math.NewInt(296) },
		"fee moved between parts": func(r *types.Request, _ *string) {
			r.Fee.Compute, r.Fee.Bytes = math.NewInt(190), math.NewInt(100)
		},
		"params version": func(r *types.Request, _ *string) { r.ParamsVersion++ },
	} {
		r, chain := sampleRequest(), "opengradient-1"
		change(&r, &chain)
		got, err := r.ComputeDigest(chain)
		require.NoError(t, err, name)
		require.NotContains(t, seen, string(got), "%s gives the digest of %s", name, seen[string(got)])
		seen[string(got)] = name
	}
}

// What happens to a request later is not part of it.
func TestDigestLeavesOutWhatChanges(t *testing.T) {
	base, err := sampleRequest().ComputeDigest("c")
	require.NoError(t, err)
	r := sampleRequest()
	r.Status, r.Attempt, r.FinalHeight, r.Escrow, r.Digest = types.REQUEST_STATUS_FINALIZED, 2, 9, math.ZeroInt(), base
	got, err := r.ComputeDigest("c")
	require.NoError(t, err)
	require.Equal(t, base, got)
}

// Two requests have one digest only when all that is bound is equal, however names are cut.
func TestDigestOfOutputsIsInjective(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a-b]{0,3}`), 0, 4)
		a, b := sampleRequest(), sampleRequest()
		a.Outputs, b.Outputs = names.Draw(t, "a"), names.Draw(t, "b")
		x, err := a.ComputeDigest("c")
		require.NoError(t, err)
		y, err := b.ComputeDigest("c")
		require.NoError(t, err)
		same := len(a.Outputs) == len(b.Outputs)
		for i := 0; same && i < len(a.Outputs); i++ {
			same = a.Outputs[i] == b.Outputs[i]
		}
		require.Equal(t, same, bytes.Equal(x, y))
	})
}

func TestDigestRefuses(t *testing.T) {
	for name, change := range map[string]func(r *types.Request){
		"bad requester":    func(r *types.Request) { r.Requester = "x" },
		"bad model":        func(r *types.Request) { r.Model = strings.Repeat("AB", 32) },
		"short input root": func(r *types.Request) { r.InputRoot = r.InputRoot[:31] },
		"no fee":           func(r *types.Request) { r.Fee = types.Fee{} },
		"negative fee":     func(r *types.Request) { r.Fee.Bytes = math.NewInt(-1) },
		"fee not a sum":    func(r *types.Request) { r.Fee.Total = math.NewInt(1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := sampleRequest()
			change(&r)
			_, err := r.ComputeDigest("c")
			require.Error(t, err)
		})
	}
}
