package cli

import (
	"fmt"
	"strconv"
)

func parseID(text string) (uint64, error) {
	id, err := strconv.ParseUint(text, 10, 64)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("expected a request id, got %q", text)
	}
	return id, nil
}
