package verification_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"

	"github.com/opengradient/opengradient/x/verification"
	"github.com/opengradient/opengradient/x/verification/keeper"
	"github.com/opengradient/opengradient/x/verification/types"
)

func TestGenesisThroughTheModule(t *testing.T) {
	registry := codectypes.NewInterfaceRegistry()
	cdc := codec.NewProtoCodec(registry)
	key := storetypes.NewKVStoreKey(types.StoreKey)
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient"))
	module := verification.NewAppModule(keeper.NewKeeper(cdc, runtime.NewKVStoreService(key), nil, nil, "authority"))

	module.RegisterInterfaces(registry)
	module.RegisterLegacyAminoCodec(codec.NewLegacyAmino())
	if _, err := registry.Resolve("/opengradient.verification.v1.MsgUpdateParams"); err != nil {
		t.Errorf("expected the message to be registered, got %v", err)
	}

	genesis := module.DefaultGenesis(cdc)
	if err := module.ValidateGenesis(cdc, nil, genesis); err != nil {
		t.Fatalf("expected the default to be valid, got %v", err)
	}
	module.InitGenesis(ctx, cdc, genesis)
	if got := module.ExportGenesis(ctx, cdc); string(got) != string(genesis) {
		t.Errorf("expected %s, got %s", genesis, got)
	}
	if err := module.ValidateGenesis(cdc, nil, json.RawMessage(`{"next_snapshot_id":"1"}`)); !errors.Is(err, types.ErrInvalidGenesis) {
		t.Errorf("expected %v, got %v", types.ErrInvalidGenesis, err)
	}
	if err := module.ValidateGenesis(cdc, nil, json.RawMessage(`[]`)); err == nil {
		t.Error("expected an error for another form of JSON")
	}
}

// Every method of the services has a command, and every command a method.
func TestCommandsMatchTheServices(t *testing.T) {
	options := verification.AppModule{}.AutoCLIOptions()
	var got, want []string
	for _, command := range slices.Concat(options.Query.RpcCommandOptions, options.Tx.RpcCommandOptions) {
		got = append(got, command.RpcMethod)
	}
	for _, method := range slices.Concat(types.Query_serviceDesc.Methods, types.Msg_serviceDesc.Methods) {
		want = append(want, method.MethodName)
	}
	if !slices.Equal(got, want) {
		t.Errorf("expected commands for %v, got %v", want, got)
	}
}
