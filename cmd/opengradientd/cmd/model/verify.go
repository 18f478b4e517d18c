package model

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/x/models/types"
)

// errDiffers is a model that is not what the chain says. What was printed says where.
var errDiffers = errors.New("the file or what it computes is not what the chain says")

func newVerifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE|MODEL [MODEL]",
		Short: "Check a file against the chain: hash, inspection, and with --run what it computes",
		Long: `Check a file against what the chain says of a model: hash, size and inspection. With --run the golden inputs are run in a
worker on this machine, and what comes out is compared with the determinism certificate: either it equals the outputs of an
environment class bit by bit, or the report says how far each output is from the certified one.

With a file alone the model is the one with its SHA-256; with a model alone the file is the chain's.`,
		Example: `  opengradientd model verify iris.onnx
  opengradientd model verify iris.onnx iris:2 --run
  opengradientd model verify iris --run --output json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: runVerify,
	}
	session.AddQueryFlags(cmd)
	f := cmd.Flags()
	f.Bool("run", false, "run the golden inputs in a worker on this machine")
	f.String("worker", "", "`PATH` of the worker (default: beside this program, then on PATH)")
	f.String("library", "", "`PATH` of the ONNX Runtime library (default: $OPENGRADIENT_ONNXRUNTIME, then <home>/lib)")
	return cmd
}

func runVerify(cmd *cobra.Command, args []string) error {
	json, err := session.AsJSON(cmd)
	if err != nil {
		return err
	}
	run, err := cmd.Flags().GetBool("run")
	if err != nil {
		return err
	}
	clientCtx, queries, err := reader(cmd)
	if err != nil {
		return err
	}
	file, m, err := fileAndModel(cmd, queries, args)
	if err != nil {
		return err
	}
	result := view.Verification{Reference: fmt.Sprintf("%s:%d", m.Name, m.Version), SHA256: m.Sha256, Checks: checkFile(file, m)}
	if run && result.Good() {
		golden, err := queries.Golden(cmd.Context(), &types.QueryGoldenRequest{Model: m.Sha256})
		if err != nil {
			return err
		}
		certificate, err := queries.Certificate(cmd.Context(), &types.QueryCertificateRequest{Model: m.Sha256})
		if status.Code(err) == codes.NotFound {
			return fmt.Errorf("--run: expected a model with a certificate, %s has none: it is %s", result.Reference, m.Status)
		}
		if err != nil {
			return err
		}
		outcome, err := runGolden(cmd, clientCtx.HomeDir, file, m, golden.Golden)
		if err != nil {
			return err
		}
		if err := judge(&result, m, golden.Golden, certificate.Certificate, outcome); err != nil {
			return err
		}
	}
	if json {
		err = view.JSON(cmd.OutOrStdout(), result)
	} else {
		err = view.Verified(cmd.OutOrStdout(), result)
	}
	if err == nil && !result.Good() {
		err = errDiffers
	}
	return err
}

// fileAndModel finds out what is compared with what.
func fileAndModel(cmd *cobra.Command, queries types.QueryClient, args []string) ([]byte, types.Model, error) {
	file, err := fileOrModel(cmd, args[0])
	if err != nil {
		return nil, types.Model{}, err
	}
	reference := args[0]
	switch {
	case len(args) == 2:
		reference = args[1]
	case isFile(args[0]):
		found, err := inspectFile(file)
		if err != nil {
			return nil, types.Model{}, err
		}
		reference = hex.EncodeToString(found.digest.SHA256[:])
	}
	res, err := findModel(cmd.Context(), queries, reference)
	if err != nil {
		return nil, types.Model{}, err
	}
	return file, res.Model, nil
}

// checkFile compares a file with what the chain says.
func checkFile(file []byte, m types.Model) []view.Check {
	found, err := inspectFile(file)
	if err != nil {
		return []view.Check{{Name: "inspection", Detail: view.Plain(err.Error(), false)}}
	}
	digest := hex.EncodeToString(found.digest.SHA256[:])
	checks := []view.Check{
		{Name: "sha256", OK: digest == m.Sha256, Detail: digest},
		{Name: "size", OK: uint64(len(file)) == m.Size_, Detail: fmt.Sprintf("%d bytes", len(file))},
	}
	if len(m.Inspection.Inputs) == 0 {
		return append(checks, view.Check{Name: "inspection", OK: true, Detail: "accepted here; the chain has not inspected the file yet"})
	}
	here := types.NewInspection(found.report)
	return append(checks, view.Check{Name: "inspection", OK: sameInspection(here, m.Inspection), Detail: inspectionDetail(here, m.Inspection)})
}

// sameInspection compares by the encoding, in which one inspection has one form.
func sameInspection(a, b types.Inspection) bool {
	x, errX := a.Marshal()
	y, errY := b.Marshal()
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

func inspectionDetail(here, chain types.Inspection) string {
	if sameInspection(here, chain) {
		return fmt.Sprintf("opset %d, %d parameters", here.Opset, here.Parameters)
	}
	return fmt.Sprintf("expected opset %d, %d inputs, %d outputs, %d parameters as the chain says, got opset %d, %d inputs, %d outputs, %d parameters",
		chain.Opset, len(chain.Inputs), len(chain.Outputs), chain.Parameters, here.Opset, len(here.Inputs), len(here.Outputs), here.Parameters)
}
