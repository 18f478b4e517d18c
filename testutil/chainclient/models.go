package chainclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// Admit registers a model, unless the chain has it already, and waits until the nodes have admitted it. It fails when they
// do not.
func (c *Client) Admit(ctx context.Context, s *Signer, fees Fees, msg *modelstypes.MsgRegisterModel) (modelstypes.Model, error) {
	sum := sha256.Sum256(msg.Onnx)
	id := hex.EncodeToString(sum[:])
	_, err := c.Models.Model(ctx, &modelstypes.QueryModelRequest{Model: id})
	if status.Code(err) == codes.NotFound {
		_, err = c.Deliver(ctx, s, fees, msg)
	}
	if err != nil {
		return modelstypes.Model{}, fmt.Errorf("register model %s: %w", msg.Manifest.Name, err)
	}
	var m modelstypes.Model
	err = Until(ctx, "the admission of model "+msg.Manifest.Name, func() (bool, error) {
		found, err := c.Models.Model(ctx, &modelstypes.QueryModelRequest{Model: id})
		if err != nil {
			return false, err
		}
		m = found.Model
		if m.Status.Over() {
			return false, fmt.Errorf("%s: %s: %s", m.Status, m.Verdict.Reason, m.Verdict.Detail)
		}
		return m.Status.Admitted(), nil
	})
	return m, err
}
