package docs_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/signpost-gateway/signpost/caddymodule"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/breaker"
	"github.com/signpost-gateway/signpost/policy/calllog"
	"github.com/signpost-gateway/signpost/policy/extract"
	"github.com/signpost-gateway/signpost/policy/hint"
	"github.com/signpost-gateway/signpost/policy/input"
	"github.com/signpost-gateway/signpost/policy/jwt"
	"github.com/signpost-gateway/signpost/policy/limit"
	"github.com/signpost-gateway/signpost/policy/stale"
	"github.com/signpost-gateway/signpost/policy/tenant"
)

// source parses the files of a folder that match a pattern, tests left out.
func source(t *testing.T, pattern string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("finding %s: %d files, %v", pattern, len(paths), err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// literals gives the texts in a piece of source that match.
func literals(node ast.Node, match *regexp.Regexp) []string {
	var found []string
	ast.Inspect(node, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if text, err := strconv.Unquote(lit.Value); err == nil && match.MatchString(text) {
				found = append(found, text)
			}
		}
		return true
	})
	return found
}

// literalsOf gives the texts in all files of a pattern that match.
func literalsOf(t *testing.T, pattern, match string) []string {
	t.Helper()
	var found []string
	for _, file := range source(t, pattern) {
		found = append(found, literals(file, regexp.MustCompile(match))...)
	}
	if len(found) == 0 {
		t.Fatalf("%s holds no text like %s", pattern, match)
	}
	return found
}

// declared gives the value of a constant or variable of a file.
func declared(t *testing.T, path, name string) ast.Expr {
	t.Helper()
	var value ast.Expr
	ast.Inspect(source(t, path)[0], func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == name && len(spec.Values) == 1 {
			value = spec.Values[0]
		}
		return true
	})
	if value == nil {
		t.Fatalf("%s declares no %s", path, name)
	}
	return value
}

// number gives the value of a constant that is not exported.
func number(t *testing.T, path, name string) string {
	t.Helper()
	value, err := types.Eval(token.NewFileSet(), nil, token.NoPos, types.ExprString(declared(t, path, name)))
	if err != nil {
		t.Fatal(err)
	}
	n, exact := constant.Int64Val(value.Value)
	if !exact {
		t.Fatalf("%s in %s is no whole number", name, path)
	}
	return strconv.FormatInt(n, 10)
}

// keys gives the keys of a map literal.
func keys(t *testing.T, path, name string) []string {
	t.Helper()
	var names []string
	for _, element := range declared(t, path, name).(*ast.CompositeLit).Elts {
		names = append(names, literals(element.(*ast.KeyValueExpr).Key, regexp.MustCompile(``))...)
	}
	if len(names) == 0 {
		t.Fatalf("%s in %s has no keys", name, path)
	}
	return names
}

// codeSpan finds what stands in backticks.
var codeSpan = regexp.MustCompile("`[^`]+`")

// wantAll fails for each name that is in none of a text's code spans, by itself
// or beside other characters than letters and underscores: request.path names
// path.
func wantAll(t *testing.T, text, what string, names []string) {
	t.Helper()
	code := strings.Join(codeSpan.FindAllString(text, -1), "\n")
	for _, name := range names {
		if !regexp.MustCompile(`(?m)[^A-Za-z_]` + regexp.QuoteMeta(name) + `[^A-Za-z_]`).MatchString(code) {
			t.Errorf("the reference lacks the %s %q", what, name)
		}
	}
}

// row gives the cells of the row of a table that begins with a name.
func row(t *testing.T, text, name string) []string {
	t.Helper()
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if strings.HasPrefix(line, "|") && cells[0] == name {
			return cells
		}
	}
	t.Errorf("the reference lacks a row %q", name)
	return nil
}

