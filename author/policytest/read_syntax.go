package policytest

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxSought bounds a text in which the line of a mistake is sought, in bytes: it is
// parsed about as often as its number of lines has digits in base 2.
const maxSought = 1 << 20

// remedies say in a person's words what the YAML parser says.
var remedies = map[string]string{
	"did not find expected key":                              "expected a key: is the line indented like its neighbours, and does a quotation mark close where the value ends?",
	"could not find expected ':'":                            "expected a key with a colon and a blank after it",
	"mapping values are not allowed in this context":         "a colon with a blank after it stands in a value: put the value in quotes",
	"did not find expected ',' or '}'":                       "a } or a comma is missing; a value that holds a brace or a comma stands in quotes",
	"did not find expected ',' or ']'":                       "a ] or a comma is missing; a value that holds a bracket or a comma stands in quotes",
	"did not find expected node content":                     "expected a value, or the bracket that closes",
	"did not find expected '-' indicator":                    "expected a further element of the list, which begins with - below the one before: is the line indented like its neighbours?",
	"block sequence entries are not allowed in this context": "a list cannot begin here: write its - on a line of its own",
	"found character that cannot start any token":            "a value cannot begin with this character: put the value in quotes",
	"found unexpected end of stream":                         "a quotation mark is not closed",
}

// syntax reports what the YAML parser says, with its line.
func (r *reader) syntax(err error) {
	msg, line := saidOf(err)
	if len(r.data) <= maxSought {
		line = r.seek(msg, line)
	}
	line = min(line, len(r.lines))
	// The words of the parser for a tab do not name it.
	for n := max(line-1, 1); n <= min(line+1, len(r.lines)); n++ {
		text := r.line(n)
		if indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]; strings.Contains(indent, "\t") {
			r.at(n, 1+strings.IndexByte(indent, '\t'), "", "a tab indents this line: YAML is indented with spaces")
			return
		}
	}
	text := r.line(line)
	r.at(line, 1+len(text)-len(strings.TrimLeft(text, " ")), "", "this is not YAML: %s", cmp.Or(remedies[msg], msg))
}

// saidOf takes the line out of the parser's message, 1 where it says none.
func saidOf(err error) (msg string, line int) {
	msg = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(msg, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			return text, max(n, 1)
		}
	}
	return msg, 1
}

// seek gives the line on which the parser fails: the first that it does not get
// beyond without saying the same. It names itself the line on which the mapping
// begins that it is in.
func (r *reader) seek(msg string, line int) int {
	first := sort.Search(len(r.lines), func(n int) bool {
		end := len(r.data)
		if n+1 < len(r.lines) {
			end = r.lines[n+1]
		}
		var node yaml.Node
		decoder := yaml.NewDecoder(bytes.NewReader(r.data[:end]))
		for {
			err := decodeYAML(decoder, &node)
			if err == nil {
				continue
			}
			said, at := saidOf(err)
			return !errors.Is(err, io.EOF) && said == msg && at == line
		}
	})
	return first + 1
}
