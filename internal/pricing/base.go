package pricing

import (
	"errors"
	"fmt"
	"math/big"
)

// ErrMarket marks a rule of the base price that cannot be applied.
var ErrMarket = errors.New("invalid market")

// Market is the rule by which the base price follows the utilisation of blocks.
type Market struct {
	// Min and Max bound the base price, in base units per compute unit.
	Min, Max *big.Int
	// Target is the utilisation at which the price stays, in basis points, from 1.
	Target uint32
	// MaxFall is the part of the price that it loses by an empty block, in basis points, 1 to BasisPoints.
	MaxFall uint32
}

// Validate checks the rule. It fails with ErrMarket or ErrAmount.
func (m Market) Validate() error {
	if err := checkAmount("least base price", m.Min); err != nil {
		return err
	}
	if err := checkAmount("largest base price", m.Max); err != nil {
		return err
	}
	if m.Min.Cmp(m.Max) > 0 {
		return fmt.Errorf("%w: expected a largest base price of at least %s, got %s", ErrMarket, m.Min, m.Max)
	}
	if m.Target == 0 || m.Target > BasisPoints {
		return fmt.Errorf("%w: expected a target of 1 to %d basis points, got %d", ErrMarket, BasisPoints, m.Target)
	}
	if m.MaxFall == 0 || m.MaxFall > BasisPoints {
		return fmt.Errorf("%w: expected a fall of 1 to %d basis points, got %d", ErrMarket, BasisPoints, m.MaxFall)
	}
	return nil
}

// NextBase is the base price after a block of a utilisation, in basis points; what is above BasisPoints counts as
// BasisPoints. With d the distance from the target,
//
//	price' = price ± max(1, floor(price × MaxFall × d / (Target × BasisPoints)))
//
// up above the target and down below it, within Min and Max (the rule of EIP-1559 with a target that is governed, ADR
// 0033). At the target the price stays. It fails with ErrMarket or ErrAmount.
func NextBase(price *big.Int, utilisation uint32, m Market) (*big.Int, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	if err := checkAmount("base price", price); err != nil {
		return nil, err
	}
	next := new(big.Int).Set(price)
	distance := int64(min(utilisation, BasisPoints)) - int64(m.Target)
	if distance != 0 {
		step := new(big.Int).Mul(price, big.NewInt(int64(m.MaxFall)))
		step.Mul(step, new(big.Int).Abs(big.NewInt(distance)))
		step.Quo(step, big.NewInt(int64(m.Target)*BasisPoints))
		if step.Sign() == 0 {
			step.SetInt64(1)
		}
		if distance < 0 {
			step.Neg(step)
		}
		next.Add(next, step)
	}
	if next.Cmp(m.Min) < 0 {
		next.Set(m.Min)
	}
	if next.Cmp(m.Max) > 0 {
		next.Set(m.Max)
	}
	return next, nil
}