func TestEachOutcomeHasARowWithItsDefaultRoute(t *testing.T) {
	table := section(t, reference(t), "Outcomes")
	for _, o := range policy.Outcomes() {
		cells := row(t, table, "`"+string(o)+"`")
		route := "`" + o.DefaultRoute() + "`"
		if o.DefaultRoute() == "" {
			route = "–"
		}
		if cells != nil && (len(cells) != 7 || cells[4] != route) {
			t.Errorf("the row of %s is %q, want 7 cells with the default route %s", o, cells, o.DefaultRoute())
		}
	}
	wantAll(t, table, "error of RFC 9209", literalsOf(t, "policy/fault/kind.go", `^[a-z]+_[a-z_]+$`))
	wantAll(t, table, "error of RFC 9209", literalsOf(t, "policy/outcome.go", `^(http|connection|destination|proxy)_[a-z_]+$`))
}

func TestEveryHeaderIsNamedAndNoOther(t *testing.T) {
	page := reference(t)
	known := map[string]bool{"signpost-": true} // The prefix, in Signpost-*.
	for _, name := range literalsOf(t, "policy/header.go", `^[A-Z][A-Za-z]+(-[A-Z][a-z]+)+$|^Ratelimit$`) {
		known[strings.ToLower(name)] = true
		if !strings.Contains(strings.ToLower(page), "`"+strings.ToLower(name)+"`") {
			t.Errorf("the reference lacks the header %s", name)
		}
	}
	for _, name := range regexp.MustCompile(`Signpost-[A-Za-z-]*`).FindAllString(page, -1) {
		if lower := strings.ToLower(name); !known[lower] && !strings.HasPrefix(lower, "signpost-var-") {
			t.Errorf("the reference names the header %s, which nobody writes or reads", name)
		}
	}
}

func TestEverySpanAttributeAndEventIsNamedAndNoOther(t *testing.T) {
	text := section(t, reference(t), "Traces")
	names := literalsOf(t, "policy/span.go", `^(signpost|http|url|server|network|error)\.[a-z_.]+$`)
	known := make(map[string]bool)
	for _, name := range names {
		known[name] = true
		if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`"+name+"<name>`") {
			t.Errorf("the reference lacks the attribute or event %s", name)
		}
	}
	for _, m := range regexp.MustCompile("`((?:signpost|http|url|server|network|error)\\.[a-z_.]+)(?:<name>)?`").FindAllStringSubmatch(text, -1) {
		if !known[m[1]] {
			t.Errorf("the reference names the attribute %s, which nobody sets", m[1])
		}
	}
	wantAll(t, text, "variable", literalsOf(t, "caddymodule/telemetry/export.go", `^OTEL_[A-Z_]+$`))
}

func TestEveryMetricIsNamedAndNoOther(t *testing.T) {
	page := reference(t)
	table := section(t, page, "Metrics")
	known := make(map[string]bool)
	for _, name := range literalsOf(t, "caddymodule/telemetry/*.go", `^signpost_[a-z_]+$`) {
		known[name] = true
		row(t, table, "`"+name+"`")
	}
	for _, name := range regexp.MustCompile(`signpost_[a-z_]+`).FindAllString(page, -1) {
		if !known[name] && name != "signpost_console" { // A directive.
			t.Errorf("the reference names the metric %s, which does not exist", name)
		}
	}
}

func TestEveryFieldOfTheLogLineIsNamed(t *testing.T) {
	var fields []string
	ast.Inspect(source(t, "caddymodule/telemetry/logline.go")[0], func(n ast.Node) bool {
		if f, ok := n.(*ast.FuncDecl); ok && f.Name.Name == "callFields" {
			fields = literals(f, regexp.MustCompile(`.`))
		}
		return true
	})
	if len(fields) == 0 {
		t.Fatal("finding the fields: callFields holds no names")
	}
	wantAll(t, section(t, reference(t), "Log and events"), "field", fields)
}

