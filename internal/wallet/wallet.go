package wallet

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"google.golang.org/grpc/metadata"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/tx"
	sdk "github.com/cosmos/cosmos-sdk/types"
	grpctypes "github.com/cosmos/cosmos-sdk/types/grpc"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	gogogrpc "github.com/cosmos/gogoproto/grpc"
)

const (
	// waitInterval is the time between two looks at the height, less than a block.
	waitInterval = 200 * time.Millisecond
	// waitLimit is how long a block is waited for before state is looked at again.
	waitLimit = 5 * time.Second
)

// Config says whose transactions are signed, and how.
type Config struct {
	Node Node
	// Conn answers the queries of the chain.
	Conn gogogrpc.ClientConn
	// Factory holds the keyring, the chain id and what else goes into every transaction; not sequence, gas and fees.
	Factory tx.Factory
	// TxConfig encodes transactions.
	TxConfig client.TxConfig
	// Key is the name of the key in the keyring, Address its address.
	Key     string
	Address sdk.AccAddress
	// GasPrice is what a unit of gas costs; a zero amount for nothing.
	GasPrice sdk.DecCoin
	// GasAdjustment multiplies every limit of gas; at least 1.
	GasAdjustment float64
}

// Wallet signs and sends for one key. It is not safe for concurrent use.
type Wallet struct {
	Config
	number uint64 // of the account
	auth   authtypes.Params
	note   int // bytes of the memo
}

// New reads the account and the prices of signatures and bytes.
func New(ctx context.Context, c Config) (*Wallet, error) {
	if !(c.GasAdjustment >= 1 && c.GasAdjustment <= 100) {
		return nil, fmt.Errorf("gas adjustment: expected a factor from 1 to 100, got %g", c.GasAdjustment)
	}
	queries := authtypes.NewQueryClient(c.Conn)
	info, err := queries.AccountInfo(ctx, &authtypes.QueryAccountInfoRequest{Address: c.Address.String()})
	if err != nil {
		return nil, fmt.Errorf("account %s: expected one that has received coins: %w", c.Address, err)
	}
	params, err := queries.Params(ctx, &authtypes.QueryParamsRequest{})
	if err != nil {
		return nil, err
	}
	return &Wallet{Config: c, number: info.Info.AccountNumber, auth: params.Params, note: len(c.Factory.Memo())}, nil
}

// AtHeight makes queries read the state of one height.
func AtHeight(ctx context.Context, height int64) context.Context {
	return metadata.AppendToOutgoingContext(ctx, grpctypes.GRPCBlockHeightHeader, strconv.FormatInt(height, 10))
}

// Sequence is the sequence number that the next transaction of the account has to have, by the state that ctx reads.
func (w *Wallet) Sequence(ctx context.Context) (uint64, error) {
	info, err := authtypes.NewQueryClient(w.Conn).AccountInfo(ctx, &authtypes.QueryAccountInfoRequest{Address: w.Address.String()})
	if err != nil {
		return 0, err
	}
	return info.Info.Sequence, nil
}

const (
	// envelopeBytes bounds what a transaction has beside its message and note: addresses, key, fee and signature.
	envelopeBytes = 512
	// baseGas bounds what the checks of a transaction cost beside its bytes and its signature: accounts, fees, parameters.
	baseGas = 90_000
)

// Gas is the gas limit of a transaction with one message: its bytes and its signature, the base of every transaction, and what
// the message itself costs.
func (w *Wallet) Gas(msg sdk.Msg, own uint64) uint64 {
	size := uint64(envelopeBytes + w.note)
	if sized, ok := msg.(interface{ Size() int }); ok {
		size += uint64(sized.Size())
	}
	gas := size*w.auth.TxSizeCostPerByte + max(w.auth.SigVerifyCostSecp256k1, w.auth.SigVerifyCostED25519) + baseGas + own
	return uint64(math.Ceil(float64(gas) * w.GasAdjustment))
}

// Fee is what a transaction with a gas limit pays, whatever it uses.
func (w *Wallet) Fee(gas uint64) sdk.Coin {
	amount := w.GasPrice.Amount.MulInt(sdkmath.NewIntFromUint64(gas)).Ceil().TruncateInt()
	return sdk.NewCoin(w.GasPrice.Denom, amount)
}

// Sign makes a transaction. The same arguments give the same bytes.
func (w *Wallet) Sign(ctx context.Context, msg sdk.Msg, gas, sequence uint64, expires int64) ([]byte, error) {
	f := w.Factory.WithAccountNumber(w.number).WithSequence(sequence).WithGas(gas).WithTimeoutHeight(uint64(expires)).
		WithGasPrices("").WithFees("")
	if fee := w.Fee(gas); fee.IsPositive() {
		f = f.WithFees(fee.String())
	}
	builder, err := f.BuildUnsignedTx(msg)
	if err != nil {
		return nil, err
	}
	if err := tx.Sign(ctx, f, w.Key, builder, true); err != nil {
		return nil, fmt.Errorf("sign with key %s: %w", w.Key, err)
	}
	return w.TxConfig.TxEncoder()(builder.GetTx())
}

// Wait returns when a block above height is committed, or after a while without one.
func (w *Wallet) Wait(ctx context.Context, height int64) error {
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	ticker := time.NewTicker(waitInterval)
	defer ticker.Stop()
	for {
		now, err := w.Node.Height(ctx)
		if err == nil && now > height {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return err
		case <-ticker.C:
		}
	}
}
