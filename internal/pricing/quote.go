package pricing

import (
	"errors"
	"fmt"
	"math/big"
)

// BasisPoints is one whole in basis points.
const BasisPoints = 10_000

// ErrAmount marks an amount that is missing or negative.
var ErrAmount = errors.New("invalid amount")

// Prices are what a quote depends on beside the request itself.
type Prices struct {
	Base    *big.Int // per compute unit
	Byte    *big.Int // per input or output byte
	Tier    uint32   // multiplier of the trust tier, in basis points; scales the compute part
	Class   uint32   // multiplier of the fee class, in basis points; scales the compute part
	Royalty *big.Int // per request
}

// Work is the measured size of a request.
type Work struct {
	Units       uint64 // static cost in compute units
	InputBytes  uint64 // canonical encoding of the inputs
	OutputBytes uint64 // canonical encoding of the outputs
}

// Fee is the price of one request. Total is the sum of the parts.
type Fee struct {
	Compute, Bytes, Royalty, Total *big.Int
}

// Quote prices a request. The compute part is rounded up, so that work with a
// price is never free. It fails with ErrAmount when a price is nil or negative.
func Quote(w Work, p Prices) (Fee, error) {
	for _, a := range []struct {
		name  string
		value *big.Int
	}{{"base price", p.Base}, {"byte price", p.Byte}, {"royalty", p.Royalty}} {
		if err := checkAmount(a.name, a.value); err != nil {
			return Fee{}, err
		}
	}
	compute := new(big.Int).SetUint64(w.Units)
	compute.Mul(compute, p.Base)
	compute.Mul(compute, big.NewInt(int64(p.Tier)))
	compute.Mul(compute, big.NewInt(int64(p.Class)))
	compute.Add(compute, big.NewInt(BasisPoints*BasisPoints-1))
	compute.Quo(compute, big.NewInt(BasisPoints*BasisPoints))

	bytes := new(big.Int).SetUint64(w.InputBytes)
	bytes.Add(bytes, new(big.Int).SetUint64(w.OutputBytes))
	bytes.Mul(bytes, p.Byte)

	royalty := new(big.Int).Set(p.Royalty)
	total := new(big.Int).Add(compute, bytes)
	total.Add(total, royalty)
	return Fee{Compute: compute, Bytes: bytes, Royalty: royalty, Total: total}, nil
}

func checkAmount(name string, v *big.Int) error {
	switch {
	case v == nil:
		return fmt.Errorf("%w: %s: expected an integer, got none", ErrAmount, name)
	case v.Sign() < 0:
		return fmt.Errorf("%w: %s: expected at least 0, got %s", ErrAmount, name, v)
	default:
		return nil
	}
}
