package lint

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
)

// maxSource bounds a file that excerpts are shown of, in bytes.
const maxSource = 16 << 20

// ReadFile gives a regular file of at most 16 MiB.
func ReadFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxSource {
		return nil, fmt.Errorf("reading the source: %s is no regular file of at most %s", path, policy.Size(maxSource))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the source: %w", err)
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, maxSource))
}

// files are those that findings stand in, each read once.
type files struct {
	read func(string) ([]byte, error)
	held map[string]*source
}

func newFiles(read func(string) ([]byte, error)) *files {
	if read == nil {
		read = ReadFile
	}
	return &files{read, make(map[string]*source)}
}

// of gives a file; one that cannot be read has no lines.
func (f *files) of(path string) *source {
	if held := f.held[path]; held != nil {
		return held
	}
	s := &source{}
	if text, err := f.read(path); err == nil && len(text) <= maxSource {
		s = sourceOf(path, string(text))
	}
	f.held[path] = s
	return s
}

// source is a file as far as comments and excerpts are concerned: its lines, with
// the words and blocks of a Caddyfile.
type source struct {
	lines []line
}

// line is one line of a file.
type line struct {
	text    string
	words   []word
	comment string // behind #
	block   int    // the number of the line whose block this one is in, 0: none
	end     int    // the last line of the block that opens here, else its own number
	inside  bool   // begins within a quoted word of a line before
}

// word is a word of a line, with the bytes that it takes there, quotes included.
type word struct {
	text     string
	from, to int
	quote    byte
}

// line gives a line by its number, nil where there is none.
func (s *source) line(number int) *line {
	if number < 1 || number > len(s.lines) {
		return nil
	}
	return &s.lines[number-1]
}

// sourceOf reads the lines of a file. Those of a YAML file have no words.
func sourceOf(path, text string) *source {
	s := &source{}
	for text := range strings.Lines(text) {
		s.lines = append(s.lines, line{text: strings.TrimRight(text, "\r\n"), end: len(s.lines) + 1})
	}
	if ext := filepath.Ext(path); ext == ".yaml" || ext == ".yml" {
		for i := range s.lines {
			s.lines[i].comment = yamlComment(s.lines[i].text)
		}
		return s
	}
	var l lexer
	for i := range s.lines {
		l.read(&s.lines[i])
	}
	s.blocks()
	return s
}

// blocks finds the lines that belong to each block.
func (s *source) blocks() {
	var open []int
	for i := range s.lines {
		l := &s.lines[i]
		if len(l.words) > 0 && l.words[0].is("}") && len(open) > 0 {
			s.lines[open[len(open)-1]-1].end = i + 1
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			l.block = open[len(open)-1]
		}
		if n := len(l.words); n > 0 && l.words[n-1].is("{") {
			open = append(open, i+1)
		}
	}
}

// is tells whether the word is a sign of the structure.
func (w word) is(sign string) bool { return w.quote == 0 && w.text == sign }

// yamlComment gives the comment at the end of a line of YAML: what follows a # at the
// beginning or behind a blank, outside of quotes.
func yamlComment(text string) string {
	var quote rune
	before := ' '
	for i, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case (r == '"' || r == '\'') && strings.ContainsRune(" [{,:", before):
			quote = r
		case r == '#' && (before == ' ' || before == '\t'):
			return text[i+1:]
		}
		before = r
	}
	return ""
}

// lexer splits lines into words as Caddy does: a quoted word may hold line breaks, and
// a # that begins a word begins a comment.
type lexer struct {
	open   byte   // the quote of a word that goes on, '<' for a heredoc
	marker string // what ends a heredoc
}

// read splits one line.
func (l *lexer) read(into *line) {
	at := 0
	if l.open != 0 {
		into.inside = true
		if at = l.closing(into.text, 0); at < 0 {
			return
		}
	}
	for {
		at += len(into.text[at:]) - len(strings.TrimLeft(into.text[at:], " \t"))
		if at >= len(into.text) {
			return
		}
		switch c := into.text[at]; {
		case c == '#':
			into.comment = into.text[at+1:]
			return
		case c == '"' || c == '`':
			l.open = c
			end := l.closing(into.text, at+1)
			if end < 0 {
				into.words = append(into.words, word{into.text[at+1:], at, len(into.text), c})
				return
			}
			into.words = append(into.words, word{into.text[at+1 : end-1], at, end, c})
			at = end
		default:
			end := at + strings.IndexAny(into.text[at:]+" ", " \t")
			w := word{into.text[at:end], at, end, 0}
			if marker, is := strings.CutPrefix(w.text, "<<"); is && marker != "" && strings.TrimSpace(into.text[end:]) == "" {
				l.open, l.marker, w.quote = '<', marker, '<'
			}
			into.words = append(into.words, w)
			at = end
		}
	}
}

// closing gives the place behind the quote that ends the open word, or -1.
func (l *lexer) closing(text string, from int) int {
	if l.open == '<' {
		rest := strings.TrimLeft(text, " \t")
		if !strings.HasPrefix(rest, l.marker) {
			return -1
		}
		l.open = 0
		return len(text) - len(rest) + len(l.marker)
	}
	for i := from; i < len(text); i++ {
		switch {
		case l.open == '"' && text[i] == '\\':
			i++
		case text[i] == l.open:
			l.open = 0
			return i + 1
		}
	}
	return -1
}

// paths gives the files that a configuration is written in, sorted.
func paths(s *Subject) []string {
	seen := make(map[string]bool)
	note := func(places policy.Places) {
		for _, p := range places {
			seen[p.File] = true
		}
	}
	note(s.Spec.Places)
	for i := range s.Spec.Plans {
		note(s.Spec.Plans[i].Places)
	}
	for i := range s.Spec.Policies {
		p := &s.Spec.Policies[i]
		note(p.Places)
		for j := range p.Operations {
			note(p.Operations[j].Places)
		}
	}
	for _, site := range s.Sites {
		seen[site.Place.File] = true
	}
	if s.Spec.TenantsFile != "" {
		seen[s.Spec.TenantsFile] = true
	}
	delete(seen, "")
	all := make([]string, 0, len(seen))
	for path := range seen {
		all = append(all, path)
	}
	slices.Sort(all)
	return all
}
