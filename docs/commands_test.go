package docs_test

import (
	"go/ast"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/explain"
	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/author/replay"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

func TestTheExamplesOfTheCommandsWorkWordByWord(t *testing.T) {
	if ran := newReader(t, "8080", "9090", "2019").follow(read(t, "docs/commands.md")); ran < 20 {
		t.Errorf("only %d blocks of commands were run", ran)
	}
}

// Lines of what a command says of itself.
var (
	helpCommand = regexp.MustCompile(`(?m)^  ([a-z]+)  +[A-Z]`)
	helpFlag    = regexp.MustCompile(`(?m)^ +(?:(-[a-z]), )?(--[a-z-]+) `)
)

// described gives the flags of a command and of all below it, by what follows
// `caddy signpost`.
func described(r *reader, command string) map[string][]string {
	r.t.Helper()
	r.run("caddy signpost "+command+" --help", false)
	_, usage, _ := strings.Cut(r.said, "\nUsage:\n")
	commands, flags, _ := strings.Cut(usage, "\nFlags:\n")
	all := make(map[string][]string)
	_, commands, group := strings.Cut(commands, "\nAvailable Commands:\n")
	if group {
		for _, m := range helpCommand.FindAllStringSubmatch(commands, -1) {
			maps.Copy(all, described(r, strings.TrimSpace(command+" "+m[1])))
		}
		return all
	}
	all[command] = []string{}
	for _, m := range helpFlag.FindAllStringSubmatch(flags, -1) {
		if m[2] != "--help" {
			all[command] = append(all[command], slices.DeleteFunc(m[1:], func(name string) bool { return name == "" })...)
		}
	}
	return all
}

// flagSpan finds flags in a cell of a table.
var flagSpan = regexp.MustCompile("`(--?[a-z-]+)`")

// tabled gives the flags of a command that a page has rows for, in tables of flags.
func tabled(t *testing.T, page, command string) []string {
	t.Helper()
	group, _, below := strings.Cut(command, " ")
	text := section(t, page, group)
	if below && group != "secret" {
		text += section(t, page, command)
	}
	found, cell := []string{}, -1
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimPrefix(line, "| "), " | ")
		switch {
		case !strings.HasPrefix(line, "|"):
			cell = -1
		case slices.Contains(cells, "flag"):
			cell = slices.Index(cells, "flag")
		case cell < 0 || group == "secret" && cells[0] != "`caddy signpost "+command+"`":
		default:
			for _, m := range flagSpan.FindAllStringSubmatch(cells[min(cell, len(cells)-1)], -1) {
				found = append(found, m[1])
			}
		}
	}
	return found
}

func TestEachFlagOfEachCommandHasARowAndNoOtherHas(t *testing.T) {
	page := read(t, "docs/commands.md")
	commands := described(newReader(t), "")
	if len(commands) < 10 {
		t.Fatalf("only the commands %q were found", slices.Sorted(maps.Keys(commands)))
	}
	known := []string{"--help"}
	for command, want := range commands {
		known = append(known, want...)
		if !strings.Contains(page, "`caddy signpost "+command) && !strings.Contains(page, "caddy signpost "+command+" ") {
			t.Errorf("the page does not name the command %s", command)
		}
		got := tabled(t, page, command)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the page has rows for %q, the command has %q", command, got, want)
		}
	}
	ofCurl := section(t, page, "import curl")
	for _, m := range regexp.MustCompile("[ `](--[a-z-]+)").FindAllStringSubmatch(strings.ReplaceAll(page, ofCurl, ""), -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("the page names the flag %s, which no command has", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`caddy signpost ([a-z]+)(?: (curl|openapi|postman|init|set|list|rm)\b)?`).FindAllStringSubmatch(page, -1) {
		name := strings.TrimSpace(m[1] + " " + m[2])
		if _, there := commands[name]; !there && m[1] != "import" && m[1] != "secret" {
			t.Errorf("the page names the command %s, which there is not", name)
		}
	}
}

// testKeys gives the keys of the mappings in files of tests, by what they are read
// into.
func testKeys(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	for _, file := range source(t, "author/policytest/read*.go") {
		ast.Inspect(file, func(n ast.Node) bool {
			table, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			generic, ok := table.Type.(*ast.IndexExpr)
			if !ok {
				return true
			}
			if name, ok := generic.X.(*ast.Ident); !ok || name.Name != "fields" {
				return true
			}
			into := generic.Index.(*ast.Ident).Name
			for _, e := range table.Elts {
				name := e.(*ast.CompositeLit).Elts[0].(*ast.BasicLit)
				found[into] = append(found[into], literals(name, regexp.MustCompile(`.`))...)
			}
			return true
		})
	}
	return found
}

