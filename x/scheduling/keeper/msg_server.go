package keeper

import (
	"context"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/scheduling/types"
)

var _ types.MsgServer = msgServer{}

type msgServer struct{ keeper Keeper }

// NewMsgServer returns the transaction service of the module.
func NewMsgServer(k Keeper) types.MsgServer { return msgServer{keeper: k} }

// RegisterNode registers or updates the node of the validator that signs.
func (s msgServer) RegisterNode(ctx context.Context, msg *types.MsgRegisterNode) (*types.MsgRegisterNodeResponse, error) {
	if err := s.keeper.RegisterNode(ctx, msg); err != nil {
		return nil, err
	}
	return &types.MsgRegisterNodeResponse{}, nil
}

// PauseNode keeps the node of the signer out of new work.
func (s msgServer) PauseNode(ctx context.Context, msg *types.MsgPauseNode) (*types.MsgPauseNodeResponse, error) {
	if err := s.keeper.PauseNode(ctx, msg.Operator); err != nil {
		return nil, err
	}
	return &types.MsgPauseNodeResponse{}, nil
}

// ResumeNode brings the node of the signer back.
func (s msgServer) ResumeNode(ctx context.Context, msg *types.MsgResumeNode) (*types.MsgResumeNodeResponse, error) {
	if err := s.keeper.ResumeNode(ctx, msg.Operator); err != nil {
		return nil, err
	}
	return &types.MsgResumeNodeResponse{}, nil
}

// LeaveNode takes the node of the signer out of duty once what is under way has ended.
func (s msgServer) LeaveNode(ctx context.Context, msg *types.MsgLeaveNode) (*types.MsgLeaveNodeResponse, error) {
	drained, err := s.keeper.LeaveNode(ctx, msg.Operator)
	if err != nil {
		return nil, err
	}
	return &types.MsgLeaveNodeResponse{DrainedHeight: drained}, nil
}

// UnjailNode brings a jailed node back once its time is over.
func (s msgServer) UnjailNode(ctx context.Context, msg *types.MsgUnjailNode) (*types.MsgUnjailNodeResponse, error) {
	if err := s.keeper.UnjailNode(ctx, msg.Operator); err != nil {
		return nil, err
	}
	return &types.MsgUnjailNodeResponse{}, nil
}

// UpdateParams stores a new version of the parameters; only the authority may.
func (s msgServer) UpdateParams(ctx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	if err := sdk.ValidateAuthority(sdk.UnwrapSDKContext(ctx), s.keeper.authority, msg.Authority); err != nil {
		return nil, err
	}
	if err := s.keeper.AddParams(ctx, msg.Params); err != nil {
		return nil, err
	}
	return &types.MsgUpdateParamsResponse{}, nil
}
