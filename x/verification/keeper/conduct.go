package keeper

import (
	"context"
	"errors"
	"fmt"

	"cosmossdk.io/collections"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/conduct"
	"github.com/opengradient/opengradient/x/verification/types"
)

// Reasons why conduct sends a node to jail.
const (
	reasonFault        = "fault"
	reasonMissed       = "missed"
	reasonContradicted = "contradicted"
)

// recordConduct counts settled rounds, in their order, for every member that had a seat. Each operator is read and
// written once, however many of the rounds it was in. The window belongs to the operator and not to a round: the rule is
// that of the current parameters.
func (k Keeper) recordConduct(ctx context.Context, book *attendanceBook, settlements []types.Settlement) error {
	if len(settlements) == 0 {
		return nil
	}
	params, _, err := k.CurrentParams(ctx)
	if err != nil {
		return err
	}
	b := conductBook{keeper: k, params: params, attendances: book, records: make(map[string]*conductRecord)}
	for _, settlement := range settlements {
		if err := b.count(ctx, settlement); err != nil {
			return fmt.Errorf("conduct in the round of request %d: %w", settlement.Round.RequestId, err)
		}
	}
	return b.store(ctx)
}

// conductBook holds the operators of the rounds that settle in one block.
type conductBook struct {
	keeper      Keeper
	params      types.Params
	attendances *attendanceBook
	records     map[string]*conductRecord
	order       []*conductRecord // in which they were first met
}

type conductRecord struct {
	address     sdk.ValAddress
	conduct     types.Conduct
	reliability uint32 // as stored
}

func (b *conductBook) count(ctx context.Context, settlement types.Settlement) error {
	outcomes, err := b.outcomes(ctx, settlement)
	if err != nil {
		return err
	}
	for i, member := range settlement.Snapshot.Members {
		if !outcomes[i].counts {
			continue
		}
		record, err := b.record(ctx, member.Operator)
		if err != nil {
			return err
		}
		counted, verdict := record.conduct.Count(b.params.ConductRule(), outcomes[i].outcome)
		record.conduct = counted
		switch verdict {
		case conduct.JailMissed:
			err = b.jail(ctx, member.Operator, reasonMissed)
		case conduct.JailContradicted:
			err = b.jail(ctx, member.Operator, reasonContradicted)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// countedOutcome is how a round went for a member; it may not count at all.
type countedOutcome struct {
	outcome conduct.Outcome
	counts  bool
}

// outcomes tells how a round went for each member. Silence is a miss only for a member that had its chances to be heard;
// who attended is looked up only when somebody is missing.
func (b *conductBook) outcomes(ctx context.Context, settlement types.Settlement) ([]countedOutcome, error) {
	round := settlement.Round
	counted := make([]countedOutcome, len(settlement.Outcomes))
	for i, outcome := range settlement.Outcomes {
		switch outcome {
		case types.MEMBER_OUTCOME_AGREED:
			counted[i] = countedOutcome{conduct.Met, true}
		case types.MEMBER_OUTCOME_DISAGREED:
			counted[i] = countedOutcome{conduct.Contradicted, true}
		case types.MEMBER_OUTCOME_MISSING:
			chances, err := b.attendances.chances(ctx, round, settlement.Snapshot.Members[i].Operator, round.HeardFrom(i), round.HeardUntil(i))
			if err != nil {
				return nil, err
			}
			counted[i] = countedOutcome{conduct.Missed, chances >= types.MinChances}
		}
	}
	return counted, nil
}

func (b *conductBook) record(ctx context.Context, operator string) (*conductRecord, error) {
	if record, ok := b.records[operator]; ok {
		return record, nil
	}
	address, found, err := b.keeper.conductOf(ctx, operator)
	if err != nil {
		return nil, err
	}
	record := &conductRecord{address: address, conduct: found, reliability: found.Reliability}
	b.records[operator] = record
	b.order = append(b.order, record)
	return record, nil
}

func (b *conductBook) jail(ctx context.Context, operator, reason string) error {
	return b.keeper.jail(ctx, operator, reason, b.params.ConductJailBlocks)
}

// store writes what changed. The node hears of its reliability only when that is another one.
func (b *conductBook) store(ctx context.Context) error {
	for _, record := range b.order {
		if err := b.keeper.Conducts.Set(ctx, record.address, record.conduct); err != nil {
			return err
		}
		if record.conduct.Reliability == record.reliability {
			continue
		}
		if err := b.keeper.nodes.SetReliability(ctx, record.conduct.Operator, record.conduct.Reliability); err != nil {
			return fmt.Errorf("reliability of %s: %w", record.conduct.Operator, err)
		}
	}
	return nil
}

// jail keeps the node of an operator out of new rounds for a number of blocks.
func (k Keeper) jail(ctx context.Context, operator, reason string, blocks uint32) error {
	until := blockHeight(ctx) + int64(blocks)
	if err := k.nodes.JailNode(ctx, operator, until, reason); err != nil {
		return fmt.Errorf("jail for %s: %w", operator, err)
	}
	return emitConductJailed(ctx, operator, reason, until)
}

// conductOf gives what is remembered of an operator, from its first round on or before it.
func (k Keeper) conductOf(ctx context.Context, operator string) (sdk.ValAddress, types.Conduct, error) {
	address, err := types.ParseOperator(operator)
	if err != nil {
		return nil, types.Conduct{}, err
	}
	found, err := k.Conducts.Get(ctx, address)
	if errors.Is(err, collections.ErrNotFound) {
		return address, types.NewConduct(operator), nil
	}
	if err != nil {
		return nil, types.Conduct{}, fmt.Errorf("conduct of %s: %w", operator, err)
	}
	return address, found, nil
}
