package onnxprep

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// fix gives symbolic dimensions of inputs, outputs and declared values their sizes.
func (m *model) fix(sizes map[string]int64) error {
	names := make([]string, 0, len(sizes))
	for name, size := range sizes {
		if size < 1 || size > maxDim {
			return refuse("dimension "+quote(name), fmt.Sprintf("a size from 1 to %d", int64(maxDim)), "%d", size)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	fixed := map[string]int{}
	others := map[string]bool{}
	dimension := func(b []byte) ([]byte, bool, error) {
		symbol := ""
		err := each("dimension", dimMessage, b, func(fl field) error {
			if fl.num == 2 {
				symbol = string(fl.bytes)
			}
			return nil
		})
		size, ok := sizes[symbol]
		if err != nil || !ok || symbol == "" {
			if symbol != "" {
				others[symbol] = true
			}
			return nil, false, err
		}
		fixed[symbol]++
		out := appendVarint(nil, 1, size)
		err = each("dimension", dimMessage, b, func(fl field) error {
			if fl.num == 3 { // what the dimension stands for
				out = append(out, fl.raw...)
			}
			return nil
		})
		return out, true, err
	}
	for i, fl := range m.graph {
		if fl.num != graphInput && fl.num != graphOutput && fl.num != graphValueInfo {
			continue
		}
		// type, tensor, shape, dimension
		body, changed, err := edit(fl.bytes, []int{2, 1, 2, 1}, dimension)
		if err != nil {
			return err
		}
		if changed {
			m.rewritten[i] = body
			m.changed = true
		}
	}
	for _, name := range names {
		if fixed[name] > 0 {
			m.report.changed(RuleFix, "dimension "+quote(name), fixed[name], "size %d", sizes[name])
			continue
		}
		m.report.leave(RuleFix, "dimension "+quote(name), "a symbolic dimension of an input, an output or a declared value", "%s", listed(others))
	}
	return nil
}

// listed names the symbols that are there, within bounds.
func listed(symbols map[string]bool) string {
	if len(symbols) == 0 {
		return "no symbolic dimensions"
	}
	names := make([]string, 0, len(symbols))
	for name := range symbols {
		names = append(names, name)
	}
	slices.Sort(names)
	const most = 8
	text := "only"
	for _, name := range names[:min(len(names), most)] {
		text += " " + quote(name)
	}
	if len(names) > most {
		text += " and more"
	}
	return text
}

// edit rewrites the messages at the end of a path of field numbers. Its depth is the length of the path.
func edit(b []byte, path []int, leaf func([]byte) ([]byte, bool, error)) ([]byte, bool, error) {
	if len(path) == 0 {
		return leaf(b)
	}
	var out []byte
	changed := false
	err := each("type", anyMessage, b, func(fl field) error {
		if fl.num != path[0] || fl.typ != protowire.BytesType {
			out = append(out, fl.raw...)
			return nil
		}
		body, different, err := edit(fl.bytes, path[1:], leaf)
		if err != nil {
			return err
		}
		if !different {
			out = append(out, fl.raw...)
			return nil
		}
		changed = true
		out = appendBytes(out, protowire.Number(fl.num), body)
		return nil
	})
	return out, changed, err
}
