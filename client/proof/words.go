package proof

import (
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/tensor"
)

// count is a number of things.
func count[N int | int64 | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// tensorNames lists tensors by name, datatype and shape, a few of them.
func tensorNames(ts []tensor.Tensor) string {
	const most = 4
	list := make([]string, 0, most+1)
	for i, t := range ts {
		if i == most {
			list = append(list, fmt.Sprintf("%d more", len(ts)-most))
			break
		}
		list = append(list, fmt.Sprintf("%.64q %s%v", t.Name, t.Datatype, t.Shape))
	}
	return strings.Join(list, ", ")
}
