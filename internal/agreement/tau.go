package agreement

import (
	"errors"
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// TauUnit is the number of parts in one: tolerances and relative errors are counted in parts of 10^-18, the precision
// in which governance writes decimals.
const TauUnit = 1_000_000_000_000_000_000

// MaxTau is the largest tolerance that [Taus.Validate] accepts, one tenth. Twice a tolerance stays far below one, so
// that results beyond it still have something to do with the scale of the output.
const MaxTau Tau = TauUnit / 10

// ErrTau reports a tolerance out of range.
var ErrTau = errors.New("tolerance")

// Tau is a tolerance relative to the scale of a tensor, in parts of 10^-18. Zero asks for equal values.
type Tau uint64

// String writes the tolerance as a decimal, for example "0.00001".
func (t Tau) String() string {
	whole, part := uint64(t)/TauUnit, uint64(t)%TauUnit
	if part == 0 {
		return fmt.Sprint(whole)
	}
	return strings.TrimRight(fmt.Sprintf("%d.%018d", whole, part), "0")
}

// Taus is the tolerance of each floating-point datatype. All other datatypes are compared exactly.
type Taus struct {
	FP16, BF16, FP32, FP64 Tau
}

// DefaultTaus are the tolerances a chain starts with. They come from running 19 models with ONNX Runtime 1.27.0, graph
// optimisation off and one thread, on x86 with SSE, AVX2, AVX-512 and VNNI and on ARM64, and dividing the largest
// difference by the largest output:
//
//   - FP32 10^-5: honest machines differed by 2.4·10^-6 at most, while weights rounded to 16 bits are 3.7·10^-4 away or
//     more and weights rounded to INT8 1.6·10^-2 or more;
//   - FP64 10^-13: the same number of units in the last place, rounded down to a power of ten;
//   - FP16 2·10^-3 and BF16 1.6·10^-2: two steps of the datatype at the top of the scale (2^-10 and 2^-7).
func DefaultTaus() Taus {
	return Taus{
		FP16: TauUnit / 1_000 * 2,
		BF16: TauUnit / 1_000 * 16,
		FP32: TauUnit / 100_000,
		FP64: TauUnit / 10_000_000_000_000,
	}
}

// Of is the tolerance of a datatype, zero for every datatype that is compared exactly.
func (t Taus) Of(datatype tensor.Datatype) Tau {
	switch datatype {
	case tensor.FP16:
		return t.FP16
	case tensor.BF16:
		return t.BF16
	case tensor.FP32:
		return t.FP32
	case tensor.FP64:
		return t.FP64
	default:
		return 0
	}
}

// Validate refuses a tolerance above [MaxTau] with ErrTau.
func (t Taus) Validate() error {
	for datatype := tensor.Bool; datatype <= tensor.Bytes; datatype++ {
		if tau := t.Of(datatype); tau > MaxTau {
			return fmt.Errorf("%w: expected at most %v for %v, got %v", ErrTau, MaxTau, datatype, tau)
		}
	}
	return nil
}
