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

type needs struct {
	class  schedulingtypes.TaskClass
	memory uint64
}

// electorates asks for the nodes that have a say once per block and kind of model. Nothing that the end of the block does
// here changes them.
type electorates struct {
	keeper Keeper
	known  map[needs]electorate
}

func newElectorates(k Keeper) *electorates {
	return &electorates{keeper: k, known: make(map[needs]electorate)}
}

func (e *electorates) of(ctx sdk.Context, id []byte, m types.Model) (electorate, error) {
	golden, err := e.keeper.Golden(ctx, id)
	if err != nil {
		return electorate{}, err
	}
	memory, err := m.GoldenMemory(golden)
	if err != nil {
		return electorate{}, err
	}
	n := needs{class: m.TaskClass, memory: memory}
	if known, ok := e.known[n]; ok {
		return known, nil
	}
	voters, total, err := e.keeper.scheduling.Voters(ctx, n.class, n.memory)
	if err != nil {
		return electorate{}, fmt.Errorf("voters: %w", err)
	}
	found := electorate{total: total, short: !majority(voters, total)}
	if found.short {
		if voters, _, err = e.keeper.scheduling.Voters(ctx, n.class, 0); err != nil {
			return electorate{}, fmt.Errorf("voters of any memory: %w", err)
		}
	}
	found.members = make([]elector, len(voters))
	for i, v := range voters {
		operator, err := sdk.ValAddressFromBech32(v.Operator)
		if err != nil {
			return electorate{}, fmt.Errorf("voter %d: %w", i, err)
		}
		found.members[i] = elector{operator: operator, power: v.Power, class: v.EnvironmentClass}
	}
	e.known[n] = found
	return found, nil
}

// majority tells whether voters hold more than half of all power.
func majority(voters []schedulingtypes.Voter, total int64) bool {
	rest := total
	for _, v := range voters {
		rest -= v.Power
	}
	return rest < total-rest
}
