package policytest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Words that a file of tests may say.
var (
	thingName    = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	variableName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	routeName    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$`)
	methodName   = regexp.MustCompile(`^[A-Z][A-Z0-9-]{0,31}$`)
	headerName   = regexp.MustCompile("^[!#$%&'*+.^_`|~0-9A-Za-z-]+$")
)

// maxName bounds the name of a test, in bytes.
const maxName = 256

// Read reads a file of tests, which is at most MaxFile bytes long, with all files
// that it names. What is wrong with it is told all at once, up to a hundred
// mistakes: the error is then policy.Mistakes, each with its place and the line
// with a caret. Files that tests name may stand anywhere, relative to the file of
// tests; together they have at most 256 MiB. The Body of a Given that a file holds is
// shared by all that name it and must not be changed.
func Read(path string) (*File, error) {
	data, err := readRegular(path, MaxFile)
	if err != nil {
		return nil, fmt.Errorf("reading the tests %s: %w", path, err)
	}
	return parse(path, data)
}

// parse reads the text of a file of tests.
func parse(path string, data []byte) (*File, error) {
	r := newReader(path, data)
	f := &File{Path: path}
	if root := r.tree(); root != nil {
		r.file(root, f)
	}
	if err := r.all(); err != nil {
		return nil, err
	}
	return f, nil
}

// readRegular gives the bytes of a regular file. Anything else, such as a pipe,
// could keep the reader waiting for ever.
func readRegular(path string, most int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, bare(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("expected a regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, bare(err)
	}
	if int64(len(data)) > most {
		return nil, fmt.Errorf("the file has more than %d bytes", most)
	}
	return data, nil
}

// bare drops the path from the file system's error, as messages name it already.
func bare(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// fileFields are the keys of a file.
var fileFields = fields[fileText]{
	{"config", func(s scope, n *yaml.Node, into *fileText) {
		path, ok := s.text(n, "the path of a configuration")
		if !ok {
			return
		}
		if err := s.attached.there(path); err != nil {
			s.wrong(n, "%.200q: %v; expected the path of the configuration, relative to this file", path, err)
		}
		into.Config = path
	}},
	{"adapter", func(s scope, n *yaml.Node, into *fileText) {
		into.Adapter = s.matching(n, thingName, "the name of a configuration adapter, such as caddyfile or json")
	}},
	{"policy", func(s scope, n *yaml.Node, into *fileText) {
		into.Policy = s.matching(n, thingName, "the name of a policy")
	}},
	{"operation", func(s scope, n *yaml.Node, into *fileText) {
		into.Operation = s.matching(n, thingName, "the name of an operation")
	}},
	{"tests", func(s scope, n *yaml.Node, into *fileText) {
		s.name = ""
		s, nodes := s.list(n, "a list of tests", MaxTests)
		for _, node := range nodes {
			into.tests = append(into.tests, readTest(s, node))
		}
	}},
}

// fileText is a file as it is written: its tests do not know yet what holds for all
// of them.
type fileText struct {
	*File
	tests []*testText
}

// testText is a test as it is written.
type testText struct {
	Test
	step  Step       // where there are no steps
	base  bool       // "operation: null" is written
	keys  keys       // those that it has
	scope scope      // where it stands
	node  *yaml.Node // for what is wrong with it as a whole
}

// testFields are the keys of a test beside those of a step.
var testFields = append(fields[testText]{
	{"name", func(s scope, n *yaml.Node, into *testText) { into.Name = s.testName(n) }},
	{"policy", func(s scope, n *yaml.Node, into *testText) {
		into.Policy = s.matching(n, thingName, "the name of a policy")
	}},
	{"operation", func(s scope, n *yaml.Node, into *testText) {
		if n.Kind == yaml.ScalarNode && kindOf(n) == nullKind {
			into.base = true // A base-URL call, whatever the file says.
			return
		}
		into.Operation = s.matching(n, thingName, "the name of an operation, or null for none")
	}},
	{"steps", func(s scope, n *yaml.Node, into *testText) {
		into.Sequence = true
		s, nodes := s.list(n, "a list of steps", MaxSteps)
		for i, node := range nodes {
			part := s.in(fmt.Sprint(i + 1))
			var step Step
			part.finishStep(node, stepFields.read(part, node, &step), &step)
			into.Steps = append(into.Steps, step)
		}
	}},
}, lift(stepFields, func(t *testText) *Step { return &t.step })...)

// testName is a name that fits on one line of a report.
func (s scope) testName(n *yaml.Node) string {
	text, ok := s.text(n, "the name of the test")
	switch {
	case !ok:
		return ""
	case strings.TrimSpace(text) != text || text == "":
		s.wrong(n, "%.100q is not a name: expected a text without blanks at its ends", text)
	case len(text) > maxName:
		s.wrong(n, "the name is longer than %d bytes", maxName)
	case strings.ContainsFunc(text, unicode.IsControl):
		s.wrong(n, "%.100q is not a name: expected one line without control characters", text)
	}
	return text
}

// readTest reads one test.
func readTest(s scope, n *yaml.Node) *testText {
	s = s.in(nameOf(n))
	t := &testText{node: n, scope: s}
	t.keys = testFields.read(s, n, t)
	if t.keys == nil {
		return t
	}
	t.Place = s.placeOf(n)
	if t.keys["name"] == nil {
		s.wrong(n, "the test has no name: write name, a sentence that says what must come of it")
	}
	if !t.Sequence {
		s.finishStep(n, t.keys, &t.step)
		t.Steps = []Step{t.step}
	} else if beside := t.keys.has(stepFields.names()...); len(beside) > 0 {
		s.wrong(t.keys[beside[0]], "%s stands beside steps: put it into the step that it belongs to, or write no steps", beside[0])
	}
	return t
}

// nameOf is how messages name a test before it is read.
func nameOf(n *yaml.Node) string {
	if n.Kind == yaml.MappingNode {
		for key, value := range pairs(n) {
			if key.Value == "name" && value.Kind == yaml.ScalarNode && value.Value != "" {
				return fmt.Sprintf("test %.100q", value.Value)
			}
		}
	}
	return "test"
}
