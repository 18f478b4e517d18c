package explain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	"github.com/opengradient/opengradient/client"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func TestHint(t *testing.T) {
	situation := Situation{
		Node: "tcp://localhost:26657", ChainID: "local-1", From: "bob", Keyring: "test", Model: "irs:2",
		Keys:   func() []string { return []string{"alice", "carol"} },
		Models: func() []string { return []string{"resnet", "iris", "iris"} },
	}
	overGRPC := situation
	overGRPC.GRPC = "localhost:9090"
	empty := situation
	empty.Keys = func() []string { return nil }
	for name, tc := range map[string]struct {
		err       error
		situation Situation
		want      string
	}{
		"no node": {
			fmt.Errorf("post failed: %w", &net.OpError{Op: "dial", Err: errors.New("connect: connection refused")}), situation,
			`No node answers at tcp://localhost:26657. Start one, or give the address of another with --node; node in config/client.toml of the home folder keeps it.`,
		},
		"no node over gRPC": {status.Error(codes.Unavailable, "connection error"), overGRPC, "No node answers at localhost:9090. Start one, or give the address of another with --grpc-addr; node in config/client.toml of the home folder keeps it."},
		"no host":           {errors.New("dial tcp: lookup nowhere: no such host"), Situation{}, "The node does not answer. Check its address and that it runs."},
		"no witness": {
			fmt.Errorf("witness: %w", &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, Err: syscall.ECONNREFUSED}), situation,
			"Nothing answers at 127.0.0.1:1. Check the address, and that it runs.",
		},
		"port in use":  {&net.OpError{Op: "listen", Err: syscall.EADDRINUSE}, situation, ""},
		"no file":      {fmt.Errorf("input: %w", &fs.PathError{Op: "open", Path: "x.json", Err: syscall.ENOENT}), situation, ""},
		"no time left": {fmt.Errorf("request 1: waiting for it to be final: %w", context.DeadlineExceeded), situation, ""},
		"unknown key": {
			errors.New("bob.info: key not found"), situation,
			`The keyring (backend test) does not have a key "bob": it has alice, carol. "opengradientd keys list" shows the keys and "opengradientd keys add NAME" makes one; --keyring-backend and --home name another keyring.`,
		},
		"no keys": {
			errors.New("bob.info: key not found"), empty,
			`The keyring (backend test) does not have a key "bob": it is empty. "opengradientd keys list" shows the keys and "opengradientd keys add NAME" makes one; --keyring-backend and --home name another keyring.`,
		},
		"locked keyring": {
			errors.New("too many failed passphrase attempts"), situation,
			"The keyring (backend test) is locked. Give its passphrase on a terminal or on standard input, or name another keyring with --keyring-backend.",
		},
		"unknown model, near": {
			status.Error(codes.NotFound, modelstypes.ErrModelNotFound.Error()), situation,
			`Did you mean iris? "opengradientd model list --all" shows all models.`,
		},
		"unknown version": {
			errors.New("iris:7: model not found: key not found"), Situation{Model: "iris:7", Models: situation.Models},
			`The chain has iris, but not that version or tag of it: "opengradientd query models versions iris" shows which there are. A new model has no tag until it is admitted.`,
		},
		"unknown model of the library": {&client.InvalidError{Field: "model", Err: modelstypes.ErrModelNotFound}, situation, `Did you mean iris? "opengradientd model list --all" shows all models.`},
		"unknown model, far":           {modelstypes.ErrModelNotFound.Wrap("x"), Situation{Model: "xylophone", Models: situation.Models}, `"opengradientd model list --all" shows the models of the chain.`},
		"inactive model":               {inferencetypes.ErrModelNotUsable.Wrap("x"), situation, `"opengradientd model show irs:2" tells its status and why; another version may take requests.`},
		"fee": {
			&client.InvalidError{Field: "max_fee", Expected: "at least 300uopg, the fee now", Got: "5uopg", Err: inferencetypes.ErrMaxFee}, situation,
			"Give --max-fee 300uopg or more, or leave the flag out to pay what the chain asks.",
		},
		"fee of the chain": {
			errors.New("request 1 of 1: " + inferencetypes.CheckMaxFee(inferencetypes.MaxAmount, inferencetypes.MaxAmount.SubRaw(1)).Error()), situation,
			"Give --max-fee 1000000000000000000uopg or more, or leave the flag out to pay what the chain asks.",
		},
		"fee without amounts": {inferencetypes.ErrMaxFee, situation, "Give a higher --max-fee, or leave the flag out to pay what the chain asks."},
		"key in use":          {inferencetypes.ErrIdempotencyContent.Wrap("x"), situation, "A key belongs to one request for as long as the chain remembers it. Give another --idempotency-key, or the request that the key was used with."},
		"queue":               {fmt.Errorf("refused by the chain: %w", schedulingtypes.ErrQueueFull), situation, `The network has more work than it can begin. Try again in some blocks; "opengradientd query scheduling market" shows what waits.`},
		"no slot":             {errors.New(schedulingtypes.ErrNoDeadlineSlot.Error()), situation, `The network has more work than it can begin. Try again in some blocks; "opengradientd query scheduling market" shows what waits.`},
		"power":               {inferencetypes.ErrEligiblePower.Wrap("x"), situation, `Too few validators have the model ready. Try again in some blocks; "opengradientd query scheduling nodes" shows who takes part.`},
		"chain of the node":   {errors.New(`node x: expected the chain "a-1", got "b-1"`), situation, `Give --chain-id b-1, or the --node of a node of a-1; chain-id in config/client.toml of the home folder keeps it.`},
		"chain of the signature": {
			sdkerrors.ErrUnauthorized.Wrap("signature verification failed; please verify account number (5), sequence (1) and chain-id (x)"), situation,
			`The transaction was signed for chain "local-1". "opengradientd status" shows the chain of the node: give it with --chain-id.`,
		},
		"no chain": {errors.New("chain id required but not specified"), Situation{}, `Give the chain of the node with --chain-id; "opengradientd status" shows it.`},
		"funds": {
			sdkerrors.ErrInsufficientFunds.Wrap("spendable balance 5uopg is smaller than 10uopg"), situation,
			"The account of bob needs 10uopg and has 5uopg. Send coins to it, or pay from another key with --from.",
		},
		"no funds": {
			errors.New("spendable balance  is smaller than 10uopg: insufficient funds"), Situation{},
			"The account needs 10uopg and has nothing. Send coins to it, or pay from another key with --from.",
		},
		"funds by the library": {
			&client.InvalidError{Field: "balance", Expected: "at least 10uopg in og1x for the fee and gas", Got: "5uopg"}, situation,
			"The account of bob needs 10uopg and has 5uopg. Send coins to it, or pay from another key with --from.",
		},
		"funds without amounts": {sdkerrors.ErrInsufficientFunds, situation, "The account of bob has too little. Send coins to it, or pay from another key with --from."},
		"no account":            {errors.New("account og1abc: expected one that has received coins: not found"), situation, "An account exists once it has received coins. Send some to it, or pay from another key with --from."},
		"gas price":             {sdkerrors.ErrInsufficientFee.Wrap("x"), situation, "The node takes no less for gas: give a higher --gas-prices."},
		"gas limit":             {sdkerrors.ErrOutOfGas.Wrap("x"), situation, "The limit of gas was too low: give a higher --gas-adjustment."},
		"sequence":              {sdkerrors.ErrWrongSequence.Wrap("x"), situation, "Another transaction of the account is under way: try again after the next block."},
		"something else":        {errors.New("expected 5, got 4"), situation, ""},
		"none":                  {nil, situation, ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, Hint(tc.err, tc.situation))
			wrapped := Wrap(tc.err, tc.situation)
			require.ErrorIs(t, wrapped, tc.err)
			if tc.want == "" {
				require.Equal(t, tc.err, wrapped)
				return
			}
			require.EqualError(t, wrapped, tc.err.Error()+"\n"+tc.want)
			require.Equal(t, wrapped, Wrap(wrapped, tc.situation), "once")
		})
	}
}