// rows gives what stands in backticks in the first cell of each row of the
// tables of a section.
func rows(text string) []string {
	var found []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`[^|]*\\|").FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

func TestEachWordOfAnInnerBlockHasARowAndNoOtherHas(t *testing.T) {
	page := reference(t)
	for heading, table := range map[string][2]string{
		"Words of a named call": {"caddymodule/parse_call.go", "callWords"},
		"Words of jwt":          {"caddymodule/parse_inject.go", "jwtWords"},
		"Words of oauth2":       {"caddymodule/parse_inject.go", "oauth2Words"},
	} {
		got, want := rows(section(t, page, heading)), keys(t, table[0], table[1])
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the reference has rows for %q, the grammar has %q", heading, got, want)
		}
	}
}

func TestEachTypeOfAnInputAndEachAlgorithmIsNamed(t *testing.T) {
	page := reference(t)
	types := literals(declared(t, "caddymodule/parse_call.go", "inputTypes"), regexp.MustCompile(`.`))
	got := rows(section(t, page, "Inputs"))
	slices.Sort(types)
	if !slices.Equal(got, types) {
		t.Errorf("the reference has rows for the types %q, the grammar has %q", got, types)
	}
	usage := literalsOf(t, "caddymodule/parse_inject.go", `^alg [A-Z]`)[0]
	wantAll(t, section(t, page, "Words of jwt"), "algorithm", strings.Split(strings.TrimPrefix(usage, "alg "), "|"))
}

func TestEachCommandHasARowWithItsUsage(t *testing.T) {
	got := rows(fence.ReplaceAllString(section(t, reference(t), "Encrypted secrets"), ""))
	want := literalsOf(t, "caddymodule/command/secret.go", `^(init|set|list|rm) <file> `)
	for i, usage := range want {
		want[i] = "caddy signpost secret " + usage
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the reference has rows for %q, the commands are %q", got, want)
	}
}

func TestTheMembersOfAnEnvelopeAreThoseOfItsSchema(t *testing.T) {
	var schema struct{ Properties map[string]any }
	if err := json.Unmarshal([]byte(read(t, "docs/envelope.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	text := section(t, reference(t), "Envelope")
	wantAll(t, fence.ReplaceAllString(text, ""), "member", slices.Sorted(maps.Keys(schema.Properties)))
	shown, err := jsonschema.UnmarshalJSON(strings.NewReader(blocks(text)[0].text))
	if err != nil {
		t.Fatalf("reading the envelope of the page: %v", err)
	}
	if err := envelopeSchema(t).Validate(shown); err != nil {
		t.Errorf("the envelope of the page is refused: %v", err)
	}
}

func TestEveryFieldOfTheJSONFormIsNamed(t *testing.T) {
	text := section(t, reference(t), "JSON")
	_, table, _ := strings.Cut(text, "| of | fields |")
	seen := make(map[reflect.Type]bool)
	var walk func(reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			field := of.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if !field.IsExported() || name == "-" {
				continue
			}
			if !field.Anonymous && !strings.Contains(table, "`"+name+"`") {
				t.Errorf("the reference lacks the field %q of %s", name, of)
			}
			walk(field.Type)
		}
	}
	walk(reflect.TypeFor[caddymodule.Config]())
	walk(reflect.TypeFor[caddymodule.Handler]())
}

func TestEveryNameOfExpressionsIsListed(t *testing.T) {
	text := section(t, reference(t), "Expressions")
	const file = "policy/hint/read.go"
	wantAll(t, text, "name", keys(t, file, "roots"))
	wantAll(t, text, "member of request", keys(t, file, "requestMembers"))
	wantAll(t, text, "function", keys(t, file, "functions"))
	wantAll(t, text, "absent function", literals(declared(t, "policy/hint/condition.go", "absent"), regexp.MustCompile(`.`)))
}

func TestEveryClassOfAddressesIsListed(t *testing.T) {
	var classes []string
	ast.Inspect(source(t, "policy/dialguard/classify.go")[0], func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "class") {
			classes = append(classes, literals(spec, regexp.MustCompile(`.`))...)
		}
		return true
	})
	if len(classes) == 0 {
		t.Fatal("finding the classes: there are none")
	}
	wantAll(t, section(t, reference(t), "Dial guard"), "class", classes)
}

// seconds writes a duration as the table does.
func seconds(d time.Duration) string { return fmt.Sprintf("%gs", d.Seconds()) }

func TestDefaultsAndCeilingsAreThoseOfTheCode(t *testing.T) {
	table := section(t, reference(t), "Defaults and ceilings")
	b := breaker.Default()
	const none = "–"
	want := map[string][2]string{
		"tenant limit":                     {policy.DefaultRate, none},
		"deadline":                         {seconds(policy.DefaultTimeout), seconds(policy.MaxTimeout)},
		"retries":                          {"0", strconv.Itoa(policy.MaxRetries)},
		"peek":                             {policy.DefaultPeek.String(), policy.MaxPeek.String()},
		"breaker":                          {b.String(), none},
		"breaker open":                     {seconds(b.Open), fmt.Sprintf("%gh", breaker.MaxSpan.Hours())},
		"breaker probes":                   {strconv.Itoa(b.Probes), strconv.Itoa(breaker.MaxProbes)},
		"header variable":                  same(number(t, "policy/header.go", "maxVariable")),
		"header variables together":        same(number(t, "policy/header.go", "maxVariables")),
		"reason":                           same(number(t, "policy/header.go", "maxReason")),
		"JSON depth":                       same(strconv.Itoa(extract.MaxDepth)),
		"JSON values":                      same(strconv.Itoa(extract.MaxValues)),
		"matches of a path":                same(strconv.Itoa(extract.MaxMatches)),
		"bytes of a path":                  same(strconv.Itoa(extract.MaxPathBytes)),
		"condition's bytes":                same(strconv.Itoa(hint.MaxSource)),
		"condition's steps":                same(strconv.Itoa(hint.MaxSteps)),
		"tenants in memory":                same(strconv.Itoa(limit.DefaultMaxTenants)),
		"stale answers' bytes":             same(strconv.Itoa(stale.DefaultMaxBytes)),
		"stale answer's bytes":             same(strconv.Itoa(stale.DefaultMaxEntry)),
		"tenants at Redis":                 {strconv.Itoa(limit.DefaultRemoteTenants), number(t, "policy/compile_state.go", "maxSharedTenants")},
		"connections to each Redis":        {number(t, "policy/spec_state.go", "defaultConnections"), number(t, "policy/compile_state.go", "maxConnections")},
		"bytes of stale answers at Redis":  {strconv.Itoa(stale.DefaultMaxBytes), none},
		"tenant's name":                    same(strconv.Itoa(tenant.MaxName)),
		"envelope":                         same(policy.MaxEnvelope.String()),
		"calls in the log, of each policy": {strconv.Itoa(calllog.DefaultCalls), strconv.Itoa(calllog.MaxCalls)},
		"bytes of a body in the log":       {strconv.Itoa(calllog.DefaultBodies), strconv.Itoa(calllog.MaxBodies)},
		"alert's addresses":                same(number(t, "caddymodule/alert/config.go", "maxRecipients")),
		"a JWT's life":                     {fmt.Sprintf("%gm", jwt.DefaultTTL.Minutes()), fmt.Sprintf("%gh", jwt.MaxTTL.Hours())},

		"bytes of a call's variables":                  same(number(t, "policy/named.go", "maxInputs")),
		"a call's variables":                           same(strconv.Itoa(input.MaxMembers)),
		"depth of a call's variables":                  same(strconv.Itoa(input.MaxDepth)),
		"bytes of a variable in path, query or header": same(number(t, "policy/named.go", "maxLine")),
		"bytes of a body that goes out":                same(number(t, "policy/named.go", "maxSent")),
		"bytes of `matches`":                           same(strconv.Itoa(input.MaxPattern)),
		"bytes that `matches` is asked about":          same(strconv.Itoa(input.MaxMatched)),
	}
	for what, values := range want {
		cells := row(t, table, what)
		if cells != nil && !reflect.DeepEqual(cells[1:], values[:]) {
			t.Errorf("%s: the table says %q, the code %q", what, cells[1:], values)
		}
	}
	if rows := strings.Count(table, "\n| "); rows != len(want)+1 {
		t.Errorf("the table has %d rows with its head, want %d: each is compared here", rows, len(want)+1)
	}
}

// same is a bound that is its own default.
func same(value string) [2]string { return [2]string{value, value} }
