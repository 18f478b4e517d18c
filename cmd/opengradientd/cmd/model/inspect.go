package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/modelpush"
	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/internal/onnxfile/report"
	"github.com/opengradient/opengradient/x/models/types"
)

// maxModelFile is the largest file that is inspected: what a model by reference may have.
const maxModelFile = 1<<31 - 1

func newInspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect FILE|MODEL",
		Short: "Read a model file as the chain does: signature, operators, cost, or why it is refused",
		Long: `Read a model file as the chain does, without running it: signature, operators, cost and memory, or why it is refused.
The argument is a file, or a model whose file the chain holds.`,
		Example: `  opengradientd model inspect net.onnx
  opengradientd model inspect iris:2 --output json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			json, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			file, err := fileOrModel(cmd, args[0])
			if err != nil {
				return err
			}
			found, err := inspectFile(file)
			if err != nil {
				return err
			}
			digest := hex.EncodeToString(found.digest.SHA256[:])
			if json {
				document, err := report.JSON(digest, len(file), found.report)
				if err != nil {
					return err
				}
				_, err = cmd.OutOrStdout().Write(document)
				return err
			}
			return report.Text(cmd.OutOrStdout(), digest, len(file), found.report)
		},
	}
	session.AddQueryFlags(cmd)
	return cmd
}

// inspected is a file that inspection accepts.
type inspected struct {
	digest modelpush.Digest
	report *onnxfile.Report
}

func inspectFile(file []byte) (inspected, error) {
	digest, err := modelpush.Read(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return inspected{}, err
	}
	// How large a file may be is for the chain to say.
	found, err := onnxfile.Inspect(file, onnxfile.DefaultLimits.Sized(int64(len(file))))
	if err != nil {
		return inspected{}, fmt.Errorf("the file is refused: %w", err)
	}
	return inspected{digest: digest, report: found}, nil
}

// fileOrModel reads the file that an argument names, or downloads that of a model.
func fileOrModel(cmd *cobra.Command, argument string) ([]byte, error) {
	if isFile(argument) {
		return readBounded(argument, maxModelFile)
	}
	if _, err := types.ParseReference(argument); err != nil {
		return nil, fmt.Errorf("%q is neither a file nor a model: %w", argument, err)
	}
	_, queries, err := reader(cmd)
	if err != nil {
		return nil, err
	}
	res, err := findModel(cmd.Context(), queries, argument)
	if err != nil {
		return nil, err
	}
	return downloadWhole(cmd.Context(), queries, res.Model)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist) && (err != nil || info.Mode().IsRegular())
}

// downloadWhole reads the file of a model into memory.
func downloadWhole(ctx context.Context, queries types.QueryClient, m types.Model) ([]byte, error) {
	var file bytes.Buffer
	if err := download(ctx, queries, m, &file, 0); err != nil {
		return nil, err
	}
	return file.Bytes(), checkHash(m.Sha256, sha256.Sum256(file.Bytes()))
}

func checkHash(want string, got [sha256.Size]byte) error {
	if digits := hex.EncodeToString(got[:]); digits != want {
		return fmt.Errorf("expected a file with SHA-256 %s, got %s", want, digits)
	}
	return nil
}
