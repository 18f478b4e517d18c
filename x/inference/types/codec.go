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
	cdc.RegisterConcrete(Params{}, "opengradient/inference/Params", nil)
	legacy.RegisterAminoMsg(cdc, &MsgSubmitRequests{}, "opengradient/MsgSubmitRequests")
	legacy.RegisterAminoMsg(cdc, &MsgCancelRequest{}, "opengradient/MsgCancelRequest")
	legacy.RegisterAminoMsg(cdc, &MsgCreateSchedule{}, "opengradient/MsgCreateSchedule")
	legacy.RegisterAminoMsg(cdc, &MsgTopUpSchedule{}, "opengradient/MsgTopUpSchedule")
	legacy.RegisterAminoMsg(cdc, &MsgPauseSchedule{}, "opengradient/MsgPauseSchedule")
	legacy.RegisterAminoMsg(cdc, &MsgResumeSchedule{}, "opengradient/MsgResumeSchedule")
	legacy.RegisterAminoMsg(cdc, &MsgCancelSchedule{}, "opengradient/MsgCancelSchedule")
	legacy.RegisterAminoMsg(cdc, &MsgUpdateParams{}, "opengradient/inference/MsgUpdateParams")
}

// RegisterInterfaces registers the messages and the message service.
func RegisterInterfaces(registry codectypes.InterfaceRegistry) {
	registry.RegisterImplementations((*sdk.Msg)(nil),
		&MsgSubmitRequests{},
		&MsgCancelRequest{},
		&MsgCreateSchedule{},
		&MsgTopUpSchedule{},
		&MsgPauseSchedule{},
		&MsgResumeSchedule{},
		&MsgCancelSchedule{},
		&MsgUpdateParams{},
	)
	msgservice.RegisterMsgServiceDesc(registry, &_Msg_serviceDesc)
}
