package guide

import (
	"fmt"
	"regexp"
	"strings"
)

// variable is what differs from run to run: addresses, hashes and other long words of hexadecimal or base64, times, numbers.
var variable = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`\bog(valoper)?1[02-9ac-hj-np-z]{38,}`), "ADDRESS"},
	{regexp.MustCompile(`\b[0-9A-Fa-f]{12,}\b`), "HASH"},
	{regexp.MustCompile(`[0-9A-Za-z+/_-]{42,}=?=?`), "HASH"},
	{regexp.MustCompile(`[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?`), "0"},
	{regexp.MustCompile(`\s+`), " "},
}

func normal(line string) string {
	for _, v := range variable {
		line = v.pattern.ReplaceAllString(line, v.replacement)
	}
	return strings.TrimSpace(line)
}

// Match says whether output is what a document shows: each line of it occurs in the output, in this order. Numbers,
// hashes and addresses may have other values, and space another width. A line with an ellipsis (…) stands for any text there,
// also for none; a line of its own for any number of lines.
func Match(shown, output string) error {
	rest := strings.Split(output, "\n")
	for line := range strings.Lines(shown) {
		line = strings.TrimSpace(line)
		if line == "" || line == "…" {
			continue
		}
		parts := strings.Split(line, "…")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(normal(part))
		}
		pattern, err := regexp.Compile("^" + strings.Join(parts, ".*") + "$")
		if err != nil {
			return err
		}
		at := 0
		for at < len(rest) && !pattern.MatchString(normal(rest[at])) {
			at++
		}
		if at == len(rest) {
			return fmt.Errorf("expected the line %q, after what is shown before it, got\n%s", line, output)
		}
		rest = rest[at+1:]
	}
	return nil
}
