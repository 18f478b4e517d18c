package types_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// The identity of a known request must never change: nodes of every version have to agree on it.
func TestIdentityGolden(t *testing.T) {
	identity, err := sampleRequest().Identity()
	require.NoError(t, err)
	require.Equal(t, "c8f7d74ed608220504a934f7a036dbf017a57e257e56e5b4f3fd5e7ff599ff74", hex.EncodeToString(identity))
}

func TestIdentityBindsWhatIsAskedFor(t *testing.T) {
	base, err := sampleRequest().Identity()
	require.NoError(t, err)
	seen := map[string]string{string(base): "the request itself"}
	for name, change := range map[string]func(r *types.Request){
		"model":            func(r *types.Request) { r.Model = strings.Repeat("ac", 32) },
		"input root":       func(r *types.Request) { r.InputRoot[31]++ },
		"output":           func(r *types.Request) { r.Outputs[0] = "labels" },
		"order of outputs": func(r *types.Request) { r.Outputs = []string{"probabilities", "label"} },
		"output fewer":     func(r *types.Request) { r.Outputs = r.Outputs[:1] },
		"outputs joined":   func(r *types.Request) { r.Outputs = []string{"labelprobabilities"} },
		"tier":             func(r *types.Request) { r.Tier = types.TIER_COMMITTEE },
	} {
		r := sampleRequest()
		change(&r)
		identity, err := r.Identity()
		require.NoError(t, err, name)
		require.NotContains(t, seen, string(identity), "%s gives the identity of %s", name, seen[string(identity)])
		seen[string(identity)] = name
	}
}

func TestIdentityLeavesOutWhoAsksAndWhatItCosts(t *testing.T) {
	base, err := sampleRequest().Identity()
	require.NoError(t, err)
	r := sampleRequest()
	r.Id, r.Requester, r.FeeClass, r.Sealed, r.ScheduleId, r.ParamsVersion = 9, "", schedulingtypes.FEE_CLASS_ECONOMY, true, 4, 8
	r.Fee.Compute = math.NewInt(1)
	identity, err := r.Identity()
	require.NoError(t, err)
	require.Equal(t, base, identity)
}

func TestIdentityRefuses(t *testing.T) {
	r := sampleRequest()
	r.Model = "iris"
	_, err := r.Identity()
	require.Error(t, err, "a model by name")
	r = sampleRequest()
	r.InputRoot = bytes.Repeat([]byte{1}, 31)
	_, err = r.Identity()
	require.Error(t, err, "a short root")
}

func TestReceiptStands(t *testing.T) {
	for name, tc := range map[string]struct {
		height         int64
		window         uint32
		sealed, wanted bool
		want           bool
	}{
		"at once":                  {100, 1, false, false, true},
		"last block of window":     {110, 10, false, false, true},
		"after the window":         {111, 10, false, false, false},
		"sealed for anybody":       {101, 10, true, false, true},
		"sealed for sealed":        {101, 10, true, true, true},
		"open for one sealed":      {101, 10, false, true, false},
		"sealed but out of time":   {111, 10, true, true, false},
		"settled before a genesis": {5, 200, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := types.ReusableReceipt{SettledHeight: 100, Sealed: tc.sealed}
			require.Equal(t, tc.want, e.Stands(tc.height, tc.window, tc.wanted))
		})
	}
}
