// Package npz reads NumPy's files into tensors: .npy, one array, and .npz, a zip of one .npy for each array. Reading is strict
// and bounded: dense arrays of little-endian numbers and bools in C order, nothing that runs code.
package npz

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// ErrNPZ marks every refusal of this package; use errors.Is.
var ErrNPZ = errors.New("invalid NumPy file")

const (
	maxArrays = 64
	magic     = "\x93NUMPY"
)

// IsArray says whether a file begins as .npy files do.
func IsArray(file []byte) bool { return bytes.HasPrefix(file, []byte(magic)) }

// IsArchive says whether a file begins as .npz files do.
func IsArchive(file []byte) bool {
	return bytes.HasPrefix(file, []byte("PK\x03\x04")) || bytes.HasPrefix(file, []byte("PK\x05\x06"))
}

// ReadArray reads a .npy file of at most most bytes. The tensor is given the name; its data shares memory with the file.
func ReadArray(name string, file []byte, most int64) (tensor.Tensor, error) {
	if int64(len(file)) > most {
		return tensor.Tensor{}, fmt.Errorf("%w: expected at most %d bytes, got %d", ErrNPZ, most, len(file))
	}
	t, err := array(name, file)
	if err != nil {
		return tensor.Tensor{}, fmt.Errorf("%w: %w", ErrNPZ, err)
	}
	return t, nil
}

// Read reads the arrays of a file, in the order of the file, of at most most bytes in all.
func Read(file []byte, most int64) ([]tensor.Tensor, error) {
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNPZ, err)
	}
	if len(archive.File) == 0 || len(archive.File) > maxArrays {
		return nil, fmt.Errorf("%w: expected 1 to %d arrays, got %d", ErrNPZ, maxArrays, len(archive.File))
	}
	var list []tensor.Tensor
	for _, entry := range archive.File {
		name, found := strings.CutSuffix(entry.Name, ".npy")
		if !found {
			return nil, fmt.Errorf("%w: expected files named *.npy, got %.80q", ErrNPZ, entry.Name)
		}
		content, err := inflate(entry, most)
		if err != nil {
			return nil, fmt.Errorf("%w: %.80q: %w", ErrNPZ, entry.Name, err)
		}
		most -= int64(len(content))
		t, err := array(name, content)
		if err != nil {
			return nil, fmt.Errorf("%w: %.80q: %w", ErrNPZ, entry.Name, err)
		}
		list = append(list, t)
	}
	return list, nil
}

// inflate reads one file of the zip, whatever size it claims to have.
func inflate(entry *zip.File, most int64) ([]byte, error) {
	r, err := entry.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, errors.New("expected fewer bytes in all arrays together, got more")
	}
	return content, nil
}

// header is the dictionary that stands before the elements, in the one form that NumPy writes.
var header = regexp.MustCompile(`^\{'descr': '([<|=>][a-z][0-9]+)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n$`)

var datatypes = map[string]tensor.Datatype{
	"|b1": tensor.Bool, "|u1": tensor.Uint8, "|i1": tensor.Int8,
	"<u2": tensor.Uint16, "<u4": tensor.Uint32, "<u8": tensor.Uint64,
	"<i2": tensor.Int16, "<i4": tensor.Int32, "<i8": tensor.Int64,
	"<f2": tensor.FP16, "<f4": tensor.FP32, "<f8": tensor.FP64,
}

// array reads a .npy file: magic, version, length of the header, header, elements.
func array(name string, b []byte) (tensor.Tensor, error) {
	if len(b) < 10 || string(b[:6]) != magic {
		return tensor.Tensor{}, errors.New("expected an array of NumPy, got something else")
	}
	length, rest := int(binary.LittleEndian.Uint16(b[8:])), b[10:]
	switch {
	case b[6] == 1:
	case (b[6] == 2 || b[6] == 3) && len(b) >= 12:
		long := binary.LittleEndian.Uint32(b[8:])
		length, rest = int(min(long, 1<<20)), b[12:]
	default:
		return tensor.Tensor{}, fmt.Errorf("expected version 1, 2 or 3 of the format, got %d", b[6])
	}
	if length > len(rest) {
		return tensor.Tensor{}, errors.New("expected a whole header, got less")
	}
	parts := header.FindSubmatch(rest[:length])
	if parts == nil {
		return tensor.Tensor{}, fmt.Errorf("expected the header of a plain array, got %.120q", rest[:length])
	}
	datatype, known := datatypes[string(parts[1])]
	if !known {
		return tensor.Tensor{}, fmt.Errorf("expected little-endian numbers or bools, got %s", parts[1])
	}
	shape, err := dims(string(parts[3]))
	if err != nil {
		return tensor.Tensor{}, err
	}
	if string(parts[2]) == "True" && len(shape) > 1 {
		return tensor.Tensor{}, errors.New("expected C order, got Fortran order: save numpy.ascontiguousarray of it")
	}
	t := tensor.Tensor{Name: name, Datatype: datatype, Shape: shape, Data: rest[length:]}
	return t, t.Validate()
}

// dims reads "2, 3", "2," or nothing.
func dims(text string) ([]int64, error) {
	shape := []int64{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("expected a shape, got %.80q", text)
		}
		shape = append(shape, n)
	}
	return shape, nil
}
