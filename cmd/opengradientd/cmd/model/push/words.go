package push

import (
	"fmt"
	"strings"

	"github.com/opengradient/opengradient/internal/modelcard"
	"github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

const (
	taskPrefix   = "TASK_CLASS_"
	statusPrefix = "MODEL_STATUS_"
)

// Task reads a class of tasks, by its own word or by a task of Hugging Face.
func Task(text string) (schedulingtypes.TaskClass, error) {
	word, err := modelcard.Class(text)
	if err != nil {
		return 0, err
	}
	n, ok := schedulingtypes.TaskClass_value[taskPrefix+strings.ToUpper(word)]
	if !ok {
		return 0, fmt.Errorf("task: expected a class of the chain, got %q", word)
	}
	return schedulingtypes.TaskClass(n), nil
}

// Status reads the status of a model by its word.
func Status(text string) (types.ModelStatus, error) {
	n, ok := types.ModelStatus_value[statusPrefix+strings.ToUpper(text)]
	if !ok || n == 0 {
		var words []string
		for i := int32(1); i < int32(len(types.ModelStatus_name)); i++ {
			words = append(words, types.ModelStatus(i).Word())
		}
		return 0, fmt.Errorf("status: expected one of %s, got %.64q", strings.Join(words, ", "), text)
	}
	return types.ModelStatus(n), nil
}
