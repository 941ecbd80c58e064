package caddymodule

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/author/nearest"
	"github.com/signpost-gateway/signpost/policy"
)

// blockRule tells whether a word takes a block.
type blockRule int

const (
	noBlock blockRule = iota
	mayBlock
	mustBlock
)

// anyNumber is the upper bound of a word that takes a list.
const anyNumber = -1

// form is what a line must look like before its meaning is read.
type form struct {
	// usage is the line's grammar, for messages.
	usage string

	// min and max bound the number of arguments.
	min, max int

	// many lets the word stand more than once in its block.
	many bool

	block blockRule

	// private says that the line or its block may hold a credential, so that
	// messages do not repeat what is written there.
	private bool

	// outside says which block the word belongs to instead: "the policy".
	outside string
}

// word is one subdirective: its form, and the function that reads it into T.
type word[T any] struct {
	form
	read func(s scope, l *line, into *T)
}

// words is the table of a block.
type words[T any] map[string]word[T]

// readBlock reads each line of a block by its word, and notes where each word
// stands first.
func readBlock[T any](s scope, block []*line, table words[T], into *T, places policy.Places) {
	for _, l := range block {
		name := l.word.text
		w, known := table[name]
		in := s.in(name)
		in.private = s.private || w.private
		switch {
		case l.torn:
			s.wrong(l.place, "%s", tornText)
		case !known:
			s.wrong(l.place, "%s", s.unknown(name, table.allowed()))
		case w.outside != "":
			s.wrong(l.place, "%s belongs to %s", name, w.outside)
		default:
			if l.bare != "" {
				in.bare(l)
			}
			first, again := places[name]
			if again && !w.many {
				in.wrong(l.place, "stands a second time: the first is at %s", first)
				continue
			}
			if !again {
				places[name] = l.place
			}
			// A block is read even where its line is wrong: its own mistakes
			// are found at the same time.
			if w.fits(in, l) || w.block != noBlock {
				w.read(in, l, into)
			}
		}
	}
}

// fits reports what is wrong with the shape of a line.
func (f form) fits(s scope, l *line) bool {
	switch n := len(l.args); {
	case l.braces && f.block == noBlock && l.tornLine() != nil:
		s.wrong(l.tornLine().place, "%s", tornText)
	case n < f.min || f.max != anyNumber && n > f.max:
		s.wrong(l.place, "wrong number of arguments: expected %s", f.usage)
	case l.braces && f.block == noBlock:
		s.wrong(l.place, "takes no block: expected %s", f.usage)
	case !l.braces && f.block == mustBlock:
		s.wrong(l.place, "needs a block: expected %s", f.usage)
	default:
		return true
	}
	return false
}

// allowed gives the words that may be written, in alphabetical order.
func (t words[T]) allowed() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if t[name].outside == "" {
			names = append(names, name)
		}
	}
	return names
}

// lift makes a table for T of a table for one part of it.
func lift[T, U any](table words[U], part func(*T) *U) words[T] {
	lifted := make(words[T], len(table))
	for name, w := range table {
		lifted[name] = word[T]{w.form, func(s scope, l *line, into *T) { w.read(s, l, part(into)) }}
	}
	return lifted
}

// with gives a table with further words.
func (t words[T]) with(more words[T]) words[T] {
	joined := maps.Clone(t)
	maps.Copy(joined, more)
	return joined
}

// bare reports an unquoted template.
func (s scope) bare(l *line) {
	if s.private {
		s.wrong(l.place, "%s", tornText)
		return
	}
	s.wrong(l.place, "%s: %s", l.bare, tornText)
}

// plainWord is what a mistyped word looks like, and hardly any credential.
var plainWord = regexp.MustCompile(`^[a-z_]{1,16}$`)

// unknown says that a word is none of those allowed, and which may be meant. It
// is not repeated where it may be the next line of a credential.
func (s scope) unknown(name string, allowed []string) string {
	text := `"` + name + `"`
	if s.private && !plainWord.MatchString(name) {
		text = "the first word"
	}
	text += " is not known here: expected " + strings.Join(allowed, ", ")
	if near := nearest.To(name, allowed); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}
