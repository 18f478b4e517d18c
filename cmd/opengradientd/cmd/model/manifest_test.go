package model

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func manifestOf(t *testing.T, args ...string) (types.Manifest, error) {
	t.Helper()
	cmd := &cobra.Command{Use: "push"}
	addManifestFlags(cmd)
	require.NoError(t, cmd.ParseFlags(args))
	return readManifest(cmd)
}

const cardText = "---\nlicense: apache-2.0\ntags: [vision, onnx]\npipeline_tag: image-classification\n---\n# Net\n"

func TestManifestTakesTheFrontMatter(t *testing.T) {
	m, err := manifestOf(t, "--name", "net", "--card", write(t, "CARD.md", cardText), "--royalty", "5uopg")
	require.NoError(t, err)
	require.Equal(t, "net", m.Name)
	require.Equal(t, schedulingtypes.TASK_CLASS_CLASSIFICATION, m.TaskClass)
	require.Equal(t, "apache-2.0", m.License)
	require.Equal(t, []string{"vision", "onnx"}, m.Labels)
	require.Equal(t, cardText, m.Card, "byte for byte")
	require.Equal(t, int64(5), m.Royalty.Int64())
	require.NoError(t, m.Validate(types.DefaultParams()))
}

func TestManifestFlagsGoFirst(t *testing.T) {
	m, err := manifestOf(t, "--name", "net", "--card", write(t, "CARD.md", cardText), "--task", "text-ranking",
		"--range", "a=b=-1.5:2", "--range", "ids=0:9", "--symbol", "N=4")
	require.NoError(t, err)
	require.Equal(t, schedulingtypes.TASK_CLASS_RANKING, m.TaskClass)
	require.Equal(t, []types.InputRange{{Input: "a=b", Low: "-1.5", High: "2"}, {Input: "ids", Low: "0", High: "9"}}, m.Golden.Ranges)
	require.Equal(t, []types.SymbolValue{{Symbol: "N", Value: 4}}, m.Golden.Symbols)
}

func TestManifestReadsGoldenInputs(t *testing.T) {
	const one = `{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[0.5,1]}]}`
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	f, err := w.Create("x.npy")
	require.NoError(t, err)
	header := "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n"
	_, err = f.Write(append([]byte("\x93NUMPY\x01\x00"+string(rune(len(header)))+"\x00"+header), 0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f))
	require.NoError(t, err)
	require.NoError(t, w.Close())

	m, err := manifestOf(t, "--name", "net", "--task", "other", "--golden", write(t, "a.json", "["+one+","+one+"]"),
		"--golden", write(t, "b.npz", archive.String()), "--golden", write(t, "c.json", one))
	require.NoError(t, err)
	want, err := tensor.Encode([]tensor.Tensor{{Name: "x", Datatype: tensor.FP32, Shape: []int64{1, 2}, Data: []byte{0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f}}})
	require.NoError(t, err)
	require.Equal(t, [][]byte{want, want, want, want}, m.Golden.Vectors)
}

func TestManifestRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"name":              {[]string{"--name", "Net", "--task", "other"}, "--name: expected a-z"},
		"no task":           {[]string{"--name", "net"}, "--task: expected one of classification, regression"},
		"unknown task":      {[]string{"--name", "net", "--task", "guessing"}, `--task: task: expected a class`},
		"task of the card":  {[]string{"--name", "net", "--card", write(t, "c", "---\npipeline_tag: magic\n---\n")}, `front matter of the card: task: expected a class`},
		"royalty":           {[]string{"--name", "net", "--task", "other", "--royalty", "-1"}, "--royalty: expected an amount of at least 0 uopg"},
		"royalty elsewhere": {[]string{"--name", "net", "--task", "other", "--royalty", "1atom"}, "--royalty: expected an amount of at least 0 uopg"},
		"no card":           {[]string{"--name", "net", "--card", "none.md"}, "--card: open none.md"},
		"malformed card":    {[]string{"--name", "net", "--card", write(t, "c", "---\nlicense: [\n---\n")}, "invalid model card"},
		"oversized card":    {[]string{"--name", "net", "--card", write(t, "c", string(make([]byte, maxCardFile+1)))}, "expected at most 1048576 bytes, got more"},
		"range":             {[]string{"--name", "net", "--task", "other", "--range", "x=1"}, `--range: expected INPUT=LOW:HIGH, got "x=1"`},
		"range of nothing":  {[]string{"--name", "net", "--task", "other", "--range", "=1:2"}, "--range: expected INPUT=LOW:HIGH"},
		"symbol":            {[]string{"--name", "net", "--task", "other", "--symbol", "N=0"}, "--symbol: expected NAME=VALUE with a value from 1"},
		"golden text":       {[]string{"--name", "net", "--task", "other", "--golden", write(t, "x.txt", "1")}, "expected a file named .json or .npz"},
		"golden JSON":       {[]string{"--name", "net", "--task", "other", "--golden", write(t, "x.json", "{}")}, "invalid inference JSON"},
		"golden npz":        {[]string{"--name", "net", "--task", "other", "--golden", write(t, "x.npz", "{}")}, "invalid NumPy file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := manifestOf(t, tc.args...)
			require.ErrorContains(t, err, tc.want)
		})
	}
}
