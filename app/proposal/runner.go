package proposal

import (
	"context"

	abci "github.com/cometbft/cometbft/abci/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

var _ sdk.TxRunner = Runner{}

// Runner keeps the injected commit away from the executor of ordinary transactions. The sequential and the
// parallel executor of the SDK report different gas for bytes that do not decode, which would make the results
// hash of a block depend on a node's local choice of executor.
type Runner struct {
	next sdk.TxRunner
}

// NewRunner wraps next.
func NewRunner(next sdk.TxRunner) sdk.TxRunner { return Runner{next: next} }

// Unwrap gives the wrapped runner. BaseApp looks through it to refuse a block gas meter beside a parallel executor.
func (r Runner) Unwrap() sdk.TxRunner { return r.next }

// Run gives the injected commit one constant result and lets the wrapped runner execute the rest. Transaction
// indices seen by the wrapped runner count from the first ordinary transaction.
func (r Runner) Run(ctx context.Context, ms storetypes.MultiStore, txs [][]byte, deliver sdk.DeliverTxFunc) ([]*abci.ExecTxResult, error) {
	if len(txs) == 0 || !IsInjection(txs[0]) {
		return r.next.Run(ctx, ms, txs, deliver)
	}
	results, err := r.next.Run(ctx, ms, txs[1:], deliver)
	if err != nil {
		return nil, err
	}
	return append([]*abci.ExecTxResult{injectionResult()}, results...), nil
}

// injectionResult is the result of every injected commit: code 0, no gas, no data, no events.
func injectionResult() *abci.ExecTxResult {
	return &abci.ExecTxResult{Code: abci.CodeTypeOK}
}
