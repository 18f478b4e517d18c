package imagein

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/bmp"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/oipjson"
	"github.com/opengradient/opengradient/internal/tensor"
)

const most = 4 << 20

func fixed(n int64) tensor.Dim              { return tensor.Dim{Size: n} }
func symbol(s string) tensor.Dim            { return tensor.Dim{Size: 1, Symbol: s} }
func multiple(n int64, s string) tensor.Dim { return tensor.Dim{Size: n, Symbol: s} }

func spec(d tensor.Datatype, dims ...tensor.Dim) tensor.Spec {
	return tensor.Spec{Name: "image", Datatype: d, Dims: dims}
}

func encode(t testing.TB, img image.Image) []byte {
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

// corners is an image of two rows: red, green; blue, a gray that half lets through.
func corners() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	img.SetNRGBA(0, 0, color.NRGBA{255, 0, 0, 255})
	img.SetNRGBA(1, 0, color.NRGBA{0, 255, 0, 255})
	img.SetNRGBA(0, 1, color.NRGBA{0, 0, 255, 255})
	img.SetNRGBA(1, 1, color.NRGBA{100, 100, 100, 128})
	return img
}

func values(t testing.TB, x tensor.Tensor) string {
	text, err := oipjson.MarshalData(x)
	require.NoError(t, err)
	return string(text)
}

func TestLayouts(t *testing.T) {
	n := symbol("N")
	for name, tc := range map[string]struct {
		spec    tensor.Spec
		options Options
		shape   []int64
		data    string
	}{
		"channels first":         {spec(tensor.Uint8, n, fixed(3), fixed(2), fixed(2)), Options{}, []int64{1, 3, 2, 2}, "[255,0,0,100,0,255,0,100,0,0,255,100]"},
		"channels last":          {spec(tensor.Uint8, n, fixed(2), fixed(2), fixed(3)), Options{}, []int64{1, 2, 2, 3}, "[255,0,0,0,255,0,0,0,255,100,100,100]"},
		"BGR":                    {spec(tensor.Uint8, fixed(2), fixed(2), fixed(3)), Options{Color: ColorBGR}, []int64{2, 2, 3}, "[0,0,255,0,255,0,255,0,0,100,100,100]"},
		"with transparency":      {spec(tensor.Uint8, fixed(4), fixed(2), fixed(2)), Options{}, []int64{4, 2, 2}, "[255,0,0,100,0,255,0,100,0,0,255,100,255,255,255,128]"},
		"gray by channels":       {spec(tensor.Uint8, fixed(1), fixed(1), fixed(2), fixed(2)), Options{Layout: LayoutNCHW}, []int64{1, 1, 2, 2}, "[76,150,29,100]"},
		"gray without channels":  {spec(tensor.Uint8, fixed(2), fixed(2)), Options{}, []int64{2, 2}, "[76,150,29,100]"},
		"gray in a batch":        {spec(tensor.Uint8, n, fixed(2), fixed(2)), Options{}, []int64{1, 2, 2}, "[76,150,29,100]"},
		"any size":               {spec(tensor.Uint8, n, fixed(3), symbol("H"), symbol("W")), Options{}, []int64{1, 3, 2, 2}, "[255,0,0,100,0,255,0,100,0,0,255,100]"},
		"any channels":           {spec(tensor.Uint8, n, symbol("C"), fixed(2), fixed(2)), Options{Layout: LayoutNCHW}, []int64{1, 3, 2, 2}, "[255,0,0,100,0,255,0,100,0,0,255,100]"},
		"any channels, stated":   {spec(tensor.Uint8, n, fixed(2), fixed(2), symbol("C")), Options{Layout: LayoutNHWC, Color: ColorGray}, []int64{1, 2, 2, 1}, "[76,150,29,100]"},
		"any size, stated":       {spec(tensor.Uint8, symbol("H"), fixed(2)), Options{Size: &Size{2, 2}}, []int64{2, 2}, "[76,150,29,100]"},
		"a multiple":             {spec(tensor.Uint8, fixed(3), multiple(2, "H"), multiple(2, "W")), Options{}, []int64{3, 2, 2}, "[255,0,0,100,0,255,0,100,0,0,255,100]"},
		"smaller":                {spec(tensor.Uint8, fixed(1), fixed(1)), Options{}, []int64{1, 1}, "[89]"},
		"larger":                 {spec(tensor.Uint8, fixed(2), fixed(4)), Options{}, []int64{2, 4}, "[76,94,132,150,29,47,82,100]"},
		"of a stated size":       {spec(tensor.Uint8, fixed(1), symbol("S"), symbol("S")), Options{Size: &Size{1, 1}}, []int64{1, 1, 1}, "[89]"},
		"floats from zero to 1":  {spec(tensor.FP32, fixed(1), fixed(2)), Options{}, []int64{1, 2}, "[0.20588236,0.49019608]"},
		"half floats":            {spec(tensor.FP16, fixed(2), fixed(2)), Options{Scale: 1}, []int64{2, 2}, "[76,150,29,100]"},
		"a scale of its own":     {spec(tensor.FP32, fixed(2), fixed(2)), Options{Scale: 2}, []int64{2, 2}, "[152,300,58,200]"},
		"one mean and deviation": {spec(tensor.FP64, fixed(2), fixed(2)), Options{Scale: 1, Mean: []float64{100}, Std: []float64{2}}, []int64{2, 2}, "[-12,25,-35.5,0]"},
		"a mean for each channel": {
			spec(tensor.FP32, fixed(3), fixed(2), fixed(2)), Options{Scale: 1, Mean: []float64{0, 1, 2}, Std: []float64{1, 2, 4}},
			[]int64{3, 2, 2}, "[255,0,0,100,-0.5,127,-0.5,49.5,-0.5,-0.5,63.25,24.5]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Tensor(tc.spec, encode(t, corners()), tc.options, most)
			require.NoError(t, err)
			require.Equal(t, tc.shape, got.Shape)
			require.Equal(t, "image", got.Name)
			require.Equal(t, tc.data, values(t, got))
			_, err = tensor.Bind([]tensor.Spec{tc.spec}, []tensor.Tensor{got})
			require.NoError(t, err, "an input of the signature")
		})
	}
}

