package types

import (
	"bytes"

	errorsmod "cosmossdk.io/errors"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/pricing"
)

// maxObserved bounds the observed capacity of a genesis state, in compute units per block.
const maxObserved = uint64(1) << 62

// maxHeight bounds the heights of a genesis state, in blocks away from the genesis.
const maxHeight = int64(1) << 48

// DefaultGenesisState returns the state of a new chain: the default parameters as version 1, their least base price, and
// nothing else.
func DefaultGenesisState() *GenesisState {
	params := DefaultParams()
	return &GenesisState{Params: []ParamsVersion{{Version: 1, Params: params}}, Market: Market{BasePrice: params.MinBasePrice}}
}

// Validate checks that the state is one that the module could have exported: every value within its bounds, lists
// ascending and without repeats, and tasks, nodes and environment classes consistent with each other. It returns
// ErrInvalidGenesis with the first thing that is wrong.
func (g GenesisState) Validate() error {
	if err := g.validateParams(); err != nil {
		return err
	}
	if err := g.validateEnvironments(); err != nil {
		return err
	}
	leading, err := g.validateTasks()
	if err != nil {
		return err
	}
	if err := g.validateNodes(leading); err != nil {
		return err
	}
	if err := g.validateMarket(); err != nil {
		return err
	}
	if err := g.validateModels(); err != nil {
		return err
	}
	if err := g.validateProofs(); err != nil {
		return err
	}
	return g.validateKnown()
}

func (g GenesisState) validateParams() error {
	if len(g.Params) == 0 {
		return errorsmod.Wrap(ErrInvalidGenesis, "params: expected at least one version, got none")
	}
	for i, version := range g.Params {
		if version.Version != uint64(i)+1 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "params: expected version %d, got %d", i+1, version.Version)
		}
		if err := version.Params.Validate(); err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "params version %d: %v", version.Version, err)
		}
	}
	return nil
}

func (g GenesisState) validateEnvironments() error {
	if len(g.EnvironmentClasses) > int(MaxEnvironmentClasses) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "environment classes: expected at most %d, got %d", MaxEnvironmentClasses, len(g.EnvironmentClasses))
	}
	seen := make(map[string]uint32, len(g.EnvironmentClasses))
	counts := make(map[string]int)
	for i, registered := range g.EnvironmentClasses {
		if registered.Index != uint32(i)+1 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "environment classes: expected index %d, got %d", i+1, registered.Index)
		}
		if err := registered.Environment.Validate(); err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "environment class %d: %v", registered.Index, err)
		}
		if _, err := canonicalOperator(registered.RegisteredBy); err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "environment class %d: registered_by: %v", registered.Index, err)
		}
		if counts[registered.RegisteredBy]++; counts[registered.RegisteredBy] > MaxEnvironmentClassesPerOperator {
			return errorsmod.Wrapf(ErrInvalidGenesis, "environment class %d: expected at most %d of %s, got one more",
				registered.Index, MaxEnvironmentClassesPerOperator, registered.RegisteredBy)
		}
		identity := string(registered.Environment.Identity())
		if first, repeated := seen[identity]; repeated {
			return errorsmod.Wrapf(ErrInvalidGenesis, "environment class %d: expected a new class, got that of index %d", registered.Index, first)
		}
		seen[identity] = registered.Index
	}
	return nil
}

// validateNodes checks the nodes; leading is the compute units that each operator leads by the tasks.
func (g GenesisState) validateNodes(leading map[string]uint64) error {
	var last []byte
	for i, node := range g.Nodes {
		operator, err := canonicalOperator(node.Operator)
		if err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node %d: operator: %v", i, err)
		}
		if bytes.Compare(operator, last) <= 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected operators ascending by address bytes without repeats", node.Operator)
		}
		last = operator
		if err := g.validateNode(node); err != nil {
			return err
		}
		if node.LeadingUnits != leading[node.Operator] {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected leading_units %d by the tasks, got %d",
				node.Operator, leading[node.Operator], node.LeadingUnits)
		}
		delete(leading, node.Operator)
	}
	if len(leading) > 0 {
		return errorsmod.Wrapf(ErrInvalidGenesis, "tasks: expected every leader to have a node, got %d that have none", len(leading))
	}
	return nil
}

// validateKnown checks that whoever is passed over has a node.
func (g GenesisState) validateKnown() error {
	known := make(map[string]bool, len(g.Nodes))
	for _, node := range g.Nodes {
		known[node.Operator] = true
	}
	for _, task := range g.Tasks {
		for _, operator := range task.PassedOver {
			if !known[operator] {
				return errorsmod.Wrapf(ErrInvalidGenesis, "task %d: expected those passed over to have nodes, got %s", task.RequestId, operator)
			}
		}
	}
	return nil
}

