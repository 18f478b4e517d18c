package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/cosmos/cosmos-sdk/client"

	"github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// readSubmission is the message of a submit command for the model "iris".
func readSubmission(cmd *cobra.Command) (*types.MsgSubmitRequests, error) {
	w, err := readWish(cmd, client.Context{Offline: true}, "iris")
	if err != nil {
		return nil, err
	}
	return submitMsg(w)
}

const oneRequest = `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[[0.5,1]]}],"outputs":[{"name":"label"}]}`

func TestSubmitReadsAFileOrStandardInput(t *testing.T) {
	file := filepath.Join(t.TempDir(), "request.json")
	require.NoError(t, os.WriteFile(file, []byte(oneRequest), 0o600))
	for name, source := range map[string]string{"file": file, "standard input": "-"} {
		t.Run(name, func(t *testing.T) {
			cmd := newSubmitCmd()
			cmd.SetIn(strings.NewReader(oneRequest))
			require.NoError(t, cmd.ParseFlags([]string{"--input", source, "--max-fee", "500uopg"}))
			msg, err := readSubmission(cmd)
			require.NoError(t, err)
			require.Equal(t, "iris", msg.Model)
			require.Equal(t, types.TIER_QUORUM, msg.Tier)
			require.Equal(t, types.SEALING_DEFAULT, msg.Sealing)
			require.Equal(t, schedulingtypes.FEE_CLASS_STANDARD, msg.FeeClass)
			require.Empty(t, msg.IdempotencyKey)
			require.Zero(t, msg.ReuseBlocks)
			require.Equal(t, []string{"label"}, msg.Outputs)
			require.Equal(t, int64(500), msg.MaxFee.Int64())
			require.Equal(t, []types.InferenceInput{{Inputs: []types.Tensor{{
				Name: "x", Datatype: "FP32", Shape: []int64{1, 2}, Contents: []byte{0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f},
			}}}}, msg.Requests)
		})
	}
}

func TestSubmitTakesManyRequestsAndFlagsOverTheFile(t *testing.T) {
	cmd := newSubmitCmd()
	cmd.SetIn(strings.NewReader("[" + oneRequest + "," + oneRequest + "]"))
	require.NoError(t, cmd.ParseFlags([]string{"--input", "-", "--outputs", "a,b", "--tier", "committee", "--sealing", "sealed",
		"--fee-class", "priority", "--idempotency-key", "order-17", "--reuse-blocks", "50"}))
	msg, err := readSubmission(cmd)
	require.NoError(t, err)
	require.Len(t, msg.Requests, 2)
	require.Equal(t, []string{"a", "b"}, msg.Outputs)
	require.Equal(t, types.TIER_COMMITTEE, msg.Tier)
	require.Equal(t, types.SEALING_SEALED, msg.Sealing)
	require.Equal(t, schedulingtypes.FEE_CLASS_PRIORITY, msg.FeeClass)
	require.Equal(t, "order-17", msg.IdempotencyKey)
	require.Equal(t, uint32(50), msg.ReuseBlocks)
	require.True(t, msg.MaxFee.IsNil(), "left to the quote")
}

func TestSubmitRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		stdin string
		flags []string
	}{
		"no such file":           {"", []string{"--input", filepath.Join(t.TempDir(), "none")}},
		"not a request":          {"{}", []string{"--input", "-"}},
		"outputs that differ":    {"[" + oneRequest + "," + strings.Replace(oneRequest, "label", "other", 1) + "]", []string{"--input", "-"}},
		"fee of another coin":    {oneRequest, []string{"--input", "-", "--max-fee", "5atom"}},
		"fee that is negative":   {oneRequest, []string{"--input", "-", "--max-fee=-5"}},
		"fee that is a fraction": {oneRequest, []string{"--input", "-", "--max-fee", "0.5"}},
		"unknown tier":           {oneRequest, []string{"--input", "-", "--tier", "unspecified"}},
		"unknown sealing":        {oneRequest, []string{"--input", "-", "--sealing", "closed"}},
		"unknown fee class":      {oneRequest, []string{"--input", "-", "--fee-class", "gold"}},
		"empty key":              {oneRequest, []string{"--input", "-", "--idempotency-key", ""}},
		"inputs of a signature":  {"", []string{"--input", "x=1,2"}},
		"no input":               {"", nil},
		"key that is no ASCII":   {oneRequest, []string{"--input", "-", "--idempotency-key", "ü"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := newSubmitCmd()
			cmd.SetIn(strings.NewReader(tc.stdin))
			require.NoError(t, cmd.ParseFlags(tc.flags))
			_, err := readSubmission(cmd)
			require.Error(t, err)
		})
	}
}

func TestTensorsArePrintedReadably(t *testing.T) {
	tensors := []types.Tensor{
		{Name: "p", Datatype: "FP32", Shape: []int64{1, 2}, Contents: []byte{0xcd, 0xcc, 0xcc, 0x3d, 0, 0, 0xc0, 0x7f}},
		{Name: "label", Datatype: "BYTES", Shape: []int64{1}, Contents: []byte{2, 0, 0, 0, 'h', 'i'}},
	}
	var text, json bytes.Buffer
	require.NoError(t, printTensors(&text, "text", "outputs", 7, []byte{0xab}, tensors))
	require.Equal(t, `request: 7
root: ab
outputs:
- name: p
  datatype: FP32
  shape: [1, 2]
  data: [0.1,"NaN"]
- name: label
  datatype: BYTES
  shape: [1]
  data: ["hi"]
`, text.String())
	require.NoError(t, printTensors(&json, "json", "outputs", 7, []byte{0xab}, tensors))
	require.JSONEq(t, `{"id":"7","root":"ab","outputs":[
		{"name":"p","datatype":"FP32","shape":[1,2],"data":[0.1,"NaN"]},
		{"name":"label","datatype":"BYTES","shape":[1],"data":["hi"]}]}`, json.String())
	require.Error(t, printTensors(&text, "text", "outputs", 7, nil, []types.Tensor{{Name: "p", Datatype: "FP32", Shape: []int64{1}}}))
}

func TestParseID(t *testing.T) {
	id, err := parseID("7")
	require.NoError(t, err)
	require.Equal(t, uint64(7), id)
	for _, bad := range []string{"", "0", "-1", "x", "18446744073709551616"} {
		_, err := parseID(bad)
		require.Error(t, err, bad)
	}
}
