// Package modelcard reads the YAML front matter of a model card, in the form that Hugging Face uses: what a card says of
// license, tags and task. Everything else in it is left to people.
//
//	---
//	license: apache-2.0
//	pipeline_tag: image-classification
//	tags: [vision, onnx]
//	---
//	# The text of the card, in Markdown
package modelcard

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Bounds of what is read from a front matter.
const (
	maxLabels  = 1000
	maxNesting = 32
)

// ErrCard marks every refusal of this package; use errors.Is.
var ErrCard = errors.New("invalid model card")

// Card is what a front matter says.
type Card struct {
	// License is an identifier such as apache-2.0; empty when there is none. Several are joined with " OR ".
	License string
	// Labels are the tags, in order and without repetition.
	Labels []string
	// Task is the first of pipeline_tag, task, and the first of task_categories: as it stands there, empty for none.
	Task string
}

// Read reads a card of at most most bytes. One without front matter says nothing.
func Read(text string, most int) (Card, error) {
	if len(text) > most {
		return Card{}, fmt.Errorf("%w: expected at most %d bytes, got %d", ErrCard, most, len(text))
	}
	if !utf8.ValidString(text) {
		return Card{}, fmt.Errorf("%w: expected UTF-8, got other bytes", ErrCard)
	}
	front, found, err := frontMatter(text)
	if err != nil || !found {
		return Card{}, err
	}
	return parse(front)
}

// frontMatter is the text between a first line "---" and the next such line.
func frontMatter(text string) (string, bool, error) {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	rest, found := strings.CutPrefix(text, "---\n")
	if !found {
		return "", false, nil
	}
	var lines []string
	for line := range strings.SplitSeq(rest, "\n") {
		if strings.TrimRight(line, " \t") == "---" {
			return strings.Join(lines, "\n"), true, nil
		}
		lines = append(lines, line)
	}
	return "", false, fmt.Errorf(`%w: expected a line "---" after the front matter, got none`, ErrCard)
}

func parse(front string) (Card, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(strings.NewReader(front))
	if err := decoder.Decode(&document); errors.Is(err, io.EOF) {
		return Card{}, nil
	} else if err != nil {
		return Card{}, fmt.Errorf("%w: front matter: %w", ErrCard, err)
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return Card{}, nil
	}
	if root.Kind != yaml.MappingNode {
		return Card{}, fmt.Errorf("%w: front matter: expected members such as license and tags, got something else", ErrCard)
	}
	if err := check(root, 0); err != nil {
		return Card{}, err
	}
	return read(root)
}

// check refuses what makes a small text large, and members that occur twice.
func check(node *yaml.Node, depth int) error {
	if depth > maxNesting {
		return fmt.Errorf("%w: line %d: expected at most %d levels, got more", ErrCard, node.Line, maxNesting)
	}
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return fmt.Errorf("%w: line %d: expected no anchors and aliases, got one", ErrCard, node.Line)
	}
	if node.Kind == yaml.MappingNode {
		seen := make(map[string]bool)
		for i := 0; i < len(node.Content); i += 2 {
			key := node.Content[i]
			if key.Kind == yaml.ScalarNode && seen[key.Value] {
				return fmt.Errorf("%w: line %d: expected each member once, got %q again", ErrCard, key.Line, key.Value)
			}
			seen[key.Value] = key.Kind == yaml.ScalarNode
		}
	}
	for _, child := range node.Content {
		if err := check(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func read(root *yaml.Node) (Card, error) {
	var card Card
	tasks := make(map[string]string)
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i].Value, root.Content[i+1]
		switch key {
		case "license", "tags", "pipeline_tag", "task", "task_categories":
		default:
			continue
		}
		list, err := texts(key, value)
		if err != nil {
			return Card{}, err
		}
		switch {
		case key == "license":
			card.License = strings.Join(list, " OR ")
		case key == "tags":
			card.Labels = list
		case len(list) > 0:
			tasks[key] = list[0]
		}
	}
	for _, key := range []string{"pipeline_tag", "task", "task_categories"} {
		if card.Task == "" {
			card.Task = tasks[key]
		}
	}
	return card, nil
}

// texts reads a text or a list of them, leaving out what occurs again.
func texts(key string, node *yaml.Node) ([]string, error) {
	nodes := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		nodes = node.Content
	}
	if len(nodes) > maxLabels {
		return nil, fmt.Errorf("%w: line %d: %s: expected at most %d, got %d", ErrCard, node.Line, key, maxLabels, len(nodes))
	}
	var list []string
	for _, n := range nodes {
		if n.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%w: line %d: %s: expected a text or a list of texts, got something else", ErrCard, n.Line, key)
		}
		text := strings.TrimSpace(n.Value)
		if n.Tag == "!!null" || text == "" || slices.Contains(list, text) {
			continue
		}
		list = append(list, text)
	}
	return list, nil
}
