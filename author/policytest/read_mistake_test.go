package policytest_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/policy"
)

func TestAllMistakesOfAFileAreFoundAndPlaced(t *testing.T) {
	const text = `polcy: store
operation: order_status
config: nowhere/Caddyfile
tests:
  - name: a
    given: {status: 700, body: {a: .5, a: 1}}
    expect: {rout: shipped, next: go, vars: {Eta: 1}}
  - name: a
    policy: store
    repeat: 0
    expect: {}
  - policy: Store
    steps:
      - wait: fast
        expect: {outcome: time_out, status: "200"}
      - given: {status: 200}
    given: {status: 200}
`
	path := writeFile(t, t.TempDir(), "a_test.yaml", text)
	want := []string{
		`1:1: "polcy" is not known here: expected config, adapter, policy, operation, tests; did you mean policy?`,
		`3:9: config: "nowhere/Caddyfile": no such file or directory; expected the path of the configuration, relative to this file`,
		`5:5: test "a": no policy is named: write policy, in the test or at the top of the file`,
		`6:21: test "a": given: status: expected a whole number from 200 to 599, but this is the number 700`,
		`6:36: test "a": given: body: .5 is a number that JSON does not have: put it in quotes where it is a text, or write it as JSON does`,
		`6:40: test "a": given: body: the member "a" stands here twice`,
		`7:14: test "a": expect: "rout" is not known here: expected route, next, outcome, status, vars, missing, body, fallback, reason, headers, attempts, sent; did you mean route?`,
		`7:35: test "a": expect: next: "go" is not known here: expected continue, stop`,
		`7:46: test "a": expect: vars: "Eta" is not the name of a variable: expected [a-z][a-z0-9_]*`,
		`8:5: test "a": the test in line 5 has this name already: expected another one`,
		`10:13: test "a": repeat: expected a whole number from 1 to 100000, but this is the number 0`,
		`11:13: test "a": expect: nothing is expected, so the test cannot fail: expected one of route, next, outcome, status, vars, missing, body, fallback, reason, headers, attempts, sent`,
		`12:13: test: policy: "Store" is not allowed here: expected the name of a policy`,
		`12:5: test: the test has no name: write name, a sentence that says what must come of it`,
		`14:15: test: steps: 1: wait: "fast" is not a duration: expected one such as 500ms, 4s, 2m, 1h or 1d`,
		`15:27: test: steps: 1: expect: outcome: "time_out" is not known here: expected success, client_error, server_error, rejected, unmappable, rate_limited, overloaded, circuit_open, timeout, unreachable, incomplete, denied, bad_request, not_found, canceled, internal; did you mean timeout?`,
		`15:45: test: steps: 1: expect: status: expected a whole number from 100 to 599, but this is the text "200"`,
		`16:9: test: steps: 2: nothing is expected, so the test cannot fail: write expect, with a route for instance`,
		`17:5: test: given stands beside steps: put it into the step that it belongs to, or write no steps`,
	}
	_, err := policytest.Read(path)
	if got := placed(t, path, err); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	lines := strings.Split(text, "\n")
	var mistakes policy.Mistakes
	errors.As(err, &mistakes)
	for _, m := range mistakes {
		if line, caret, found := strings.Cut(m.Snippet, "\n"); !found || line != lines[m.Place.Line-1] || strings.TrimLeft(caret, " ") != "^" {
			t.Errorf("%v has the snippet\n%s\nwant its line %q with a caret below", m, m.Snippet, lines[m.Place.Line-1])
		}
	}
}

// placed gives the mistakes as line:column: text, with the column of the caret.
func placed(t testing.TB, path string, err error) string {
	t.Helper()
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) {
		t.Errorf("got %v, want mistakes", err)
	}
	lines := make([]string, len(mistakes))
	for i, m := range mistakes {
		if m.Place.File != path {
			t.Errorf("the mistake %v stands in %q, want %q", m, m.Place.File, path)
		}
		_, caret, _ := strings.Cut(m.Snippet, "\n")
		lines[i] = fmt.Sprintf("%d:%d: %s", m.Place.Line, len(caret), m.Text)
		if m.Name != "" {
			lines[i] = fmt.Sprintf("%d:%d: %s: %s", m.Place.Line, len(caret), m.Name, m.Text)
		}
	}
	return strings.Join(lines, "\n")
}

func TestAFileThatIsNoFileOfTestsSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		"":                              `1:1: the file is empty: expected "tests:" and a list of tests`,
		"# Nothing yet.\n":              `1:1: the file is empty: expected "tests:" and a list of tests`,
		"---\n":                         "2:1: expected a mapping with config, adapter, policy, operation, tests, but this is null",
		"[]":                            "1:1: expected a mapping with config, adapter, policy, operation, tests, but this is a list",
		"just words":                    `1:1: expected a mapping with config, adapter, policy, operation, tests, but this is the text "just words"`,
		"policy: a\n":                   `1:1: there are no tests: expected "tests:" and a list of them`,
		"policy: a\ntests:\n":           "2:1: tests has no value",
		"tests: []":                     "1:8: expected a list of tests, but the list is empty",
		"tests: {}":                     "1:8: expected a list of tests, but this is a mapping",
		"tests: [1]":                    "1:9: test: expected a mapping with name, policy, operation, steps, wait, repeat, tenant, input, request, given, expect, but this is the number 1",
		"tests: !!set [1]":              "1:8: expected a list of tests, but this is tagged !!set, and tags are not allowed",
		"policy: a\n---\npolicy: b\n":   "2:1: a second YAML document begins here: expected one, put its tests into the first or into a file of their own",
		"policy: store\n\ttests: 1\n":   "2:1: a tab indents this line: YAML is indented with spaces",
		"policy: store\n  \ttests: 1\n": "2:3: a tab indents this line: YAML is indented with spaces",
		"policy: {\n":                   "1:1: this is not YAML: expected a value, or the bracket that closes",
		"policy: a\n\xff\n":             "2:1: the byte 0xff is not UTF-8: save the file as UTF-8",
		"\xff\xfep\x00":                 "1:1: the byte 0xff is not UTF-8: save the file as UTF-8",
		"policy: é\xe9\n":               "1:10: the byte 0xe9 is not UTF-8: save the file as UTF-8",
		"{a: 1, a: 2, 7: 1, ? [a] : 1}": `1:2: "a" is not known here: expected config, adapter, policy, operation, tests` + "\n" + `1:8: "a" is not known here: expected config, adapter, policy, operation, tests` + "\n" + `1:14: "7" is not known here: expected config, adapter, policy, operation, tests` + "\n" + "1:22: expected a word as the key, but this is a list\n" + `1:1: there are no tests: expected "tests:" and a list of them`,
		strings.Repeat("[", 20000):      "1:1: this is not YAML: exceeded max depth of 10000",
		"tests: [" + strings.Repeat(",", policytest.MaxFile/8+1): "1:0: the file has more than 1048576 of the characters ,:-?[{#: divide it into several",
	} {
		path := writeFile(t, t.TempDir(), "a_test.yaml", text)
		if _, err := policytest.Read(path); placed(t, path, err) != want {
			t.Errorf("%.60q: got\n%s\nwant\n%s", text, placed(t, path, err), want)
		}
	}
}

func TestWhatIsNotYAMLIsPlacedWithARemedy(t *testing.T) {
	const before = "policy: store\noperation: o\ntests:\n  - name: fine\n    given: {status: 200,\n      body: [1, 2]}\n    expect: {status: 200}\n"
	const after = "\n  - name: fine again\n    expect: {status: 200}\n"
	for line, want := range map[string]string{
		"  - name: a\n   given: {status: 200}":                      "9:4: this is not YAML: expected a further element of the list",
		"  - name: it is: a":                                        "8:3: this is not YAML: a colon with a blank after it stands in a value",
		"  - name: a\n    given: {status: 200":                      "9:5: this is not YAML: a } or a comma is missing",
		"  - name: a\n    given: {body: [1}":                        "9:5: this is not YAML: a ] or a comma is missing",
		"  - name: a\n    given: {status: 200]}":                    "9:5: this is not YAML: a } or a comma is missing",
		"  - name: a\n    given: {status: 200}\n     wait: 1s":      "10:6: this is not YAML: expected a key",
		"  - name: a\n    given:\n      status: 200\n     wait: 1s": "11:6: this is not YAML: expected a key: is the line indented",
		"  - name: @a":                                         "8:3: this is not YAML: a value cannot begin with this character",
		"  - name: a\n    given: - a":                          "9:5: this is not YAML: a list cannot begin here",
		"  - name: a\n    given: *nowhere":                     "this is not YAML: unknown anchor 'nowhere' referenced",
		"  - name: 'a":                                         "this is not YAML: a quotation mark is not closed",
		"  - name: a\n    given\n    expect: {}":               "9:5: this is not YAML: expected a key with a colon and a blank after it",
		"  - name: a\n    wait: 1s\n\texpect: {status: 200}\n": "10:1: a tab indents this line",
	} {
		path := writeFile(t, t.TempDir(), "a_test.yaml", before+line+after)
		if _, err := policytest.Read(path); !strings.Contains(placed(t, path, err), want) {
			t.Errorf("%s: got\n%s\nwant\n%s", line, placed(t, path, err), want)
		}
	}
}

