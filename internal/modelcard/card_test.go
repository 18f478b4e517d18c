package modelcard

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRead(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want Card
	}{
		"empty":                     {"", Card{}},
		"no front matter":           {"# Iris\n\nlicense: mit\n---\n", Card{}},
		"rule in the text":          {"\n---\nlicense: mit\n---\n", Card{}},
		"empty front matter":        {"---\n---\n# Iris\n", Card{}},
		"comments only":             {"---\n# nothing\n---\n", Card{}},
		"all":                       {"---\nlicense: apache-2.0\ntags: [vision, onnx]\npipeline_tag: image-classification\n---\n# Net\n", Card{"apache-2.0", []string{"vision", "onnx"}, "image-classification"}},
		"windows line ends and BOM": {"\ufeff---\r\nlicense: mit\r\n---\r\ntext", Card{License: "mit"}},
		"one tag as a text":         {"---\ntags: onnx\n---\n", Card{Labels: []string{"onnx"}}},
		"tags again, empty, null":   {"---\ntags:\n- a\n- ''\n- ~\n- a\n- b\n---\n", Card{Labels: []string{"a", "b"}}},
		"numbers are texts":         {"---\ntags: [2026, 1.5, true]\nlicense: 0bsd\n---\n", Card{License: "0bsd", Labels: []string{"2026", "1.5", "true"}}},
		"two licenses":              {"---\nlicense: [mit, apache-2.0]\n---\n", Card{License: "mit OR apache-2.0"}},
		"pipeline tag comes first":  {"---\ntask: regression\npipeline_tag: text-classification\n---\n", Card{Task: "text-classification"}},
		"categories come last":      {"---\ntask_categories: [translation, summarization]\n---\n", Card{Task: "translation"}},
		"other members are left":    {"---\nmodel-index:\n- name: x\n  results: [{task: {type: a}}]\nlicense: mit\n---\n", Card{License: "mit"}},
		"line end at the file end":  {"---\nlicense: mit\n---", Card{License: "mit"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(tc.text, 4096)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"too long":           {strings.Repeat("x", 4097), "expected at most 4096 bytes, got 4097"},
		"not UTF-8":          {"---\nlicense: \xff\n---\n", "expected UTF-8"},
		"no end":             {"---\nlicense: mit\n# Iris\n", `expected a line "---"`},
		"not YAML":           {"---\nlicense: [mit\n---\n", "front matter: yaml"},
		"tabs":               {"---\nlicense:\n\t- mit\n---\n", "front matter: yaml"},
		"a list":             {"---\n- mit\n---\n", "expected members"},
		"a text":             {"---\nmit\n---\n", "expected members"},
		"license is a map":   {"---\nlicense: {name: mit}\n---\n", "line 1: license: expected a text"},
		"tags hold lists":    {"---\ntags: [[a]]\n---\n", "line 1: tags: expected a text"},
		"member twice":       {"---\nlicense: mit\nlicense: gpl\n---\n", `got "license" again`},
		"anchors":            {"---\na: &a [x, x]\ntags: *a\n---\n", "expected no anchors"},
		"deep nesting":       {"---\na: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n---\n", "expected at most 32 levels"},
		"too many tags":      {"---\ntags: [" + strings.TrimSuffix(strings.Repeat("a,", 1001), ",") + "]\n---\n", "expected at most 1000, got 1001"},
		"unknown anchor":     {"---\ntags: *a\n---\n", "front matter: yaml"},
		"control characters": {"---\nlicense: \"a\x01b\"\n---\n", "front matter: yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(tc.text, 4096)
			require.ErrorIs(t, err, ErrCard)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

func TestClass(t *testing.T) {
	for task, want := range map[string]string{
		"classification": Classification, " Regression ": Regression, "other": Other,
		"image-classification": Classification, "Text-Generation": Generation, "feature-extraction": Embedding,
		"object-detection": Detection, "text-ranking": Ranking, "tabular-regression": Regression, "robotics": Other,
	} {
		got, err := Class(task)
		require.NoError(t, err)
		require.Equal(t, want, got, task)
	}
	for _, task := range []string{"", "classify", "image classification"} {
		_, err := Class(task)
		require.EqualError(t, err, `task: expected a class (classification, regression, embedding, ranking, detection, generation, other) `+
			`or a task of Hugging Face (such as any-to-any, audio-classification, document-ranking, feature-extraction, keypoint-detection, `+
			`tabular-regression), got "`+task+`"`)
	}
	for _, class := range classes {
		require.Contains(t, Classes(), class)
	}
}

// FuzzRead: reading never panics, and what it accepts is bounded by the text.
func FuzzRead(f *testing.F) {
	f.Add("---\nlicense: mit\ntags: [a, b]\npipeline_tag: translation\n---\n# x\n")
	f.Add("---\na: &a [*a]\n---\n")
	f.Add("---\n? [a]\n: b\n---\n")
	f.Add("---\n!!binary x: y\n---\n")
	f.Fuzz(func(t *testing.T, text string) {
		card, err := Read(text, 4096)
		if err != nil {
			require.ErrorIs(t, err, ErrCard)
			return
		}
		size := len(card.License) + len(card.Task)
		for _, l := range card.Labels {
			size += len(l)
		}
		require.LessOrEqual(t, size, 4*4096)
	})
}
