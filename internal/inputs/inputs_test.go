package inputs

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/imagein"
	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

func dim(n int64) tensor.Dim     { return tensor.Dim{Size: n} }
func symbol(s string) tensor.Dim { return tensor.Dim{Size: 1, Symbol: s} }
func twice(s string) tensor.Dim  { return tensor.Dim{Size: 2, Symbol: s} }
func in(name string, d tensor.Datatype, dims ...tensor.Dim) tensor.Spec {
	return tensor.Spec{Name: name, Datatype: d, Dims: dims}
}

// npy writes an array as NumPy does.
func npy(descr, shape string, data []byte) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape)
	for (10+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(text)))
	return append(append(b, text...), data...)
}

func zipped(t testing.TB, arrays ...any) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(arrays); i += 2 {
		f, err := w.Create(arrays[i].(string) + ".npy")
		require.NoError(t, err)
		_, err = f.Write(arrays[i+1].([]byte))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func picture(t testing.TB) []byte {
	img := image.NewGray(image.Rect(0, 0, 2, 2))
	copy(img.Pix, []byte{1, 2, 3, 4})
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

var errNoFile = errors.New("no such file")

func files(t testing.TB) func(string) ([]byte, error) {
	content := map[string][]byte{
		"-":        []byte("7,8"),
		"x.npy":    npy("|u1", "(1, 2)", []byte{1, 2}),
		"flat.npy": npy("|u1", "(2,)", []byte{1, 2}),
		"wide.npy": npy("<f8", "(1, 2)", make([]byte, 16)),
		"cut.npy":  npy("|u1", "(1, 2)", []byte{1}),
		"xy.npz":   zipped(t, "y", npy("<i2", "()", []byte{9, 0}), "x", npy("|u1", "(1, 2)", []byte{1, 2})),
		"arr.npz":  zipped(t, "arr_0", npy("|u1", "(1, 2)", []byte{1, 2}), "arr_1", npy("<i2", "()", []byte{9, 0})),
		"many.npz": zipped(t, "arr_0", npy("|u1", "(1, 2)", []byte{1, 2}), "arr_1", npy("<i2", "()", []byte{9, 0}), "arr_2", npy("<i2", "()", []byte{9, 0})),
		"z.npz":    zipped(t, "z", npy("|u1", "(1, 2)", []byte{1, 2})),
		"img.png":  picture(t),
		"list.txt": []byte("[[1,2],[3,4]]\n"),
		"text.txt": []byte("hello\n"),
		"one.json": []byte(`{"inputs":[{"name":"x","datatype":"UINT8","shape":[1,2],"data":[1,2]}],"outputs":[{"name":"p"}],"id":"a"}`),
		"two.json": []byte(`[{"inputs":[{"name":"x","datatype":"UINT8","shape":[1,2],"data":[1,2]}]},{"inputs":[{"name":"x","datatype":"UINT8","shape":[1,2],"data":[3,4]}]}]`),
		"bad.json": []byte(`{"inputs":[]}`),
		"empty":    nil,
		"bin":      {0, 1, 2},
	}
	return func(name string) ([]byte, error) {
		b, ok := content[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, errNoFile)
		}
		return b, nil
	}
}

func requests(t testing.TB, specs []tensor.Spec, o Options, words ...string) ([]oipjson.Request, error) {
	s, err := Read(words, files(t))
	if err != nil {
		return nil, err
	}
	return s.Requests(specs, o)
}

func text(t testing.TB, ts []tensor.Tensor) string {
	var parts []string
	for _, x := range ts {
		data, err := oipjson.MarshalData(x)
		require.NoError(t, err)
		parts = append(parts, fmt.Sprintf("%s %s%v %s", x.Name, x.Datatype, x.Shape, data))
	}
	return strings.Join(parts, "; ")
}

func TestWords(t *testing.T) {
	n, m := symbol("N"), symbol("M")
	x := in("x", tensor.Uint8, n, dim(2))
	y := in("y", tensor.Int16)
	for name, tc := range map[string]struct {
		specs []tensor.Spec
		words string
		want  string
	}{
		"elements":                 {[]tensor.Spec{in("f", tensor.FP32, n, dim(4))}, "f=5.1,3.5, 1.4 ,0.2", "f FP32[1 4] [5.1,3.5,1.4,0.2]"},
		"a symbol by the count":    {[]tensor.Spec{in("f", tensor.FP32, n, dim(2))}, "f=1,2,3,4,5,6", "f FP32[3 2] [1,2,3,4,5,6]"},
		"a symbol with a factor":   {[]tensor.Spec{in("f", tensor.Uint8, twice("N"), dim(3))}, "f=1,2,3,4,5,6", "f UINT8[2 3] [1,2,3,4,5,6]"},
		"a square":                 {[]tensor.Spec{in("f", tensor.Uint8, n, n)}, "f=1,2,3,4,5,6,7,8,9", "f UINT8[3 3] [1,2,3,4,5,6,7,8,9]"},
		"a scalar":                 {[]tensor.Spec{y}, "y=-5", "y INT16[] [-5]"},
		"a scalar in an array":     {[]tensor.Spec{y}, "y=[-5]", "y INT16[] [-5]"},
		"specials":                 {[]tensor.Spec{in("f", tensor.FP16, n)}, "f=NaN,Infinity,-Infinity,-0,1e-3", `f FP16[5] ["NaN","Infinity","-Infinity",-0,0.0010004044]`},
		"bools":                    {[]tensor.Spec{in("b", tensor.Bool, n)}, "b=true,false", "b BOOL[2] [true,false]"},
		"the largest integer":      {[]tensor.Spec{in("i", tensor.Uint64, n)}, "i=18446744073709551615", "i UINT64[1] [18446744073709551615]"},
		"nested":                   {[]tensor.Spec{x}, "x=[[1,2],[3,4]]", "x UINT8[2 2] [1,2,3,4]"},
		"flat in JSON":             {[]tensor.Spec{x}, "x=[1,2,3,4]", "x UINT8[2 2] [1,2,3,4]"},
		"a text":                   {[]tensor.Spec{in("s", tensor.Bytes, dim(1))}, "s=hello, world=1", `s BYTES[1] ["hello, world=1"]`},
		"no text":                  {[]tensor.Spec{in("s", tensor.Bytes, n)}, "s=", `s BYTES[1] [""]`},
		"texts":                    {[]tensor.Spec{in("s", tensor.Bytes, n)}, `s=["a",{"b64":"/w=="}]`, `s BYTES[2] ["a",{"b64":"/w=="}]`},
		"a text out of a file":     {[]tensor.Spec{in("s", tensor.Bytes, n)}, "s=@text.txt", `s BYTES[1] ["hello\n"]`},
		"a picture as bytes":       {[]tensor.Spec{in("s", tensor.Bytes, n)}, "s=@bin", `s BYTES[1] ["\u0000\u0001\u0002"]`},
		"two inputs":               {[]tensor.Spec{x, y}, "y=9|x=1,2", "x UINT8[1 2] [1,2]; y INT16[] [9]"},
		"a symbol of another":      {[]tensor.Spec{in("a", tensor.Uint8, n, m), in("b", tensor.Uint8, n)}, "a=1,2,3,4,5,6|b=1,2,3", "a UINT8[3 2] [1,2,3,4,5,6]; b UINT8[3] [1,2,3]"},
		"a symbol of a nested one": {[]tensor.Spec{in("a", tensor.Uint8, n, m), in("b", tensor.Uint8, n, m)}, "a=1,2,3,4,5,6|b=[[1,2],[3,4],[5,6]]", "a UINT8[3 2] [1,2,3,4,5,6]; b UINT8[3 2] [1,2,3,4,5,6]"},
		"a value out of a file":    {[]tensor.Spec{x}, "x=@list.txt", "x UINT8[2 2] [1,2,3,4]"},
		"a value of stdin":         {[]tensor.Spec{x}, "x=@-", "x UINT8[1 2] [7,8]"},
		"npy":                      {[]tensor.Spec{x}, "x.npy", "x UINT8[1 2] [1,2]"},
		"npy by @":                 {[]tensor.Spec{x}, "@x.npy", "x UINT8[1 2] [1,2]"},
		"npy for a name":           {[]tensor.Spec{x, y}, "x=@x.npy|y=1", "x UINT8[1 2] [1,2]; y INT16[] [1]"},
		"npz":                      {[]tensor.Spec{x, y}, "xy.npz", "x UINT8[1 2] [1,2]; y INT16[] [9]"},
		"npz without names":        {[]tensor.Spec{x, y}, "arr.npz", "x UINT8[1 2] [1,2]; y INT16[] [9]"},
		"npz for a name":           {[]tensor.Spec{x, y}, "x=@xy.npz|y=3", "x UINT8[1 2] [1,2]; y INT16[] [3]"},
		"npz of one, for a name":   {[]tensor.Spec{x}, "x=@z.npz", "x UINT8[1 2] [1,2]"},
		"an image":                 {[]tensor.Spec{in("i", tensor.Uint8, n, dim(1), dim(2), dim(2))}, "img.png", "i UINT8[1 1 2 2] [1,2,3,4]"},
		"an image beside others":   {[]tensor.Spec{y, in("i", tensor.Uint8, dim(2), dim(2))}, "img.png|y=1", "y INT16[] [1]; i UINT8[2 2] [1,2,3,4]"},
		"an image for a name":      {[]tensor.Spec{in("j", tensor.Uint8, dim(1), dim(1)), in("i", tensor.Uint8, dim(2), dim(2))}, "i=@img.png|j=9", "j UINT8[1 1] [9]; i UINT8[2 2] [1,2,3,4]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := requests(t, tc.specs, Options{}, strings.Split(tc.words, "|")...)
			require.NoError(t, err)
			require.Len(t, got, 1)
			require.Equal(t, tc.want, text(t, got[0].Inputs))
			_, err = tensor.Bind(tc.specs, got[0].Inputs)
			require.NoError(t, err)
		})
	}
}

