package keeper_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"cosmossdk.io/math"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	distributiontypes "github.com/cosmos/cosmos-sdk/x/distribution/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// The fakes keep what they hold in a store of the context, so that a cached context that is dropped drops their
// changes too.

var errBroken = errors.New("broken on purpose")

func moduleAddress(name string) sdk.AccAddress { return authtypes.NewModuleAddress(name) }

type fakeAccounts struct{}

func (fakeAccounts) GetModuleAddress(name string) sdk.AccAddress { return moduleAddress(name) }

func (fakeAccounts) GetModuleAccount(_ context.Context, name string) sdk.ModuleAccountI {
	return authtypes.NewEmptyModuleAccount(name)
}

// fakeBank is x/bank for one denomination, and x/distribution for what it pays.
type fakeBank struct {
	key     storetypes.StoreKey
	blocked map[string]bool // addresses that may not receive
	broken  bool            // nothing leaves the module account
	// allocations that fail
	unpayable map[string]bool
}

func (b *fakeBank) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(b.key)
}

func (b *fakeBank) balance(ctx context.Context, name string) math.Int {
	var v math.Int
	if raw := b.store(ctx).Get([]byte(name)); raw == nil {
		return math.ZeroInt()
	} else if err := v.Unmarshal(raw); err != nil {
		panic(err)
	}
	return v
}

func (b *fakeBank) set(ctx context.Context, name string, v math.Int) {
	raw, err := v.Marshal()
	if err != nil {
		panic(err)
	}
	b.store(ctx).Set([]byte(name), raw)
}

func (b *fakeBank) move(ctx context.Context, from, to string, amount sdk.Coins) error {
	v := amount.AmountOf(types.Denom)
	if len(amount) != 1 || !v.IsPositive() {
		return fmt.Errorf("expected a positive amount of %s, got %s", types.Denom, amount)
	}
	if b.broken && from == moduleAddress(types.ModuleName).String() {
		return errBroken
	}
	if b.blocked[to] {
		return fmt.Errorf("%s may not receive", to)
	}
	have := b.balance(ctx, from)
	if have.LT(v) {
		return fmt.Errorf("insufficient funds: expected %s, got %s", v, have)
	}
	b.set(ctx, from, have.Sub(v))
	b.set(ctx, to, b.balance(ctx, to).Add(v))
	return nil
}

func (b *fakeBank) GetBalance(ctx context.Context, addr sdk.AccAddress, denom string) sdk.Coin {
	return sdk.NewCoin(denom, b.balance(ctx, addr.String()))
}

func (b *fakeBank) SendCoinsFromAccountToModule(ctx context.Context, from sdk.AccAddress, module string, amount sdk.Coins) error {
	return b.move(ctx, from.String(), moduleAddress(module).String(), amount)
}

func (b *fakeBank) SendCoinsFromModuleToAccount(ctx context.Context, module string, to sdk.AccAddress, amount sdk.Coins) error {
	return b.move(ctx, moduleAddress(module).String(), to.String(), amount)
}

func (b *fakeBank) SendCoinsFromModuleToModule(ctx context.Context, from, to string, amount sdk.Coins) error {
	return b.move(ctx, moduleAddress(from).String(), moduleAddress(to).String(), amount)
}

// communityPool is the name under which the fake books the pool.
const communityPool = "community pool"

func (b *fakeBank) FundCommunityPool(ctx context.Context, amount sdk.Coins, from sdk.AccAddress) error {
	return b.move(ctx, from.String(), communityPool, amount)
}

func (b *fakeBank) AllocateTokensToValidator(ctx context.Context, v stakingtypes.ValidatorI, tokens sdk.DecCoins) error {
	if b.unpayable[v.GetOperator()] {
		return errBroken
	}
	amount, dust := tokens.TruncateDecimal()
	if !dust.IsZero() {
		return fmt.Errorf("expected whole coins, got %s", tokens)
	}
	return b.move(ctx, moduleAddress(distributiontypes.ModuleName).String(), v.GetOperator(), amount)
}

type fakeStaking struct {
	gone  map[string]bool
	asked int // how often for a validator
}

func (s *fakeStaking) GetValidator(_ context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error) {
	s.asked++
	if s.gone[operator.String()] {
		return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
	}
	return stakingtypes.Validator{OperatorAddress: operator.String()}, nil
}

func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

// sweeps is the order in which the end of a block asks the other modules.
type sweeps []string

