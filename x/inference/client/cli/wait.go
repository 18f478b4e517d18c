package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"

	"github.com/opengradient/opengradient/x/inference/types"
)

const (
	flagTimeout = "timeout"
	// waitInterval is the time between two looks at a request, less than a block.
	waitInterval = 500 * time.Millisecond
)

func newWaitCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "wait ID",
		Short: "Wait until a request has ended and show its result",
		Long: "Wait until a request has ended and show its result. A request that ended without a result is an error that says " +
			"why.",
		Example: "opengradientd query inference wait 7 --timeout 1m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, clientCtx, err := requestQuery(cmd, args[0])
			if err != nil {
				return err
			}
			timeout, err := cmd.Flags().GetDuration(flagTimeout)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			queries := types.NewQueryClient(clientCtx)
			if err := waitFinal(ctx, queries, id); err != nil {
				return err
			}
			return printResult(cmd, clientCtx, queries, id)
		},
	}
	flags.AddQueryFlagsToCmd(cmd)
	cmd.Flags().Duration(flagTimeout, 5*time.Minute, "longest time to wait")
	return cmd
}

// waitFinal returns when the request is final. It fails when the request ends in another way or the time is over.
func waitFinal(ctx context.Context, queries types.QueryClient, id uint64) error {
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	for {
		res, err := queries.Request(ctx, &types.QueryRequestRequest{Id: id})
		if err != nil {
			return err
		}
		switch r := res.Request; {
		case r.Status == types.REQUEST_STATUS_FINALIZED:
			return nil
		case r.Status == types.REQUEST_STATUS_FAILED:
			return fmt.Errorf("request %d: expected a result, it ended with %s at height %d", id, r.FailureReason, r.FinalHeight)
		case !r.Status.Open():
			return fmt.Errorf("request %d: expected a result, it ended as %s", id, r.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("request %d: expected it to end in time, it is %s: %w", id, res.Request.Status, ctx.Err())
		case <-ticker.C:
		}
	}
}

// printResult shows the final output of a request.
func printResult(cmd *cobra.Command, clientCtx client.Context, queries types.QueryClient, id uint64) error {
	res, err := queries.Result(cmd.Context(), &types.QueryResultRequest{Id: id})
	if err != nil {
		return err
	}
	return printTensors(cmd.OutOrStdout(), clientCtx.OutputFormat, "outputs", id, res.Result.OutputRoot, res.Outputs)
}