func (g GenesisState) validateNode(node Node) error {
	if err := ValidateAdvertised(node.Capacity, node.MemoryBytes, node.TaskClasses); err != nil {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: %v", node.Operator, err)
	}
	if node.Reliability > MaxReliability {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected a reliability of at most %d, got %d", node.Operator, MaxReliability, node.Reliability)
	}
	if err := ValidateHardware(node.Hardware); err != nil {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: %v", node.Operator, err)
	}
	if node.ObservedCapacity > maxObserved {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected an observed_capacity of at most %d, got %d", node.Operator, maxObserved, node.ObservedCapacity)
	}
	if err := node.validateJail(); err != nil {
		return err
	}
	if err := node.validateState(); err != nil {
		return err
	}
	if node.RegisteredHeight > 0 || node.RegisteredHeight < -maxHeight {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected a registered_height from %d to 0, got %d", node.Operator, -maxHeight, node.RegisteredHeight)
	}
	if node.StatusHeight > 0 || node.StatusHeight < -maxHeight {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected a status_height from %d to 0, got %d", node.Operator, -maxHeight, node.StatusHeight)
	}
	if node.Status == nil {
		if node.StatusHeight != 0 || node.EnvironmentClass != 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected no status_height and no environment_class without a status, got %d and %d",
				node.Operator, node.StatusHeight, node.EnvironmentClass)
		}
		return nil
	}
	if err := node.Status.Validate(); err != nil {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: %v", node.Operator, err)
	}
	if len(node.Status.ModelsReady)+len(node.Status.ModelsDropped) > 0 {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected no models in its status: node_models has them", node.Operator)
	}
	if node.Status.NextEnvironment != nil {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected no next_environment in its status: only vote extensions hold it", node.Operator)
	}
	return g.validateNodeClass(node)
}

// validateNodeClass checks that a node's class is the one its status names.
func (g GenesisState) validateNodeClass(node Node) error {
	if node.Status.Environment == nil {
		if node.EnvironmentClass != 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected no environment_class without an environment, got %d", node.Operator, node.EnvironmentClass)
		}
		return nil
	}
	if node.EnvironmentClass == 0 || int64(node.EnvironmentClass) > int64(len(g.EnvironmentClasses)) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected an environment_class from 1 to %d, got %d",
			node.Operator, len(g.EnvironmentClasses), node.EnvironmentClass)
	}
	registered := g.EnvironmentClasses[node.EnvironmentClass-1].Environment
	if !bytes.Equal(registered.Identity(), node.Status.Environment.Identity()) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "node %s: expected environment_class %d to be that of its status", node.Operator, node.EnvironmentClass)
	}
	return nil
}

// validateMarket checks the base price: any price that a parameter can be. Governance may have moved the bounds since it
// was reached, and the next block brings it within them.
func (g GenesisState) validateMarket() error {
	price := g.Market.BasePrice
	if price.IsNil() || price.IsNegative() || price.GT(MaxPrice) {
		return errorsmod.Wrapf(ErrInvalidGenesis, "market: expected a base price of 0 to %s, got %s", MaxPrice, price)
	}
	if g.Market.Utilisation > pricing.BasisPoints {
		return errorsmod.Wrapf(ErrInvalidGenesis, "market: expected a utilisation of at most %d, got %d", pricing.BasisPoints, g.Market.Utilisation)
	}
	return nil
}

// validateModels checks the models that nodes have loaded: of nodes that are there and have not left.
func (g GenesisState) validateModels() error {
	duty := make(map[string]bool, len(g.Nodes))
	for _, node := range g.Nodes {
		duty[node.Operator] = node.State != NODE_STATE_LEFT
	}
	var last []byte
	for _, node := range g.NodeModels {
		operator, err := canonicalOperator(node.Operator)
		if err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node models: %v", err)
		}
		if bytes.Compare(operator, last) <= 0 {
			return errorsmod.Wrapf(ErrInvalidGenesis, "node models: expected operators ascending by address bytes without repeats, got %s", node.Operator)
		}
		last = operator
		if !duty[node.Operator] || len(node.Models) == 0 || len(node.Models) > MaxNodeModels {
			return errorsmod.Wrapf(ErrInvalidGenesis, "models of %s: expected 1 to %d of a node with a duty, got %d", node.Operator, MaxNodeModels, len(node.Models))
		}
		if err := ValidateModels(node.Models); err != nil {
			return errorsmod.Wrapf(ErrInvalidGenesis, "models of %s: %v", node.Operator, err)
		}
	}
	return nil
}

// canonicalOperator parses an operator address and refuses spellings that the chain itself does not write: addresses
// are also compared as text.
func canonicalOperator(operator string) (sdk.ValAddress, error) {
	address, err := sdk.ValAddressFromBech32(operator)
	if err != nil {
		return nil, err
	}
	if canonical := address.String(); canonical != operator {
		return nil, errorsmod.Wrapf(ErrInvalidNode, "expected %s, got %s", canonical, operator)
	}
	return address, nil
}
