package iris

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files from the present output")

// minAccuracy is what the held-out rows must reach for the example to be worth showing.
const minAccuracy = 0.94

func train(t *testing.T) (*Network, DataSet) {
	t.Helper()
	d := load(t)
	n, err := Train(d.Train)
	if err != nil {
		t.Fatal(err)
	}
	return n, d
}

func export(t *testing.T, n *Network) []byte {
	t.Helper()
	b, err := n.ONNX()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeldOutAccuracy(t *testing.T) {
	n, d := train(t)
	if e := n.Evaluate(d.HeldOut); e.Rows != 50 || e.Accuracy() < minAccuracy {
		t.Errorf("expected an accuracy of at least %v on 50 rows, got %v on %d, confusion %v", minAccuracy, e.Accuracy(), e.Rows, e.Confusion)
	}
	if e := n.Evaluate(nil); e.Accuracy() != 0 {
		t.Errorf("no rows: expected accuracy 0, got %v", e.Accuracy())
	}
}

// The golden file pins the exported bytes and what the network answers. A change on any one architecture fails here.
func TestGolden(t *testing.T) {
	n, d := train(t)
	b := export(t, n)
	e := n.Evaluate(d.HeldOut)
	var out strings.Builder
	fmt.Fprintf(&out, "sha256 %x\nbytes %d\nparameters %d\naccuracy %.4f\n", sha256.Sum256(b), len(b), n.Parameters(), e.Accuracy())
	fmt.Fprintf(&out, "confusion %v\n", e.Confusion)
	for _, row := range d.HeldOut {
		p := n.Predict(row.Features)
		fmt.Fprintf(&out, "%v %s: %v %s\n", row.Features, row.Species, p.Probabilities, SpeciesNames[p.Label])
	}
	path := filepath.Join("testdata", "iris.txt")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s: expected\n%s\ngot\n%s", path, want, out.String())
	}
}

func TestTrainingTwiceGivesTheSameBytes(t *testing.T) {
	a, _ := train(t)
	b, _ := train(t)
	if !bytes.Equal(export(t, a), export(t, b)) {
		t.Error("two trainings gave different files")
	}
}

func TestProbabilitiesAddUpToOne(t *testing.T) {
	n, d := train(t)
	rows := append(d.HeldOut, Row{}, Row{Features: [Features]float32{100, 100, 100, 100}})
	for _, row := range rows {
		p := n.Predict(row.Features)
		sum := 0.0
		for c, v := range p.Probabilities {
			if !(v >= 0 && v <= 1) || v > p.Probabilities[p.Label] {
				t.Errorf("%v: probability %d: expected one from 0 to that of the label, got %v", row.Features, c, p)
			}
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-6 {
			t.Errorf("%v: expected probabilities that add up to 1, got %v", row.Features, sum)
		}
	}
}

// The gradient is held against the slope of the loss itself, measured by moving one weight at a time.
func TestGradientIsTheSlopeOfTheLoss(t *testing.T) {
	examples, err := new(Network).standardise(load(t).Train)
	if err != nil {
		t.Fatal(err)
	}
	p := initialise()
	loss := func() float64 {
		sum := 0.0
		for e := range examples {
			_, prob := p.forward(&examples[e].x)
			sum -= math.Log(prob[examples[e].label])
		}
		return sum / float64(len(examples))
	}
	g := p.gradient(examples)
	check := func(name string, weight *float64, want float64) {
		const move = 1e-6
		kept := *weight
		*weight = kept + move
		above := loss()
		*weight = kept - move
		below := loss()
		*weight = kept
		if got := (above - below) / (2 * move); math.Abs(got-want) > 1e-5 {
			t.Errorf("%s: gradient %v, but the loss has slope %v", name, want, got)
		}
	}
	for j := range Hidden {
		check(fmt.Sprintf("bias1[%d]", j), &p.bias1[j], g.bias1[j])
		for i := range Features {
			check(fmt.Sprintf("weights1[%d][%d]", j, i), &p.weights1[j][i], g.weights1[j][i])
		}
		for c := range Classes {
			check(fmt.Sprintf("weights2[%d][%d]", c, j), &p.weights2[c][j], g.weights2[c][j])
		}
	}
	for c := range Classes {
		check(fmt.Sprintf("bias2[%d]", c), &p.bias2[c], g.bias2[c])
	}
}

func TestTrainRefuses(t *testing.T) {
	same := Row{Features: [Features]float32{1, 2, 3, 4}}
	other := Row{Features: [Features]float32{2, 3, 4, 5}, Label: Classes}
	for _, tc := range []struct {
		reason, want string
		rows         []Row
	}{
		{"no rows", "at least one row", nil},
		{"a constant feature", "feature sepal_length", []Row{same, same}},
		{"a label outside the classes", "row 1: expected a label from 0 to 2, got 3", []Row{same, other}},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			_, err := Train(tc.rows)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("expected an error with %q, got %v", tc.want, err)
			}
		})
	}
}

func TestNetworkThatCannotBeToldApartTakesTheFirstSpecies(t *testing.T) {
	n := &Network{Scale: [Features]float32{1, 1, 1, 1}}
	p := n.Predict([Features]float32{1, 2, 3, 4})
	if p.Label != 0 || p.Probabilities != [Classes]float32{1. / 3, 1. / 3, 1. / 3} {
		t.Errorf("expected three equal probabilities and label 0, got %v", p)
	}
}
