// Package daemon puts a misbehaving validator between consensus and the application: everything is that of an honest
// node but for what its plan says of its vote extensions and proposals. It shows what the chain does about it, and no
// shipped program imports it.
package daemon

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cast"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtcrypto "github.com/cometbft/cometbft/crypto"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cosmos/cosmos-sdk/client/flags"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/app"
	"github.com/opengradient/opengradient/app/voteext"
	"github.com/opengradient/opengradient/testutil/byzantine"
)

// lateness is how long a precommit is held back so that the others commit without it. It is less than the time between
// a commit and the next proposal in the networks that ask for it.
const lateness = 100 * time.Millisecond

// App is the application of a validator that follows a plan.
type App struct {
	*app.App

	file      byzantine.File
	consensus sdk.ConsAddress

	mu    sync.Mutex
	voter voter
}

var _ servertypes.Application = (*App)(nil)

// Wrap returns the wrapper of the daemon's command tree for the plan in a file.
func Wrap(file byzantine.File) func(*app.App, servertypes.AppOptions) (servertypes.Application, error) {
	return func(a *app.App, opts servertypes.AppOptions) (servertypes.Application, error) {
		consensus, err := ownAddress(cast.ToString(opts.Get(flags.FlagHome)))
		if err != nil {
			return nil, err
		}
		return &App{App: a, file: file, consensus: consensus, voter: newVoter()}, nil
	}
}

func ownAddress(home string) (sdk.ConsAddress, error) {
	b, err := os.ReadFile(filepath.Join(home, "config", "priv_validator_key.json"))
	if err != nil {
		return nil, err
	}
	var doc struct {
		PubKey json.RawMessage `json:"pub_key"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("consensus key: %w", err)
	}
	var key cmtcrypto.PubKey
	if err := cmtjson.Unmarshal(doc.PubKey, &key); err != nil {
		return nil, fmt.Errorf("consensus key: %w", err)
	}
	return sdk.ConsAddress(key.Address()), nil
}

// plan is the plan of the moment. One that cannot be read is that of an honest validator, and the log says so.
func (a *App) plan() byzantine.Plan {
	p, err := a.file.Read()
	if err != nil {
		a.Logger().Error("the plan cannot be read", "err", err)
	}
	return p
}

func (a *App) did(deed string) {
	if err := a.file.Did(deed); err != nil {
		a.Logger().Error("a deed cannot be noted", "deed", deed, "err", err)
	}
}

// ExtendVote says what the honest node would, or what the plan makes of it.
func (a *App) ExtendVote(ctx context.Context, req *abci.RequestExtendVote) (*abci.ResponseExtendVote, error) {
	resp, err := a.App.ExtendVote(ctx, req)
	if err != nil {
		return resp, err
	}
	vote := a.plan().Vote
	a.mu.Lock()
	defer a.mu.Unlock()
	if vote != a.voter.kind {
		a.voter = newVoter()
		a.voter.kind = vote
	}
	if vote == byzantine.VoteHonest {
		return resp, nil
	}
	b, deed, err := a.extension(req, resp.VoteExtension)
	if err != nil {
		a.Logger().Error("no misbehaviour possible", "vote", string(vote), "height", req.Height, "err", err)
		return resp, nil
	}
	if deed {
		a.did(string(vote))
	}
	return &abci.ResponseExtendVote{VoteExtension: b}, nil
}

// extension is what the voter makes of an honest extension, and whether that is a misdeed.
func (a *App) extension(req *abci.RequestExtendVote, honest []byte) ([]byte, bool, error) {
	if b, raw := rawExtension(a.voter.kind, req.Height); raw {
		if a.voter.kind == byzantine.VoteOversizedLate {
			<-time.After(lateness)
		}
		return b, true, nil
	}
	ext, err := voteext.Decode(honest)
	if err != nil {
		return nil, false, err
	}
	v, err := a.view(req)
	if err != nil {
		return nil, false, err
	}
	ext, deed := a.voter.say(ext, v)
	b, err := voteext.Encode(orderly(ext))
	return b, deed, err
}

// VerifyVoteExtension takes everything from a validator with a plan: CometBFT stops a node that refuses its own word.
func (a *App) VerifyVoteExtension(req *abci.RequestVerifyVoteExtension) (*abci.ResponseVerifyVoteExtension, error) {
	if a.plan().Vote != byzantine.VoteHonest || bytes.Equal(req.ValidatorAddress, a.consensus) {
		return &abci.ResponseVerifyVoteExtension{Status: abci.ResponseVerifyVoteExtension_ACCEPT}, nil
	}
	return a.App.VerifyVoteExtension(req)
}

// PrepareProposal proposes what the honest node would, or what the plan makes of it.
func (a *App) PrepareProposal(req *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	resp, err := a.App.PrepareProposal(req)
	if err != nil {
		return resp, err
	}
	kind := a.plan().Proposal
	if kind == byzantine.ProposalHonest {
		return resp, nil
	}
	txs, err := repropose(kind, resp.Txs, proposalView{
		height: req.Height, own: a.position(req.LocalLastCommit.Votes),
	})
	if err != nil {
		a.Logger().Error("no misbehaviour possible", "proposal", string(kind), "height", req.Height, "err", err)
		return resp, nil
	}
	a.did(string(kind))
	return &abci.ResponsePrepareProposal{Txs: txs}, nil
}

func (a *App) position(votes []abci.ExtendedVoteInfo) int {
	for i, v := range votes {
		if bytes.Equal(v.Validator.Address, a.consensus) {
			return i
		}
	}
	return -1
}

// ProcessProposal accepts what the node proposed itself, whatever it is.
func (a *App) ProcessProposal(req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
	resp, err := a.App.ProcessProposal(req)
	if err == nil && a.plan().Proposal != byzantine.ProposalHonest && bytes.Equal(req.ProposerAddress, a.consensus) {
		resp = &abci.ResponseProcessProposal{Status: abci.ResponseProcessProposal_ACCEPT}
	}
	return resp, err
}
