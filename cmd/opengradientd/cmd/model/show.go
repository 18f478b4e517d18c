package model

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cosmos/cosmos-sdk/types/query"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/push"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/x/models/types"
)

func newShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show MODEL",
		Short: "Show a model: signature, cost, certificate, what nodes say, versions",
		Example: `  opengradientd model show iris
  opengradientd model show iris:2 --output json
  opengradientd model show iris --card`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			json, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			card, err := cmd.Flags().GetBool("card")
			if err != nil {
				return err
			}
			_, queries, err := reader(cmd)
			if err != nil {
				return err
			}
			if card {
				return showCard(cmd.Context(), cmd.OutOrStdout(), queries, args[0], json)
			}
			details, err := readDetails(cmd.Context(), queries, args[0])
			if err != nil {
				return err
			}
			if json {
				return view.JSON(cmd.OutOrStdout(), details)
			}
			return view.Show(cmd.OutOrStdout(), details)
		},
	}
	session.AddQueryFlags(cmd)
	cmd.Flags().Bool("card", false, "show the model card only")
	return cmd
}

func showCard(ctx context.Context, w io.Writer, queries types.QueryClient, reference string, json bool) error {
	res, err := queries.Card(ctx, &types.QueryCardRequest{Model: reference})
	if err != nil {
		return err
	}
	if json {
		return view.JSON(w, map[string]string{"card": res.Card})
	}
	_, err = fmt.Fprintln(w, strings.TrimRight(view.Plain(strings.ReplaceAll(res.Card, "\r\n", "\n"), true), "\n"))
	return err
}

// readDetails asks for all that belongs to a model.
func readDetails(ctx context.Context, queries types.QueryClient, reference string) (view.Details, error) {
	res, err := findModel(ctx, queries, reference)
	if err != nil {
		return view.Details{}, err
	}
	d := view.Details{Model: view.NewModel(res.Model), Owner: res.Owner, Tags: append([]string{}, res.Tags...), NodesReady: res.NodesReady}
	if d.Versions, err = readVersions(ctx, queries, res.Model.Name); err != nil {
		return view.Details{}, err
	}
	proofs, err := push.Proofs(ctx, queries, res.Model.Sha256)
	if err != nil {
		return view.Details{}, err
	}
	d.Proofs = view.NewProofs(proofs)
	certificate, err := queries.Certificate(ctx, &types.QueryCertificateRequest{Model: res.Model.Sha256})
	switch {
	case err == nil:
		d.Certificate = view.NewCertificate(certificate.Certificate)
	case status.Code(err) != codes.NotFound:
		return view.Details{}, err
	}
	return d, nil
}

// readVersions lists the versions of a name with their tags.
func readVersions(ctx context.Context, queries types.QueryClient, name string) ([]view.Version, error) {
	named, err := queries.Name(ctx, &types.QueryNameRequest{Name: name})
	if err != nil {
		return nil, err
	}
	tags := make(map[uint32][]string)
	for _, t := range named.Tags {
		tags[t.Version] = append(tags[t.Version], t.Tag)
	}
	list := []view.Version{}
	page := &query.PageRequest{Limit: pageSize}
	for {
		res, err := queries.Versions(ctx, &types.QueryVersionsRequest{Name: name, Pagination: page})
		if err != nil {
			return nil, err
		}
		for _, m := range res.Models {
			list = append(list, view.Version{
				Version: m.Version, SHA256: m.Sha256, Status: m.Status.Word(), Tags: append([]string{}, tags[m.Version]...),
			})
		}
		if res.Pagination == nil || len(res.Pagination.NextKey) == 0 {
			return list, nil
		}
		page.Key = res.Pagination.NextKey
	}
}