func TestRefuses(t *testing.T) {
	good := encode(t, corners())
	hwc := spec(tensor.FP32, fixed(2), fixed(2), fixed(3))
	bomb := bytes.Clone(encode(t, image.NewGray(image.Rect(0, 0, 1, 1))))
	binary.BigEndian.PutUint32(bomb[16:], 16384) // width and height stand in the first chunk, whose checksum follows
	binary.BigEndian.PutUint32(bomb[20:], 16384)
	binary.BigEndian.PutUint32(bomb[29:], checksum(bomb[12:29]))
	for name, tc := range map[string]struct {
		spec    tensor.Spec
		file    []byte
		options Options
		want    string
	}{
		"no image":                {hwc, []byte("hello"), Options{}, "expected PNG, JPEG, GIF, BMP or WebP"},
		"cut":                     {hwc, good[:40], Options{}, "PNG: "},
		"bomb":                    {hwc, bomb, Options{}, "expected 1 to 16384 pixels a side and at most 33554432 in all, got 16384 × 16384"},
		"text":                    {spec(tensor.Bytes, fixed(1)), good, Options{}, "datatype: expected an input of numbers, got image BYTES[1]"},
		"no picture":              {spec(tensor.FP32, symbol("N")), good, Options{}, "shape: expected an input with height and width, got image FP32[N]"},
		"a line":                  {spec(tensor.FP32, symbol("N"), fixed(784), fixed(7), fixed(7)), good, Options{}, "layout: expected one dimension of 1, 3 or 4 channels"},
		"both ends":               {spec(tensor.FP32, fixed(3), fixed(9), fixed(3)), good, Options{}, "layout"},
		"many in a batch":         {spec(tensor.FP32, fixed(8), fixed(3), fixed(2), fixed(2)), good, Options{}, "takes one image"},
		"rows":                    {spec(tensor.FP32, symbol("N"), fixed(4)), good, Options{}, "shape: expected an input with a fixed height and width, or the size of the picture to be stated, got image FP32[N,4]"},
		"sequences":               {spec(tensor.FP32, symbol("N"), symbol("S"), fixed(64)), good, Options{}, "layout: expected one dimension of 1, 3 or 4 channels"},
		"two channels":            {spec(tensor.FP32, fixed(1), fixed(2), fixed(2), fixed(2)), good, Options{Layout: LayoutNCHW}, "color: expected 1, 3 or 4 channels"},
		"another color":           {hwc, good, Options{Color: ColorGray}, "color: expected one of 3 channels"},
		"another size":            {hwc, good, Options{Size: &Size{2, 3}}, "expected a width of 2, as image FP32[2,2,3] has, got 3"},
		"a square of any size":    {spec(tensor.FP32, fixed(3), symbol("S"), symbol("S")), good, Options{}, "expected one to be stated"},
		"too many bytes":          {spec(tensor.FP32, fixed(3), fixed(2000), fixed(2000)), good, Options{}, "expected an input of at most 4194304 bytes, got 12000000 elements of FP32 for a picture of 2000x2000"},
		"values out of range":     {spec(tensor.Int8, fixed(2), fixed(2)), good, Options{}, "expected an integer of INT8, got 150"},
		"means":                   {hwc, good, Options{Mean: []float64{1, 2}}, "mean: expected 1 or 3 numbers, got 2"},
		"no deviation":            {hwc, good, Options{Std: []float64{0}}, "std 1: expected a number above 0, got 0"},
		"mean that is no number":  {hwc, good, Options{Mean: []float64{math.NaN()}}, "mean 1: expected a number, got NaN"},
		"scale below zero":        {hwc, good, Options{Scale: -1}, "scale: expected a number above 0, got -1"},
		"layout of another world": {hwc, good, Options{Layout: "hcwn"}, `layout: expected nchw or nhwc, got "hcwn"`},
		"color of another world":  {hwc, good, Options{Color: "cmyk"}, `color: expected gray, rgb, bgr or rgba, got "cmyk"`},
		"size of nothing":         {hwc, good, Options{Size: &Size{0, 2}}, "size: expected 1 to 16384 pixels a side, got 0x2"},
		"a height of nothing":     {spec(tensor.FP32, fixed(0), fixed(2)), good, Options{}, "expected a height of 1 to 16384"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Tensor(tc.spec, tc.file, tc.options, most)
			require.ErrorIs(t, err, ErrImage)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// Every format shows the same gray picture.
func TestFormats(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range img.Pix {
		img.Pix[i] = 100
	}
	write := func(encode func(b *bytes.Buffer) error) []byte {
		var b bytes.Buffer
		require.NoError(t, encode(&b))
		return b.Bytes()
	}
	wide := image.NewNRGBA64(img.Rect)
	colored := image.NewPaletted(img.Rect, palette.Plan9)
	for y := range 16 {
		for x := range 16 {
			wide.Set(x, y, color.Gray16{100 * 257})
			colored.Set(x, y, color.Gray{100})
		}
	}
	for name, tc := range map[string]struct {
		file []byte
		near float64
	}{
		"PNG":            {encode(t, img), 0},
		"PNG of 16 bits": {encode(t, wide), 0},
		"PNG, palette":   {encode(t, colored), 6},
		"JPEG":           {write(func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) }), 2},
		"GIF":            {write(func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) }), 6},
		"BMP":            {write(func(b *bytes.Buffer) error { return bmp.Encode(b, img) }), 0},
		"WebP":           {grayWebP(16, 16, 100), 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, Known(tc.file))
			decoded, err := decode(tc.file)
			require.NoError(t, err)
			for _, v := range resize(decoded, ColorRGB, Size{4, 4}) {
				require.InDelta(t, 100, v, tc.near+1e-9)
			}
		})
	}
	require.False(t, Known([]byte("{")))
}

