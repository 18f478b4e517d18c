package keeper

import (
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// elector is a node that has a say on a model.
type elector struct {
	operator sdk.ValAddress
	power    int64
	class    uint32
}

type electorate struct {
	members []elector
	total   int64
	// short is true when those with the memory that the model needs hold no more than half of all power. Members are then all
	// that serve its class: a model that none of them can run is to be known as such.
	short bool
}

// powerOf is the power of an operator, 0 unless its node has a say.
func (e electorate) powerOf(operator []byte) int64 {
	for _, v := range e.members {
		if v.operator.Equals(sdk.ValAddress(operator)) {
			return v.power
		}
	}
	return 0
}

// electorates asks for the nodes that take work once per block, and counts for each model those that have a say on it. Nothing
// that the end of the block does here changes them.
type electorates struct {
	keeper Keeper
	asked  bool
	voters []schedulingtypes.Voter
	total  int64
}

func newElectorates(k Keeper) *electorates { return &electorates{keeper: k} }

func (e *electorates) of(ctx sdk.Context, id []byte, m types.Model) (electorate, error) {
	golden, err := e.keeper.Golden(ctx, id)
	if err != nil {
		return electorate{}, err
	}
	memory, err := m.GoldenMemory(golden)
	if err != nil {
		return electorate{}, err
	}
	if !e.asked {
		if e.voters, e.total, err = e.keeper.scheduling.Voters(ctx); err != nil {
			return electorate{}, fmt.Errorf("voters: %w", err)
		}
		e.asked = true
	}
	found := electorate{total: e.total}
	if found.members, err = e.fit(m.TaskClass, memory); err != nil {
		return electorate{}, err
	}
	if found.short = !found.majority(); found.short {
		found.members, err = e.fit(m.TaskClass, 0)
	}
	return found, err
}

// fit are the nodes that serve a class and have so much memory.
func (e *electorates) fit(class schedulingtypes.TaskClass, memory uint64) ([]elector, error) {
	var members []elector
	for i, v := range e.voters {
		if !v.Fits(class, memory) {
			continue
		}
		operator, err := sdk.ValAddressFromBech32(v.Operator)
		if err != nil {
			return nil, fmt.Errorf("voter %d: %w", i, err)
		}
		members = append(members, elector{operator: operator, power: v.Power, class: v.EnvironmentClass})
	}
	return members, nil
}

// majority tells whether the members hold more than half of all power.
func (e electorate) majority() bool {
	rest := e.total
	for _, v := range e.members {
		rest -= v.power
	}
	return rest < e.total-rest
}
