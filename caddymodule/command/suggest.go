package command

import (
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/nearest"
)

// maxListed is how many names are listed for whoever got one wrong.
const maxListed = 20

// suggest tells which names there are, and which one may have been meant: "; did you
// mean store? There are store, crm".
func suggest(word string, known []string) string {
	if len(known) == 0 {
		return "; there is none at all"
	}
	text := ":"
	if near := nearest.To(word, known); near != "" {
		text = "; did you mean " + near + "?"
	}
	listed := slices.Clone(known)
	if len(listed) > maxListed {
		listed = append(listed[:maxListed], "…")
	}
	return text + " there are " + strings.Join(listed, ", ")
}
