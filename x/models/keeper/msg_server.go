package keeper

import (
	"context"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

type msgServer struct{ k Keeper }

var _ types.MsgServer = msgServer{}

// NewMsgServer serves the module's transactions.
func NewMsgServer(k Keeper) types.MsgServer { return msgServer{k} }

// RegisterModel implements types.MsgServer.
func (s msgServer) RegisterModel(ctx context.Context, msg *types.MsgRegisterModel) (*types.MsgRegisterModelResponse, error) {
	m, err := s.k.RegisterModel(sdk.UnwrapSDKContext(ctx), msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgRegisterModelResponse{Sha256: m.Sha256, Version: m.Version}, nil
}

// OpenUpload implements types.MsgServer.
func (s msgServer) OpenUpload(ctx context.Context, msg *types.MsgOpenUpload) (*types.MsgOpenUploadResponse, error) {
	u, err := s.k.OpenUpload(sdk.UnwrapSDKContext(ctx), msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgOpenUploadResponse{UploadId: u.Id}, nil
}

// UploadChunk implements types.MsgServer.
func (s msgServer) UploadChunk(ctx context.Context, msg *types.MsgUploadChunk) (*types.MsgUploadChunkResponse, error) {
	missing, version, err := s.k.UploadChunk(sdk.UnwrapSDKContext(ctx), msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgUploadChunkResponse{Missing: missing, Version: version}, nil
}

// CancelUpload implements types.MsgServer.
func (s msgServer) CancelUpload(ctx context.Context, msg *types.MsgCancelUpload) (*types.MsgCancelUploadResponse, error) {
	refunded, err := s.k.CancelUpload(sdk.UnwrapSDKContext(ctx), msg.Owner, msg.UploadId)
	if err != nil {
		return nil, err
	}
	return &types.MsgCancelUploadResponse{Refunded: refunded.String()}, nil
}

// RegisterReference implements types.MsgServer.
func (s msgServer) RegisterReference(ctx context.Context, msg *types.MsgRegisterReference) (*types.MsgRegisterReferenceResponse, error) {
	m, err := s.k.RegisterReference(sdk.UnwrapSDKContext(ctx), msg)
	if err != nil {
		return nil, err
	}
	return &types.MsgRegisterReferenceResponse{Version: m.Version}, nil
}

// RequestAdmission implements types.MsgServer.
func (s msgServer) RequestAdmission(ctx context.Context, msg *types.MsgRequestAdmission) (*types.MsgRequestAdmissionResponse, error) {
	owner, err := account("owner", msg.Owner)
	if err != nil {
		return nil, err
	}
	if err := s.k.RequestAdmission(sdk.UnwrapSDKContext(ctx), owner, msg.Model); err != nil {
		return nil, err
	}
	return &types.MsgRequestAdmissionResponse{}, nil
}

// SetStatus implements types.MsgServer.
func (s msgServer) SetStatus(ctx context.Context, msg *types.MsgSetStatus) (*types.MsgSetStatusResponse, error) {
	owner, err := account("owner", msg.Owner)
	if err != nil {
		return nil, err
	}
	if err := s.k.SetStatus(sdk.UnwrapSDKContext(ctx), owner, msg.Model, msg.Status); err != nil {
		return nil, err
	}
	return &types.MsgSetStatusResponse{}, nil
}

// SetTag implements types.MsgServer.
func (s msgServer) SetTag(ctx context.Context, msg *types.MsgSetTag) (*types.MsgSetTagResponse, error) {
	owner, err := account("owner", msg.Owner)
	if err != nil {
		return nil, err
	}
	if err := s.k.SetTag(sdk.UnwrapSDKContext(ctx), owner, msg.Name, msg.Tag, msg.Version); err != nil {
		return nil, err
	}
	return &types.MsgSetTagResponse{}, nil
}

// RemoveTag implements types.MsgServer.
func (s msgServer) RemoveTag(ctx context.Context, msg *types.MsgRemoveTag) (*types.MsgRemoveTagResponse, error) {
	owner, err := account("owner", msg.Owner)
	if err != nil {
		return nil, err
	}
	if err := s.k.RemoveTag(sdk.UnwrapSDKContext(ctx), owner, msg.Name, msg.Tag); err != nil {
		return nil, err
	}
	return &types.MsgRemoveTagResponse{}, nil
}

// TransferName implements types.MsgServer.
func (s msgServer) TransferName(ctx context.Context, msg *types.MsgTransferName) (*types.MsgTransferNameResponse, error) {
	owner, err := account("owner", msg.Owner)
	if err != nil {
		return nil, err
	}
	to, err := account("new owner", msg.NewOwner)
	if err != nil {
		return nil, err
	}
	if err := s.k.TransferName(sdk.UnwrapSDKContext(ctx), owner, to, msg.Name); err != nil {
		return nil, err
	}
	return &types.MsgTransferNameResponse{}, nil
}

// UpdateParams implements types.MsgServer.
func (s msgServer) UpdateParams(ctx context.Context, msg *types.MsgUpdateParams) (*types.MsgUpdateParamsResponse, error) {
	if err := sdk.ValidateAuthority(sdk.UnwrapSDKContext(ctx), s.k.authority, msg.Authority); err != nil {
		return nil, err
	}
	if err := msg.Params.Validate(); err != nil {
		return nil, err
	}
	if err := s.k.Params.Set(ctx, msg.Params); err != nil {
		return nil, err
	}
	return &types.MsgUpdateParamsResponse{}, nil
}

func account(role, address string) (sdk.AccAddress, error) {
	a, err := sdk.AccAddressFromBech32(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", role, err)
	}
	return a, nil
}
