package model

import (
	"context"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/x/models/types"
)

// findModel asks the chain for a model.
func findModel(ctx context.Context, queries types.QueryClient, reference string) (*types.QueryModelResponse, error) {
	if _, err := types.ParseReference(reference); err != nil {
		return nil, err
	}
	res, err := queries.Model(ctx, &types.QueryModelRequest{Model: reference})
	if status.Code(err) == codes.NotFound {
		return nil, fmt.Errorf("%s: expected a model of the chain, found none; \"model list --all\" shows which there are: %w", reference, err)
	}
	return res, err
}
