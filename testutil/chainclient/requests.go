package chainclient

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/cosmos/cosmos-sdk/types"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// RequestIDs reads the ids that a delivered transaction gave to its requests.
func (c *Client) RequestIDs(resp *sdk.TxResponse) ([]uint64, error) {
	var ids []uint64
	err := c.responses(resp, &inferencetypes.MsgSubmitRequestsResponse{}, func(raw []byte) error {
		var r inferencetypes.MsgSubmitRequestsResponse
		if err := c.codecs.Codec.Unmarshal(raw, &r); err != nil {
			return err
		}
		ids = append(ids, r.Ids...)
		return nil
	})
	return ids, err
}

// Response reads what a delivered transaction answered to its only message of a type. It fails when there is none.
func (c *Client) Response(resp *sdk.TxResponse, into sdk.Msg) error {
	found := false
	err := c.responses(resp, into, func(raw []byte) error {
		found = true
		return c.codecs.Codec.Unmarshal(raw, into)
	})
	if err == nil && !found {
		return fmt.Errorf("expected a %s, got none", sdk.MsgTypeURL(into))
	}
	return err
}

// responses calls read with every response of the type of example.
func (c *Client) responses(resp *sdk.TxResponse, example sdk.Msg, read func(raw []byte) error) error {
	raw, err := hex.DecodeString(resp.Data)
	if err != nil {
		return err
	}
	var data sdk.TxMsgData
	if err := c.codecs.Codec.Unmarshal(raw, &data); err != nil {
		return fmt.Errorf("transaction data: %w", err)
	}
	for _, response := range data.MsgResponses {
		if response.TypeUrl != sdk.MsgTypeURL(example) {
			continue
		}
		if err := read(response.Value); err != nil {
			return fmt.Errorf("%s: %w", response.TypeUrl, err)
		}
	}
	return nil
}

// Ended tells whether a request is in a final state.
func Ended(s inferencetypes.RequestStatus) bool {
	return slices.Contains([]inferencetypes.RequestStatus{
		inferencetypes.REQUEST_STATUS_FINALIZED, inferencetypes.REQUEST_STATUS_FAILED, inferencetypes.REQUEST_STATUS_CANCELLED,
	}, s)
}

// WaitEnded waits until the request has ended, well or badly.
func (c *Client) WaitEnded(ctx context.Context, id uint64) (inferencetypes.Request, error) {
	var request inferencetypes.Request
	err := Until(ctx, fmt.Sprintf("the end of request %d", id), func() (bool, error) {
		resp, err := c.Inference.Request(ctx, &inferencetypes.QueryRequestRequest{Id: id})
		if err != nil {
			if transient(err) {
				return false, nil
			}
			return false, err
		}
		request = resp.Request
		return Ended(request.Status), nil
	})
	return request, err
}

// WaitReceipt waits until the request is settled.
func (c *Client) WaitReceipt(ctx context.Context, id uint64) (*inferencetypes.QueryReceiptResponse, error) {
	var receipt *inferencetypes.QueryReceiptResponse
	err := Until(ctx, fmt.Sprintf("the receipt of request %d", id), func() (bool, error) {
		resp, err := c.Inference.Receipt(ctx, &inferencetypes.QueryReceiptRequest{Id: id})
		if err != nil {
			if transient(err) {
				return false, nil
			}
			return false, err
		}
		receipt = resp
		return true, nil
	})
	return receipt, err
}

// transient tells whether an answer can change with the next block.
func transient(err error) bool {
	switch status.Code(err) {
	case codes.NotFound, codes.FailedPrecondition, codes.Unavailable:
		return true
	default:
		return false
	}
}