func TestAStepThatContradictsItselfIsAMistake(t *testing.T) {
	const expect = ", expect: {status: 200}"
	for step, want := range map[string]string{
		"given: {outcome: success}" + expect:                            "given: success is what the policy makes of an answer: write the status and the body that lead to it",
		"given: {outcome: timeout, status: 200}" + expect:               "given: status stands beside outcome: timeout, where the third party does not answer",
		"given: {outcome: denied, body: a}" + expect:                    "given: body stands beside outcome: denied, where the third party does not answer",
		"given: {outcome: timeout, after: 1s}" + expect:                 "given: after stands beside outcome: timeout, which says itself when the call is over",
		"given: {outcome: server_error, status: 404}" + expect:          "given: 404 is no server_error: expected 500 to 599",
		"given: {outcome: client_error, status: 200}" + expect:          "given: 200 is no client_error: expected 400 to 499",
		"given: {body: a, file: answer.txt}" + expect:                   "given: file stands beside body: there is one answer, expected one of them",
		"given: {call: call.json, status: 200}" + expect:                "given: status stands beside call: the recorded call says what is answered",
		"given: {}" + expect:                                            "given: the third party does nothing here: expected one of status, headers, body, file, call, outcome, after; without given, it answers 200 without a body",
		"given: []" + expect:                                            "given: expected what the third party does, one for each attempt, but the list is empty",
		"given: [{status: 200}, {outcome: denied}]" + expect:            "given: denied decides the call before there is an attempt: it stands alone, without a list",
		"given: [" + strings.Repeat("{status: 200},", 7) + "]" + expect: "given: expected what the third party does, one for each attempt: at most 6, but these are 7",
		"given: {file: none}" + expect:                                  `given: file: "none": no such file or directory; expected the path of a file with the body, relative to this one`,
		"given: {file: .}" + expect:                                     `given: file: ".": expected a regular file; expected the path of a file with the body, relative to this one`,
		"given: {body: }" + expect:                                      "given: body has no value",
		"given: {body: !!binary aGk=}" + expect:                         "given: body: expected a body, but this is tagged !!binary, and tags are not allowed",
		"given: {body: {1: a}}" + expect:                                "given: body: the name of a member is a text, but this is the number 1: put it in quotes",
		"given: {body: {<<: a}}" + expect:                               "given: body: merge keys are not known here: write the members, or put << in quotes",
		"given: {body: [007]}" + expect:                                 "given: body: 007 is a number that JSON does not have: put it in quotes where it is a text, or write it as JSON does",
		"given: {body: [1e400]}" + expect:                               "given: body: 1e400 is a number that JSON does not have: put it in quotes where it is a text, or write it as JSON does",
		"given: {body: [.nan]}" + expect:                                "given: body: .nan is a number that JSON does not have: put it in quotes where it is a text, or write it as JSON does",
		"given: {headers: {a b: 1}}" + expect:                           `given: headers: "a b" is not the name of a header`,
		"given: {headers: {a: 1, A: 2}}" + expect:                       "given: headers: the header A stands here twice",
		`given: {headers: {a: "b\nc"}}` + expect:                        "given: headers: a: a header holds no line breaks and control characters",
		"given: {headers: {a: [b]}}" + expect:                           "given: headers: a: expected the value of a header, but this is a list",
		"given: {after: 25h}" + expect:                                  "given: after: 25h is too long: at most 24h0m0s",
		"given: {after: -1s}" + expect:                                  `given: after: "-1s" is not a duration: expected one such as 500ms, 4s, 2m, 1h or 1d`,
		"given: {after: 2}" + expect:                                    `given: after: "2" is not a duration: expected one such as 500ms, 4s, 2m, 1h or 1d`,
		"tenant: a, tenant: b" + expect:                                 "tenant stands here twice",
		"expect: {route: a, route: b}":                                  "expect: route stands here twice",
		"repeat: 2.5" + expect:                                          "repeat: expected a whole number from 1 to 100000, but this is the number 2.5",
		"input: {a: 1}" + expect:                                        "input stands in a test without an operation: write operation, or request for a base-URL call",
		"input: {a: 1}, request: {path: /}" + expect:                    "input stands beside request: a named call has input, a base-URL call has a request",
		"operation: o, input: {a: 1, a: 2}" + expect:                    "input: the variable a stands here twice",
		"operation: o, input: [a]" + expect:                             "input: expected a mapping with variables and their values, but this is a list",
		"request: {path: a}" + expect:                                   `request: path: "a" is not a path: expected an escaped one below the policy's base URL that begins with a slash; what follows a ? is the query`,
		`request: {path: ""}` + expect:                                  "request: the path is empty: expected one that begins with a slash",
		"request: {path: '/a?b'}" + expect:                              `request: path: "/a?b" is not a path: expected an escaped one below the policy's base URL that begins with a slash; what follows a ? is the query`,
		"request: {query: a b}" + expect:                                `request: query: "a b" is not a query: expected such as a=b&c=d, percent-encoded`,
		"request: {method: get}" + expect:                               `request: method: "get" is not allowed here: expected a method such as GET or POST`,
		"request: {method: CONNECT}" + expect:                           "request: method: CONNECT opens a tunnel and is no call: expected a method such as GET or POST",
		"expect: {vars: {}}":                                            "expect: vars: vars names no variable: expected variables and their values",
		"expect: {headers: {}}":                                         "expect: headers: headers names no header: expected headers and their values",
		"expect: {vars: {a: 1}, missing: [a]}":                          "expect: the variable a is expected to be missing and to have a value",
		"expect: {missing: a}":                                          `expect: missing: expected a list of variables that must not be there, but this is the text "a"`,
		"expect: {route: a b}":                                          `expect: route: "a b" is not allowed here: expected a route: letters, digits and _.:-, at most 64`,
		"expect: {route: null}":                                         "expect: route: expected a route: letters, digits and _.:-, at most 64, but this is null",
		"expect: {fallback: Stale}":                                     `expect: fallback: "Stale" is not known here: expected stale, static, none; did you mean stale?`,
		"expect: {attempts: 7}":                                         "expect: attempts: expected a whole number from 0 to 6, but this is the number 7",
		"expect: {sent: none}":                                          `expect: sent: "none" is not known here: expected nothing`,
		"expect: {sent: {}}":                                            "expect: sent: nothing of the request is expected: write sent: nothing where none may go out",
		"expect: {sent: {url: orders}}":                                 `expect: sent: url: "orders" is not allowed here: expected a whole address, or a path with its query that begins with a slash`,
	} {
		folder := t.TempDir()
		writeFile(t, folder, "answer.txt", "text")
		writeFile(t, folder, "call.json", `{"id":"1","outcome":"success","received":{"status":200}}`)
		path := writeFile(t, folder, "a_test.yaml", "policy: store\ntests:\n- {name: a, "+step+"}\n")
		_, err := policytest.Read(path)
		_, got, _ := strings.Cut(placed(t, path, err), `test "a": `)
		if got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", step, got, want)
		}
	}
}

