package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/opengradient/opengradient/internal/tensor"
)

type member struct {
	name    string
	content []byte
}

// npy writes an array as NumPy does: the header ends at a multiple of 64 bytes.
func npy(descr, order, shape string, data []byte) []byte {
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape)
	for (10+len(text)+1)%64 != 0 {
		text += " "
	}
	text += "\n"
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(text)))
	return append(append(b, text...), data...)
}

func archive(t testing.TB, members ...member) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		f, err := w.Create(m.name)
		require.NoError(t, err)
		_, err = f.Write(m.content)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestRead(t *testing.T) {
	got, err := Read(archive(t,
		member{"x.npy", npy("<f4", "False", "(1, 2)", []byte{0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f})},
		member{"ids.npy", npy("<i8", "False", "(1,)", []byte{5, 0, 0, 0, 0, 0, 0, 0})},
		member{"flag.npy", npy("|b1", "False", "()", []byte{1})},
		member{"line.npy", npy("|u1", "True", "(2,)", []byte{1, 2})},
		member{"none.npy", npy("<f8", "False", "(0, 3)", nil)},
	), 4096)
	require.NoError(t, err)
	require.Equal(t, []tensor.Tensor{
		{Name: "x", Datatype: tensor.FP32, Shape: []int64{1, 2}, Data: []byte{0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f}},
		{Name: "ids", Datatype: tensor.Int64, Shape: []int64{1}, Data: []byte{5, 0, 0, 0, 0, 0, 0, 0}},
		{Name: "flag", Datatype: tensor.Bool, Shape: []int64{}, Data: []byte{1}},
		{Name: "line", Datatype: tensor.Uint8, Shape: []int64{2}, Data: []byte{1, 2}},
		{Name: "none", Datatype: tensor.FP64, Shape: []int64{0, 3}, Data: []byte{}},
	}, got)
}

func TestReadRefuses(t *testing.T) {
	one := npy("<f4", "False", "(1,)", make([]byte, 4))
	many := make([]member, maxArrays+1)
	for i := range many {
		many[i] = member{fmt.Sprintf("a%d.npy", i), one}
	}
	for name, tc := range map[string]struct {
		file []byte
		want string
	}{
		"not a zip":          {[]byte("x"), "zip"},
		"no arrays":          {archive(t), "expected 1 to 64 arrays, got 0"},
		"too many":           {archive(t, many...), "got 65"},
		"another file":       {archive(t, member{"x.txt", one}), `expected files named *.npy, got "x.txt"`},
		"not an array":       {archive(t, member{"x.npy", []byte("PK..........")}), "expected an array of NumPy"},
		"cut":                {archive(t, member{"x.npy", one[:40]}), "expected a whole header"},
		"objects":            {archive(t, member{"x.npy", npy("|O", "False", "(1,)", nil)}), "expected the header of a plain array"},
		"big-endian":         {archive(t, member{"x.npy", npy(">f4", "False", "(1,)", make([]byte, 4))}), "expected little-endian"},
		"complex":            {archive(t, member{"x.npy", npy("<c8", "False", "(1,)", make([]byte, 8))}), "expected little-endian"},
		"Fortran order":      {archive(t, member{"x.npy", npy("<f4", "True", "(1, 1)", make([]byte, 4))}), "expected C order"},
		"too little data":    {archive(t, member{"x.npy", npy("<f4", "False", "(2,)", make([]byte, 4))}), "tensor data"},
		"too much data":      {archive(t, member{"x.npy", npy("<f4", "False", "(1,)", make([]byte, 8))}), "tensor data"},
		"a size that lies":   {archive(t, member{"x.npy", npy("<f4", "False", "(9223372036854775807, 2)", nil)}), "shape"},
		"more than allowed":  {archive(t, member{"x.npy", npy("<f4", "False", "(2000,)", make([]byte, 8000))}), "expected fewer bytes"},
		"version":            {archive(t, member{"x.npy", append([]byte("\x93NUMPY\x09\x00"), one[8:]...)}), "got 9"},
		"bool that is not 1": {archive(t, member{"x.npy", npy("|b1", "False", "(1,)", []byte{7})}), "tensor data"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(tc.file, 4096)
			require.ErrorIs(t, err, ErrNPZ)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestReadArray(t *testing.T) {
	file := npy("<i2", "False", "(2,)", []byte{1, 0, 2, 0})
	got, err := ReadArray("x", file, int64(len(file)))
	require.NoError(t, err)
	require.Equal(t, tensor.Tensor{Name: "x", Datatype: tensor.Int16, Shape: []int64{2}, Data: []byte{1, 0, 2, 0}}, got)
	_, err = ReadArray("x", file, int64(len(file))-1)
	require.ErrorIs(t, err, ErrNPZ)
	require.ErrorContains(t, err, "expected at most 131 bytes, got 132")
	_, err = ReadArray("", file, 4096)
	require.ErrorIs(t, err, tensor.ErrName)
}

func TestFilesAreKnownByTheirBeginning(t *testing.T) {
	one := npy("<f4", "False", "(1,)", make([]byte, 4))
	whole := archive(t, member{"x.npy", one})
	require.True(t, IsArray(one) && !IsArchive(one))
	require.True(t, IsArchive(whole) && !IsArray(whole))
	require.True(t, IsArchive(archive(t)), "an empty zip")
	require.False(t, IsArray([]byte("{")) || IsArchive(nil))
}

// FuzzRead: whatever is read are valid tensors of fewer bytes than allowed.
func FuzzRead(f *testing.F) {
	f.Add(archive(f, member{"x.npy", npy("<f4", "False", "(1, 2)", make([]byte, 8))}, member{"y.npy", npy("|b1", "False", "()", []byte{1})}))
	f.Add(archive(f))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := Read(b, 4096)
		if err != nil {
			return
		}
		total := 0
		for _, a := range list {
			require.NoError(t, a.Validate())
			total += len(a.Data)
		}
		require.LessOrEqual(t, total, 4096)
	})
}

// FuzzArray: whatever is read is a valid tensor.
func FuzzArray(f *testing.F) {
	f.Add(npy("<f4", "False", "(1, 2)", make([]byte, 8)))
	f.Add(npy("|b1", "False", "()", []byte{1}))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := array("x", b)
		if err == nil {
			require.NoError(t, a.Validate())
		}
	})
}
