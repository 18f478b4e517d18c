package agreement

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/internal/tensor"
)

// The golden file is a list of comparisons of two vectors, to be read and judged by people, and the vectors a second
// implementation can be checked with. A line is "datatype tau candidate other: relation error high low"; tau is
// "default" or in parts of 10^-18, elements are decimal or bit patterns, the largest gap is given by its bits.
func TestGoldenComparisons(t *testing.T) {
	path := filepath.Join("testdata", "tolerance.golden")
	golden, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	seen := map[tensor.Datatype]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(golden)); lines.Scan(); {
		line := lines.Text()
		question, _, found := strings.Cut(line, ":")
		if !found || strings.HasPrefix(line, "#") {
			fmt.Fprintln(&got, line)
			continue
		}
		datatype, result := goldenComparison(t, question)
		seen[datatype] = true
		fmt.Fprintf(&got, "%s: %s\n", question, result)
	}
	for datatype := tensor.Bool; datatype <= tensor.Bytes; datatype++ {
		if !seen[datatype] {
			t.Errorf("expected a line for %v", datatype)
		}
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(got.Bytes(), golden) {
		t.Errorf("expected\n%s\ngot\n%s", golden, got.Bytes())
	}
}

func goldenComparison(t *testing.T, question string) (tensor.Datatype, string) {
	t.Helper()
	fields := strings.Fields(question)
	if len(fields) != 4 {
		t.Fatalf("%q: expected four fields, got %d", question, len(fields))
	}
	datatype, err := tensor.ParseDatatype(fields[0])
	if err != nil {
		t.Fatal(err)
	}
	taus := DefaultTaus()
	if fields[1] != "default" {
		parts, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		taus = Taus{Tau(parts), Tau(parts), Tau(parts), Tau(parts)}
	}
	candidate, other := goldenVector(t, datatype, fields[2]), goldenVector(t, datatype, fields[3])
	got, err := Compare(encode(t, candidate), encode(t, other), taus, 1<<20)
	if err != nil {
		t.Fatalf("%q: %v", question, err)
	}
	want := oracleRelation([]tensor.Tensor{candidate.Canonical()}, []tensor.Tensor{other.Canonical()}, taus)
	if got.Relation != want {
		t.Errorf("%q: the oracle says %v, got %v", question, want, got.Relation)
	}
	if !datatype.IsFloat() || got.Relation == Incomparable {
		if got.Error == ErrorUnbounded {
			return datatype, fmt.Sprintf("%v unbounded", got.Relation)
		}
		return datatype, fmt.Sprintf("%v %d", got.Relation, got.Error)
	}
	var largest gap
	others := values(other)
	for i, a := range values(candidate) {
		if g := gapOf(a, others[i]); finite(a) && finite(others[i]) && g.exceeds(largest) {
			largest = g
		}
	}
	distance := strconv.FormatUint(got.Error, 10)
	if got.Error == ErrorUnbounded {
		distance = "unbounded"
	}
	doubled := ""
	if largest.doubled {
		doubled = " doubled"
	}
	return datatype, fmt.Sprintf("%v %s %016x %016x%s", got.Relation, distance,
		math.Float64bits(largest.high), math.Float64bits(largest.low+0), doubled)
}

func goldenVector(t *testing.T, datatype tensor.Datatype, list string) tensor.Tensor {
	t.Helper()
	out := tensor.Tensor{Name: "y", Datatype: datatype}
	var count int64
	for element := range strings.SplitSeq(strings.Trim(list, "[]"), ",") {
		if element == "" {
			continue
		}
		count++
		bits, err := goldenBits(datatype, element)
		if err != nil {
			t.Fatalf("%q: %v", list, err)
		}
		if datatype == tensor.Bytes {
			out.Data = append(binary.LittleEndian.AppendUint32(out.Data, uint32(len(element))), element...)
			continue
		}
		out.Data = append(out.Data, binary.LittleEndian.AppendUint64(nil, bits)[:datatype.Size()]...)
	}
	out.Shape = []int64{count}
	return out
}

func goldenBits(datatype tensor.Datatype, element string) (uint64, error) {
	if pattern, found := strings.CutPrefix(element, "0x"); found {
		return strconv.ParseUint(pattern, 16, 64)
	}
	switch datatype {
	case tensor.Bytes:
		return 0, nil
	case tensor.FP32:
		value, err := strconv.ParseFloat(element, 32)
		return uint64(math.Float32bits(float32(value))), err
	case tensor.FP64:
		value, err := strconv.ParseFloat(element, 64)
		return math.Float64bits(value), err
	default:
		value, err := strconv.ParseInt(element, 10, 64)
		return uint64(value), err
	}
}
