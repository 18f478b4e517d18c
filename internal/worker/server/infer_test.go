package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/oip/codec"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/internal/worker/backend"
	"github.com/opengradient/opengradient/internal/worker/wire"
	"github.com/opengradient/opengradient/internal/worker/workertest"
)

func TestInferGivesTheOutputsAskedFor(t *testing.T) {
	h, name := loaded(t, &fakeRuntime{}, nil)
	for _, c := range []struct {
		asked []string
		want  string
	}{
		{nil, "y[3] label[3] "},
		{[]string{"label", "y"}, "label[3] y[3] "},
		{[]string{"y"}, "y[3] "},
	} {
		outputs, outcome, err := h.infer(t.Context(), name, 3, c.asked...)
		if err != nil || outcome != wire.OutcomeOK {
			t.Fatalf("%v: %q, %v", c.asked, outcome, err)
		}
		var got string
		for _, o := range outputs {
			got += fmt.Sprintf("%s%v ", o.Name, o.Shape)
		}
		if got != c.want {
			t.Errorf("%v: expected %s, got %s", c.asked, c.want, got)
		}
	}
}

func TestInferReadsTypedContents(t *testing.T) {
	var got []byte
	h, name := loaded(t, &fakeRuntime{run: func(inputs, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
		got = bytes.Clone(inputs[0].Data)
		return zeros(outputs), nil
	}}, nil)
	_, _, err := h.send(t.Context(), &oip.ModelInferRequest{ModelName: name, ModelVersion: "1", Inputs: []*oip.ModelInferRequest_InferInputTensor{{
		Name: "x", Datatype: "FP32", Shape: []int64{1, 2}, Contents: &oip.InferTensorContents{Fp32Contents: []float32{1, 2}},
	}}})
	if want := workertest.Floats("x", nil, 1, 2).Data; err != nil || !bytes.Equal(got, want) {
		t.Errorf("expected %x, got %x, %v", want, got, err)
	}
}

func TestInferRefuses(t *testing.T) {
	h, name := loaded(t, &fakeRuntime{}, nil)
	x := workertest.Floats("x", []int64{1, 2}, 1, 2)
	version := codec.Request(name, []tensor.Tensor{x}, nil)
	version.ModelVersion = "2"
	cut := codec.Request(name, []tensor.Tensor{x}, nil)
	cut.RawInputContents[0] = cut.RawInputContents[0][:7]
	for what, c := range map[string]struct {
		request *oip.ModelInferRequest
		code    codes.Code
	}{
		"an unknown model":     {codec.Request(workertest.Name(nil), []tensor.Tensor{x}, nil), codes.NotFound},
		"an unknown version":   {version, codes.NotFound},
		"data of wrong length": {cut, codes.InvalidArgument},
		"a wrong shape":        {codec.Request(name, []tensor.Tensor{workertest.Floats("x", []int64{1, 1}, 1)}, nil), codes.InvalidArgument},
		"a wrong datatype":     {codec.Request(name, []tensor.Tensor{workertest.Integers("x", 1)}, nil), codes.InvalidArgument},
		"a missing input":      {codec.Request(name, nil, nil), codes.InvalidArgument},
		"an extra input":       {codec.Request(name, []tensor.Tensor{x, workertest.Integers("z", 1)}, nil), codes.InvalidArgument},
		"an unknown output":    {codec.Request(name, []tensor.Tensor{x}, []string{"z"}), codes.InvalidArgument},
		"a repeated output":    {codec.Request(name, []tensor.Tensor{x}, []string{"y", "y"}), codes.InvalidArgument},
	} {
		_, outcome, err := h.send(t.Context(), c.request)
		if status.Code(err) != c.code || outcome != "" {
			t.Errorf("%s: expected %s without mark, got %q, %v", what, c.code, outcome, err)
		}
	}
}

func TestInferTellsDeterministicFailuresApart(t *testing.T) {
	var fail error
	h, name := loaded(t, &fakeRuntime{run: func(_, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
		if fail.Error() == "panic" {
			panic("surprise")
		}
		return nil, fail
	}}, nil)
	for _, c := range []struct {
		fail    error
		code    codes.Code
		outcome string
	}{
		{fmt.Errorf("%w: index out of bounds", backend.ErrExecution), codes.Aborted, wire.OutcomeExecutionError},
		{fmt.Errorf("%w: a zero byte", backend.ErrUnsupported), codes.Aborted, wire.OutcomeExecutionError},
		{fmt.Errorf("%w: bad_alloc", backend.ErrMemory), codes.ResourceExhausted, wire.OutcomeTooLarge},
		{errors.New("disk on fire"), codes.Internal, ""},
		{errors.New("panic"), codes.Internal, ""},
	} {
		fail = c.fail
		_, outcome, err := h.infer(t.Context(), name, 1)
		if status.Code(err) != c.code || outcome != c.outcome {
			t.Errorf("%v: expected %s and %q, got %q, %v", c.fail, c.code, c.outcome, outcome, err)
		}
	}
}

