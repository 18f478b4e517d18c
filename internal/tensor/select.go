package tensor

import "fmt"

// Select gives exactly the tensors of these names, in the order of the names. It fails when one is missing, or when there
// are others.
func Select(ts []Tensor, names []string) ([]Tensor, error) {
	if len(ts) != len(names) {
		return nil, fmt.Errorf("expected %d tensors, got %d", len(names), len(ts))
	}
	named := make(map[string]Tensor, len(ts))
	for _, t := range ts {
		named[t.Name] = t
	}
	ordered := make([]Tensor, len(names))
	for i, name := range names {
		t, ok := named[name]
		if !ok {
			return nil, fmt.Errorf("expected tensor %.128q, got none of this name", name)
		}
		ordered[i] = t
	}
	return ordered, nil
}
