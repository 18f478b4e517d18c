package oipjson

import (
	"github.com/opengradient/opengradient/internal/tensor"
)

// ParseArray reads the data of a tensor that stands alone: an array of elements, flat or nested. It gives the lengths of the
// arrays from the outermost to the innermost, and the elements as [tensor.Tensor] holds them. Arrays of one depth have the same
// length, and only a flat one may be empty.
func ParseArray(d tensor.Datatype, b []byte) (lengths []int64, data []byte, err error) {
	if !d.Valid() {
		return nil, nil, refuse("%w: got %s", tensor.ErrDatatype, d)
	}
	raw, err := single(b)
	if err != nil {
		return nil, nil, err
	}
	if raw[0] != '[' {
		return nil, nil, refuse("data: expected an array, got %s", sample(raw))
	}
	depth := (&scanner{text: raw}).depth()
	if depth > tensor.MaxRank {
		return nil, nil, refuse("data: expected arrays at most %d deep, got %d", tensor.MaxRank, depth)
	}
	lengths = firstLengths(raw, depth)
	if depth > 1 && lengths[depth-1] == 0 {
		return nil, nil, refuse("data: expected nested arrays with elements, got an empty one")
	}
	if data, err = parseData(d, lengths, raw); err != nil {
		return nil, nil, refuse("%w", err)
	}
	return lengths, data, nil
}

// firstLengths counts the members of the first array of each depth. The text is sound JSON that opens so many arrays before
// its first element.
func firstLengths(text []byte, depth int) []int64 {
	lengths := make([]int64, depth)
	s := &scanner{text: text}
	open, closed := 0, depth // arrays that are open now; those of depths from closed on are over
	for s.peek() != 0 {
		switch c := s.text[s.at]; {
		case c == '"':
			s.skipString()
			continue
		case c == '{':
			for s.at++; s.peek() != '}'; {
				if s.text[s.at] == '"' {
					s.skipString()
					continue
				}
				s.at++
			}
		case c == '[':
			if open++; open <= depth && lengths[open-1] == 0 {
				s.at++
				if s.peek() != ']' {
					lengths[open-1] = 1
				}
				continue
			}
		case c == ']':
			closed = min(closed, open-1)
			open--
		case c == ',' && open <= closed:
			lengths[open-1]++
		}
		s.at++
	}
	return lengths
}