func TestRequestsInJSONNeedNoSignature(t *testing.T) {
	s, err := Read([]string{"one.json", "two.json"}, files(t))
	require.NoError(t, err)
	require.False(t, s.NeedsSignature())
	got, err := s.Requests(nil, Options{})
	require.NoError(t, err)
	require.Len(t, got, 3)
	require.Equal(t, []string{"p"}, got[0].Outputs)
	require.Equal(t, "a", got[0].ID)
	require.Equal(t, "x UINT8[1 2] [3,4]", text(t, got[2].Inputs))
	s, err = Read([]string{"x.npy"}, files(t))
	require.NoError(t, err)
	require.True(t, s.NeedsSignature())
}

func TestStated(t *testing.T) {
	hw := []tensor.Spec{in("x", tensor.Uint8, symbol("H"), symbol("W"))}
	got, err := requests(t, hw, Options{Symbols: map[string]int64{"H": 3}}, "x=1,2,3,4,5,6")
	require.NoError(t, err)
	require.Equal(t, "x UINT8[3 2] [1,2,3,4,5,6]", text(t, got[0].Inputs))
	image := []tensor.Spec{in("i", tensor.Uint8, symbol("H"), symbol("W"), dim(3))}
	got, err = requests(t, image, Options{Image: imagein.Options{Size: &imagein.Size{Height: 1, Width: 1}, Color: imagein.ColorBGR}}, "img.png")
	require.NoError(t, err)
	require.Equal(t, "i UINT8[1 1 3] [2,2,2]", text(t, got[0].Inputs))
}

