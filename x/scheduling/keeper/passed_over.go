package keeper

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// passedOver returns the operators that a task passes over once those of another attempt are added: each once, in the
// chain's spelling, ordered by address bytes. An operator without a node is left out: it cannot lead. Each attempt adds
// members of its round only, so that the list is as bounded as attempts and validators are.
func (k Keeper) passedOver(ctx context.Context, before, added []string) ([]string, error) {
	var operators []sdk.ValAddress
	for _, operator := range slices.Concat(before, added) {
		address, err := k.operatorBytes(operator)
		if err != nil {
			return nil, err
		}
		has, err := k.Nodes.Has(ctx, address)
		if err != nil {
			return nil, fmt.Errorf("look for the node of %s: %w", operator, err)
		}
		if has {
			operators = append(operators, address)
		}
	}
	slices.SortFunc(operators, func(a, b sdk.ValAddress) int { return bytes.Compare(a, b) })
	operators = slices.CompactFunc(operators, func(a, b sdk.ValAddress) bool { return bytes.Equal(a, b) })

	var spelled []string
	for _, address := range operators {
		operator, err := k.stakingKeeper.ValidatorAddressCodec().BytesToString(address)
		if err != nil {
			return nil, fmt.Errorf("spell operator %X: %w", []byte(address), err)
		}
		spelled = append(spelled, operator)
	}
	return spelled, nil
}