// A WebP file whose picture is larger than its header says is refused before the picture is decoded.
func TestWebPFrameIsChecked(t *testing.T) {
	file := grayWebP(16, 16, 100)
	extended := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x0f\x00\x00\x0f\x00\x00"), file[12:]...)
	binary.LittleEndian.PutUint32(extended[4:], uint32(len(extended)-8))
	_, err := decode(extended)
	require.NoError(t, err)
	extended[24] = 7
	_, err = decode(extended)
	require.ErrorContains(t, err, "expected a picture of 8 × 16, got 16 × 16")
	_, err = decode(extended[:30])
	require.ErrorIs(t, err, ErrImage)
}

// The oracle weighs every pixel of the image for every new one.
func TestResizeMatchesOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		side := rapid.IntRange(1, 9)
		img := image.NewGray(image.Rect(0, 0, side.Draw(t, "width"), side.Draw(t, "height")))
		for i := range img.Pix {
			img.Pix[i] = rapid.Byte().Draw(t, "pixel")
		}
		to := Size{side.Draw(t, "rows"), side.Draw(t, "columns")}
		got := resize(img, ColorGray, to)
		weight := func(o, from, to, at int) float64 {
			step := float64(from) / float64(to)
			return math.Max(0, 1-math.Abs(float64(at)+0.5-(float64(o)+0.5)*step)/math.Max(step, 1))
		}
		for y := range to.Height {
			for x := range to.Width {
				sum, total := 0.0, 0.0
				for sy := range img.Rect.Dy() {
					for sx := range img.Rect.Dx() {
						w := weight(y, img.Rect.Dy(), to.Height, sy) * weight(x, img.Rect.Dx(), to.Width, sx)
						sum += w * float64(img.GrayAt(sx, sy).Y)
						total += w
					}
				}
				if want := sum / total; math.Abs(got[y*to.Width+x]-want) > 1e-9 {
					t.Fatalf("%v of %v to %v at %d, %d: expected %v, got %v", img.Pix, img.Rect, to, x, y, want, got[y*to.Width+x])
				}
			}
		}
	})
}

