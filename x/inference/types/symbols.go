package types

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// ParseSymbols reads values of a signature's symbols, each written name=value with a value of at least 1. A symbol of
// the signature that is left out counts as 1. It fails with ErrSymbol on a symbol that the signature lacks, one given
// twice, and a value that is not such a number.
func ParseSymbols(specs []tensor.Spec, values []string) (map[string]int64, error) {
	bindings := make(map[string]int64)
	for _, s := range specs {
		for _, d := range s.Dims {
			if d.Symbol != "" {
				bindings[d.Symbol] = 1
			}
		}
	}
	given := make(map[string]struct{}, len(bindings))
	for _, v := range values {
		at := strings.LastIndexByte(v, '=')
		if at < 0 {
			return nil, ErrSymbol.Wrapf("expected name=value, got %.64q", v)
		}
		name := v[:at]
		if _, known := bindings[name]; !known {
			return nil, ErrSymbol.Wrapf("expected a symbol of the signature, got %.64q", name)
		}
		if _, twice := given[name]; twice {
			return nil, ErrSymbol.Wrapf("expected each symbol once, got %q twice", name)
		}
		n, err := strconv.ParseInt(v[at+1:], 10, 64)
		if err != nil || n < 1 {
			return nil, ErrSymbol.Wrapf("%s: expected a number of at least 1, got %.64q", name, v[at+1:])
		}
		given[name], bindings[name] = struct{}{}, n
	}
	return bindings, nil
}

// WriteSymbols writes values of a signature's symbols as ParseSymbols reads them, in the order of the signature.
func WriteSymbols(specs []tensor.Spec, bindings map[string]int64) []string {
	var values []string
	seen := make(map[string]bool)
	for _, s := range specs {
		for _, d := range s.Dims {
			if d.Symbol != "" && !seen[d.Symbol] {
				seen[d.Symbol] = true
				values = append(values, fmt.Sprintf("%s=%d", d.Symbol, bindings[d.Symbol]))
			}
		}
	}
	return values
}
