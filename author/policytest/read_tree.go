package policytest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/signpost-gateway/signpost/policy"
)

const (
	// maxMistakes is how many mistakes are told of one file.
	maxMistakes = 100

	// maxMarks bounds the punctuation that can begin a YAML node or a comment. A file
	// of as many takes 900 MB and 4 s in the worst case, while it is read; a test takes
	// about 30 marks, so it is enough for as many tests as a file may have, with
	// bodies of 30 members each.
	maxMarks = 1 << 20

	// maxExpanded bounds what aliases stand for, in bytes of their text and 16 for
	// each node: a few lines of aliases of aliases stand for more than fits into
	// memory.
	maxExpanded = MaxFile
)

// reader turns the tree of a YAML file into tests. The tree is walked here rather
// than decoded into structs, because a decoder stops at the first mistakes of each
// kind, loses the order of members and the digits of numbers, and knows no columns.
type reader struct {
	path     string
	data     []byte
	lines    []int // where each line of data begins
	attached *attachments
	expanded int // see maxExpanded
	mistakes policy.Mistakes
	omitted  int
}

// newReader makes a reader of one file with this text.
func newReader(path string, data []byte) *reader {
	r := &reader{path: path, data: data, lines: []int{0}, attached: newAttachments(path)}
	for i, c := range data {
		if c == '\n' {
			r.lines = append(r.lines, i+1)
		}
	}
	return r
}

// tree parses the one YAML document of the file, nil where that cannot be done.
func (r *reader) tree() *yaml.Node {
	if !r.readable() {
		return nil
	}
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(r.data))
	switch err := decodeYAML(decoder, &document); {
	case errors.Is(err, io.EOF):
		r.at(1, 1, "", `the file is empty: expected "tests:" and a list of tests`)
		return nil
	case err != nil:
		r.syntax(err)
		return nil
	}
	switch err := decodeYAML(decoder, &second); {
	case err == nil:
		r.at(second.Line, second.Column, "", "a second YAML document begins here: expected one, put its tests into the first or into a file of their own")
		return nil
	case !errors.Is(err, io.EOF):
		r.syntax(err)
		return nil
	}
	return document.Content[0]
}

// readable looks at the text before it is parsed.
func (r *reader) readable() bool {
	if i := invalidUTF8(r.data); i >= 0 {
		line := 1 + bytes.Count(r.data[:i], []byte{'\n'})
		column := 1 + utf8.RuneCount(r.data[r.lines[line-1]:i])
		r.at(line, column, "", "the byte %#02x is not UTF-8: save the file as UTF-8", r.data[i])
		return false
	}
	marks := 0
	for _, mark := range ",:-?[{#" {
		marks += bytes.Count(r.data, []byte(string(mark)))
	}
	if marks > maxMarks {
		r.at(1, 1, "", "the file has more than %d of the characters ,:-?[{#: divide it into several", maxMarks)
		return false
	}
	return true
}

// invalidUTF8 gives where the first byte stands that is no UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if c == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// decodeYAML parses one document. The parser panics where it finds itself at fault,
// and what is read here may be a stranger's.
func decodeYAML(decoder *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("yaml: %v", fault)
		}
	}()
	return decoder.Decode(into)
}

// line gives a line of the file, counted from 1, without its end.
func (r *reader) line(n int) string {
	if n < 1 || n > len(r.lines) {
		return ""
	}
	end := len(r.data)
	if n < len(r.lines) {
		end = r.lines[n] - 1
	}
	return strings.TrimSuffix(string(r.data[r.lines[n-1]:end]), "\r")
}

// at notes what is wrong at a place; line and column count from 1, in characters.
func (r *reader) at(line, column int, name, format string, args ...any) {
	if len(r.mistakes) == maxMistakes {
		r.omitted++
		return
	}
	r.mistakes = append(r.mistakes, policy.Mistake{
		Place: policy.Place{File: r.path, Line: line}, Name: name,
		Text:    fmt.Sprintf(format, args...),
		Snippet: snippet(r.line(line), column),
	})
}

// Bounds of the line that a message shows: how long one may be at all, in bytes,
// and how much of it is shown, in characters.
const (
	maxSnippetLine = 64 << 10
	maxSnippet     = 120
)

// snippet gives a line with a caret below the column. Of a long line there is the
// part around it.
func snippet(line string, column int) string {
	if len(line) > maxSnippetLine {
		return ""
	}
	shown := []rune(strings.ReplaceAll(line, "\t", " "))
	at := min(max(column-1, 0), len(shown))
	if from := at - maxSnippet/2; len(shown) > maxSnippet && from > 0 {
		shown, at = append([]rune{'…'}, shown[from:]...), at-from+1
	}
	if len(shown) > maxSnippet {
		shown = append(shown[:maxSnippet:maxSnippet], '…')
	}
	return string(shown) + "\n" + strings.Repeat(" ", at) + "^"
}

// all gives every mistake in the order of the lines, nil where there is none.
func (r *reader) all() error {
	if len(r.mistakes) == 0 {
		return nil
	}
	r.mistakes.Sort()
	if r.omitted > 0 {
		last := r.mistakes[len(r.mistakes)-1].Place
		r.mistakes = append(r.mistakes, policy.Mistake{Place: last, Text: fmt.Sprintf("and %d more mistakes", r.omitted)})
	}
	return r.mistakes
}
