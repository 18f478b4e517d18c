package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/app/nodeapi"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
)

const (
	nodeTimeout   = 10 * time.Second
	maxNodeAnswer = 16 << 20
)

func newProcessesCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "Show what a node does with the models: loaded, loading, fetching, failed",
		Long: `Show what a node does with the models: which are loaded, in how much memory, which are being fetched or tried, and which
failed and why. The answer comes from the API server of the node, not from the chain.`,
		Example: `  opengradientd model ps
  opengradientd model ps --node-api http://10.0.0.2:1317 --output json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			asJSON, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			base, err := cmd.Flags().GetString("node-api")
			if err != nil {
				return err
			}
			models, err := readNode(cmd.Context(), base)
			if err != nil {
				return err
			}
			if asJSON {
				return view.JSON(cmd.OutOrStdout(), models)
			}
			return view.Node(cmd.OutOrStdout(), models, time.Now())
		},
	}
	session.AddOutputFlag(cmd)
	cmd.Flags().String("node-api", "http://localhost:1317", "`URL` of the API server of the node")
	return cmd
}

// readNode asks a node for its models.
func readNode(ctx context.Context, base string) (nodeapi.Models, error) {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(base, "/")+nodeapi.ModelsPath, nil)
	if err != nil {
		return nodeapi.Models{}, fmt.Errorf("--node-api: expected a URL, got %q: %w", base, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nodeapi.Models{}, fmt.Errorf("expected the API server of a node (api.enable in app.toml): %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxNodeAnswer))
	if err != nil {
		return nodeapi.Models{}, err
	}
	if response.StatusCode != http.StatusOK {
		var failure struct {
			Error string `json:"error"`
		}
		if json.Unmarshal(body, &failure) == nil && failure.Error != "" {
			return nodeapi.Models{}, errors.New(failure.Error)
		}
		return nodeapi.Models{}, fmt.Errorf("%s: expected the models of a node, got %s", base, response.Status)
	}
	var models nodeapi.Models
	if err := json.Unmarshal(body, &models); err != nil {
		return nodeapi.Models{}, fmt.Errorf("%s: expected the models of a node: %w", base, err)
	}
	return models, nil
}
