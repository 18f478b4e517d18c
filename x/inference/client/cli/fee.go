package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/inference/client/wish"
	"github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// quotedFee asks the chain what the dearest of the requests costs now, and gives it room to move.
func quotedFee(cmd *cobra.Command, clientCtx client.Context, w wish.Wish) (math.Int, error) {
	if clientCtx.Offline {
		return math.Int{}, errors.New("expected every amount as a flag with --offline: the chain cannot be asked for a quote")
	}
	return dearestFee(cmd.Context(), types.NewQueryClient(clientCtx), modelstypes.NewQueryClient(clientCtx), w)
}

// readWish reads the flags, and asks the chain for the signature of the model where the inputs need it.
func readWish(cmd *cobra.Command, clientCtx client.Context, model string, inputs ...string) (wish.Wish, error) {
	return wish.Read(cmd, model, inputs, func() ([]tensor.Spec, error) {
		if clientCtx.Offline {
			return nil, errors.New("--input: expected requests in JSON with --offline: the chain cannot be asked for the signature of the model")
		}
		return signature(cmd.Context(), modelstypes.NewQueryClient(clientCtx), model)
	})
}

// signature are the inputs of a model.
func signature(ctx context.Context, models modelstypes.QueryClient, model string) ([]tensor.Spec, error) {
	found, err := models.Model(ctx, &modelstypes.QueryModelRequest{Model: model})
	if err != nil {
		return nil, err
	}
	return found.Model.InputSpecs()
}

// dearestFee asks once for each size of inputs.
func dearestFee(ctx context.Context, queries types.QueryClient, models modelstypes.QueryClient, w wish.Wish) (math.Int, error) {
	specs, err := signature(ctx, models, w.Model)
	if err != nil {
		return math.Int{}, err
	}
	dearest := math.ZeroInt()
	quoted := make(map[string]bool)
	for i, r := range w.Requests {
		_, bindings, err := types.BindInputs(specs, types.NewTensors(r.Inputs))
		if err != nil {
			return math.Int{}, fmt.Errorf("request %d: %w", i+1, err)
		}
		symbols := types.WriteSymbols(specs, bindings)
		key := fmt.Sprint(symbols)
		if quoted[key] {
			continue
		}
		quoted[key] = true
		quote, err := queries.Quote(ctx, &types.QueryQuoteRequest{
			Model: w.Model, Tier: w.Tier, Symbols: symbols, Outputs: r.Outputs, FeeClass: w.FeeClass,
		})
		if err != nil {
			return math.Int{}, fmt.Errorf("request %d: %w", i+1, err)
		}
		dearest = math.MaxInt(dearest, quote.Fee.WithRoom())
	}
	return dearest, nil
}
