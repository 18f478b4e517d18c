package app

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	gogogrpc "github.com/cosmos/gogoproto/grpc"

	"github.com/opengradient/opengradient/app/voteext"
)

const (
	// DefaultBlockMaxBytes is the block size limit of a new chain.
	DefaultBlockMaxBytes = 8 << 20
	// DefaultBlockMaxGas is the block gas limit of a new chain.
	DefaultBlockMaxGas = 200_000_000

	// entryOverhead bounds what an injected entry adds to its extension: kind, tags, lengths and a signature of
	// the largest supported size.
	entryOverhead = 64 + 3309
	// commitSigBytes is what CometBFT reserves in a block for one validator's commit signature.
	commitSigBytes = 3355
	// ordinaryBytes is the room that a full injection leaves for ordinary transactions.
	ordinaryBytes = 64 << 10
)

// CheckBlockLimits refuses consensus parameters under which an honest proposer could be unable to build a block:
// the largest injection, the last commit, the evidence and a remainder for transactions must fit together. It
// also refuses a block without a gas limit and a chain without vote extensions.
func CheckBlockLimits(p cmtproto.ConsensusParams, maxValidators uint32) error {
	if p.Block == nil || p.Evidence == nil {
		return fmt.Errorf("consensus params: expected block and evidence params, got none")
	}
	if p.Block.MaxGas <= 0 {
		return fmt.Errorf("block max_gas: expected a positive limit, got %d", p.Block.MaxGas)
	}
	if p.Abci == nil || p.Abci.VoteExtensionsEnableHeight <= 0 {
		return fmt.Errorf("vote_extensions_enable_height: expected a positive height, got none")
	}
	maxBytes := p.Block.MaxBytes
	if maxBytes < 0 {
		maxBytes = cmttypes.MaxBlockSizeBytes
	}
	// Bounded here, nothing below can overflow: a validator takes less than 2^16 bytes, and there are less than 2^32.
	if p.Evidence.MaxBytes < 0 || p.Evidence.MaxBytes > maxBytes {
		return fmt.Errorf("evidence max_bytes: expected 0 to %d, got %d", maxBytes, p.Evidence.MaxBytes)
	}
	perValidator := int64(voteext.MaxBytes + entryOverhead + commitSigBytes)
	need := int64(maxValidators)*perValidator + p.Evidence.MaxBytes + ordinaryBytes
	if need > maxBytes {
		return fmt.Errorf("block max_bytes: expected at least %d for %d validators and %d bytes of evidence, got %d",
			need, maxValidators, p.Evidence.MaxBytes, maxBytes)
	}
	return nil
}

// checkBlockLimits checks the parameters that stand in state.
func (app *App) checkBlockLimits(ctx context.Context) error {
	p, err := app.ConsensusParamsKeeper.ParamsStore.Get(ctx)
	if err != nil {
		return fmt.Errorf("consensus params: %w", err)
	}
	n, err := app.StakingKeeper.MaxValidators(ctx)
	if err != nil {
		return fmt.Errorf("max validators: %w", err)
	}
	return CheckBlockLimits(p, n)
}

const (
	stakingMsgService   = "cosmos.staking.v1beta1.Msg"
	consensusMsgService = "cosmos.consensus.v1.Msg"
)

// guardedConfigurator registers the Msg services of x/consensus and x/staking behind checks of the block limits:
// their parameter messages have no hook that could refuse. Modules register either with the configurator itself or
// with its message server; both lead through guard.
type guardedConfigurator struct {
	module.Configurator
	app *App
	// guarded collects the names of the services that were given a guard.
	guarded map[string]bool
}

// RegisterService implements grpc.ServiceRegistrar.
func (g guardedConfigurator) RegisterService(sd *grpc.ServiceDesc, handler any) {
	g.Configurator.RegisterService(sd, g.guard(sd, handler))
}

// MsgServer implements module.Configurator.
func (g guardedConfigurator) MsgServer() gogogrpc.Server {
	return guardedRegistrar{Server: g.Configurator.MsgServer(), guard: g.guard}
}

// guard goes by the name of the service: one keeper may serve messages and queries.
func (g guardedConfigurator) guard(sd *grpc.ServiceDesc, handler any) any {
	switch sd.ServiceName {
	case stakingMsgService:
		if h, ok := handler.(stakingtypes.MsgServer); ok {
			g.guarded[sd.ServiceName] = true
			return guardedStaking{MsgServer: h, app: g.app}
		}
	case consensusMsgService:
		if h, ok := handler.(consensustypes.MsgServer); ok {
			g.guarded[sd.ServiceName] = true
			return guardedConsensus{MsgServer: h, app: g.app}
		}
	}
	return handler
}

// check fails when a service that needs a guard went past it.
func (g guardedConfigurator) check() error {
	for _, service := range []string{stakingMsgService, consensusMsgService} {
		if !g.guarded[service] {
			return fmt.Errorf("%s: expected it behind the check of the block limits, got it without", service)
		}
	}
	return nil
}

type guardedRegistrar struct {
	gogogrpc.Server
	guard func(sd *grpc.ServiceDesc, handler any) any
}

func (r guardedRegistrar) RegisterService(sd *grpc.ServiceDesc, handler any) {
	r.Server.RegisterService(sd, r.guard(sd, handler))
}

type guardedStaking struct {
	stakingtypes.MsgServer
	app *App
}

// UpdateParams refuses a validator limit for which blocks are too small.
func (g guardedStaking) UpdateParams(ctx context.Context, msg *stakingtypes.MsgUpdateParams) (*stakingtypes.MsgUpdateParamsResponse, error) {
	resp, err := g.MsgServer.UpdateParams(ctx, msg)
	if err != nil {
		return nil, err
	}
	return resp, g.app.checkBlockLimits(ctx)
}

type guardedConsensus struct {
	consensustypes.MsgServer
	app *App
}

// UpdateParams refuses block limits that are too small for the validator limit.
func (g guardedConsensus) UpdateParams(ctx context.Context, msg *consensustypes.MsgUpdateParams) (*consensustypes.MsgUpdateParamsResponse, error) {
	before := sdk.UnwrapSDKContext(ctx).ConsensusParams()
	resp, err := g.MsgServer.UpdateParams(ctx, msg)
	if err != nil {
		return nil, err
	}
	if msg.Abci != nil && before.Abci != nil && msg.Abci.VoteExtensionsEnableHeight != before.Abci.VoteExtensionsEnableHeight {
		return nil, fmt.Errorf("vote_extensions_enable_height: expected %d, which cannot change, got %d",
			before.Abci.VoteExtensionsEnableHeight, msg.Abci.VoteExtensionsEnableHeight)
	}
	return resp, g.app.checkBlockLimits(ctx)
}
