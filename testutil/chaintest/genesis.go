package chaintest

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	sdkmath "cosmossdk.io/math"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	cryptocodec "github.com/cosmos/cosmos-sdk/crypto/codec"
	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/app"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Balance is what every account of a test chain begins with, in uopg.
var Balance = sdkmath.NewInt(1_000_000_000_000)

// genesis builds the state of a chain whose validators are bonded and have registered nodes. Each validator is
// delegated to by the first account.
func (c *Chain) genesis() map[string]json.RawMessage {
	state := c.App.BasicModuleManager.DefaultGenesis(c.App.EncodingConfig().Codec)
	accounts := make([]authtypes.GenesisAccount, 0, len(c.Accounts))
	var balances []banktypes.Balance
	supply := sdk.NewCoins()
	fund := func(a sdk.AccAddress, amount sdkmath.Int) {
		coins := sdk.NewCoins(sdk.NewCoin(app.BondDenom, amount))
		balances = append(balances, banktypes.Balance{Address: a.String(), Coins: coins})
		supply = supply.Add(coins...)
	}
	for _, a := range c.Accounts {
		accounts = append(accounts, authtypes.NewBaseAccount(a.Address, nil, 0, 0))
		fund(a.Address, Balance)
	}
	staking := stakingtypes.DefaultGenesisState()
	scheduling := schedulingtypes.DefaultGenesisState()
	slashing := slashingtypes.DefaultGenesisState()
	bonded := sdkmath.ZeroInt()
	for _, v := range c.Validators {
		tokens := sdk.TokensFromConsensusPower(v.Power, sdk.DefaultPowerReduction)
		bonded = bonded.Add(tokens)
		staking.Validators = append(staking.Validators, c.stakingValidator(v, tokens))
		staking.Delegations = append(staking.Delegations, stakingtypes.NewDelegation(
			c.Accounts[0].Address.String(), v.Operator.String(), sdkmath.LegacyNewDecFromInt(tokens)))
		scheduling.Nodes = append(scheduling.Nodes,
			schedulingtypes.NewNode(v.Operator.String(), 100_000, 1<<30, schedulingtypes.AllTaskClasses()))
		cons := sdk.ConsAddress(v.Key.PubKey().Address())
		slashing.SigningInfos = append(slashing.SigningInfos, slashingtypes.SigningInfo{
			Address:              cons.String(),
			ValidatorSigningInfo: slashingtypes.NewValidatorSigningInfo(cons, 0, 0, time.Unix(0, 0).UTC(), false, 0),
		})
	}
	fund(authtypes.NewModuleAddress(stakingtypes.BondedPoolName), bonded)

	slices.SortFunc(scheduling.Nodes, func(a, b schedulingtypes.Node) int {
		return bytes.Compare(operatorBytes(a), operatorBytes(b))
	})
	c.set(state, authtypes.ModuleName, authtypes.NewGenesisState(authtypes.DefaultParams(), accounts))
	c.set(state, banktypes.ModuleName, banktypes.NewGenesisState(banktypes.DefaultParams(), balances, supply, nil, nil))
	c.set(state, stakingtypes.ModuleName, staking)
	c.set(state, slashingtypes.ModuleName, slashing)
	c.set(state, schedulingtypes.ModuleName, scheduling)
	return state
}

func (c *Chain) set(state map[string]json.RawMessage, module string, genesis proto.Message) {
	c.t.Helper()
	raw, err := c.App.EncodingConfig().Codec.MarshalJSON(genesis)
	require.NoError(c.t, err)
	state[module] = raw
}

func (c *Chain) stakingValidator(v Validator, tokens sdkmath.Int) stakingtypes.Validator {
	pk, err := cryptocodec.FromCmtPubKeyInterface(v.Key.PubKey())
	require.NoError(c.t, err)
	packed, err := codectypes.NewAnyWithValue(pk)
	require.NoError(c.t, err)
	return stakingtypes.Validator{
		OperatorAddress:   v.Operator.String(),
		ConsensusPubkey:   packed,
		Status:            stakingtypes.Bonded,
		Tokens:            tokens,
		DelegatorShares:   sdkmath.LegacyNewDecFromInt(tokens),
		UnbondingTime:     time.Unix(0, 0).UTC(),
		Commission:        stakingtypes.NewCommission(sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec(), sdkmath.LegacyZeroDec()),
		MinSelfDelegation: sdkmath.ZeroInt(),
	}
}

// operatorBytes is the address by which a genesis orders nodes.
func operatorBytes(n schedulingtypes.Node) []byte {
	b, err := sdk.ValAddressFromBech32(n.Operator)
	if err != nil {
		panic(err)
	}
	return b
}
