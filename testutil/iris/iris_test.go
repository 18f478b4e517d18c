package iris

import (
	"math"
	"strings"
	"testing"
)

func load(t *testing.T) DataSet {
	t.Helper()
	d, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func count(rows []Row) (n [Classes]int) {
	for _, row := range rows {
		n[row.Label]++
	}
	return n
}

func TestSplitIsStratified(t *testing.T) {
	d := load(t)
	if got, want := count(d.Train), [Classes]int{34, 33, 33}; got != want {
		t.Errorf("rows to train on by species: expected %v, got %v", want, got)
	}
	if got, want := count(d.HeldOut), [Classes]int{16, 17, 17}; got != want {
		t.Errorf("held-out rows by species: expected %v, got %v", want, got)
	}
}

// The means and standard deviations of Fisher's table, by species: published figures that a typing error would move.
func TestDataHasFishersStatistics(t *testing.T) {
	want := [Classes][Features][2]float64{
		{{5.006, 0.3525}, {3.428, 0.3791}, {1.462, 0.1737}, {0.246, 0.1054}},
		{{5.936, 0.5162}, {2.770, 0.3138}, {4.260, 0.4699}, {1.326, 0.1978}},
		{{6.588, 0.6359}, {2.974, 0.3225}, {5.552, 0.5519}, {2.026, 0.2747}},
	}
	d := load(t)
	rows := append(append([]Row{}, d.Train...), d.HeldOut...)
	for label := range want {
		for i, w := range want[label] {
			n, sum, squares := 0.0, 0.0, 0.0
			for _, row := range rows {
				if row.Label == int64(label) {
					v := float64(row.Features[i])
					n++
					sum += v
					squares += v * v
				}
			}
			mean := sum / n
			deviation := math.Sqrt((squares - n*mean*mean) / (n - 1))
			if n != 50 || math.Abs(mean-w[0]) > 1e-5 || math.Abs(deviation-w[1]) > 1e-4 {
				t.Errorf("%s %s: expected 50 flowers with mean %v and deviation %v, got %v with %v and %v",
					SpeciesNames[label], FeatureNames[i], w[0], w[1], n, mean, deviation)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const header = "sepal_length,sepal_width,petal_length,petal_width,species\n"
	for _, tc := range []struct{ reason, text, want string }{
		{"nothing", "", "header"},
		{"no header", "5.1,3.5,1.4,0.2,setosa\n", "header"},
		{"a column too few", header + "5.1,3.5,1.4,setosa\n", "wrong number of fields"},
		{"a word for a number", header + "5.1,3.5,wide,0.2,setosa\n", "row 1: petal_length"},
		{"a negative length", header + "5.1,3.5,1.4,-0.2,setosa\n", "petal_width: expected a length"},
		{"not a number", header + "NaN,3.5,1.4,0.2,setosa\n", "sepal_length: expected a length"},
		{"an unknown species", header + "5.1,3.5,1.4,0.2,sativa\n", `got "sativa"`},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			rows, err := parse(tc.text)
			if err == nil {
				t.Fatalf("expected an error, got %d rows", len(rows))
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("expected an error with %q, got %q", tc.want, err)
			}
		})
	}
}

func TestExpAgreesWithTheStandardLibrary(t *testing.T) {
	for x := -708.0; x <= 709; x += 0.37 {
		want := math.Exp(x)
		if got := exp(x); math.Abs(got-want) > 1e-15*want {
			t.Fatalf("exp(%v): expected %v, got %v", x, want, got)
		}
	}
	for x, want := range map[float64]float64{
		0: 1, -709: 0, math.Inf(-1): 0, math.Inf(1): math.Inf(1), 710: math.Inf(1),
	} {
		if got := exp(x); got != want {
			t.Errorf("exp(%v): expected %v, got %v", x, want, got)
		}
	}
	if got := exp(math.NaN()); got == got {
		t.Errorf("exp(NaN): expected NaN, got %v", got)
	}
}
