package main

import (
	"fmt"
	"os"
	"strings"
)

// insert puts text between the two markers of a section of a document. No document: nothing to do.
func insert(file, section, text string) error {
	if file == "" {
		return nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	out, err := replaceSection(string(b), section, text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(out), 0o644)
}

func replaceSection(document, section, text string) (string, error) {
	begin := fmt.Sprintf("<!-- begin %s: written by schedsim -->\n", section)
	end := fmt.Sprintf("<!-- end %s -->", section)
	head, rest, found := strings.Cut(document, begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("expected the markers %q and %q", strings.TrimSpace(begin), end)
	}
	return head + begin + text + end + tail, nil
}
