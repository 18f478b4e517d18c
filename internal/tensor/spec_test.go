package tensor

import (
	"errors"
	"maps"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBind(t *testing.T) {
	specs := []Spec{
		{"image", FP32, []Dim{{1, "N"}, {3, ""}, {2, "W"}}},
		{"mask", Bool, []Dim{{1, "N"}}},
	}
	image := Tensor{Name: "image", Datatype: FP32, Shape: []int64{5, 3, 8}}
	mask := Tensor{Name: "mask", Datatype: Bool, Shape: []int64{5}}
	with := func(x Tensor, shape ...int64) Tensor { x.Shape = shape; return x }
	typed := func(x Tensor, d Datatype) Tensor { x.Datatype = d; return x }
	for name, tc := range map[string]struct {
		ts     []Tensor
		want   map[string]int64
		tensor string
		field  string
	}{
		"tensors in the order of the signature":  {[]Tensor{image, mask}, map[string]int64{"N": 5, "W": 4}, "", ""},
		"tensors in another order":               {[]Tensor{mask, image}, map[string]int64{"N": 5, "W": 4}, "", ""},
		"a tensor is missing":                    {[]Tensor{image}, nil, "mask", FieldName},
		"a tensor too many":                      {[]Tensor{image, mask, {Name: "x"}}, nil, "x", FieldName},
		"a tensor twice":                         {[]Tensor{image, mask, mask}, nil, "mask", FieldName},
		"another datatype":                       {[]Tensor{typed(image, FP16), mask}, nil, "image", FieldDatatype},
		"another rank":                           {[]Tensor{image, with(mask, 5, 1)}, nil, "mask", FieldRank},
		"another constant dimension":             {[]Tensor{with(image, 5, 4, 8), mask}, nil, "image", FieldShape},
		"a dimension that is no multiple":        {[]Tensor{with(image, 5, 3, 7), mask}, nil, "image", FieldShape},
		"a symbol of zero":                       {[]Tensor{with(image, 0, 3, 8), with(mask, 0)}, nil, "image", FieldShape},
		"a negative dimension":                   {[]Tensor{with(image, 5, 3, -2), mask}, nil, "image", FieldShape},
		"a symbol with two values":               {[]Tensor{image, with(mask, 6)}, nil, "mask", FieldShape},
		"nothing where tensors are in the specs": {nil, nil, "image", FieldName},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Bind(specs, tc.ts)
			var sig *SignatureError
			if tc.field == "" {
				if err != nil || !maps.Equal(got, tc.want) {
					t.Fatalf("got %v, %v; want %v", got, err, tc.want)
				}
				return
			}
			if !errors.As(err, &sig) {
				t.Fatalf("got %v, %v; want a SignatureError", got, err)
			}
			if sig.Tensor != tc.tensor || sig.Field != tc.field || sig.Expected == "" || sig.Got == "" || got != nil {
				t.Fatalf("got %+v, want tensor %s, field %s", *sig, tc.tensor, tc.field)
			}
		})
	}
	// A spec that would not pass Validate must not divide by its zero size.
	if _, err := Bind([]Spec{{"x", FP32, []Dim{{0, "N"}}}}, []Tensor{{Name: "x", Datatype: FP32, Shape: []int64{0}}}); err == nil {
		t.Fatal("a symbol of size 0 was bound")
	}
}

func TestResolve(t *testing.T) {
	for name, tc := range map[string]struct {
		dims     []Dim
		bindings map[string]int64
		want     []int64
	}{
		"constants":                       {[]Dim{{2, ""}, {0, ""}}, nil, []int64{2, 0}},
		"a multiple of a symbol":          {[]Dim{{2, "N"}, {1, "N"}}, map[string]int64{"N": 3}, []int64{6, 3}},
		"a symbol without value":          {[]Dim{{2, "N"}}, map[string]int64{"M": 3}, nil},
		"a symbol of zero":                {[]Dim{{2, "N"}}, map[string]int64{"N": 0}, nil},
		"a dimension that overflows":      {[]Dim{{2, "N"}}, map[string]int64{"N": math.MaxInt64/2 + 1}, nil},
		"a product that overflows":        {[]Dim{{1, "N"}, {1, "N"}}, map[string]int64{"N": 1 << 32}, nil},
		"a negative constant is no shape": {[]Dim{{-1, ""}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Spec{"x", FP32, tc.dims}.Resolve(tc.bindings)
			if tc.want == nil {
				if !errors.Is(err, ErrShape) {
					t.Fatalf("got %v, %v; want ErrShape", got, err)
				}
				return
			}
			if err != nil || !equal(Tensor{Shape: got}, Tensor{Shape: tc.want}) {
				t.Fatalf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
}

func TestSpecValidate(t *testing.T) {
	for name, tc := range map[string]struct {
		spec Spec
		ok   bool
	}{
		"sound":                      {Spec{"x", FP32, []Dim{{0, ""}, {2, "N"}}}, true},
		"no name":                    {Spec{"", FP32, nil}, false},
		"no datatype":                {Spec{"x", Invalid, nil}, false},
		"a negative dimension":       {Spec{"x", FP32, []Dim{{-1, ""}}}, false},
		"no multiple of the symbol":  {Spec{"x", FP32, []Dim{{0, "N"}}}, false},
		"a symbol that is too long":  {Spec{"x", FP32, []Dim{{1, strings.Repeat("N", MaxNameBytes+1)}}}, false},
		"a rank that is too high":    {Spec{"x", FP32, make([]Dim, MaxRank+1)}, false},
		"a symbol that is not UTF-8": {Spec{"x", FP32, []Dim{{1, "\xff"}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := tc.spec.Validate(); (err == nil) != tc.ok {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestSpecString(t *testing.T) {
	s := Spec{"x", FP32, []Dim{{4, ""}, {1, "N"}, {2, "M"}}}
	if got, want := s.String(), "x FP32[4,N,2*M]"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestBindInvertsResolve(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dim := rapid.Custom(func(rt *rapid.T) Dim {
			return Dim{rapid.Int64Range(1, 5).Draw(rt, "size"), rapid.SampledFrom([]string{"", "N", "M"}).Draw(rt, "symbol")}
		})
		s := Spec{"x", FP16, rapid.SliceOfN(dim, 0, 4).Draw(rt, "dims")}
		values := map[string]int64{"N": rapid.Int64Range(1, 9).Draw(rt, "N"), "M": rapid.Int64Range(1, 9).Draw(rt, "M")}
		shape, err := s.Resolve(values)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := Bind([]Spec{s}, []Tensor{{Name: "x", Datatype: FP16, Shape: shape}})
		if err != nil {
			rt.Fatal(err)
		}
		for symbol, v := range got {
			if values[symbol] != v {
				rt.Fatalf("%s: got %d, want %d", symbol, v, values[symbol])
			}
		}
		size, err := ResolvedSize([]Spec{s}, values)
		if err != nil {
			rt.Fatal(err)
		}
		if want, err := EncodedSize(Tensor{Name: "x", Datatype: FP16, Shape: shape}); err != nil || size != want {
			rt.Fatalf("size: got %d, want %d, %v", size, want, err)
		}
	})
}
