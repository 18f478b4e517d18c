package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opengradient/opengradient/testutil/iris"
)

func demo(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = dispatch(context.Background(), commands(), args, &o, &e)
	return code, o.String(), e.String()
}

func TestTrainWritesTheModelAndTheRows(t *testing.T) {
	dir := t.TempDir()
	model, rows := filepath.Join(dir, "new", "iris.onnx"), filepath.Join(dir, "rows.json")
	code, out, errOut := demo("train", "-o", model, "-rows", rows)
	if code != exitOK || errOut != "" {
		t.Fatalf("expected exit code 0 and no message, got %d and %q", code, errOut)
	}
	onnx, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`model              %s
held-out rows      %s
size               %d bytes
sha256             %x
parameters         139
trained on         100 rows
held-out accuracy  0.9600 (48 of 50)

true \ predicted  setosa  versicolor  virginica
setosa            16      0           0
versicolor        0       15          2
virginica         0       0           17
`, model, rows, len(onnx), sha256.Sum256(onnx))
	if out != want {
		t.Errorf("expected\n%s\ngot\n%s", want, out)
	}

	text, err := os.ReadFile(rows)
	if err != nil {
		t.Fatal(err)
	}
	if first := `  {"features":[4.7,3.2,1.3,0.2],"label":0,"species":"setosa"},`; strings.Split(string(text), "\n")[1] != first {
		t.Errorf("expected the first row %s, got %s", first, text)
	}
	var got []iris.Row
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	data, err := iris.Load()
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(data.HeldOut) {
		t.Errorf("expected the held-out rows, got %v", got)
	}
}

func TestTrainReportsAFileThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"train", "-o", dir},
		{"train", "-o", filepath.Join(dir, "iris.onnx"), "-rows", dir},
		{"train", "-o", filepath.Join(dir, "iris.onnx", "below-a-file")},
	} {
		if code, _, errOut := demo(args...); code != exitFailed || !strings.Contains(errOut, dir) {
			t.Errorf("%v: expected exit code 1 and a message with the path, got %d and %q", args, code, errOut)
		}
	}
}

func TestArguments(t *testing.T) {
	for _, tc := range []struct {
		reason      string
		args        []string
		code        int
		out, errOut string // parts of what is printed
	}{
		{"no subcommand", nil, exitUsage, "", "train the Iris classifier"},
		{"help", []string{"help"}, exitOK, "train the Iris classifier", ""},
		{"unknown subcommand", []string{"fly"}, exitUsage, "", `got "fly"`},
		{"help of a subcommand", []string{"train", "-h"}, exitOK, "", "-rows FILE"},
		{"unknown flag", []string{"train", "-fly"}, exitUsage, "", "-fly"},
		{"help of run", []string{"run", "-h"}, exitOK, "", "-kill-worker-of FOLDER"},
		{"too few requests to run", []string{"run", "-requests", "3"}, exitUsage, "", "expected at least 10, got 3"},
		{"no model to run", []string{"run", "-model", "missing.onnx"}, exitFailed, "", "opengradient-demo train -o missing.onnx"},
		{"a word where flags go", []string{"train", "fly"}, exitUsage, "", `expected flags only, got "fly"`},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			code, out, errOut := demo(tc.args...)
			if code != tc.code || !strings.Contains(out, tc.out) || !strings.Contains(errOut, tc.errOut) {
				t.Errorf("expected code %d, output with %q, messages with %q; got %d, %q, %q", tc.code, tc.out, tc.errOut, code, out, errOut)
			}
		})
	}
}

func TestFailureIsReportedWithTheSubcommandsName(t *testing.T) {
	failing := command{name: "fail", run: func(context.Context, []string, io.Writer, io.Writer) error {
		return errors.New("out of petals")
	}}
	var out, errOut bytes.Buffer
	code := dispatch(context.Background(), []command{failing}, []string{"fail"}, &out, &errOut)
	if want := "opengradient-demo fail: out of petals\n"; code != exitFailed || errOut.String() != want {
		t.Errorf("expected exit code 1 and %q, got %d and %q", want, code, errOut.String())
	}
}
