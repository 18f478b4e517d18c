package tensor

import (
	"slices"
	"testing"
)

func TestSelect(t *testing.T) {
	a, b := Tensor{Name: "a", Datatype: FP32}, Tensor{Name: "b", Datatype: Bool}
	for name, tc := range map[string]struct {
		have []Tensor
		want []string
		ok   bool
	}{
		"in another order": {[]Tensor{b, a}, []string{"a", "b"}, true},
		"none of none":     {nil, nil, true},
		"one is missing":   {[]Tensor{a}, []string{"a", "b"}, false},
		"one too many":     {[]Tensor{a, b}, []string{"a"}, false},
		"another one":      {[]Tensor{a, b}, []string{"a", "c"}, false},
		"one twice":        {[]Tensor{a, a}, []string{"a", "b"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Select(tc.have, tc.want)
			if (err == nil) != tc.ok {
				t.Fatalf("expected success %t, got %v", tc.ok, err)
			}
			var names []string
			for _, s := range got {
				names = append(names, s.Name)
			}
			if tc.ok && !slices.Equal(names, tc.want) {
				t.Errorf("expected %v, got %v", tc.want, names)
			}
		})
	}
}
