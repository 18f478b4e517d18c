package model

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"cosmossdk.io/log/v2"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/server"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/modelref"
	"github.com/opengradient/opengradient/internal/modelstore"
	"github.com/opengradient/opengradient/x/models/types"
)

func newPullCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "pull MODEL",
		Short: "Download the file of a model",
		Long: `Download the file of a model and check its SHA-256. A download that was interrupted goes on where it was.

A file that the chain does not hold comes through the local cache: from the operator's files, the peers of app.toml, and,
once you agree, from the sources that the owner of the model named. These are https addresses of strangers; private addresses
are never used.`,
		Example: `  opengradientd model pull iris -o iris.onnx
  opengradientd model pull large:1 -o large.onnx --from-sources`,
		Args: cobra.ExactArgs(1),
		RunE: runPull,
	}
	session.AddQueryFlags(cmd)
	f := cmd.Flags()
	f.StringP("out", "o", "", "`FILE` to write; without it NAME-VERSION.onnx")
	f.Bool("from-sources", false, "agree to sources that the owner of the model named")
	return cmd
}

func runPull(cmd *cobra.Command, args []string) error {
	json, err := session.AsJSON(cmd)
	if err != nil {
		return err
	}
	out, err := cmd.Flags().GetString("out")
	if err != nil {
		return err
	}
	clientCtx, queries, err := reader(cmd)
	if err != nil {
		return err
	}
	res, err := findModel(cmd.Context(), queries, args[0])
	if err != nil {
		return err
	}
	m := res.Model
	if out == "" {
		out = fmt.Sprintf("%s-%d.onnx", m.Name, m.Version)
	}
	bar := newProgress(cmd, json, "pulling "+m.Name, int64(m.Size_))
	if m.IsReference() {
		err = pullReference(cmd, clientCtx, m, out)
	} else {
		err = pullChunks(cmd.Context(), queries, m, out, bar)
	}
	bar.finish()
	if err != nil {
		return err
	}
	if json {
		return view.JSON(cmd.OutOrStdout(), map[string]any{
			"reference": fmt.Sprintf("%s:%d", m.Name, m.Version), "sha256": m.Sha256, "size_bytes": m.Size_, "file": out,
		})
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s:%d  sha256 %s  %s  %s\n", m.Name, m.Version, m.Sha256, view.Size(m.Size_), out)
	return err
}

// pullChunks downloads a file from the chain into out.part, and renames it once its hash is right. A part that is there is
// gone on with; when that gives another hash, it was part of something else and is dropped.
func pullChunks(ctx context.Context, queries types.QueryClient, m types.Model, out string, bar *progress) error {
	part, err := os.OpenFile(out+".part", os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer part.Close()
	for {
		resumed, err := fill(ctx, queries, m, part, bar)
		switch {
		case err == nil:
			if err := part.Close(); err != nil {
				return err
			}
			return os.Rename(part.Name(), out)
		case !errors.Is(err, errWrongHash) || !resumed:
			return err
		}
		if err := part.Truncate(0); err != nil {
			return err
		}
	}
}

var errWrongHash = errors.New("wrong SHA-256")

// fill completes a part and checks the whole. It gives true when the part held something before.
func fill(ctx context.Context, queries types.QueryClient, m types.Model, part *os.File, bar *progress) (resumed bool, err error) {
	info, err := part.Stat()
	if err != nil {
		return false, err
	}
	// Whole chunks only: the last of them may have been cut when the process died.
	start := uint32(min(info.Size(), int64(m.Size_)) / modelpush.ChunkSize)
	offset := int64(start) * modelpush.ChunkSize
	if err := part.Truncate(offset); err != nil {
		return false, err
	}
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(hash, bar), io.NewSectionReader(part, 0, offset)); err != nil {
		return false, err
	}
	if _, err := part.Seek(offset, io.SeekStart); err != nil {
		return false, err
	}
	if err := download(ctx, queries, m, io.MultiWriter(part, hash, bar), start); err != nil {
		return start > 0, err
	}
	if err := checkHash(m.Sha256, [sha256.Size]byte(hash.Sum(nil))); err != nil {
		bar.restart()
		return start > 0, fmt.Errorf("%w: %w", errWrongHash, err)
	}
	return start > 0, part.Sync()
}

// download writes the chunks of a file from one on.
func download(ctx context.Context, queries types.QueryClient, m types.Model, w io.Writer, from uint32) error {
	if !m.HasFile() {
		return fmt.Errorf("%s:%d: expected a model whose file the chain holds, got one that is %s", m.Name, m.Version, absence(m))
	}
	for i := from; modelpush.ChunkLength(int64(m.Size_), i) > 0; i++ {
		res, err := queries.Chunk(ctx, &types.QueryChunkRequest{Model: m.Sha256, Index: i})
		if err != nil {
			return fmt.Errorf("chunk %d: %w", i, err)
		}
		if want := modelpush.ChunkLength(int64(m.Size_), i); int64(len(res.Data)) != want {
			return fmt.Errorf("chunk %d: expected %d bytes, got %d", i, want, len(res.Data))
		}
		if _, err := w.Write(res.Data); err != nil {
			return err
		}
	}
	return nil
}

func absence(m types.Model) string {
	if m.IsReference() {
		return "registered by reference: get it with \"model pull\""
	}
	return "refused by the inspection"
}

// pullReference gets a file through the local cache.
func pullReference(cmd *cobra.Command, clientCtx client.Context, m types.Model, out string) error {
	config, err := modelstore.ReadConfig(server.GetServerContextFromCmd(cmd).Viper)
	if err != nil {
		return err
	}
	// The operator's setting is for the node, which runs without anybody watching. Here the user decides.
	if config.FetchFromChainSources, err = agreed(cmd, m); err != nil {
		return err
	}
	config.MaxFetchBytes = max(config.MaxFetchBytes, m.Size_)
	store, err := modelstore.Open(config, clientCtx.HomeDir, modelstore.Deps{Logger: log.NewNopLogger(), Metrics: noMetrics{}})
	if err != nil {
		return err
	}
	ref := modelref.Reference{Size: m.Size_, Sources: m.Sources}
	if ref.SHA256, err = modelref.ParseSHA256(m.Sha256); err != nil {
		return err
	}
	file, err := store.Fetch(cmd.Context(), ref)
	if err != nil {
		return err
	}
	defer file.Close()
	target, err := os.OpenFile(out+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, file)
	if err = errors.Join(err, target.Close()); err != nil {
		return err
	}
	return os.Rename(target.Name(), out)
}

// agreed asks whether the sources of a model may be used.
func agreed(cmd *cobra.Command, m types.Model) (bool, error) {
	yes, err := cmd.Flags().GetBool("from-sources")
	if err != nil || yes || len(m.Sources) == 0 || !session.IsTerminal(cmd.InOrStdin()) {
		return yes, err
	}
	question := "The owner of " + m.Name + " says that the file is at"
	for _, s := range m.Sources {
		question += "\n  " + view.Plain(s, false)
	}
	err = session.Ask(cmd.InOrStdin(), cmd.ErrOrStderr(), question+"\nThese hosts will see your address")
	if errors.Is(err, session.ErrDeclined) {
		return false, nil
	}
	return err == nil, err
}

// noMetrics counts nothing.
type noMetrics struct{}

func (noMetrics) Count(modelstore.Event)        {}
func (noMetrics) Received(modelstore.Kind, int) {}
func (noMetrics) Sent(int)                      {}
