package types_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/inference/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

const (
	missing   = byte(verificationtypes.MEMBER_OUTCOME_MISSING)
	agreed    = byte(verificationtypes.MEMBER_OUTCOME_AGREED)
	disagreed = byte(verificationtypes.MEMBER_OUTCOME_DISAGREED)
	neutral   = byte(verificationtypes.MEMBER_OUTCOME_NEUTRAL)
)

// conductOf packs outcomes at two bits each.
func conductOf(outcomes ...byte) []byte {
	packed := make([]byte, (len(outcomes)+3)/4)
	for i, o := range outcomes {
		packed[i/4] |= o << (2 * (i % 4))
	}
	return packed
}

// sampleReceipt is of ten members: the second and the last have no seat, the third agreed within the tolerance.
func sampleReceipt() types.Receipt {
	r := sampleRequest()
	return types.Receipt{
		RequestId: 7, Digest: bytes.Repeat([]byte{1}, 32), Model: r.Model, InputRoot: r.InputRoot, Tier: types.TIER_COMMITTEE,
		MemberOutcomes: conductOf(agreed, neutral, agreed, missing, disagreed, neutral, agreed, agreed, missing, neutral),
		Committee:      []byte{0b11111101, 0b01}, Tolerated: []byte{0b100, 0}, Fee: r.Fee, Refunded: math.ZeroInt(),
		EvidenceRoot: bytes.Repeat([]byte{2}, 32),
	}
}

func TestReceiptReadsItsBitmaps(t *testing.T) {
	r := sampleReceipt()
	require.NoError(t, r.Validate())
	for i, want := range []byte{agreed, neutral, agreed, missing, disagreed, neutral, agreed, agreed, missing, neutral} {
		got, err := r.MemberOutcome(i)
		require.NoError(t, err)
		require.Equal(t, verificationtypes.MemberOutcome(want), got, "member %d", i)
		require.Equal(t, i != 1 && i != 9, r.HasSeat(i), "member %d", i)
		require.Equal(t, i == 2, r.IsTolerated(i), "member %d", i)
	}
	for _, position := range []int{-1, 12, 1 << 40} {
		_, err := r.MemberOutcome(position)
		require.Error(t, err)
		require.False(t, r.HasSeat(position))
		require.False(t, r.IsTolerated(position))
	}
	r.Committee = nil
	require.True(t, r.HasSeat(1), "without a committee all have a seat")
}

func TestReceiptIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(r *types.Receipt){
		"short digest":                 func(r *types.Receipt) { r.Digest = r.Digest[:31] },
		"no evidence root":             func(r *types.Receipt) { r.EvidenceRoot = nil },
		"committee too short":          func(r *types.Receipt) { r.Committee = r.Committee[:1] },
		"committee too long":           func(r *types.Receipt) { r.Committee = append(r.Committee, 0) },
		"tolerated too long":           func(r *types.Receipt) { r.Tolerated = append(r.Tolerated, 0) },
		"agreed without a seat":        func(r *types.Receipt) { r.Committee[0] &^= 1 },
		"missing without a seat":       func(r *types.Receipt) { r.Committee[0] &^= 1 << 3 },
		"disagreed and tolerated":      func(r *types.Receipt) { r.Tolerated[0] |= 1 << 4 },
		"missing and tolerated":        func(r *types.Receipt) { r.Tolerated[0] |= 1 << 3 },
		"tolerated where nobody is":    func(r *types.Receipt) { r.Tolerated[1] |= 1 << 3 },
		"refund of more than the fee":  func(r *types.Receipt) { r.Refunded = math.NewInt(106) },
		"conduct where nobody is seen": func(r *types.Receipt) { r.MemberOutcomes[2] |= agreed << 6 },
	} {
		t.Run(name, func(t *testing.T) {
			r := sampleReceipt()
			spoil(&r)
			require.Error(t, r.Validate())
		})
	}
}
