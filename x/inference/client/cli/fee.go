package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// quotedFee asks the chain what the dearest of the requests costs now, and gives it room to move.
func quotedFee(cmd *cobra.Command, clientCtx client.Context, w wish) (math.Int, error) {
	if clientCtx.Offline {
		return math.Int{}, errors.New("expected every amount as a flag with --offline: the chain cannot be asked for a quote")
	}
	return dearestFee(cmd.Context(), types.NewQueryClient(clientCtx), modelstypes.NewQueryClient(clientCtx), w)
}

// dearestFee asks once for each size of inputs.
func dearestFee(ctx context.Context, queries types.QueryClient, models modelstypes.QueryClient, w wish) (math.Int, error) {
	found, err := models.Model(ctx, &modelstypes.QueryModelRequest{Model: w.model})
	if err != nil {
		return math.Int{}, err
	}
	specs, err := found.Model.InputSpecs()
	if err != nil {
		return math.Int{}, err
	}
	dearest := math.ZeroInt()
	quoted := make(map[string]bool)
	for i, inputs := range w.inputs {
		_, bindings, err := types.BindInputs(specs, inputs)
		if err != nil {
			return math.Int{}, fmt.Errorf("request %d: %w", i+1, err)
		}
		symbols := symbolValues(specs, bindings)
		key := fmt.Sprint(symbols)
		if quoted[key] {
			continue
		}
		quoted[key] = true
		quote, err := queries.Quote(ctx, &types.QueryQuoteRequest{
			Model: w.model, Tier: w.tier, Symbols: symbols, Outputs: w.outputs, FeeClass: w.feeClass,
		})
		if err != nil {
			return math.Int{}, fmt.Errorf("request %d: %w", i+1, err)
		}
		dearest = math.MaxInt(dearest, withRoom(quote.Fee))
	}
	return dearest, nil
}

// withRoom is a quoted fee with a quarter of its compute part more, rounded up. The other parts do not move.
func withRoom(fee types.Fee) math.Int {
	return fee.Total.Add(fee.Compute.AddRaw(3).QuoRaw(4))
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
