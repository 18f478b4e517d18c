package worker

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/opengradient/opengradient/internal/oip"
	"github.com/opengradient/opengradient/internal/tensor"
	"github.com/opengradient/opengradient/testutil/byzantine"
)

// alter makes of an inference response what the plan says.
func alter(response frame, plan byzantine.Plan) (frame, error) {
	change := map[byzantine.Worker]func(contents []byte, datatype string){
		byzantine.WorkerWrong:   func(contents []byte, _ string) { contents[0] += byte(plan.Amount) },
		byzantine.WorkerRandom:  func(contents []byte, _ string) { scramble(contents) },
		byzantine.WorkerPerturb: func(contents []byte, datatype string) { perturb(contents, datatype, plan.Amount) },
	}[plan.Worker]
	if change == nil {
		return response, nil
	}
	var answer oip.ModelInferResponse
	if err := proto.Unmarshal(response, &answer); err != nil {
		return nil, fmt.Errorf("inference response: %w", err)
	}
	if len(answer.RawOutputContents) == 0 || len(answer.RawOutputContents) != len(answer.Outputs) {
		return nil, fmt.Errorf("inference response: expected raw contents for %d outputs, got %d", len(answer.Outputs), len(answer.RawOutputContents))
	}
	for i, contents := range answer.RawOutputContents {
		if len(contents) > 0 {
			change(contents, answer.Outputs[i].Datatype)
		}
	}
	return proto.Marshal(&answer)
}

// nudge moves the FP32 inputs of an inference request.
func nudge(request frame, amount int32) (frame, error) {
	var ask oip.ModelInferRequest
	if err := proto.Unmarshal(request, &ask); err != nil {
		return nil, fmt.Errorf("inference request: %w", err)
	}
	if len(ask.RawInputContents) != len(ask.Inputs) {
		return nil, fmt.Errorf("inference request: expected raw contents for %d inputs, got %d", len(ask.Inputs), len(ask.RawInputContents))
	}
	for i, contents := range ask.RawInputContents {
		perturb(contents, ask.Inputs[i].Datatype, amount)
	}
	return proto.Marshal(&ask)
}

// rename puts another class of instruction sets in a server's metadata; an empty one changes nothing.
func rename(response frame, isa string) (frame, error) {
	if isa == "" {
		return response, nil
	}
	var metadata oip.ServerMetadataResponse
	if err := proto.Unmarshal(response, &metadata); err != nil {
		return nil, fmt.Errorf("server metadata: %w", err)
	}
	for i, extension := range metadata.Extensions {
		if key, _, ok := strings.Cut(extension, "="); ok && key == "og-isa" {
			metadata.Extensions[i] = key + "=" + isa
		}
	}
	return proto.Marshal(&metadata)
}

// perturb moves every finite FP32 that is not 0 away from 0 by a number of places among the numbers of its type.
func perturb(contents []byte, datatype string, places int32) {
	if datatype != tensor.FP32.String() {
		return
	}
	for ; len(contents) >= 4; contents = contents[4:] {
		bits := binary.LittleEndian.Uint32(contents)
		moved := bits + uint32(places)
		if v := math.Float32frombits(moved); bits<<1 != 0 && !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) {
			binary.LittleEndian.PutUint32(contents, moved)
		}
	}
}

func scramble(contents []byte) {
	for i := range contents {
		contents[i] = byte(rand.Uint32())
	}
}