// An image of the size that the model takes is given to it unchanged.
func TestSameSizeIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		img := image.NewNRGBA(image.Rect(0, 0, rapid.IntRange(1, 5).Draw(t, "width"), rapid.IntRange(1, 5).Draw(t, "height")))
		for i := range img.Pix {
			img.Pix[i] = rapid.Byte().Draw(t, "pixel")
		}
		for i, v := range resize(img, ColorRGBA, Size{img.Rect.Dy(), img.Rect.Dx()}) {
			if v != float64(img.Pix[i]) {
				t.Fatalf("at %d: expected %d, got %v", i, img.Pix[i], v)
			}
		}
	})
}

// Whatever is read is a valid input of the signature.
func FuzzTensor(f *testing.F) {
	f.Add(encode(f, corners()))
	f.Add(encode(f, image.NewPaletted(image.Rect(0, 0, 3, 2), palette.Plan9)))
	for _, write := range []func(b *bytes.Buffer) error{
		func(b *bytes.Buffer) error { return jpeg.Encode(b, corners(), nil) },
		func(b *bytes.Buffer) error { return gif.Encode(b, corners(), nil) },
		func(b *bytes.Buffer) error { return bmp.Encode(b, corners()) },
	} {
		var b bytes.Buffer
		require.NoError(f, write(&b))
		f.Add(b.Bytes())
	}
	f.Add(grayWebP(3, 2, 7))
	f.Add([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\xff\x00\xff\xff\x00ALPH\x00\x00\x00\x00"))
	s := spec(tensor.FP32, symbol("N"), fixed(3), fixed(8), fixed(8))
	f.Fuzz(func(t *testing.T, b []byte) {
		x, err := Tensor(s, b, Options{}, most)
		if err != nil {
			require.ErrorIs(t, err, ErrImage)
			return
		}
		_, err = tensor.Bind([]tensor.Spec{s}, []tensor.Tensor{x})
		require.NoError(t, err)
	})
}
