package model

import (
	"context"

	"github.com/opengradient/opengradient/x/models/types"
)

// Download reads the file of a model from the chain into memory and checks its SHA-256 against m. A model by reference has
// none there.
func Download(ctx context.Context, queries types.QueryClient, m types.Model) ([]byte, error) {
	return downloadWhole(ctx, queries, m)
}