func TestEachKeyOfATestFileHasARowAndNoOtherHas(t *testing.T) {
	page := read(t, "docs/commands.md")
	all := testKeys(t)
	headings := map[string]string{
		"fileText": "Keys of a file", "testText": "Keys of a test", "Step": "Keys of a step", "requestText": "Keys of a request",
		"givenText": "Keys of given", "Expect": "Keys of expect", "Sent": "Keys of sent",
	}
	for into, want := range all {
		text, _, _ := strings.Cut(section(t, page, headings[into]), "| outcome | what happens |")
		got := rows(text)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the page has rows for %q, the reader of tests for %q", headings[into], got, want)
		}
	}
	if len(all) != len(headings) {
		t.Errorf("the reader of tests has keys of %q, want those of %q", slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(headings)))
	}
}

func TestTheBoundsOfTestFilesAreThoseOfTheCode(t *testing.T) {
	table := section(t, read(t, "docs/commands.md"), "Bounds of test files")
	const folder = "author/policytest/"
	want := map[string]string{
		"bytes of a file, and of each file that it names": strconv.Itoa(policytest.MaxFile),
		"bytes of all files that it names":                number(t, folder+"read_attached.go", "maxAttached"),
		"bytes that aliases stand for":                    strconv.Itoa(policytest.MaxFile),
		"tests of a file":                                 strconv.Itoa(policytest.MaxTests),
		"steps of a test":                                 strconv.Itoa(policytest.MaxSteps),
		"repetitions of a step":                           strconv.Itoa(policytest.MaxRepeat),
		"depth of a value":                                number(t, folder+"read_value.go", "maxDepth"),
		"mistakes that are told of a file":                number(t, folder+"read_tree.go", "maxMistakes"),
		"failures that are told of a test":                strconv.Itoa(policytest.MaxFailures),
		"files that are found":                            strconv.Itoa(policytest.MaxFiles),
		"folders that are watched":                        strconv.Itoa(policytest.MaxWatched),
	}
	for what, value := range want {
		if cells := row(t, table, what); cells != nil && cells[1] != value {
			t.Errorf("%s: the table says %s, the code %s", what, cells[1], value)
		}
	}
	if found := strings.Count(table, "\n| "); found != len(want)+1 {
		t.Errorf("the table has %d rows with its head, want %d: each is compared here", found, len(want)+1)
	}
}

// members gives the names of a struct's members in JSON, and of those of all that it
// holds but the types left out.
func members(of reflect.Type, leftOut ...reflect.Type) []string {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || slices.Contains(leftOut, of) {
		return nil
	}
	var names []string
	for i := range of.NumField() {
		field := of.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.IsExported() || name == "-" {
			continue
		}
		if name != "" {
			names = append(names, name)
		}
		names = append(names, members(field.Type, leftOut...)...)
	}
	return names
}

func TestEveryMemberOfACallIsNamed(t *testing.T) {
	wantAll(t, section(t, reference(t), "Call log"), "member", members(reflect.TypeFor[calllog.Detail]()))
}

func TestEveryMemberThatCommandsPrintIsNamed(t *testing.T) {
	page := fence.ReplaceAllString(read(t, "docs/commands.md"), "")
	call, answer := reflect.TypeFor[calllog.Detail](), reflect.TypeFor[calllog.AnswerDetail]() // The reference has them.
	for heading, printed := range map[string][]reflect.Type{
		"Reports of tests": {reflect.TypeFor[policytest.ReportJSON]()},
		"replay":           {reflect.TypeFor[replay.Report]()},
		"explain":          {reflect.TypeFor[explain.Explanation]()},
		"call":             {reflect.TypeFor[explain.Called](), reflect.TypeFor[explain.Timing](), reflect.TypeFor[explain.Lines]()},
	} {
		for _, of := range printed {
			wantAll(t, section(t, page, heading), "member of "+of.String(), members(of, call, answer))
		}
	}
	tag := regexp.MustCompile(`^json:"([a-z]+)`)
	for _, text := range literalsOf(t, "author/lint/json.go", tag.String()) {
		wantAll(t, section(t, page, "check"), "member of a finding", tag.FindStringSubmatch(text)[1:])
	}
}