// fakeScheduling holds tasks and gives the answers that a test writes.
type fakeScheduling struct {
	key             storetypes.StoreKey
	sweeps          *sweeps
	eligible, total int64
	memory          uint64 // of the last question
	asked           int    // how often for power
	walked          int    // how often for the nodes
	refuse          error  // of Enqueue
	refuseAt        int    // accepts this many tasks before it refuses
	again           bool   // of Retry
	due             []schedulingtypes.Expiry
	placements      []schedulingtypes.Placement
	broken          error // of the sweeps
	basePrice       math.Int
	unpriced        error  // of BasePrice
	waiting         uint64 // blocks
	review          schedulingtypes.Review
	replaced        map[uint64][]string // candidates that a leader was asked of
	leader          string              // of ReplaceLeader
	silent          bool                // that ReplaceLeader heard of
	deliveries      []schedulingtypes.Delivery
}

func (s *fakeScheduling) BasePrice(context.Context) (math.Int, error) { return s.basePrice, s.unpriced }

func (s *fakeScheduling) WaitingBlocks(context.Context) (uint64, error) { return s.waiting, nil }

func (s *fakeScheduling) RecordDeliveries(_ context.Context, deliveries []schedulingtypes.Delivery) error {
	s.deliveries = append(s.deliveries, deliveries...)
	return s.broken
}

func (s *fakeScheduling) Review(context.Context) (schedulingtypes.Review, error) {
	*s.sweeps = append(*s.sweeps, "review")
	review := s.review
	s.review = schedulingtypes.Review{}
	return review, s.broken
}

func (s *fakeScheduling) ReplaceLeader(ctx context.Context, _ schedulingtypes.Workers, id uint64, candidates []string, silent bool) (string, error) {
	s.silent = silent
	task, err := s.task(ctx, id)
	if err != nil {
		return "", err
	}
	s.replaced[id] = candidates
	if s.leader != "" {
		task.Assignment.Leader = s.leader
		s.put(ctx, task)
	}
	return s.leader, nil
}

func (s *fakeScheduling) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(s.key)
}

func (s *fakeScheduling) task(ctx context.Context, id uint64) (schedulingtypes.Task, error) {
	var task schedulingtypes.Task
	raw := s.store(ctx).Get(idKey(id))
	if raw == nil {
		return task, schedulingtypes.ErrTaskNotFound
	}
	return task, task.Unmarshal(raw)
}

func (s *fakeScheduling) put(ctx context.Context, task schedulingtypes.Task) {
	raw, err := task.Marshal()
	if err != nil {
		panic(err)
	}
	s.store(ctx).Set(idKey(task.RequestId), raw)
}

func (s *fakeScheduling) EligiblePower(ctx context.Context, model []byte, class schedulingtypes.TaskClass, memory uint64) (int64, int64, error) {
	eligible, err := s.ProvedPower(ctx, nil, model, class, memory)
	return eligible, s.total, err
}

func (s *fakeScheduling) Voters(context.Context) ([]schedulingtypes.Voter, int64, error) {
	s.walked++
	return nil, s.total, nil
}

func (s *fakeScheduling) ProvedPower(_ context.Context, _ []schedulingtypes.Voter, _ []byte, _ schedulingtypes.TaskClass, memory uint64) (int64, error) {
	s.memory = memory
	s.asked++
	return s.eligible, nil
}

func (s *fakeScheduling) Enqueue(ctx context.Context, task schedulingtypes.Task) (schedulingtypes.Task, error) {
	*s.sweeps = append(*s.sweeps, "enqueue")
	if err := task.ValidateNeeds(); err != nil {
		return task, err
	}
	if s.refuse != nil {
		if s.refuseAt == 0 {
			return task, s.refuse
		}
		s.refuseAt--
	}
	height := sdk.UnwrapSDKContext(ctx).BlockHeight()
	task.ParamsVersion, task.QueuedHeight, task.FinalDeadline = 1, height, height+130
	s.put(ctx, task)
	return task, nil
}

func (s *fakeScheduling) Cancel(ctx context.Context, id uint64) error {
	task, err := s.task(ctx, id)
	if err != nil {
		return err
	}
	if task.Attempts > 0 {
		return schedulingtypes.ErrNotQueued
	}
	s.store(ctx).Delete(idKey(id))
	return nil
}

func (s *fakeScheduling) Expired(context.Context) ([]schedulingtypes.Expiry, error) {
	*s.sweeps = append(*s.sweeps, "expired")
	due := s.due
	s.due = nil
	return due, s.broken
}

func (s *fakeScheduling) Retry(ctx context.Context, id uint64, passOver []string) (bool, error) {
	task, err := s.task(ctx, id)
	if err != nil {
		return false, err
	}
	if task.Assignment == nil {
		return false, schedulingtypes.ErrNoAttempt
	}
	if !s.again {
		return false, nil
	}
	task.Assignment = nil
	task.PassedOver = append(task.PassedOver, passOver...)
	s.put(ctx, task)
	return true, nil
}

