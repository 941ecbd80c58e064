package command

import (
	"slices"
	"strings"
)

// maxListed is how many names are listed for whoever got one wrong, and maxNear how
// long a name may be that is compared with them, in bytes.
const (
	maxListed = 20
	maxNear   = 64
)

// suggest tells which names there are, and which one may have been meant: "; did you
// mean store? There are store, crm".
func suggest(word string, known []string) string {
	if len(known) == 0 {
		return "; there is none at all"
	}
	text := ":"
	if near := nearest(word, known); near != "" {
		text = "; did you mean " + near + "?"
	}
	listed := slices.Clone(known)
	if len(listed) > maxListed {
		listed = append(listed[:maxListed], "…")
	}
	return text + " there are " + strings.Join(listed, ", ")
}

// nearest is the name that is like the word, empty where none is.
func nearest(word string, known []string) string {
	best, least := "", max(len(word)/3, 1)+1
	for _, name := range known {
		if len(word) > maxNear || len(name) > maxNear {
			continue
		}
		if d := distance(strings.ToLower(word), name); d < least {
			best, least = name, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out, changed or swapped with
// the next to make one word of another.
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var earlier []int
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		earlier, before, row = before, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := before[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, before[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], earlier[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
