package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/light/provider"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	ctypes "github.com/cometbft/cometbft/rpc/core/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"github.com/opengradient/opengradient/internal/proofwire"
	"github.com/opengradient/opengradient/testutil/proofchain"
)

// rpc is the RPC of a node of the shared chain, whose answers are changed.
type rpc struct {
	chainID    string
	validators func([]*cmttypes.Validator) (page []*cmttypes.Validator, total int)
	spoil      func(answer string) string
	log        string
}

func (r rpc) serve(t *testing.T) string {
	t.Helper()
	s := proofchain.Node()
	lb := s.Block(s.Height())
	if r.chainID == "" {
		r.chainID = lb.ChainID
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var asked struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		_ = json.NewDecoder(req.Body).Decode(&asked)
		var answer any
		switch asked.Method {
		case "status":
			status := new(ctypes.ResultStatus)
			status.NodeInfo.Network = r.chainID
			answer = status
		case "commit":
			answer = &ctypes.ResultCommit{SignedHeader: *lb.SignedHeader, CanonicalCommit: true}
		case "validators":
			page, total := lb.ValidatorSet.Validators, lb.ValidatorSet.Size()
			if r.validators != nil {
				page, total = r.validators(page)
			}
			answer = &ctypes.ResultValidators{BlockHeight: lb.Height, Validators: page, Count: len(page), Total: total}
		case "abci_query":
			answer = &ctypes.ResultABCIQuery{Response: abci.ResponseQuery{Code: 1, Log: r.log}}
		}
		b, _ := cmtjson.Marshal(answer)
		text := string(b)
		if r.spoil != nil {
			text = r.spoil(text)
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, asked.ID, text)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

// TestNodesThatStopTheCheck gives validators that CometBFT panics on, or never comes to an end with.
func TestNodesThatStopTheCheck(t *testing.T) {
	s := proofchain.Node()
	for reason, node := range map[string]rpc{
		"one validator twice": {validators: func(v []*cmttypes.Validator) ([]*cmttypes.Validator, int) {
			return []*cmttypes.Validator{v[0], v[0]}, 2
		}},
		"a key that is short": {spoil: func(answer string) string {
			key := cmttypes.NewValidator(s.Block(3).ValidatorSet.Validators[0].PubKey, 1).PubKey
			b, _ := cmtjson.Marshal(key)
			var value struct{ Value string }
			_ = json.Unmarshal(b, &value)
			return strings.ReplaceAll(answer, value.Value, "AAAA")
		}},
		"more validators than are taken": {validators: func(v []*cmttypes.Validator) ([]*cmttypes.Validator, int) {
			return v, MaxValidators + 1
		}},
		"a page that is too long": {validators: func([]*cmttypes.Validator) ([]*cmttypes.Validator, int) {
			many := make([]*cmttypes.Validator, 200)
			for i := range many {
				many[i] = cmttypes.NewValidator(ed25519.GenPrivKeyFromSecret([]byte{byte(i)}).PubKey(), 1)
			}
			return many, len(many)
		}},
		"pages without an end": {validators: func(v []*cmttypes.Validator) ([]*cmttypes.Validator, int) {
			return v[:1], MaxValidators
		}},
	} {
		t.Run(reason, func(t *testing.T) {
			n, err := DialNode(t.Context(), node.serve(t))
			require.NoError(t, err)
			_, err = n.LightBlock(t.Context(), 0)
			require.ErrorAs(t, err, new(provider.ErrBadLightBlock))
			_, err = Collect(t.Context(), n, exactID, CollectOptions{Trust: at(s, 3), Clock: Clock{Now: nearby}})
			refusedAs(t, PartHeader, err)
			_, err = Collect(t.Context(), s, exactID, CollectOptions{
				Trust: at(s, 3), Clock: Clock{Now: nearby}, Witnesses: []Witness{{Name: "other", Headers: n}},
			})
			refusedAs(t, PartWitness, err)
		})
	}
}

// broken is a source that is not a node at all.
type broken struct {
	*proofchain.Source
	block func() *cmttypes.LightBlock
}

// LightBlock implements Source.
func (b broken) LightBlock(ctx context.Context, height int64) (*cmttypes.LightBlock, error) {
	if b.block != nil {
		return b.block(), nil
	}
	return b.Source.LightBlock(ctx, height)
}

// Value implements Source.
func (b broken) Value(ctx context.Context, store string, key []byte, height int64) ([]byte, *cmtcrypto.ProofOps, error) {
	if b.block == nil {
		panic("no values")
	}
	return b.Source.Value(ctx, store, key, height)
}

// TestSourcesThatStopTheCheck looks at other sources than nodes.
func TestSourcesThatStopTheCheck(t *testing.T) {
	s := proofchain.Node()
	for reason, tc := range map[string]struct {
		part  Part
		block func() *cmttypes.LightBlock
	}{
		"a panic":           {PartHeader, func() *cmttypes.LightBlock { panic("no blocks") }},
		"nothing":           {PartHeader, func() *cmttypes.LightBlock { return nil }},
		"half a block":      {PartHeader, func() *cmttypes.LightBlock { return &cmttypes.LightBlock{SignedHeader: s.Block(3).SignedHeader} }},
		"a panic of values": {PartNotAvailable, nil},
	} {
		t.Run(reason, func(t *testing.T) {
			_, err := Collect(t.Context(), broken{s, tc.block}, exactID, CollectOptions{Trust: at(s, 3), Clock: Clock{Now: nearby}})
			refusedAs(t, tc.part, err)
		})
	}
}

const escape = "\x1b[2J\u202e\x9b"

func printable(t *testing.T, text string) {
	t.Helper()
	require.Equal(t, plain(text), text)
	require.NotContains(t, text, "\x1b")
}

// TestNothingSpeaksToTheTerminal puts what a terminal obeys wherever a file or a node has words of its own.
func TestNothingSpeaksToTheTerminal(t *testing.T) {
	s := proofchain.Node()
	good := collect(t, s, exactID, CollectOptions{Trust: at(s, 3)})
	for reason, id := range map[string]string{
		"a chain that clears": "og-1" + escape, "a long chain": strings.Repeat("x", 51), "a chain of lines": "og\nall is well", "none": "",
	} {
		t.Run(reason, func(t *testing.T) {
			p := new(proofwire.Proof)
			require.NoError(t, p.Unmarshal(good.raw[len(magic)+1:len(good.raw)-32]))
			p.ChainId = id
			_, err := Parse(repair(t, p))
			refusedAs(t, PartChainID, err)
			printable(t, err.Error())
			if id != "" {
				_, err = DialNode(t.Context(), rpc{chainID: id}.serve(t))
				require.Error(t, err)
				printable(t, err.Error())
			}
		})
	}
	n, err := DialNode(t.Context(), rpc{log: escape}.serve(t))
	require.NoError(t, err)
	_, _, err = n.Value(t.Context(), "inference", []byte{1}, 3)
	require.Error(t, err)
	printable(t, err.Error())
	long := strings.Repeat("x", 10_000)
	failed := &Error{Part: PartValue, Subject: long + escape, Expected: long + escape, Got: long + escape, Err: fmt.Errorf("%s%s", escape, long), Help: escape}
	printable(t, failed.Error())
	require.Less(t, len(failed.Error()), 5*maxText)
}

// TestNothingIsTrustedUnasked verifies with options that say nothing.
func TestNothingIsTrustedUnasked(t *testing.T) {
	s := proofchain.Node()
	f := collect(t, s, exactID, CollectOptions{Trust: at(s, 3)})
	report, err := f.Verify(Options{})
	refusedAs(t, PartTrustedHeader, err)
	require.False(t, report.Valid())
	report, err = f.Verify(Options{Untrusted: true})
	require.NoError(t, err)
	require.True(t, report.Valid())
	require.False(t, report.Trusted)
	report, err = f.Verify(Options{Trust: at(s, 3), Untrusted: true, Clock: Clock{Now: nearby}})
	require.NoError(t, err)
	require.True(t, report.Trusted)
}

// TestEvidenceThatIsTakenOut removes the evidence from a file, which nothing binds to it.
func TestEvidenceThatIsTakenOut(t *testing.T) {
	s := proofchain.Node()
	good := collect(t, s, arbitratedID, CollectOptions{Trust: at(s, 3)})
	report, err := verify(good, at(s, 3))
	require.NoError(t, err)
	require.Equal(t, Derived, report.Verdict)
	p := new(proofwire.Proof)
	require.NoError(t, p.Unmarshal(good.raw[len(magic)+1:len(good.raw)-32]))
	p.Evidence, p.Stores[2].Values = nil, p.Stores[2].Values[:1]
	report, err = check(repair(t, p), at(s, 3))
	require.NoError(t, err)
	require.Equal(t, Recorded, report.Verdict)
	require.Equal(t, NotShown, statuses(report)["verdict"])
}

// TestSealingTakesEvidence and the share of a committee are in the report.
func TestSealingTakesEvidence(t *testing.T) {
	s := proofchain.Node()
	report, err := verify(collect(t, s, sealedID, CollectOptions{Trust: at(s, 3)}), at(s, 3))
	require.NoError(t, err)
	shows := make(map[string]string)
	for _, c := range report.Checks {
		shows[c.Name] = c.Shows
	}
	require.Equal(t, "sealed: recorded, commitments not in the file", shows["sealing"])
	require.Contains(t, shows["verdict"], "a committee of")
	require.Contains(t, shows["verdict"], fmt.Sprintf("of %d, drawn by the chain", report.Record.Snapshot.TotalPower))
}

// TestEmptyMessagesCostNothing reads files of 32 MiB whose messages say nothing: a decoder would take far more memory than that.
func TestEmptyMessagesCostNothing(t *testing.T) {
	fill := func(b *proofwire.Block) []byte {
		one, err := (&proofwire.Proof{Blocks: []*proofwire.Block{b}}).Marshal()
		require.NoError(t, err)
		var content []byte
		for range min(MaxBlocks, (MaxFileBytes-frameBytes)/len(one)) {
			content = append(content, one...)
		}
		return frame(content)
	}
	validator := proofwire.Validator{
		PublicKey: cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Ed25519{Ed25519: make([]byte, 32)}}, Power: 1,
	}
	least := proofwire.Validator{PublicKey: validator.PublicKey}
	require.GreaterOrEqual(t, least.Size(), 36)
	for reason, b := range map[string]*proofwire.Block{
		"validators":        {Validators: make([]proofwire.Validator, MaxValidators)},
		"precommits":        {Commit: &proofwire.Commit{Signatures: make([]proofwire.Signature, MaxValidators)}},
		"absent precommits": {Commit: &proofwire.Commit{Signatures: absent(MaxValidators)}},
		"few of each": {
			Validators: []proofwire.Validator{validator}, Commit: &proofwire.Commit{Signatures: absent(40)},
		},
	} {
		t.Run(reason, func(t *testing.T) {
			file := fill(b)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse(file)
			runtime.ReadMemStats(&after)
			refusedAs(t, PartLimits, err)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
		})
	}
}

func absent(n int) []proofwire.Signature {
	list := make([]proofwire.Signature, n)
	for i := range list {
		list[i].Flag = 1
	}
	return list
}

// late is a node whose last header is some blocks behind its state, and comes nearer with every question.
type late struct {
	*proofchain.Source
	last  *int64
	asked *int
	stuck bool
}

// LightBlock implements Source.
func (l late) LightBlock(ctx context.Context, height int64) (*cmttypes.LightBlock, error) {
	if height > 0 {
		return l.Source.LightBlock(ctx, height)
	}
	*l.asked++
	at := *l.last
	if !l.stuck {
		*l.last = min(at+1, l.Height())
	}
	return l.Block(at), nil
}

// TestTheNextHeaderIsWaitedFor asks for a request while the header that shows its end is not there yet.
func TestTheNextHeaderIsWaitedFor(t *testing.T) {
	s := proofchain.Node()
	report, err := verify(collect(t, s, exactID, CollectOptions{Trust: at(s, 3)}), at(s, 3))
	require.NoError(t, err)
	settled, submitted := report.Record.Receipt.SettledHeight, report.Record.Request.SubmittedHeight
	from := func(height int64) late { return late{s, &height, new(int), false} }
	opts := CollectOptions{Trust: at(s, 3), Clock: Clock{Now: nearby}}

	// The state after the block of the receipt is in the header of the next, which the second question finds.
	node := from(settled)
	f, err := Collect(t.Context(), node, exactID, opts)
	require.NoError(t, err)
	report, err = verify(f, at(s, 3))
	require.NoError(t, err)
	require.Greater(t, report.Proof.Height, settled)
	require.Equal(t, 3, *node.asked)

	node = from(submitted)
	_, err = Collect(t.Context(), node, openID, opts)
	refusedAs(t, PartNotSettled, err)

	// A height that was asked for is taken as it is, and what is nowhere is not waited for.
	opts.Height = settled - 1
	node = from(settled)
	_, err = Collect(t.Context(), node, exactID, opts)
	refusedAs(t, PartNotSettled, err)
	require.Equal(t, 1, *node.asked)
	opts.Height = 0
	node = from(settled)
	_, err = Collect(t.Context(), node, openID+1, opts)
	refusedAs(t, PartNotOnChain, err)
	require.Equal(t, 2, *node.asked)

	// The wait ends with the context.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	node = from(settled)
	node.stuck = true
	_, err = Collect(ctx, node, exactID, opts)
	refusedAs(t, PartNotSettled, err)
	require.Equal(t, 2, *node.asked)
}
