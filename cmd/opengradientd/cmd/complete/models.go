package complete

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cosmos/cosmos-sdk/types/query"
	gogogrpc "github.com/cosmos/gogoproto/grpc"

	"github.com/opengradient/opengradient/x/models/types"
)

// maxModels bounds the names, and the versions of one, that are looked at.
const maxModels = 1000

// models gives references to models that begin as what was typed: names, and versions and tags behind a colon. What goes wrong
// gives none: nobody reads an error in the middle of a line.
func models(cmd *cobra.Command, begun string, connect Connect) []string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := connect(ctx, cmd)
	if err != nil {
		return nil
	}
	if name, _, versions := strings.Cut(begun, ":"); versions {
		return labels(ctx, conn, name)
	}
	return Names(ctx, conn)
}

// Names are the names of models of the chain, in order; none when the node does not answer in time.
func Names(ctx context.Context, conn gogogrpc.ClientConn) []string {
	res, err := types.NewQueryClient(conn).Names(ctx, &types.QueryNamesRequest{Pagination: &query.PageRequest{Limit: maxModels}})
	if err != nil {
		return nil
	}
	names := make([]string, len(res.Names))
	for i, n := range res.Names {
		names[i] = n.Name
	}
	return names
}

// labels are the versions and tags of a name.
func labels(ctx context.Context, conn gogogrpc.ClientConn, name string) []string {
	res, err := types.NewQueryClient(conn).Name(ctx, &types.QueryNameRequest{Name: name})
	if err != nil {
		return nil
	}
	var list []string
	for _, t := range res.Tags {
		list = append(list, name+":"+t.Tag)
	}
	for v := res.Name.Versions; v > 0 && len(list) < maxModels; v-- {
		list = append(list, fmt.Sprintf("%s:%d", name, v))
	}
	return list
}
