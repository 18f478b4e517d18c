package pipelinetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"cosmossdk.io/core/address"
	corestore "cosmossdk.io/core/store"
	"cosmossdk.io/math"
	addresscodec "github.com/cosmos/cosmos-sdk/codec/address"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/crypto/keys/ed25519"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	gogotypes "github.com/cosmos/gogoproto/types"
)

const stakingStore = "staking"

// Operator is the address of the i-th operator. Addresses ascend with i.
func Operator(i int) sdk.ValAddress {
	return sdk.ValAddress(append([]byte{byte(i + 1)}, bytes.Repeat([]byte{0x5a}, 19)...))
}

// Validator is one entry of the ledger of stake.
type Validator struct {
	Tokens int64
	Status stakingtypes.BondStatus
	Jailed bool
	// Key counts the consensus keys that the validator has had.
	Key uint8
}

func (v Validator) power() int64 {
	if v.Jailed || v.Status != stakingtypes.Bonded {
		return 0
	}
	return v.Tokens / sdk.DefaultPowerReduction.Int64()
}

// Staking is a ledger of stake. Powers are as of the last block, as those of x/staking; what a slash burns leaves the
// bonded pool at once.
type Staking struct {
	key  storetypes.StoreKey
	bank *Bank
}

var bondedPool = moduleName(stakingtypes.BondedPoolName)

// delegator owns all stake.
const delegator = "delegator"

func (s *Staking) store(ctx context.Context) storetypes.KVStore {
	return sdk.UnwrapSDKContext(ctx).KVStore(s.key)
}

func validatorKey(operator sdk.ValAddress) []byte { return append([]byte("v/"), operator...) }

// Validator is the entry of an operator; ok is false when there is none.
func (s *Staking) Validator(ctx context.Context, operator sdk.ValAddress) (v Validator, ok bool) {
	raw := s.store(ctx).Get(validatorKey(operator))
	if raw == nil {
		return Validator{}, false
	}
	return Validator{
		Tokens: int64(binary.BigEndian.Uint64(raw)), Status: stakingtypes.BondStatus(raw[8]), Jailed: raw[9] == 1, Key: raw[10],
	}, true
}

// Set writes an entry. The coins come from the account of the delegator, or go back to it.
func (s *Staking) Set(ctx context.Context, operator sdk.ValAddress, v Validator) {
	before, _ := s.Validator(ctx, operator)
	if err := s.stake(ctx, v.Tokens-before.Tokens); err != nil {
		panic(err)
	}
	s.write(ctx, operator, v)
}

// Remove takes an entry away.
func (s *Staking) Remove(ctx context.Context, operator sdk.ValAddress) {
	v, _ := s.Validator(ctx, operator)
	if err := s.stake(ctx, -v.Tokens); err != nil {
		panic(err)
	}
	s.store(ctx).Delete(validatorKey(operator))
}

func (s *Staking) stake(ctx context.Context, amount int64) error {
	switch {
	case amount > 0:
		return s.bank.move(ctx, delegator, bondedPool, amount)
	case amount < 0:
		return s.bank.move(ctx, bondedPool, delegator, -amount)
	default:
		return nil
	}
}

func (s *Staking) write(ctx context.Context, operator sdk.ValAddress, v Validator) {
	raw := binary.BigEndian.AppendUint64(nil, uint64(v.Tokens))
	jailed := byte(0)
	if v.Jailed {
		jailed = 1
	}
	s.store(ctx).Set(validatorKey(operator), append(raw, byte(v.Status), jailed, v.Key))
}

// Staked is what all validators have together.
func (s *Staking) Staked(ctx context.Context) (sum int64) {
	for _, operator := range s.validators(ctx) {
		v, _ := s.Validator(ctx, operator)
		sum += v.Tokens
	}
	return sum
}

// validators lists the operators that have an entry, by address.
func (s *Staking) validators(ctx context.Context) (operators []sdk.ValAddress) {
	it := storetypes.KVStorePrefixIterator(s.store(ctx), validatorKey(nil))
	defer it.Close()
	for ; it.Valid(); it.Next() {
		operators = append(operators, bytes.Clone(it.Key()[len(validatorKey(nil)):]))
	}
	return operators
}

