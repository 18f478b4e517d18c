package types_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

func TestDefaultParams(t *testing.T) {
	params := types.DefaultParams()
	require.NoError(t, params.Validate())
	require.EqualValues(t, 130, params.Lifetime())
}

// TestEveryParamIsBounded sets each field to zero and to the largest number of its type: a field that is added later
// without a bound fails here.
func TestEveryParamIsBounded(t *testing.T) {
	fields := reflect.TypeFor[types.Params]()
	for i := range fields.NumField() {
		for name, value := range map[string]uint64{"zero": 0, "the largest": math.MaxUint64} {
			t.Run(fields.Field(i).Name+" "+name, func(t *testing.T) {
				params := types.DefaultParams()
				field := reflect.ValueOf(&params).Elem().Field(i)
				if field.Kind() == reflect.Uint32 {
					value = min(value, math.MaxUint32)
				}
				field.SetUint(value)
				require.ErrorIs(t, params.Validate(), types.ErrInvalidParams)
			})
		}
	}
}

func TestLargestParamsAreValid(t *testing.T) {
	params := types.Params{
		BlockComputeUnits:      types.MaxBlockComputeUnits,
		BlockOutputBytes:       types.MaxBlockOutputBytes,
		MaxAssignmentsPerBlock: types.MaxAssignmentsPerBlock,
		MaxQueueDepth:          types.MaxQueueDepth,
		QueueBlocks:            types.MaxQueueBlocks,
		AttemptBlocks:          types.MaxAttemptBlocks,
		MaxAttempts:            types.MaxAttempts,
		DeadlineQuota:          types.MaxDeadlineQuota,
		HeartbeatWindow:        types.MaxHeartbeatWindow,
		MaxEnvironmentClasses:  types.MaxEnvironmentClasses,
	}
	require.NoError(t, params.Validate())
	require.EqualValues(t, 1_000_000+32*100_000, params.Lifetime())
}