func TestInferHoldsTheOutputLimit(t *testing.T) {
	ran := false
	h, name := loaded(t, &fakeRuntime{run: func(_, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
		ran = true
		filled := zeros(outputs)
		for i := range filled {
			if filled[i].Datatype == tensor.Bytes {
				filled[i].Data = append([]byte{0xe8, 3, 0, 0}, make([]byte, 1000)...) // one element of 1000 bytes
			}
		}
		return filled, nil
	}}, nil)
	// 1000 bytes hold header 9, y's frame 2+1+2+8+8 and 242 floats.
	if _, _, err := h.infer(t.Context(), name, 242, "y"); err != nil {
		t.Fatalf("outputs at the limit: %v", err)
	}
	ran = false
	if _, outcome, err := h.infer(t.Context(), name, 243, "y"); status.Code(err) != codes.Aborted || outcome != wire.OutcomeOutputLimit {
		t.Errorf("outputs above the limit: got %q, %v", outcome, err)
	}
	if ran {
		t.Error("outputs known to exceed the limit must not be computed")
	}
	if _, outcome, err := h.infer(t.Context(), name, 1, "label"); status.Code(err) != codes.Aborted || outcome != wire.OutcomeOutputLimit {
		t.Errorf("text above the limit: got %q, %v", outcome, err)
	}
}

// The limit applies to exactly the size of the canonical encoding, or to a lower bound of it while text is not known.
func TestExceedsIsTheEncodedSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ts []tensor.Tensor
		for i := range rapid.IntRange(0, 3).Draw(t, "tensors") {
			d := rapid.SampledFrom([]tensor.Datatype{tensor.Bool, tensor.FP16, tensor.FP64, tensor.Bytes}).Draw(t, "datatype")
			out := tensor.Tensor{Name: fmt.Sprint(i), Datatype: d, Shape: rapid.SliceOfN(rapid.Int64Range(0, 3), 1, 3).Draw(t, "shape")}
			out = zeros([]tensor.Tensor{out})[0]
			if d == tensor.Bytes && len(out.Data) > 0 {
				extra := rapid.IntRange(0, 20).Draw(t, "text")
				out.Data[0] = byte(extra)
				out.Data = append(out.Data[:4:4], append(make([]byte, extra), out.Data[4:]...)...)
			}
			ts = append(ts, out)
		}
		encoded, err := tensor.Encode(ts)
		if err != nil {
			t.Fatal(err)
		}
		n := int64(len(encoded))
		if exceeds(ts, n) || !exceeds(ts, n-1) {
			t.Fatalf("expected a size of %d for %+v", n, ts)
		}
		for i := range ts {
			ts[i].Data = nil
		}
		if exceeds(ts, n) {
			t.Fatalf("without data: expected at most %d for %+v", n, ts)
		}
	})
}

func TestOneInferenceAtATime(t *testing.T) {
	entered, release := make(chan struct{}, 8), make(chan struct{})
	h, name := loaded(t, &fakeRuntime{run: func(_, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
		entered <- struct{}{}
		<-release
		return zeros(outputs), nil
	}}, nil)
	results := make(chan error, 3)
	for range 3 {
		go func() {
			_, _, err := h.infer(context.Background(), name, 1)
			results <- err
		}()
	}
	<-entered
	// The server stays responsive, and waiting can be given up.
	ready, err := h.client.ServerReady(t.Context(), &oip.ServerReadyRequest{})
	if err != nil || !ready.GetReady() {
		t.Errorf("expected a ready server, got %v, %v", ready, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, _, err := h.infer(ctx, name, 1); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("expected DeadlineExceeded, got %v", err)
	}
	if n := len(entered); n != 0 {
		t.Errorf("expected one inference under way, got %d more", n)
	}
	close(release)
	for range 3 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestDeadlinesEndTheProcess(t *testing.T) {
	release := make(chan struct{})
	slow := &fakeRuntime{
		load: func(model []byte) error {
			if strings.HasPrefix(string(model), "slow") {
				<-release
			}
			return nil
		},
		run: func(_, outputs []tensor.Tensor) ([]tensor.Tensor, error) {
			<-release
			return zeros(outputs), nil
		},
	}
	h, name := loaded(t, slow, func(c *Config) { c.LoadTimeout, c.RunTimeout = 20*time.Millisecond, 20*time.Millisecond })
	for _, c := range []struct {
		what string
		call func() error
		code int
	}{
		{"a load", func() error {
			_, err := h.load(context.Background(), workertest.Name([]byte("slow")), []byte("slow"))
			return err
		}, wire.ExitLoadDeadline},
		{"a run", func() error {
			_, _, err := h.infer(context.Background(), name, 1)
			return err
		}, wire.ExitRunDeadline},
	} {
		done := make(chan error, 1)
		go func() { done <- c.call() }()
		select {
		case code := <-h.exits:
			if code != c.code {
				t.Errorf("%s: expected exit code %d, got %d", c.what, c.code, code)
			}
		case <-time.After(patience):
			t.Fatalf("%s: expected the process to end", c.what)
		}
		release <- struct{}{}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
