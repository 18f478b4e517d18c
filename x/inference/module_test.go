package inference_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"

	"github.com/opengradient/opengradient/x/inference"
	"github.com/opengradient/opengradient/x/inference/types"
)

func TestDefaultGenesisIsValid(t *testing.T) {
	cdc := codec.NewProtoCodec(codectypes.NewInterfaceRegistry())
	require.NoError(t, inference.AppModuleBasic{}.ValidateGenesis(cdc, nil, inference.AppModuleBasic{}.DefaultGenesis(cdc)))
	require.Error(t, inference.AppModuleBasic{}.ValidateGenesis(cdc, nil, []byte(`{"params":[]}`)))
	require.Error(t, inference.AppModuleBasic{}.ValidateGenesis(cdc, nil, []byte(`{`)))
}

// Every method of the services has a command, generated or written by hand.
func TestEveryMethodHasACommand(t *testing.T) {
	options := inference.AppModule{}.AutoCLIOptions()
	for _, tc := range []struct {
		service grpc.ServiceDesc
		given   []string
	}{
		{types.Query_serviceDesc, nil},
		{types.Msg_serviceDesc, nil},
	} {
		for _, o := range append(options.Query.RpcCommandOptions, options.Tx.RpcCommandOptions...) {
			tc.given = append(tc.given, o.RpcMethod)
		}
		for _, m := range tc.service.Methods {
			require.True(t, slices.Contains(tc.given, m.MethodName), m.MethodName)
		}
	}
	var names []string
	for _, cmd := range slices.Concat(inference.AppModuleBasic{}.GetTxCmd().Commands(), inference.AppModuleBasic{}.GetQueryCmd().Commands()) {
		names = append(names, cmd.Name())
	}
	require.ElementsMatch(t, []string{"submit", "cancel", "create-schedule", "result", "wait", "inputs"}, names)
}
