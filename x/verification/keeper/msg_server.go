package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/verification/types"
)

var _ types.MsgServer = msgServer{}

type msgServer struct{ keeper Keeper }

// NewMsgServer gives the transaction service of the module.
func NewMsgServer(k Keeper) types.MsgServer { return msgServer{keeper: k} }

// UpdateParams stores a new version of the parameters.
func (s msgServer) UpdateParams(ctx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	if err := sdk.ValidateAuthority(sdk.UnwrapSDKContext(ctx), s.keeper.authority, msg.Authority); err != nil {
		return nil, err
	}
	if err := msg.Params.Validate(); err != nil {
		return nil, err
	}
	if err := s.keeper.addParams(ctx, msg.Params); err != nil {
		return nil, err
	}
	return &types.MsgUpdateParamsResponse{}, nil
}