func (s *fakeScheduling) Assign(ctx context.Context) ([]schedulingtypes.Placement, error) {
	*s.sweeps = append(*s.sweeps, "assign")
	placements := s.placements
	s.placements = nil
	for _, p := range placements {
		s.put(ctx, p.Task)
	}
	return placements, s.broken
}

func (s *fakeScheduling) Complete(ctx context.Context, id uint64) error {
	if _, err := s.task(ctx, id); err != nil {
		return err
	}
	s.store(ctx).Delete(idKey(id))
	return nil
}

// fakeVerification knows which requests have a round and gives the answers that a test writes.
type fakeVerification struct {
	key         storetypes.StoreKey
	sweeps      *sweeps
	recorded    verificationtypes.Recorded
	settlements []verificationtypes.Settlement
	snapshot    verificationtypes.Snapshot
	openings    []verificationtypes.RoundOpening
	advanced    []verificationtypes.Decision          // of the next Advance
	concluded   map[uint64]verificationtypes.Decision // what closing a round brings; nothing for the others
	passOver    []string                              // of Abandon
	refuse      error                                 // of OpenRound
	unclosable  error                                 // of Conclude
	broken      error                                 // of Record and Settle
	stuck       error                                 // of Advance
	health      map[uint64]verificationtypes.Health
	leaders     map[uint64]string // that took over
}

func (v *fakeVerification) Health(ctx context.Context, id uint64, healthy func(string) bool) (verificationtypes.Health, error) {
	if !v.hasRound(ctx, id) {
		return verificationtypes.Health{}, fmt.Errorf("request %d has no round", id)
	}
	health := v.health[id]
	var able []string
	for _, candidate := range health.Candidates {
		if healthy(candidate) {
			able = append(able, candidate)
		}
	}
	health.Candidates = able
	return health, nil
}

func (v *fakeVerification) ReplaceLeader(ctx context.Context, id uint64, leader string) error {
	if !v.hasRound(ctx, id) {
		return fmt.Errorf("request %d has no round", id)
	}
	if v.refuse != nil {
		return v.refuse
	}
	v.leaders[id] = leader
	return nil
}

func (v *fakeVerification) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(v.key)
}

func (v *fakeVerification) hasRound(ctx context.Context, id uint64) bool {
	return v.store(ctx).Has(idKey(id))
}

func (v *fakeVerification) OpenRound(ctx context.Context, opening verificationtypes.RoundOpening) error {
	if v.refuse != nil {
		return v.refuse
	}
	if v.hasRound(ctx, opening.RequestID) {
		return fmt.Errorf("request %d has a round", opening.RequestID)
	}
	v.openings = append(v.openings, opening)
	v.store(ctx).Set(idKey(opening.RequestID), []byte{1})
	return nil
}

func (v *fakeVerification) Record(context.Context, []verificationtypes.OperatorVotes) (verificationtypes.Recorded, error) {
	recorded := v.recorded
	v.recorded = verificationtypes.Recorded{}
	return recorded, v.broken
}

func (v *fakeVerification) Abandon(ctx context.Context, id uint64) ([]string, error) {
	v.store(ctx).Delete(idKey(id))
	return v.passOver, nil
}

func (v *fakeVerification) Advance(context.Context) ([]verificationtypes.Decision, error) {
	*v.sweeps = append(*v.sweeps, "advance")
	decisions := v.advanced
	v.advanced = nil
	return decisions, v.stuck
}

func (v *fakeVerification) Conclude(ctx context.Context, id uint64) (verificationtypes.Decision, error) {
	*v.sweeps = append(*v.sweeps, "conclude")
	if !v.hasRound(ctx, id) {
		return verificationtypes.Decision{}, fmt.Errorf("request %d has no round to close", id)
	}
	if d, ok := v.concluded[id]; ok {
		return d, nil
	}
	return verificationtypes.Decision{RequestID: id, Kind: verificationtypes.DecisionImpossible}, v.unclosable
}

func (v *fakeVerification) Settle(ctx context.Context) ([]verificationtypes.Settlement, error) {
	*v.sweeps = append(*v.sweeps, "settle")
	settlements := v.settlements
	v.settlements = nil
	for _, s := range settlements {
		v.store(ctx).Delete(idKey(s.Round.RequestId))
	}
	return settlements, v.broken
}

func (v *fakeVerification) Snapshot(_ context.Context, id uint64) (verificationtypes.Snapshot, error) {
	if id != v.snapshot.Id {
		return verificationtypes.Snapshot{}, fmt.Errorf("no snapshot %d", id)
	}
	return v.snapshot, nil
}
