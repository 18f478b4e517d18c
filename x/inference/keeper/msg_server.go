package keeper

import (
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/inference/types"
)

type msgServer struct{ Keeper }

var _ types.MsgServer = msgServer{}

// NewMsgServer serves the module's transactions.
func NewMsgServer(k Keeper) types.MsgServer { return msgServer{k} }

// SubmitRequests implements types.MsgServer.
func (s msgServer) SubmitRequests(goCtx context.Context, msg *types.MsgSubmitRequests) (*types.MsgSubmitRequestsResponse, error) {
	return s.Keeper.SubmitRequests(sdk.UnwrapSDKContext(goCtx), msg)
}

// CancelRequest implements types.MsgServer.
func (s msgServer) CancelRequest(goCtx context.Context, msg *types.MsgCancelRequest) (*types.MsgCancelRequestResponse, error) {
	requester, err := sdk.AccAddressFromBech32(msg.Requester)
	if err != nil {
		return nil, fmt.Errorf("requester: %w", err)
	}
	refunded, err := s.Keeper.CancelRequest(sdk.UnwrapSDKContext(goCtx), requester, msg.Id)
	if err != nil {
		return nil, err
	}
	return &types.MsgCancelRequestResponse{Refunded: refunded}, nil
}

// CreateSchedule implements types.MsgServer.
func (s msgServer) CreateSchedule(goCtx context.Context, msg *types.MsgCreateSchedule) (*types.MsgCreateScheduleResponse, error) {
	id, err := s.Keeper.CreateSchedule(sdk.UnwrapSDKContext(goCtx), msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgCreateScheduleResponse{Id: id}, nil
}

// TopUpSchedule implements types.MsgServer.
func (s msgServer) TopUpSchedule(goCtx context.Context, msg *types.MsgTopUpSchedule) (*types.MsgTopUpScheduleResponse, error) {
	if err := s.Keeper.TopUpSchedule(sdk.UnwrapSDKContext(goCtx), msg); err != nil {
		return nil, err
	}
	return &types.MsgTopUpScheduleResponse{}, nil
}

// PauseSchedule implements types.MsgServer.
func (s msgServer) PauseSchedule(goCtx context.Context, msg *types.MsgPauseSchedule) (*types.MsgPauseScheduleResponse, error) {
	if err := s.Keeper.PauseSchedule(sdk.UnwrapSDKContext(goCtx), msg); err != nil {
		return nil, err
	}
	return &types.MsgPauseScheduleResponse{}, nil
}

// ResumeSchedule implements types.MsgServer.
func (s msgServer) ResumeSchedule(goCtx context.Context, msg *types.MsgResumeSchedule) (*types.MsgResumeScheduleResponse, error) {
	if err := s.Keeper.ResumeSchedule(sdk.UnwrapSDKContext(goCtx), msg); err != nil {
		return nil, err
	}
	return &types.MsgResumeScheduleResponse{}, nil
}

// CancelSchedule implements types.MsgServer.
func (s msgServer) CancelSchedule(goCtx context.Context, msg *types.MsgCancelSchedule) (*types.MsgCancelScheduleResponse, error) {
	refunded, err := s.Keeper.CancelSchedule(sdk.UnwrapSDKContext(goCtx), msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgCancelScheduleResponse{Refunded: refunded}, nil
}

// UpdateParams implements types.MsgServer.
func (s msgServer) UpdateParams(goCtx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	if err := sdk.ValidateAuthority(sdk.UnwrapSDKContext(goCtx), s.authority, msg.Authority); err != nil {
		return nil, err
	}
	if err := s.addParams(goCtx, msg.Params); err != nil {
		return nil, err
	}
	return &types.MsgUpdateParamsResponse{}, nil
}