func TestANameThatDoesNotFitIntoAReportIsAMistake(t *testing.T) {
	for name, want := range map[string]string{
		`""`:                     `"" is not a name: expected a text without blanks at its ends`,
		`" a"`:                   `" a" is not a name: expected a text without blanks at its ends`,
		`"a\nb"`:                 `"a\nb" is not a name: expected one line without control characters`,
		`"\e[31m"`:               `"\x1b[31m" is not a name: expected one line without control characters`,
		strings.Repeat("a", 257): "the name is longer than 256 bytes",
		"[a]":                    "expected the name of the test, but this is a list",
		"":                       "name has no value",
	} {
		path := writeFile(t, t.TempDir(), "a_test.yaml", "policy: store\ntests:\n- name: "+name+"\n  expect: {status: 200}\n")
		if _, err := policytest.Read(path); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

func TestMistakesAreBounded(t *testing.T) {
	path := writeFile(t, t.TempDir(), "a_test.yaml", "policy: store\ntests:\n"+strings.Repeat("- {}\n", 500))
	_, err := policytest.Read(path)
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) || len(mistakes) != 101 || mistakes[100].Text != "and 900 more mistakes" {
		t.Errorf("got %d mistakes, the last %v, want 100 and how many more", len(mistakes), mistakes[len(mistakes)-1])
	}
}

func TestALongLineIsShownAroundItsMistake(t *testing.T) {
	long := strings.Repeat("é", 500)
	path := writeFile(t, t.TempDir(), "a_test.yaml", "policy: store\ntests:\n- {name: "+long[:100]+", tenant: "+long+", expect: {status: 1}, wait: 1s}\n")
	_, err := policytest.Read(path)
	var mistakes policy.Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatal(err)
	}
	line, caret, _ := strings.Cut(mistakes[0].Snippet, "\n")
	if at := []rune(line); len(at) > 125 || at[len(caret)-1] != '1' || at[0] != '…' {
		t.Errorf("got\n%s\nwant the part around the 1 with the caret below it", mistakes[0].Snippet)
	}
}

func TestFilesThatTestsNameMayStandAnywhere(t *testing.T) {
	folder := t.TempDir()
	absolute := writeFile(t, t.TempDir(), "answer.txt", "absolute")
	writeFile(t, filepath.Dir(folder), "above.txt", "above")
	path := writeFile(t, folder, "a_test.yaml", "policy: p\ntests:\n- {name: a, given: [{file: ../above.txt}, {file: '"+absolute+"'}], expect: {status: 200}}\n")
	f, err := policytest.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if given := f.Tests[0].Steps[0].Given; string(given[0].Body) != "above" || string(given[1].Body) != "absolute" {
		t.Errorf("got %q and %q, want above and absolute", given[0].Body, given[1].Body)
	}
}
