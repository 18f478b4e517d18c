package onnxprep

import "google.golang.org/protobuf/encoding/protowire"

// shape of a message as far as stripping is concerned: which fields go, and which hold messages to look into.
type strippable struct {
	docs     []int // documentation
	metadata []int // key-value pairs of the owner and of tools
	drop     []int // neither, and of no use to inference
	inside   map[int]*strippable
}

// The messages of onnx.proto that hold documentation. Graphs inside attributes are not among them, so the depth is fixed.
var (
	stripTensor    = &strippable{docs: []int{12}, metadata: []int{16}}
	stripValue     = &strippable{docs: []int{3}, metadata: []int{4}}
	stripAttribute = &strippable{docs: []int{13}, inside: map[int]*strippable{5: stripTensor, 10: stripTensor}}
	stripNode      = &strippable{docs: []int{6}, metadata: []int{9}, inside: map[int]*strippable{5: stripAttribute}}
	stripGraph     = &strippable{docs: []int{10}, metadata: []int{16}, inside: map[int]*strippable{
		1: stripNode, 5: stripTensor, 11: stripValue, 12: stripValue, 13: stripValue,
	}}
	stripFunction = &strippable{docs: []int{8}, metadata: []int{14}, inside: map[int]*strippable{
		7: stripNode, 11: stripAttribute, 12: stripValue,
	}}
	stripModel = &strippable{docs: []int{6}, metadata: []int{14}, drop: []int{20}, inside: map[int]*strippable{
		7: stripGraph, 25: stripFunction,
	}}
)

// stripped counts what went.
type stripped struct{ docs, metadata, training int }

// strip removes fields from a message and those inside it. It gives b itself when there is nothing to remove. Its depth
// is that of the table above.
func (s *strippable) strip(b []byte, metadata bool, gone *stripped) ([]byte, error) {
	var out []byte
	at := 0          // bytes of b read so far
	changed := false // out holds what is kept of b[:at]
	diverge := func() {
		if !changed {
			out, changed = append(make([]byte, 0, len(b)), b[:at]...), true
		}
	}
	err := each("file", anyMessage, b, func(fl field) error {
		defer func() { at += len(fl.raw) }()
		switch {
		case has(s.docs, fl.num):
			gone.docs++
			diverge()
			return nil
		case has(s.metadata, fl.num) && metadata:
			gone.metadata++
			diverge()
			return nil
		case has(s.drop, fl.num):
			gone.training++
			diverge()
			return nil
		}
		inner := s.inside[fl.num]
		if inner == nil || fl.typ != protowire.BytesType {
			if changed {
				out = append(out, fl.raw...)
			}
			return nil
		}
		kept, err := inner.strip(fl.bytes, metadata, gone)
		if err != nil {
			return err
		}
		if len(kept) != len(fl.bytes) {
			diverge()
			out = appendBytes(out, protowire.Number(fl.num), kept)
		} else if changed {
			out = append(out, fl.raw...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !changed {
		return b, nil
	}
	return out, nil
}

func has(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}
