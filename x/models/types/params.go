package types

import (
	"fmt"

	"cosmossdk.io/math"
)

// Bounds that no parameter passes, so that a vote cannot make a block unbounded or an amount overflow.
const (
	maxModelBytesLimit     = 32 << 20 // what the inspection reads
	maxInlineBytesLimit    = 4 << 20
	maxTotalBytesLimit     = 1 << 40
	maxReferenceBytesLimit = 1<<31 - 1 // what the runtime loads from memory
	maxGasPerByteLimit     = 1_000_000
	maxBlocksLimit         = 10_000_000
	maxUploadsLimit        = 65_536
	maxInspectionLimit     = 64 << 20
	maxAdmissionsLimit     = 256
	maxGoldenBytesLimit    = 256 << 10
	maxGoldenOutputLimit   = 16 << 10 // half of a vote extension
	maxCardBytesLimit      = 256 << 10

	// BasisPoints is the whole of which shares are parts.
	BasisPoints = 10_000
)

// MaxAmount bounds every price, fee and royalty, in uopg: 10^18.
var MaxAmount = math.NewIntWithDecimal(1, 18)

// DefaultParams are the parameters of a new chain.
func DefaultParams() Params {
	return Params{
		MaxInlineBytes:          512 << 10,
		MaxModelBytes:           32 << 20,
		MaxTotalBytes:           1 << 30,
		MaxReferenceBytes:       384 << 20, // five times that fits the model budget that nodes have by default
		BytePrice:               math.NewInt(1),
		AdmissionFee:            math.NewInt(1_000_000),
		GasPerByte:              20,
		UploadBlocks:            20_000,
		UploadBurn:              BasisPoints / 2,
		MaxUploads:              256,
		InspectionBytesPerBlock: 4 << 20,
		AdmissionBlocks:         200,
		MaxAdmissions:           64,
		MaxGoldenBytes:          64 << 10,
		MaxGoldenOutputBytes:    8 << 10,
		MaxCardBytes:            16 << 10,
	}
}

// Validate checks every parameter against its bounds. It fails with ErrInvalidParams.
func (p Params) Validate() error {
	for _, b := range []struct {
		name             string
		value, low, high uint64
	}{
		{"max_model_bytes", p.MaxModelBytes, 1, maxModelBytesLimit},
		{"max_inline_bytes", p.MaxInlineBytes, 1, min(p.MaxModelBytes, maxInlineBytesLimit)},
		{"max_total_bytes", p.MaxTotalBytes, p.MaxModelBytes, maxTotalBytesLimit},
		{"max_reference_bytes", p.MaxReferenceBytes, 1, maxReferenceBytesLimit},
		{"gas_per_byte", p.GasPerByte, 0, maxGasPerByteLimit},
		{"upload_blocks", uint64(p.UploadBlocks), 1, maxBlocksLimit},
		{"upload_burn", uint64(p.UploadBurn), 0, BasisPoints},
		{"max_uploads", uint64(p.MaxUploads), 0, maxUploadsLimit},
		{"inspection_bytes_per_block", p.InspectionBytesPerBlock, 1, maxInspectionLimit},
		{"admission_blocks", uint64(p.AdmissionBlocks), 1, maxBlocksLimit},
		{"max_admissions", uint64(p.MaxAdmissions), 1, maxAdmissionsLimit},
		{"max_golden_bytes", p.MaxGoldenBytes, 1, maxGoldenBytesLimit},
		{"max_golden_output_bytes", p.MaxGoldenOutputBytes, 1, maxGoldenOutputLimit},
		{"max_card_bytes", p.MaxCardBytes, 0, maxCardBytesLimit},
	} {
		if b.value < b.low || b.value > b.high {
			return ErrInvalidParams.Wrapf("%s: expected %d to %d, got %d", b.name, b.low, b.high, b.value)
		}
	}
	for _, a := range []struct {
		name  string
		value math.Int
	}{{"byte_price", p.BytePrice}, {"admission_fee", p.AdmissionFee}} {
		if err := checkAmount(a.value); err != nil {
			return ErrInvalidParams.Wrapf("%s: %s", a.name, err)
		}
	}
	return nil
}

// ByteFee is the price of keeping this many bytes, in uopg.
func (p Params) ByteFee(bytes uint64) math.Int { return p.BytePrice.Mul(math.NewIntFromUint64(bytes)) }

// Gas is what storing and inspecting this many bytes takes; their number is bounded by the parameters.
func (p Params) Gas(bytes uint64) uint64 { return p.GasPerByte * bytes }

// Burn is the part of a deposit that is lost when its upload ends without a model, rounded down.
func (p Params) Burn(deposit math.Int) math.Int {
	return deposit.MulRaw(int64(p.UploadBurn)).QuoRaw(BasisPoints)
}

func checkAmount(v math.Int) error {
	if v.IsNil() {
		return fmt.Errorf("expected 0 to %s, got none", MaxAmount)
	}
	if v.IsNegative() || v.GT(MaxAmount) {
		return fmt.Errorf("expected 0 to %s, got %s", MaxAmount, v)
	}
	return nil
}
