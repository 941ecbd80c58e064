package drift

import (
	"errors"
	"strings"
)

var errPath = errors.New("expecting a path such as $.a['b c'][*]")

// lastStep splits a path as appendPath writes it: where its last step starts,
// and the name if that is a member. Every place has one way to be written, and
// other ways are an error.
func lastStep(path string) (at int, name []byte, err error) {
	if !strings.HasPrefix(path, "$") {
		return 0, nil, errPath
	}
	for end := 1; end < len(path); {
		at = end
		var size int
		if name, size = step(path[at:]); size == 0 {
			return 0, nil, errPath
		}
		end += size
	}
	if at == 0 {
		return 0, nil, errPath
	}
	if path[at:] != every && string(appendName(nil, string(name))) != path[at:] {
		return 0, nil, errPath
	}
	return at, name, nil
}

// parseSteps reads a path as appendSteps writes it, without indexes. It is not
// ok for other ways to write it, or more than MaxDepth steps.
func parseSteps(path string) (steps []Step, ok bool) {
	rest, ok := strings.CutPrefix(path, "$")
	for ok && rest != "" {
		name, size := step(rest)
		if size == 0 || len(steps) == MaxDepth {
			return nil, false
		}
		next := Step{Kind: Member, Name: string(name)}
		if rest[:size] == every {
			next = Step{Kind: Every}
		}
		steps, rest = append(steps, next), rest[size:]
	}
	return steps, ok && string(appendSteps([]byte("$"), steps)) == path
}

// step reads the step at the start of s and gives its length, or 0.
func step(s string) (name []byte, size int) {
	switch {
	case strings.HasPrefix(s, every):
		return nil, len(every)
	case strings.HasPrefix(s, "['"):
		return quotedStep(s)
	case s[0] == '.':
		size = strings.IndexAny(s[1:], ".[") + 1
		if size == 0 {
			size = len(s)
		}
		return []byte(s[1:size]), size
	}
	return nil, 0
}

// quotedStep reads ['…'], whose escapes are those of JSON, and \'.
func quotedStep(s string) (name []byte, size int) {
	for i := len("['"); i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '\'':
			if !strings.HasPrefix(s[i:], "']") {
				return nil, 0
			}
			return canonical(nil, []byte(s[len("['"):i])), i + len("']")
		}
	}
	return nil, 0
}
