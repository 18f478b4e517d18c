package types

import "strings"

// Word is the class as people write it, for example classification.
func (c TaskClass) Word() string {
	return strings.ToLower(strings.TrimPrefix(c.String(), "TASK_CLASS_"))
}

// Word is the class as people write it, for example economy.
func (c FeeClass) Word() string { return strings.ToLower(strings.TrimPrefix(c.String(), "FEE_CLASS_")) }
