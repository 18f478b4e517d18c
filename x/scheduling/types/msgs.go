package types

import sdk "github.com/cosmos/cosmos-sdk/types"

var (
	_ sdk.Msg = (*MsgRegisterNode)(nil)
	_ sdk.Msg = (*MsgUnjailNode)(nil)
	_ sdk.Msg = (*MsgUpdateParams)(nil)
)

// Validate checks what the node advertises; the operator address is left to the keeper. It returns ErrInvalidNode.
func (m *MsgRegisterNode) Validate() error {
	return ValidateAdvertised(m.Capacity, m.MemoryBytes, m.TaskClasses)
}
