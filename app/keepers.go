package app

import (
	"github.com/spf13/cast"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/codec/address"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	authzkeeper "github.com/cosmos/cosmos-sdk/x/authz/keeper"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	consensuskeeper "github.com/cosmos/cosmos-sdk/x/consensus/keeper"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"
	distributionkeeper "github.com/cosmos/cosmos-sdk/x/distribution/keeper"
	distributiontypes "github.com/cosmos/cosmos-sdk/x/distribution/types"
	evidencekeeper "github.com/cosmos/cosmos-sdk/x/evidence/keeper"
	evidencetypes "github.com/cosmos/cosmos-sdk/x/evidence/types"
	"github.com/cosmos/cosmos-sdk/x/feegrant"
	feegrantkeeper "github.com/cosmos/cosmos-sdk/x/feegrant/keeper"
	govkeeper "github.com/cosmos/cosmos-sdk/x/gov/keeper"
	govtypes "github.com/cosmos/cosmos-sdk/x/gov/types"
	mintkeeper "github.com/cosmos/cosmos-sdk/x/mint/keeper"
	minttypes "github.com/cosmos/cosmos-sdk/x/mint/types"
	slashingkeeper "github.com/cosmos/cosmos-sdk/x/slashing/keeper"
	slashingtypes "github.com/cosmos/cosmos-sdk/x/slashing/types"
	stakingkeeper "github.com/cosmos/cosmos-sdk/x/staking/keeper"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"
	upgradekeeper "github.com/cosmos/cosmos-sdk/x/upgrade/keeper"
	upgradetypes "github.com/cosmos/cosmos-sdk/x/upgrade/types"

	inferencekeeper "github.com/opengradient/opengradient/x/inference/keeper"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelskeeper "github.com/opengradient/opengradient/x/models/keeper"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingkeeper "github.com/opengradient/opengradient/x/scheduling/keeper"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationkeeper "github.com/opengradient/opengradient/x/verification/keeper"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// moduleAccounts lists the module accounts with their permissions.
func moduleAccounts() map[string][]string {
	return map[string][]string{
		authtypes.FeeCollectorName:          nil,
		distributiontypes.ModuleName:        nil,
		minttypes.ModuleName:                {authtypes.Minter},
		stakingtypes.BondedPoolName:         {authtypes.Burner, authtypes.Staking},
		stakingtypes.NotBondedPoolName:      {authtypes.Burner, authtypes.Staking},
		stakingtypes.KeyRotationFeePoolName: {authtypes.Burner},
		govtypes.ModuleName:                 {authtypes.Burner},
		inferencetypes.ModuleName:           nil,
		modelstypes.ModuleName:              {authtypes.Burner},
	}
}

// blockedAddresses are the module accounts that may not receive coins by a plain transfer. The governance
// account may, because proposals can spend from it.
func blockedAddresses() map[string]bool {
	blocked := make(map[string]bool)
	for name := range moduleAccounts() {
		blocked[authtypes.NewModuleAddress(name).String()] = true
	}
	delete(blocked, authtypes.NewModuleAddress(govtypes.ModuleName).String())
	return blocked
}

func storeKeys() map[string]*storetypes.KVStoreKey {
	return storetypes.NewKVStoreKeys(
		authtypes.StoreKey, banktypes.StoreKey, stakingtypes.StoreKey, slashingtypes.StoreKey, distributiontypes.StoreKey,
		minttypes.StoreKey, govtypes.StoreKey, authzkeeper.StoreKey, feegrant.StoreKey, evidencetypes.StoreKey,
		consensustypes.StoreKey, upgradetypes.StoreKey,
		inferencetypes.StoreKey, schedulingtypes.StoreKey, verificationtypes.StoreKey,
		modelstypes.StoreKey, modelstypes.FileStoreKey,
	)
}

// setKeepers builds every keeper. The order matters: a keeper is given to another only after it was built.
func (app *App) setKeepers(appOpts servertypes.AppOptions) {
	authority := authtypes.NewModuleAddress(govtypes.ModuleName).String()
	accountCodec := address.NewBech32Codec(AccountPrefix)
	validatorCodec := address.NewBech32Codec(ValidatorPrefix)
	consensusCodec := address.NewBech32Codec(ConsensusPrefix)
	cdc := app.encoding.Codec
	service := runtime.NewKVStoreService

	app.ConsensusParamsKeeper = consensuskeeper.NewKeeper(cdc, service(app.keys[consensustypes.StoreKey]), authority, runtime.EventService{})
	app.SetParamStore(app.ConsensusParamsKeeper.ParamsStore)

	app.AccountKeeper = authkeeper.NewAccountKeeper(cdc, service(app.keys[authtypes.StoreKey]), authtypes.ProtoBaseAccount,
		moduleAccounts(), accountCodec, AccountPrefix, authority)
	app.BankKeeper = bankkeeper.NewBaseKeeper(cdc, service(app.keys[banktypes.StoreKey]), app.AccountKeeper,
		blockedAddresses(), authority, app.Logger())
	app.StakingKeeper = stakingkeeper.NewKeeper(cdc, service(app.keys[stakingtypes.StoreKey]), app.AccountKeeper,
		app.BankKeeper, authority, validatorCodec, consensusCodec)
	app.MintKeeper = mintkeeper.NewKeeper(cdc, service(app.keys[minttypes.StoreKey]), app.StakingKeeper,
		app.AccountKeeper, app.BankKeeper, authtypes.FeeCollectorName, authority)
	app.DistrKeeper = distributionkeeper.NewKeeper(cdc, service(app.keys[distributiontypes.StoreKey]), app.AccountKeeper,
		app.BankKeeper, app.StakingKeeper, authtypes.FeeCollectorName, authority)
	app.SlashingKeeper = slashingkeeper.NewKeeper(cdc, app.encoding.Amino, service(app.keys[slashingtypes.StoreKey]),
		app.StakingKeeper, authority)
	app.FeeGrantKeeper = feegrantkeeper.NewKeeper(cdc, service(app.keys[feegrant.StoreKey]), app.AccountKeeper)
	app.AuthzKeeper = authzkeeper.NewKeeper(service(app.keys[authzkeeper.StoreKey]), cdc, app.MsgServiceRouter(), app.AccountKeeper)

	app.UpgradeKeeper = upgradekeeper.NewKeeper(skippedUpgrades(appOpts), service(app.keys[upgradetypes.StoreKey]), cdc,
		cast.ToString(appOpts.Get(flags.FlagHome)), app.BaseApp, authority)
	app.GovKeeper = govkeeper.NewKeeper(cdc, service(app.keys[govtypes.StoreKey]), app.AccountKeeper, app.BankKeeper,
		app.DistrKeeper, app.MsgServiceRouter(), govtypes.DefaultConfig(), authority,
		govkeeper.NewDefaultCalculateVoteResultsAndVotingPower(app.StakingKeeper))
	app.EvidenceKeeper = evidencekeeper.NewKeeper(cdc, service(app.keys[evidencetypes.StoreKey]), app.StakingKeeper,
		app.SlashingKeeper, accountCodec, runtime.ProvideCometInfoService())

	app.SchedulingKeeper = schedulingkeeper.NewKeeper(cdc, service(app.keys[schedulingtypes.StoreKey]), app.StakingKeeper, authority)
	app.StakingKeeper.SetHooks(stakingtypes.NewMultiStakingHooks(
		app.DistrKeeper.Hooks(), app.SlashingKeeper.Hooks(), app.SchedulingKeeper.Hooks()))
	app.VerificationKeeper = verificationkeeper.NewKeeper(cdc, service(app.keys[verificationtypes.StoreKey]),
		app.StakingKeeper, app.SchedulingKeeper, authority)
	app.ModelsKeeper = modelskeeper.NewKeeper(cdc, service(app.keys[modelstypes.StoreKey]),
		service(app.keys[modelstypes.FileStoreKey]), app.AccountKeeper, app.BankKeeper, app.DistrKeeper,
		app.SchedulingKeeper, app.VerificationKeeper, authority)
	app.InferenceKeeper = inferencekeeper.NewKeeper(cdc, service(app.keys[inferencetypes.StoreKey]),
		app.AccountKeeper, app.BankKeeper, app.DistrKeeper, app.StakingKeeper, app.SchedulingKeeper, app.VerificationKeeper,
		app.ModelsKeeper, authority)
}

func skippedUpgrades(appOpts servertypes.AppOptions) map[int64]bool {
	skipped := make(map[int64]bool)
	for _, h := range cast.ToIntSlice(appOpts.Get(server.FlagUnsafeSkipUpgrades)) {
		skipped[int64(h)] = true
	}
	return skipped
}

// keeperSet is embedded in App: the keepers of the chain.
type keeperSet struct {
	AccountKeeper         authkeeper.AccountKeeper
	BankKeeper            bankkeeper.BaseKeeper
	StakingKeeper         *stakingkeeper.Keeper
	SlashingKeeper        slashingkeeper.Keeper
	MintKeeper            mintkeeper.Keeper
	DistrKeeper           distributionkeeper.Keeper
	GovKeeper             *govkeeper.Keeper
	UpgradeKeeper         *upgradekeeper.Keeper
	AuthzKeeper           authzkeeper.Keeper
	FeeGrantKeeper        feegrantkeeper.Keeper
	EvidenceKeeper        *evidencekeeper.Keeper
	ConsensusParamsKeeper consensuskeeper.Keeper
	SchedulingKeeper      schedulingkeeper.Keeper
	VerificationKeeper    verificationkeeper.Keeper
	ModelsKeeper          modelskeeper.Keeper
	InferenceKeeper       inferencekeeper.Keeper
}
