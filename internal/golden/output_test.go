package golden_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/golden"
	"github.com/opengradient/opengradient/internal/tensor"
)

func TestSplitIsTheInverseOfJoin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 1, golden.MaxVectors).Draw(t, "parts")
		joined := golden.Join(parts)
		split, err := golden.Split(joined, len(parts))
		require.NoError(t, err)
		require.Len(t, split, len(parts))
		for i := range parts {
			require.True(t, bytes.Equal(parts[i], split[i]))
		}
		_, err = golden.Split(joined[:len(joined)-1], len(parts))
		require.ErrorIs(t, err, golden.ErrSplit)
		_, err = golden.Split(append(joined, 0), len(parts))
		require.ErrorIs(t, err, golden.ErrSplit)
	})
}

func encode(t require.TestingT, ts ...tensor.Tensor) []byte {
	b, err := tensor.Encode(ts)
	require.NoError(t, err)
	return b
}

func scalar(name string, v byte) tensor.Tensor {
	return tensor.Tensor{Name: name, Datatype: tensor.Uint8, Shape: []int64{1}, Data: []byte{v}}
}

func TestCheck(t *testing.T) {
	specs := []tensor.Spec{fixed("a", tensor.Uint8, 1), {Name: "b", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}}}
	floats := func(bits ...uint32) tensor.Tensor {
		x := tensor.Tensor{Name: "b", Datatype: tensor.FP32, Shape: []int64{int64(len(bits))}}
		for _, v := range bits {
			x.Data = binary.LittleEndian.AppendUint32(x.Data, v)
		}
		return x
	}
	good := encode(t, scalar("a", 1), floats(0x3f800000, 0x7fc00000))
	parts, err := golden.Check(golden.Join([][]byte{good, encode(t, scalar("a", 2), floats(0))}), 2, specs)
	require.NoError(t, err)
	require.Equal(t, good, parts[0])
	for name, part := range map[string][]byte{
		"another order":       encode(t, floats(0), scalar("a", 1)),
		"a missing output":    encode(t, scalar("a", 1)),
		"one too many":        encode(t, scalar("a", 1), floats(0), scalar("c", 1)),
		"a negative zero":     encode(t, scalar("a", 1), floats(1<<31)),
		"another NaN":         encode(t, scalar("a", 1), floats(0x7fc00001)),
		"another shape":       encode(t, tensor.Tensor{Name: "a", Datatype: tensor.Uint8, Shape: []int64{2}, Data: []byte{1, 2}}, floats(0)),
		"nothing":             nil,
		"bytes after the end": append(bytes.Clone(good), 0),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := golden.Check(golden.Join([][]byte{part}), 1, specs)
			require.ErrorIs(t, err, golden.ErrSplit)
		})
	}
}

// FuzzCheck feeds bytes from a vote extension. What is accepted is what Join gives of canonical outputs.
func FuzzCheck(f *testing.F) {
	specs := []tensor.Spec{fixed("a", tensor.Uint8, 1), {Name: "b", Datatype: tensor.FP32, Dims: []tensor.Dim{{Size: 1, Symbol: "N"}}}}
	part := encode(f, scalar("a", 1), tensor.Tensor{Name: "b", Datatype: tensor.FP32, Shape: []int64{1}, Data: []byte{0, 0, 128, 63}})
	f.Add(golden.Join([][]byte{part, part}), 2)
	f.Add(golden.Join([][]byte{part}), 1)
	f.Add(golden.Join([][]byte{nil}), 1)
	f.Add(binary.BigEndian.AppendUint64(nil, 1<<63), 1)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, b []byte, vectors int) {
		parts, err := golden.Check(b, vectors, specs)
		if err != nil {
			require.ErrorIs(t, err, golden.ErrSplit)
			return
		}
		require.Len(t, parts, vectors)
		require.True(t, bytes.Equal(b, golden.Join(parts)))
		for _, part := range parts {
			ts, err := tensor.Decode(part, tensor.DefaultLimits)
			require.NoError(t, err)
			again, err := tensor.EncodeOutputs(ts)
			require.NoError(t, err)
			require.True(t, bytes.Equal(part, again))
		}
	})
}
