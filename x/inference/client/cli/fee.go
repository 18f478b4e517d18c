package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
)

// quotedFee asks the chain what the dearest request of a message costs now. A change of the parameters before the
// transaction is executed makes it fail instead of costing more.
func quotedFee(cmd *cobra.Command, clientCtx client.Context, msg *types.MsgSubmitRequests) (math.Int, error) {
	if clientCtx.Offline {
		return math.Int{}, fmt.Errorf("expected --%s with --offline", flagMaxFee)
	}
	queries := types.NewQueryClient(clientCtx)
	found, err := queries.Model(cmd.Context(), &types.QueryModelRequest{Model: msg.Model})
	if err != nil {
		return math.Int{}, err
	}
	specs, err := found.Model.InputSpecs()
	if err != nil {
		return math.Int{}, err
	}
	dearest := math.ZeroInt()
	quoted := make(map[string]bool)
	for i, r := range msg.Requests {
		_, bindings, err := types.BindInputs(specs, r.Inputs)
		if err != nil {
			return math.Int{}, fmt.Errorf("request %d: %w", i+1, err)
		}
		symbols := symbolValues(specs, bindings)
		key := fmt.Sprint(symbols)
		if quoted[key] {
			continue
		}
		quoted[key] = true
		quote, err := queries.Quote(cmd.Context(), &types.QueryQuoteRequest{
			Model: msg.Model, Tier: msg.Tier, Symbols: symbols, Outputs: msg.Outputs,
		})
		if err != nil {
			return math.Int{}, fmt.Errorf("request %d: %w", i+1, err)
		}
		dearest = math.MaxInt(dearest, quote.Fee.Total)
	}
	return dearest, nil
}

// symbolValues writes bindings as the quote takes them, in the order of the signature.
func symbolValues(specs []tensor.Spec, bindings map[string]int64) []string {
	var values []string
	seen := make(map[string]bool)
	for _, s := range specs {
		for _, d := range s.Dims {
			if d.Symbol != "" && !seen[d.Symbol] {
				seen[d.Symbol] = true
				values = append(values, fmt.Sprintf("%s=%d", d.Symbol, bindings[d.Symbol]))
			}
		}
	}
	return values
}
