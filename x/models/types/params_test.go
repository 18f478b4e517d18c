package types_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cosmossdk.io/math"

	"github.com/opengradient/opengradient/x/models/types"
)

func TestDefaultParamsAreValid(t *testing.T) {
	require.NoError(t, types.DefaultParams().Validate())
	require.NoError(t, types.DefaultGenesis().Validate())
}

// TestParamsHaveBounds tries the lowest and highest value of each parameter, and those beyond.
func TestParamsHaveBounds(t *testing.T) {
	for _, c := range []struct {
		name      string
		set       func(*types.Params, uint64)
		low, high uint64
	}{
		{"max_inline_bytes", func(p *types.Params, v uint64) { p.MaxInlineBytes = v }, 1, 4 << 20},
		{"max_inline_bytes of small models", func(p *types.Params, v uint64) { p.MaxModelBytes, p.MaxInlineBytes = 1000, v }, 1, 1000},
		{"max_model_bytes", func(p *types.Params, v uint64) { p.MaxModelBytes = v; p.MaxInlineBytes = 1 }, 1, 32 << 20},
		{"max_total_bytes", func(p *types.Params, v uint64) { p.MaxTotalBytes = v }, 32 << 20, 1 << 40},
		{"max_reference_bytes", func(p *types.Params, v uint64) { p.MaxReferenceBytes = v }, 1, 1<<31 - 1},
		{"gas_per_byte", func(p *types.Params, v uint64) { p.GasPerByte = v }, 0, 1_000_000},
		{"upload_blocks", func(p *types.Params, v uint64) { p.UploadBlocks = uint32(v) }, 1, 10_000_000},
		{"upload_burn", func(p *types.Params, v uint64) { p.UploadBurn = uint32(v) }, 0, 10_000},
		{"max_uploads", func(p *types.Params, v uint64) { p.MaxUploads = uint32(v) }, 0, 65_536},
		{"inspection_bytes_per_block", func(p *types.Params, v uint64) { p.InspectionBytesPerBlock = v }, 1, 64 << 20},
		{"admission_blocks", func(p *types.Params, v uint64) { p.AdmissionBlocks = uint32(v) }, 1, 10_000_000},
		{"max_admissions", func(p *types.Params, v uint64) { p.MaxAdmissions = uint32(v) }, 1, 256},
		{"max_golden_bytes", func(p *types.Params, v uint64) { p.MaxGoldenBytes = v }, 1, 256 << 10},
		{"max_golden_output_bytes", func(p *types.Params, v uint64) { p.MaxGoldenOutputBytes = v }, 1, 16 << 10},
		{"max_card_bytes", func(p *types.Params, v uint64) { p.MaxCardBytes = v }, 0, 256 << 10},
		{"byte_price", func(p *types.Params, v uint64) { p.BytePrice = math.NewIntFromUint64(v) }, 0, 1_000_000_000_000_000_000},
		{"admission_fee", func(p *types.Params, v uint64) { p.AdmissionFee = math.NewIntFromUint64(v) }, 0, 1_000_000_000_000_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := func(v uint64) error {
				p := types.DefaultParams()
				c.set(&p, v)
				return p.Validate()
			}
			require.NoError(t, check(c.low))
			require.NoError(t, check(c.high))
			require.ErrorIs(t, check(c.high+1), types.ErrInvalidParams)
			if c.low > 0 {
				require.ErrorIs(t, check(c.low-1), types.ErrInvalidParams)
			}
		})
	}
	for name, p := range map[string]types.Params{"nothing": {}, "no price": {BytePrice: math.Int{}}} {
		require.ErrorIs(t, p.Validate(), types.ErrInvalidParams, name)
	}
	p := types.DefaultParams()
	p.BytePrice = math.Int{}
	require.ErrorIs(t, p.Validate(), types.ErrInvalidParams)
	p.BytePrice = math.NewInt(-1)
	require.ErrorIs(t, p.Validate(), types.ErrInvalidParams)
}

func TestBurnRoundsDown(t *testing.T) {
	p := types.DefaultParams()
	for _, c := range []struct{ burn, deposit, want int64 }{{5_000, 101, 50}, {0, 100, 0}, {10_000, 99, 99}, {1, 9_999, 0}, {1, 10_000, 1}} {
		p.UploadBurn = uint32(c.burn)
		require.Equal(t, c.want, p.Burn(math.NewInt(c.deposit)).Int64())
	}
}
