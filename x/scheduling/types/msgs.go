package types

import sdk "github.com/cosmos/cosmos-sdk/types"

var (
	_ sdk.Msg = (*MsgRegisterNode)(nil)
	_ sdk.Msg = (*MsgPauseNode)(nil)
	_ sdk.Msg = (*MsgResumeNode)(nil)
	_ sdk.Msg = (*MsgLeaveNode)(nil)
	_ sdk.Msg = (*MsgUnjailNode)(nil)
	_ sdk.Msg = (*MsgUpdateParams)(nil)
)

// Validate checks what the node advertises; the operator address is left to the keeper. It returns ErrInvalidNode.
func (m *MsgRegisterNode) Validate() error {
	if err := ValidateAdvertised(m.Capacity, m.MemoryBytes, m.TaskClasses); err != nil {
		return err
	}
	return ValidateHardware(m.Hardware)
}
