package nearest

import "strings"

// Bounds of what is compared.
const (
	// maxWrong is how many letters may be wrong.
	maxWrong = 2
	// maxName is how long a name may be, in bytes.
	maxName = 64
)

// To gives the known name that is like the word: at most two letters of it are wrong,
// and not all. It is empty where there is none, and for words over 64 bytes. Capitals
// do not matter. It is safe for concurrent use.
func To(word string, known []string) string {
	best, least := "", min(maxWrong+1, len(word))
	for _, name := range known {
		if len(word) > maxName || len(name) > maxName {
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