// endBlock makes the powers of the next blocks from the entries.
func (s *Staking) endBlock(ctx context.Context) {
	store := s.store(ctx)
	for _, operator := range s.validators(ctx) {
		v, _ := s.Validator(ctx, operator)
		key := stakingtypes.GetLastValidatorPowerKey(operator)
		var raw []byte
		if power := v.power(); power > 0 {
			var err error
			if raw, err = (&gogotypes.Int64Value{Value: power}).Marshal(); err != nil {
				panic(err)
			}
		}
		switch had := store.Get(key); {
		case bytes.Equal(had, raw):
		case raw == nil:
			store.Delete(key)
		default:
			store.Set(key, raw)
		}
	}
}

// ValidatorAddressCodec implements the staking keeper.
func (s *Staking) ValidatorAddressCodec() address.Codec {
	return addresscodec.NewBech32Codec(sdk.GetConfig().GetBech32ValidatorAddrPrefix())
}

// consensusKey is the key number n of a validator; nobody signs with it.
func consensusKey(operator sdk.ValAddress, n uint8) *ed25519.PubKey {
	key := sha256.Sum256(append(bytes.Clone(operator), n))
	return &ed25519.PubKey{Key: key[:]}
}

// GetValidator implements the staking keeper.
func (s *Staking) GetValidator(ctx context.Context, operator sdk.ValAddress) (stakingtypes.Validator, error) {
	v, ok := s.Validator(ctx, operator)
	if !ok {
		return stakingtypes.Validator{}, stakingtypes.ErrNoValidatorFound
	}
	key, err := codectypes.NewAnyWithValue(consensusKey(operator, v.Key))
	if err != nil {
		return stakingtypes.Validator{}, err
	}
	return stakingtypes.Validator{
		OperatorAddress: operator.String(), Status: v.Status, Jailed: v.Jailed, Tokens: math.NewInt(v.Tokens), ConsensusPubkey: key,
	}, nil
}

// GetLastValidatorPower implements the staking keeper.
func (s *Staking) GetLastValidatorPower(ctx context.Context, operator sdk.ValAddress) (int64, error) {
	var power gogotypes.Int64Value
	if err := power.Unmarshal(s.store(ctx).Get(stakingtypes.GetLastValidatorPowerKey(operator))); err != nil {
		return 0, err
	}
	return power.Value, nil
}

// LastValidatorsIterator implements the staking keeper.
func (s *Staking) LastValidatorsIterator(ctx context.Context) (corestore.Iterator, error) {
	return storetypes.KVStorePrefixIterator(s.store(ctx), stakingtypes.LastValidatorPowerKey), nil
}

// Slash implements the staking keeper: only by the key of today, never for the future, never when unbonded, as x/staking.
func (s *Staking) Slash(
	ctx context.Context, consAddr sdk.ConsAddress, infractionHeight, power int64, factor math.LegacyDec,
) (math.Int, error) {
	if height := sdk.UnwrapSDKContext(ctx).BlockHeight(); infractionHeight > height || infractionHeight < 1 {
		return math.ZeroInt(), fmt.Errorf("expected an infraction at 1 to %d, got %d", height, infractionHeight)
	}
	if factor.IsNegative() || factor.GT(math.LegacyOneDec()) {
		return math.ZeroInt(), fmt.Errorf("expected a part of the stake, got %s", factor)
	}
	for _, operator := range s.validators(ctx) {
		v, _ := s.Validator(ctx, operator)
		if !bytes.Equal(consensusKey(operator, v.Key).Address(), consAddr) {
			continue
		}
		if v.Status == stakingtypes.Unbonded {
			return math.ZeroInt(), fmt.Errorf("expected no unbonded validator, got %s", operator)
		}
		whole := math.LegacyNewDec(power).MulInt(sdk.DefaultPowerReduction)
		amount := min(whole.Mul(factor).TruncateInt64(), v.Tokens)
		if amount == 0 {
			return math.ZeroInt(), nil
		}
		v.Tokens -= amount
		s.write(ctx, operator, v)
		return math.NewInt(amount), s.bank.move(ctx, bondedPool, burned, amount)
	}
	return math.ZeroInt(), nil
}
