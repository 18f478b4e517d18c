package proof

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cometbft/cometbft/light/provider"

	"github.com/opengradient/opengradient/internal/agreement"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

var errHeightTooHigh = provider.ErrHeightTooHigh

func zeroTaus() agreement.Taus { return agreement.Taus{} }

// clone copies what is stored, so that it can be changed.
func clone(t *testing.T, r *Record, inputs []byte) forged {
	t.Helper()
	f := forged{inputs: inputs}
	copyInto(t, &r.Request, &f.request)
	copyInto(t, &r.Receipt, &f.receipt)
	copyInto(t, r.Result, &f.result)
	copyInto(t, &r.Model, &f.model)
	copyInto(t, &r.Snapshot, &f.snapshot)
	copyInto(t, r.Params, &f.params)
	copyInto(t, r.Evidence, &f.evidence)
	return f
}

type marshaler interface{ Marshal() ([]byte, error) }

func copyInto(t *testing.T, from marshaler, into unmarshaler) {
	t.Helper()
	require.NoError(t, into.Unmarshal(encode(t, from)))
}

func encode(t *testing.T, m marshaler) []byte {
	t.Helper()
	b, err := m.Marshal()
	require.NoError(t, err)
	return b
}

// values are the stores that hold what is forged, under the keys of what is genuine.
func (f *forged) values(t *testing.T) map[string]map[string][]byte {
	t.Helper()
	key := func(k []byte, err error) string {
		require.NoError(t, err)
		return string(k)
	}
	model, ok := modelstypes.ParseModelID(f.request.Model)
	require.True(t, ok)
	values := map[string]map[string][]byte{
		inferencetypes.StoreKey: {
			key(inferencetypes.RequestKey(arbitratedID)): encode(t, &f.request),
			key(inferencetypes.InputsKey(arbitratedID)):  f.inputs,
			key(inferencetypes.ResultKey(arbitratedID)):  encode(t, &f.result),
			key(inferencetypes.ReceiptKey(arbitratedID)): encode(t, &f.receipt),
		},
		modelstypes.StoreKey: {key(modelstypes.ModelKey(model)): encode(t, &f.model)},
		verificationtypes.StoreKey: {
			key(verificationtypes.SnapshotKey(f.receipt.SnapshotId)):                encode(t, &f.snapshot),
			key(verificationtypes.ParamsVersionKey(f.evidence.Round.ParamsVersion)): encode(t, &f.params),
			key(verificationtypes.EvidenceKey(arbitratedID)): encode(t, &verificationtypes.StoredEvidence{
				RequestId: arbitratedID, Evidence: encode(t, &f.evidence), ExpiryHeight: 1,
			}),
		},
	}
	if f.noEvidence {
		delete(values[verificationtypes.StoreKey], key(verificationtypes.EvidenceKey(arbitratedID)))
	}
	return values
}
