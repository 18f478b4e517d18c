package oipjson

import (
	"errors"
	"strings"
	"testing"
)

func TestParseInfer(t *testing.T) {
	r, err := ParseInfer([]byte(`{"id":"7","model_name":"m","model_version":null,"parameters":{"tier":"quorum","n":18446744073709551615,"b":true,"none":null},
		"inputs":[{"name":"x","shape":[1],"datatype":"UINT8","data":[3]},{"name":"y","shape":[2],"datatype":"UINT8","data":null,"parameters":{"binary_data_size":2}}],
		"outputs":[{"name":"z","parameters":{"binary_data":true}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r.ID != "7" || len(r.Inputs) != 2 || r.Inputs[0].Data[0] != 3 || !r.Inputs[1].Binary || r.Inputs[1].BinarySize != 2 || r.Outputs[0].Name != "z" {
		t.Errorf("got %+v", r)
	}
	if v, given, err := r.Parameters.Text("tier"); v != "quorum" || !given || err != nil {
		t.Errorf("got %q, %t, %v", v, given, err)
	}
	if v, given, err := r.Parameters.Uint("n"); v != 1<<64-1 || !given || err != nil {
		t.Errorf("expected the number exactly, got %d, %t, %v", v, given, err)
	}
	if v, given, err := r.Parameters.Bool("b"); !v || !given || err != nil {
		t.Errorf("got %t, %t, %v", v, given, err)
	}
	for _, name := range []string{"none", "absent"} {
		if _, given, err := r.Parameters.Bool(name); given || err != nil {
			t.Errorf("%s: got %t, %v", name, given, err)
		}
	}
	for name, wrong := range map[string]error{
		"a text as a number":  func() error { _, _, err := r.Parameters.Uint("tier"); return err }(),
		"a number as a text":  func() error { _, _, err := r.Parameters.Text("n"); return err }(),
		"a text as a boolean": func() error { _, _, err := r.Parameters.Bool("tier"); return err }(),
	} {
		if !errors.Is(wrong, ErrJSON) {
			t.Errorf("%s: expected ErrJSON, got %v", name, wrong)
		}
	}
	many := strings.Repeat(`{"name":"x","shape":[0],"datatype":"UINT8","data":[]},`, MaxInferTensors+1)
	for name, text := range map[string]string{
		"too many inputs": `{"inputs":[` + many[:len(many)-1] + `]}`,
		"no name":         `{"inputs":[{"shape":[0],"datatype":"UINT8","data":[]}]}`,
		"an output twice": `{"outputs":[{"name":"a"},{"name":"a"}],"inputs":[{"name":"x","shape":[0],"datatype":"UINT8","data":[]}]}`,
		"two values":      `{"inputs":[]} {}`,
	} {
		if _, err := ParseInfer([]byte(text)); !errors.Is(err, ErrJSON) {
			t.Errorf("%s: expected ErrJSON, got %v", name, err)
		}
	}
}

// Whatever text arrives, reading ends in tensors that are valid, or announced as bytes, or in ErrJSON.
func FuzzParseInfer(f *testing.F) {
	for _, seed := range []string{
		`{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[[1,"NaN"]]}],"outputs":[{"name":"y","parameters":{"classification":1}}]}`,
		`{"id":null,"parameters":{"a":{"b":[1]}},"inputs":[{"name":"x","shape":[3],"datatype":"BYTES","parameters":{"binary_data_size":99}}]}`,
		`{"inputs":[{"name":"x","shape":[2],"datatype":"BOOL","data":[true,false]}],"model_name":"m"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseInfer(b)
		if err != nil {
			if !errors.Is(err, ErrJSON) {
				t.Errorf("expected ErrJSON, got %v", err)
			}
			return
		}
		for _, in := range r.Inputs {
			if in.Binary {
				if in.Data != nil || in.BinarySize < 0 {
					t.Errorf("got %+v", in)
				}
				continue
			}
			if err := in.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}