func TestPlacesInTheSourceAreLeftOut(t *testing.T) {
	err := Wrap(errors.New("bob.info: key not found [cosmos/cosmos-sdk@v0.55.0/crypto/keyring/keyring.go:549]: [x]"), Situation{})
	require.Contains(t, err.Error(), "bob.info: key not found: [x]\nThe keyring does not have that key.")
}

func TestNear(t *testing.T) {
	names := []string{"iris", "irises", "resnet-50", "resnet-18", "bert", "bart", "m"}
	for word, want := range map[string][]string{
		"iris": {"iris", "irises"}, "irsi": {"iris"}, "iri": {"iris", "irises"}, "resnet": {"resnet-18", "resnet-50"}, "bort": {"bart", "bert"},
		"bert:7": {"bert", "bart"}, "n": {"m"}, "xyz": nil, "": nil,
	} {
		require.Equal(t, want, Near(word, names), word)
	}
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"ab", "ba", 1}} {
		require.Equal(t, tc.want, distance(tc.a, tc.b), tc.a+" "+tc.b)
	}
}

func TestText(t *testing.T) {
	plain := errors.New("model: \x1b[8mnone [/src/errors.go:16]")
	require.Equal(t, "model: \ufffd[8mnone", Text(plain, false))
	require.Equal(t, `{"error":"model: `+"\ufffd"+`[8mnone"}`, Text(plain, true))
	hinted := fmt.Errorf("request 1: %w", &Error{Err: plain, Hint: "Give one."})
	require.Equal(t, "request 1: model: \ufffd[8mnone\nGive one.", Text(hinted, false))
	require.JSONEq(t, `{"error":"request 1: model: `+"\ufffd"+`[8mnone","hint":"Give one."}`, Text(hinted, true))
}