func TestRefuses(t *testing.T) {
	n := symbol("N")
	x := in("x", tensor.Uint8, n, dim(2))
	f := in("f", tensor.FP32, n, dim(4))
	y := in("y", tensor.Int16)
	hw := in("x", tensor.Uint8, symbol("H"), symbol("W"))
	for name, tc := range map[string]struct {
		specs   []tensor.Spec
		words   string
		options Options
		want    string
	}{
		"no such file":         {[]tensor.Spec{x}, "none", Options{}, "none: no such file"},
		"nothing":              {[]tensor.Spec{x}, "", Options{}, "input: expected a file, - or NAME=VALUE, got nothing"},
		"no name":              {[]tensor.Spec{x}, "=5", Options{}, `input "=5": expected NAME=VALUE, got no name`},
		"no file name":         {[]tensor.Spec{x}, "x=@", Options{}, `inputs["x"]: expected the name of a file after @, got none`},
		"stdin twice":          {[]tensor.Spec{x, y}, "x=@-|y=@-", Options{}, "input: expected standard input once, got it twice"},
		"another name":         {[]tensor.Spec{x, y}, "z=5", Options{}, `inputs["z"]: expected an input of the model: x, y, got an unknown name`},
		"twice":                {[]tensor.Spec{x}, "x=1,2|x=3,4", Options{}, `inputs["x"]: expected one value, got two`},
		"missing":              {[]tensor.Spec{x, y}, "x=1,2", Options{}, `inputs["y"]: expected a value of INT16[], got none`},
		"too few":              {[]tensor.Spec{f}, "f=1,2,3", Options{}, `inputs["f"].data: expected a multiple of 4 elements for FP32[N,4], got 3 elements`},
		"too many":             {[]tensor.Spec{in("f", tensor.FP32, dim(1), dim(4))}, "f=1,2,3,4,5", Options{}, `inputs["f"].data: expected 4 elements for FP32[1,4], got 5 elements`},
		"too many for another": {[]tensor.Spec{x, in("z", tensor.Uint8, n)}, "x=[[1,2]]|z=1,2", Options{}, `inputs["z"].data: expected 1 elements for UINT8[1], got 2 elements`},
		"no square":            {[]tensor.Spec{in("s", tensor.Uint8, n, n)}, "s=1,2,3", Options{}, "expected 1 elements times a number to the power of 2 for UINT8[N,N], got 3 elements"},
		"none for a symbol":    {[]tensor.Spec{x}, "x=[]", Options{}, "expected a multiple of 2 elements"},
		"two symbols":          {[]tensor.Spec{hw}, "x=1,2,3,4", Options{}, `inputs["x"].shape: expected an array nested as UINT8[H,W], or values for all but one of its symbols (--symbol H=…), got 4 elements without a shape`},
		"unknown symbol":       {[]tensor.Spec{hw}, "x=1", Options{Symbols: map[string]int64{"Z": 1}}, `symbol: expected one of the signature: H, W, got "Z"`},
		"symbol of nothing":    {[]tensor.Spec{hw}, "x=1", Options{Symbols: map[string]int64{"H": 0}}, "symbol H: expected a value of at least 1, got 0"},
		"no number":            {[]tensor.Spec{f}, "f=1,abc", Options{}, `inputs["f"].data: expected numbers such as 0.5, NaN, Infinity or -Infinity, with commas between them, got "abc" as element 2`},
		"hexadecimal":          {[]tensor.Spec{f}, "f=0x10", Options{}, `got "0x10" as element 1`},
		"no bool":              {[]tensor.Spec{in("b", tensor.Bool, n)}, "b=yes", Options{}, `expected true or false, with commas between them, got "yes" as element 1`},
		"number for a bool":    {[]tensor.Spec{in("b", tensor.Bool, n)}, "b=1", Options{}, `inputs["b"].data: invalid inference JSON: data: expected true or false, got 1`},
		"fraction":             {[]tensor.Spec{x}, "x=1.5,2", Options{}, "expected an integer of UINT8, got 1.5"},
		"not a number":         {[]tensor.Spec{x}, "x=NaN,2", Options{}, `expected integers such as 5, with commas between them, got "NaN" as element 1`},
		"out of range":         {[]tensor.Spec{x}, "x=1,256", Options{}, "expected an integer of UINT8, got 256"},
		"float out of range":   {[]tensor.Spec{f}, "f=1e39", Options{}, "expected a number in the range of FP32, got 1e39"},
		"no values":            {[]tensor.Spec{x}, "x=", Options{}, `got "" as element 1`},
		"another depth":        {[]tensor.Spec{x}, "x=[[[1]]]", Options{}, `inputs["x"].shape: expected a flat array, or one nested 2 deep as in UINT8[N,2], got one nested 3 deep, [1 1 1]`},
		"ragged":               {[]tensor.Spec{x}, "x=[[1,2],[3]]", Options{}, "expected an array of 2, got another length"},
		"npy of another type":  {[]tensor.Spec{f}, "wide.npy", Options{}, `inputs["f"].datatype: expected FP32, got FP64 (save it as x.astype("float32"))`},
		"npz of another name":  {[]tensor.Spec{x}, "z.npz", Options{}, `inputs["z"]: expected an input of the model: x, got an unknown name`},
		"npz without the name": {[]tensor.Spec{in("q", tensor.Uint8, n, dim(2))}, "q=@xy.npz", Options{}, `inputs["q"]: expected an array of this name, or one alone, got y, x`},
		"npz of too many":      {[]tensor.Spec{x, y}, "many.npz", Options{}, "file many.npz: expected an array for each of the inputs x, y, got 3 arrays"},
		"npy that is cut":      {[]tensor.Spec{x}, "cut.npy", Options{}, `inputs["x"]: invalid NumPy file`},
		"npy for many":         {[]tensor.Spec{x, y}, "x.npy", Options{}, "file x.npy: expected NAME=@x.npy with one of the inputs x, y, got no name"},
		"image for none":       {[]tensor.Spec{y, f, in("i", tensor.Uint8, n, dim(2), dim(2)), in("j", tensor.Uint8, n, dim(2), dim(2))}, "img.png", Options{}, "file img.png: expected NAME=@img.png"},
		"image for a line":     {[]tensor.Spec{in("i", tensor.Uint8, n)}, "i=@img.png", Options{}, `inputs["i"]: invalid image: shape: expected an input with height and width`},
		"both":                 {[]tensor.Spec{x}, "one.json|x=1,2", Options{}, "input: expected either requests in JSON or inputs by themselves, got both"},
		"bad requests":         {[]tensor.Spec{x}, "bad.json", Options{}, "file bad.json: invalid inference JSON: request: expected inputs, got none"},
		"empty file":           {[]tensor.Spec{x}, "empty", Options{}, "file empty: expected requests in JSON, .npy, .npz, or an image (PNG, JPEG, GIF, BMP, WebP), got an empty file"},
		"no known file":        {[]tensor.Spec{x}, "bin", Options{}, `got "\x00\x01\x02"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := requests(t, tc.specs, tc.options, strings.Split(tc.words, "|")...)
			require.ErrorContains(t, err, tc.want)
			var e *Error
			if !errors.Is(err, errNoFile) {
				require.ErrorAs(t, err, &e)
			}
		})
	}
	_, err := Read(nil, files(t))
	require.EqualError(t, err, "input: expected 1 to 256 words, got 0")
	_, err = Read(make([]string, MaxWords+1), files(t))
	require.EqualError(t, err, "input: expected 1 to 256 words, got 257")
}
