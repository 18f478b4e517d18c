package scheduling_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	"github.com/cosmos/cosmos-sdk/runtime"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/testutil"

	"github.com/opengradient/opengradient/x/scheduling"
	"github.com/opengradient/opengradient/x/scheduling/keeper"
	"github.com/opengradient/opengradient/x/scheduling/types"
)

func newModule() (scheduling.AppModule, codec.Codec, *storetypes.KVStoreKey) {
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	key := storetypes.NewKVStoreKey(types.StoreKey)
	return scheduling.NewAppModule(cdc, keeper.NewKeeper(cdc, runtime.NewKVStoreService(key), nil, "authority")), cdc, key
}

func TestModuleGenesis(t *testing.T) {
	module, cdc, key := newModule()
	state := module.DefaultGenesis(cdc)
	require.NoError(t, module.ValidateGenesis(cdc, nil, state))
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient")).WithBlockHeight(1)
	module.InitGenesis(ctx, cdc, state)
	require.JSONEq(t, string(state), string(module.ExportGenesis(ctx, cdc)))
}

func TestModuleRefusesGenesis(t *testing.T) {
	module, cdc, key := newModule()
	ctx := testutil.DefaultContext(key, storetypes.NewTransientStoreKey("transient")).WithBlockHeight(1)
	for name, state := range map[string]string{
		"text that is no JSON": "{",
		"an unknown field":     `{"unknown": 1}`,
		"no parameters":        `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			require.Error(t, module.ValidateGenesis(cdc, nil, []byte(state)))
			require.Panics(t, func() { module.InitGenesis(ctx, cdc, []byte(state)) })
		})
	}
}

// TestCommandsNameTheServices: a command for a method or field that does not exist only fails when the client starts.
func TestCommandsNameTheServices(t *testing.T) {
	module, _, _ := newModule()
	options := module.AutoCLIOptions()
	require.Equal(t, "opengradient.scheduling.v1.Query", options.Query.Service)
	require.Equal(t, "opengradient.scheduling.v1.Msg", options.Tx.Service)
	methods := map[string]bool{}
	for _, method := range append(types.Query_serviceDesc.Methods, types.Msg_serviceDesc.Methods...) {
		methods[method.MethodName] = true
	}
	for _, command := range append(options.Query.RpcCommandOptions, options.Tx.RpcCommandOptions...) {
		require.True(t, methods[command.RpcMethod], "%s is no method of the services", command.RpcMethod)
		delete(methods, command.RpcMethod)
	}
	require.Empty(t, methods, "every method has a command")
}

func TestMessagesAreRegistered(t *testing.T) {
	module, _, _ := newModule()
	registry := codectypes.NewInterfaceRegistry()
	module.RegisterInterfaces(registry)
	for _, name := range []string{"MsgRegisterNode", "MsgPauseNode", "MsgResumeNode", "MsgLeaveNode", "MsgUnjailNode", "MsgUpdateParams"} {
		_, err := registry.Resolve("/opengradient.scheduling.v1." + name)
		require.NoError(t, err)
	}
	amino := codec.NewLegacyAmino()
	require.NotPanics(t, func() { module.RegisterLegacyAminoCodec(amino) })
}
