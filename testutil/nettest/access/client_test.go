//go:build nettest

package access

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	sdkmath "cosmossdk.io/math"
	"github.com/cosmos/cosmos-sdk/crypto/hd"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	sdk "github.com/cosmos/cosmos-sdk/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	"github.com/opengradient/opengradient/client"
	"github.com/opengradient/opengradient/testutil/chainclient"
	"github.com/opengradient/opengradient/testutil/iris"
	"github.com/opengradient/opengradient/testutil/irisclient"
	"github.com/opengradient/opengradient/testutil/nettest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// goClient lets 50 goroutines submit four requests each through one account of the client library, while a second account object
// sends with the same key: every answer is right and the balance tells the price of each, to the last coin.
func goClient(t *testing.T, b *bed) {
	const workers, each, others = 50, 4, 10
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	keys := fundedKey(t, b, "caller", 1_000_000_000)
	first, second := openAccount(t, b, keys), openAccount(t, b, keys)
	before, err := first.account.Balance(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	spent := sdkmath.ZeroInt()
	seen := make(map[uint64]bool)
	began := time.Now()
	work, ctx := errgroup.WithContext(ctx)
	submit := func(from caller, rows []iris.Row) func() error {
		return func() error {
			for _, row := range rows {
				id, cost, err := from.ask(ctx, b, row)
				if err != nil {
					return err
				}
				mu.Lock()
				spent = spent.Add(cost)
				if seen[id] {
					err = fmt.Errorf("request %d: expected an id of its own, got it twice", id)
				}
				seen[id] = true
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	for range workers {
		work.Go(submit(first, b.Fresh(each)))
	}
	for range others {
		work.Go(submit(second, b.Fresh(each)))
	}
	if err := work.Wait(); err != nil {
		t.Fatal(err)
	}
	after, err := first.account.Balance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if paid := before.Sub(after); !paid.Equal(spent) {
		t.Errorf("expected the account to have paid %s%s, which is what the receipts and the gas say, got %s", spent, inferencetypes.Denom, paid)
	}
	t.Logf("%d requests of two accounts with one key, final and settled in %s", len(seen), time.Since(began).Round(time.Second))
	watched(t, b, first)
	refused(t, b, first)
}

// caller is a client and its account.
type caller struct {
	client  *client.Client
	account *client.Account
}

func openAccount(t *testing.T, b *bed, keys keyring.Keyring) caller {
	t.Helper()
	node := b.Net.Nodes[0]
	c, err := client.Dial(t.Context(), client.Config{RPC: node.RPC, GRPC: node.GRPC})
	if err != nil {
		t.Fatal(err)
	}
	account, err := c.NewAccount(t.Context(), client.AccountConfig{Keyring: keys, Key: "caller", GasPrice: "0.001uopg"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := account.Close(); err != nil {
			t.Error(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return caller{c, account}
}

// fundedKey makes a key and sends it coins.
func fundedKey(t *testing.T, b *bed, name string, amount int64) keyring.Keyring {
	t.Helper()
	keys, err := client.OpenKeyring(keyring.BackendTest, t.TempDir(), strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	record, _, err := keys.NewMnemonic(name, keyring.English, sdk.FullFundraiserPath, keyring.DefaultBIP39Passphrase, hd.Secp256k1)
	if err != nil {
		t.Fatal(err)
	}
	address, err := record.GetAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Client.Deliver(nettest.Patience(t), b.Net.Faucet, chainclient.Fees{}, &banktypes.MsgSend{
		FromAddress: b.Net.Faucet.Address.String(), ToAddress: address.String(),
		Amount: sdk.NewCoins(sdk.NewInt64Coin(inferencetypes.Denom, amount)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func request(row iris.Row) client.Request {
	return client.Request{
		Model:  irisclient.ModelName,
		Inputs: []client.Tensor{client.Float32s(iris.InputFeatures, []int64{1, iris.Features}, row.Features[:])},
	}
}

// ask submits a row, waits for its receipt, checks the answer and gives what it cost in all.
func (c caller) ask(ctx context.Context, b *bed, row iris.Row) (uint64, sdkmath.Int, error) {
	submitted, err := c.account.Submit(ctx, request(row))
	if err != nil {
		return 0, sdkmath.Int{}, err
	}
	s, err := c.client.Wait(ctx, submitted.RequestID, client.StageSettled)
	if err != nil {
		return 0, sdkmath.Int{}, err
	}
	if err := check(b, row, s); err != nil {
		return 0, sdkmath.Int{}, err
	}
	receipt := s.Receipt.Receipt
	return submitted.RequestID, receipt.Fee.Total.Sub(receipt.Refunded).Add(submitted.GasFee.Amount), nil
}

func check(b *bed, row iris.Row, s client.Status) error {
	want := b.Local.Predict(row.Features)
	for _, output := range s.Outputs {
		if output.Name != iris.OutputLabel {
			continue
		}
		label, err := client.Int64Values(output)
		if err != nil {
			return err
		}
		if len(label) != 1 || label[0] != want.Label {
			return fmt.Errorf("request %d: expected the label %d, got %v", s.Request.Id, want.Label, label)
		}
		return nil
	}
	return fmt.Errorf("request %d: expected an output %s, got none", s.Request.Id, iris.OutputLabel)
}

// watched sees a request pass every stage, in order.
func watched(t *testing.T, b *bed, c caller) {
	t.Helper()
	ctx := nettest.Patience(t)
	submitted, err := c.account.Submit(ctx, request(b.Fresh(1)[0]))
	if err != nil {
		t.Fatal(err)
	}
	var stages []client.Stage
	for e, err := range c.client.Watch(ctx, submitted.RequestID) {
		if err != nil {
			t.Fatal(err)
		}
		stages = append(stages, e.Stage)
	}
	want := []client.Stage{client.StageAccepted, client.StageAssigned, client.StageFinal, client.StageSettled}
	if fmt.Sprint(stages) != fmt.Sprint(want) {
		t.Errorf("expected the stages %v, got %v", want, stages)
	}
	t.Logf("gas: %d used of %d", submitted.GasUsed, submitted.GasLimit)
}

// refused checks that a key is answered once, and that what the chain would refuse is refused before it is signed.
func refused(t *testing.T, b *bed, c caller) {
	t.Helper()
	ctx := nettest.Patience(t)
	rows := b.Fresh(2)
	r := request(rows[0])
	r.IdempotencyKey = "order 17"
	first, err := c.account.Submit(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	before, err := c.account.Balance(ctx)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.account.Submit(ctx, r)
	if err != nil {
		t.Fatal(err)
	}
	if again.RequestID != first.RequestID || !again.AnsweredBefore {
		t.Errorf("expected the key to be answered with request %d again, got %+v", first.RequestID, again)
	}
	other := request(rows[1])
	other.IdempotencyKey = r.IdempotencyKey
	if _, err := c.account.Submit(ctx, other); err == nil || !strings.Contains(err.Error(), "idempotency_key") {
		t.Errorf("expected another request under the key to be refused, got %v", err)
	}
	other = request(rows[1])
	other.Inputs[0].Shape = []int64{2, 2}
	if _, err := c.account.Submit(ctx, other); err == nil || !strings.Contains(err.Error(), "shape: expected") {
		t.Errorf("expected a wrong shape to be refused, got %v", err)
	}
	// The first of them may be settled in between, which gives back, but never takes.
	if after, err := c.account.Balance(ctx); err != nil || after.LT(before) {
		t.Errorf("expected nothing to be paid, from %s to %s: %v", before, after, err)
	}
}
