package types

import (
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/legacy"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/msgservice"
)

// RegisterLegacyAminoCodec registers the messages for amino JSON, which hardware wallets sign.
func RegisterLegacyAminoCodec(cdc *codec.LegacyAmino) {
	cdc.RegisterConcrete(Params{}, "opengradient/models/Params", nil)
	legacy.RegisterAminoMsg(cdc, &MsgRegisterModel{}, "opengradient/models/MsgRegisterModel")
	legacy.RegisterAminoMsg(cdc, &MsgOpenUpload{}, "opengradient/models/MsgOpenUpload")
	legacy.RegisterAminoMsg(cdc, &MsgUploadChunk{}, "opengradient/models/MsgUploadChunk")
	legacy.RegisterAminoMsg(cdc, &MsgCancelUpload{}, "opengradient/models/MsgCancelUpload")
	legacy.RegisterAminoMsg(cdc, &MsgRegisterReference{}, "opengradient/MsgRegisterReference")
	legacy.RegisterAminoMsg(cdc, &MsgRequestAdmission{}, "opengradient/models/MsgRequestAdmission")
	legacy.RegisterAminoMsg(cdc, &MsgSetStatus{}, "opengradient/models/MsgSetStatus")
	legacy.RegisterAminoMsg(cdc, &MsgSetTag{}, "opengradient/models/MsgSetTag")
	legacy.RegisterAminoMsg(cdc, &MsgRemoveTag{}, "opengradient/models/MsgRemoveTag")
	legacy.RegisterAminoMsg(cdc, &MsgTransferName{}, "opengradient/models/MsgTransferName")
	legacy.RegisterAminoMsg(cdc, &MsgUpdateParams{}, "opengradient/models/MsgUpdateParams")
}

// RegisterInterfaces registers the messages and the message service.
func RegisterInterfaces(registry codectypes.InterfaceRegistry) {
	registry.RegisterImplementations((*sdk.Msg)(nil),
		&MsgRegisterModel{},
		&MsgOpenUpload{},
		&MsgUploadChunk{},
		&MsgCancelUpload{},
		&MsgRegisterReference{},
		&MsgRequestAdmission{},
		&MsgSetStatus{},
		&MsgSetTag{},
		&MsgRemoveTag{},
		&MsgTransferName{},
		&MsgUpdateParams{},
	)
	msgservice.RegisterMsgServiceDesc(registry, &_Msg_serviceDesc)
}
