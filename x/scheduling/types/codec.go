// Package types holds the state, messages and rules of the scheduling module.
package types

import (
	"github.com/cosmos/cosmos-sdk/codec"
	"github.com/cosmos/cosmos-sdk/codec/legacy"
	"github.com/cosmos/cosmos-sdk/codec/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/msgservice"
)

// RegisterLegacyAminoCodec registers the messages for amino JSON signing, under the names in the protos.
func RegisterLegacyAminoCodec(cdc *codec.LegacyAmino) {
	cdc.RegisterConcrete(Params{}, "opengradient/scheduling/Params", nil)
	legacy.RegisterAminoMsg(cdc, &MsgRegisterNode{}, "opengradient/MsgRegisterNode")
	legacy.RegisterAminoMsg(cdc, &MsgPauseNode{}, "opengradient/MsgPauseNode")
	legacy.RegisterAminoMsg(cdc, &MsgResumeNode{}, "opengradient/MsgResumeNode")
	legacy.RegisterAminoMsg(cdc, &MsgLeaveNode{}, "opengradient/MsgLeaveNode")
	legacy.RegisterAminoMsg(cdc, &MsgUnjailNode{}, "opengradient/MsgUnjailNode")
	legacy.RegisterAminoMsg(cdc, &MsgUpdateParams{}, "opengradient/scheduling/MsgUpdateParams")
}

// RegisterInterfaces registers the messages with the interface registry.
func RegisterInterfaces(registry types.InterfaceRegistry) {
	registry.RegisterImplementations((*sdk.Msg)(nil),
		&MsgRegisterNode{}, &MsgPauseNode{}, &MsgResumeNode{}, &MsgLeaveNode{}, &MsgUnjailNode{}, &MsgUpdateParams{})
	msgservice.RegisterMsgServiceDesc(registry, &_Msg_serviceDesc)
}
