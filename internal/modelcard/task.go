package modelcard

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The classes of tasks, in the words of the chain.
const (
	Classification = "classification"
	Regression     = "regression"
	Embedding      = "embedding"
	Ranking        = "ranking"
	Detection      = "detection"
	Generation     = "generation"
	Other          = "other"
)

// Classes lists the classes of tasks.
func Classes() []string {
	return []string{Classification, Regression, Embedding, Ranking, Detection, Generation, Other}
}

// classes are the tasks of Hugging Face, and where each belongs: by the kind of answer that it gives.
var classes = map[string]string{
	"audio-classification":           Classification,
	"fill-mask":                      Classification,
	"image-classification":           Classification,
	"multiple-choice":                Classification,
	"tabular-classification":         Classification,
	"text-classification":            Classification,
	"token-classification":           Classification,
	"video-classification":           Classification,
	"voice-activity-detection":       Classification,
	"zero-shot-classification":       Classification,
	"zero-shot-image-classification": Classification,

	"tabular-regression":      Regression,
	"time-series-forecasting": Regression,

	"feature-extraction":       Embedding,
	"image-feature-extraction": Embedding,
	"sentence-similarity":      Embedding,

	"document-ranking":          Ranking,
	"text-ranking":              Ranking,
	"text-retrieval":            Ranking,
	"visual-document-retrieval": Ranking,

	"keypoint-detection":         Detection,
	"object-detection":           Detection,
	"zero-shot-object-detection": Detection,

	"any-to-any":                     Generation,
	"audio-text-to-text":             Generation,
	"audio-to-audio":                 Generation,
	"automatic-speech-recognition":   Generation,
	"document-question-answering":    Generation,
	"image-text-to-text":             Generation,
	"image-to-3d":                    Generation,
	"image-to-image":                 Generation,
	"image-to-text":                  Generation,
	"image-to-video":                 Generation,
	"question-answering":             Generation,
	"summarization":                  Generation,
	"table-question-answering":       Generation,
	"text-generation":                Generation,
	"text-to-3d":                     Generation,
	"text-to-audio":                  Generation,
	"text-to-image":                  Generation,
	"text-to-speech":                 Generation,
	"text-to-video":                  Generation,
	"text2text-generation":           Generation,
	"translation":                    Generation,
	"unconditional-image-generation": Generation,
	"video-text-to-text":             Generation,
	"visual-question-answering":      Generation,

	"depth-estimation":       Other,
	"graph-ml":               Other,
	"image-segmentation":     Other,
	"mask-generation":        Other,
	"reinforcement-learning": Other,
	"robotics":               Other,
	"tabular-to-text":        Generation,
}

// Class gives the class of a task: a class itself, or a task of Hugging Face.
func Class(task string) (string, error) {
	word := strings.ToLower(strings.TrimSpace(task))
	if slices.Contains(Classes(), word) {
		return word, nil
	}
	if class, ok := classes[word]; ok {
		return class, nil
	}
	return "", fmt.Errorf("task: expected a class (%s) or a task of Hugging Face (such as %s), got %.64q",
		strings.Join(Classes(), ", "), strings.Join(examples(), ", "), task)
}

// examples names one task of each class.
func examples() []string {
	var list []string
	seen := make(map[string]bool)
	for _, task := range slices.Sorted(maps.Keys(classes)) {
		if class := classes[task]; !seen[class] && class != Other {
			seen[class] = true
			list = append(list, task)
		}
	}
	return list
}
