package policytest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Append adds tests to a file of tests, or makes it where there is none. f.Config is
// relative to that file; a test without a policy has those of f. What stands in the file stays as it is, with its comments;
// a test whose name is there already gets a number after it. The file is replaced at
// once and for good, or not at all: where it has mistakes, tests another
// configuration, or cannot be added to. It is not safe for concurrent use on one
// file.
func Append(path string, f File) (names []string, err error) {
	f.Tests = inherited(&f)
	target, err := filepath.EvalSymlinks(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Tests = unique(nil, f.Tests)
		return namesOf(f.Tests), create(path, f)
	case err != nil:
		return nil, fmt.Errorf("adding to the tests %s: %w", path, bare(err))
	}
	data, err := readRegular(target, MaxFile)
	if err != nil {
		return nil, fmt.Errorf("adding to the tests %s: %w", path, err)
	}
	there, err := parse(target, data)
	if err != nil {
		return nil, fmt.Errorf("adding to the tests %s, which have mistakes: %w", path, err)
	}
	f.Path = path
	if f.ConfigPath() != there.withPath(path).ConfigPath() || f.Adapter != there.Adapter {
		return nil, fmt.Errorf("adding to the tests %s: they test the configuration %s: name another file for tests of %s", path, there.withPath(path).ConfigPath(), f.ConfigPath())
	}
	f.Tests = unique(there.Tests, f.Tests)
	text, err := extend(data, there, f.Tests)
	if err != nil {
		return nil, fmt.Errorf("adding to the tests %s: %w", path, err)
	}
	return namesOf(f.Tests), replace(target, text)
}

// inherited gives the tests of a file with what they have from it.
func inherited(f *File) []Test {
	tests := slices.Clone(f.Tests)
	for i := range tests {
		if t := &tests[i]; t.Policy == "" {
			t.Policy, t.Operation = f.Policy, cmp.Or(t.Operation, f.Operation)
		}
	}
	return tests
}

// withPath is the file as it would be at another path.
func (f *File) withPath(path string) *File {
	moved := *f
	moved.Path = path
	return &moved
}

// create makes a file of tests.
func create(path string, f File) error {
	var text bytes.Buffer
	f.Path = path
	if err := Encode(&text, f); err != nil {
		return err
	}
	if _, err := parse(path, text.Bytes()); err != nil {
		return fmt.Errorf("writing the tests %s: %w", path, err)
	}
	return replace(path, text.Bytes())
}

// namesOf gives the names of tests.
func namesOf(tests []Test) []string {
	names := make([]string, len(tests))
	for i := range tests {
		names[i] = tests[i].Name
	}
	return names
}

// unique gives the tests with names that no other has.
func unique(there, more []Test) []Test {
	taken := make(map[string]struct{}, len(there)+len(more))
	for i := range there {
		taken[there[i].Name] = struct{}{}
	}
	named := make([]Test, len(more))
	for i, t := range more {
		base := t.Name
		for n := 2; ; n++ {
			if _, twice := taken[t.Name]; !twice {
				break
			}
			t.Name = fmt.Sprintf("%s (%d)", base, n)
		}
		taken[t.Name] = struct{}{}
		named[i] = t
	}
	return named
}

// extend gives the text of a file with further tests. They are put between the lines
// where that gives the right file, which it does for all that people write, else the
// file is written anew.
func extend(data []byte, there *File, tests []Test) ([]byte, error) {
	e := encoder{}
	list := e.tests(tests, there.Policy, there.Operation)
	if e.err != nil {
		return nil, e.err
	}
	for _, way := range []func([]byte, *yaml.Node) ([]byte, error){insert, rewrite} {
		text, err := way(data, list)
		if err == nil && isFileOf(text, there.Path, append(slices.Clip(there.Tests), tests...)) {
			return text, nil
		}
	}
	return nil, fmt.Errorf("there is no place for %d further tests: name another file", len(tests))
}

// isFileOf tells whether a text is a file of just these tests.
func isFileOf(text []byte, path string, tests []Test) bool {
	if len(text) > MaxFile {
		return false
	}
	got, err := parse(path, text)
	return err == nil && written(got.Tests) == written(tests)
}

// written are tests as they are written, whereby they can be compared.
func written(tests []Test) string {
	var text strings.Builder
	e := encoder{}
	if list := e.tests(tests, "", ""); e.err != nil || write(&text, list) != nil {
		return ""
	}
	return text.String()
}

// insert puts the tests below those that are there, and touches nothing else.
func insert(data []byte, list *yaml.Node) ([]byte, error) {
	r := newReader("", data)
	root := r.tree()
	tests, next := listOf(root)
	if tests == nil || tests.Style&yaml.FlowStyle != 0 {
		return nil, errors.New("the tests are not a list of lines")
	}
	var text bytes.Buffer
	if err := write(&text, list); err != nil {
		return nil, err
	}
	at := len(data)
	if next != nil {
		at = r.lines[above(r, next.Line)-1]
	}
	ending := "\n"
	if bytes.Contains(data, []byte("\r\n")) {
		ending = "\r\n"
	}
	var out bytes.Buffer
	out.Write(data[:at])
	if at > 0 && data[at-1] != '\n' {
		out.WriteString(ending)
	}
	indent := strings.Repeat(" ", tests.Column-1)
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			out.WriteString(indent + line)
		}
		out.WriteString(ending)
	}
	out.Write(data[at:])
	return out.Bytes(), nil
}

// above gives the first line of the comment above a line, or the line itself.
func above(r *reader, line int) int {
	for line > 1 && strings.HasPrefix(strings.TrimSpace(r.line(line-1)), "#") {
		line--
	}
	return line
}

// listOf gives the list of tests of a file, and the key that follows it.
func listOf(root *yaml.Node) (tests, next *yaml.Node) {
	if root == nil || root.Kind != yaml.MappingNode {
		return nil, nil
	}
	for key, value := range pairs(root) {
		switch {
		case tests != nil:
			return tests, key
		case key.Value == "tests" && value.Kind == yaml.SequenceNode:
			tests = value
		}
	}
	return tests, nil
}

// rewrite adds the tests to the tree of the file, and writes that. Comments stay,
// blank lines do not.
func rewrite(data []byte, list *yaml.Node) ([]byte, error) {
	var document yaml.Node
	if err := decodeYAML(yaml.NewDecoder(bytes.NewReader(data)), &document); err != nil {
		return nil, err
	}
	tests, _ := listOf(document.Content[0])
	if tests == nil {
		return nil, errors.New("there is no list of tests")
	}
	tests.Style &^= yaml.FlowStyle
	if tests.LineComment != "" { // It stands behind the bracket, which goes.
		tests.Content[0].HeadComment, tests.LineComment = tests.LineComment, ""
	}
	tests.Content = append(tests.Content, list.Content...)
	var text bytes.Buffer
	err := write(&text, &document)
	return text.Bytes(), err
}

// replace gives a file a new content, beside it first.
func replace(path string, data []byte) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	beside, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing the tests %s: %w", path, bare(err))
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing the tests %s: %w", path, bare(err)), os.Remove(beside.Name()))
		}
	}()
	_, err = beside.Write(data)
	if err = errors.Join(err, beside.Chmod(mode), beside.Sync(), beside.Close()); err != nil {
		return err
	}
	return os.Rename(beside.Name(), path)
}
