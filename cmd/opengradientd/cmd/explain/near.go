package explain

import (
	"slices"
	"strings"
)

// maxSuggestions bounds the names that are suggested.
const maxSuggestions = 3

// Near gives the names that somebody may have meant who wrote another, the likeliest first: those that are a few letters away, and
// those that begin with it. What stands behind a colon is not looked at.
func Near(word string, names []string) []string {
	word, _, _ = strings.Cut(word, ":")
	if word == "" {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var list []candidate
	for _, name := range names {
		d := distance(word, name)
		// A third of the letters may be wrong.
		if d*3 <= max(len(word), 3) || len(word) >= 3 && strings.HasPrefix(name, word) {
			list = append(list, candidate{name, d})
		}
	}
	slices.SortFunc(list, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	var near []string
	for _, c := range list {
		if !slices.Contains(near, c.name) && len(near) < maxSuggestions {
			near = append(near, c.name)
		}
	}
	return near
}

// distance is the number of letters to insert, remove, change or swap with the next one that make a word of another.
func distance(a, b string) int {
	two, one := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range one {
		one[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := one[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, one[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], two[j-1]+1)
			}
		}
		two, one = one, row
	}
	return one[len(b)]
}
