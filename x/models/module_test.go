package models_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"

	"github.com/opengradient/opengradient/x/models"
	"github.com/opengradient/opengradient/x/models/keeper"
	"github.com/opengradient/opengradient/x/models/types"
)

func newModule() (models.AppModule, codec.Codec) {
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	return models.NewAppModule(cdc, keeper.Keeper{}), cdc
}

func TestModuleGenesis(t *testing.T) {
	module, cdc := newModule()
	require.NoError(t, module.ValidateGenesis(cdc, nil, module.DefaultGenesis(cdc)))
	for name, state := range map[string]string{"text that is no JSON": "{", "an unknown field": `{"unknown": 1}`, "no parameters": `{}`} {
		require.Error(t, module.ValidateGenesis(cdc, nil, []byte(state)), name)
	}
}

// TestCommandsNameTheServices: a command for a method or field that does not exist only fails when the client starts.
func TestCommandsNameTheServices(t *testing.T) {
	module, _ := newModule()
	options := module.AutoCLIOptions()
	require.Equal(t, "opengradient.models.v1.Query", options.Query.Service)
	require.Equal(t, "opengradient.models.v1.Msg", options.Tx.Service)
	methods := map[string]bool{}
	for _, method := range append(types.Query_serviceDesc.Methods, types.Msg_serviceDesc.Methods...) {
		methods[method.MethodName] = true
	}
	for _, command := range append(options.Query.RpcCommandOptions, options.Tx.RpcCommandOptions...) {
		require.True(t, methods[command.RpcMethod], "%s is no method of the services", command.RpcMethod)
		delete(methods, command.RpcMethod)
	}
	require.Empty(t, methods, "every method has a command, or says that it has none")
}

func TestMessagesAreRegistered(t *testing.T) {
	module, _ := newModule()
	registry := codectypes.NewInterfaceRegistry()
	module.RegisterInterfaces(registry)
	for _, method := range types.Msg_serviceDesc.Methods {
		_, err := registry.Resolve("/opengradient.models.v1.Msg" + method.MethodName)
		require.NoError(t, err)
	}
	require.NotPanics(t, func() { module.RegisterLegacyAminoCodec(codec.NewLegacyAmino()) })
}
