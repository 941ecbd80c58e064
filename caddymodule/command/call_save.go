package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signpost-gateway/signpost/author/policytest"
	"github.com/signpost-gateway/signpost/author/terminal"
	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// redacted is what the call log has in the place of what nobody is to see.
const redacted = "[redacted]"

// checkSave tells what is wrong with where a call is to be saved, before it is made.
func (f *callFlags) checkSave() error {
	switch {
	case f.save == "" && f.name != "":
		return errors.New("--name is that of a saved test: expected --save beside it")
	case f.save == "":
		return nil
	case !strings.HasSuffix(f.save, "_test.yaml"):
		return fmt.Errorf("--save is %q: expected a name that ends in _test.yaml, by which tests are found", f.save)
	case f.config == "-":
		return errors.New("--save needs a configuration in a file, which the test can name, and not on standard input")
	}
	return nil
}

// saveTest writes the call as a policy test, once it is known that the test passes.
func (f *callFlags) saveTest(cmd *cobra.Command, config *Config, entry *calllog.Entry) error {
	test, err := f.request.test(entry)
	if err != nil {
		return fmt.Errorf("saving the call as a test: %w", err)
	}
	if f.name != "" {
		test.Name = f.name
	}
	file := policytest.File{
		Path: f.save, Adapter: f.adapter, Policy: f.request.policy, Operation: f.request.operation, Tests: []policytest.Test{test},
	}
	if file.Config, err = relative(f.save, config.Path); err != nil {
		return fmt.Errorf("saving the call as a test: %w", err)
	}
	if err := try(cmd, file, config); err != nil {
		return fmt.Errorf("saving the call as a test: %w", err)
	}
	names, err := policytest.Append(f.save, file)
	if err != nil {
		return err
	}
	cmd.PrintErrf("saved the test %q in %s\n", names[0], f.save)
	return nil
}

// relative names a configuration as a test beside it would; empty where that is the
// Caddyfile beside it.
func relative(test, config string) (string, error) {
	folder, err := filepath.Abs(filepath.Dir(test))
	if err != nil {
		return "", fmt.Errorf("finding the folder of %s: %w", test, err)
	}
	path, err := filepath.Abs(config)
	if err != nil {
		return "", fmt.Errorf("finding %s: %w", config, err)
	}
	name, err := filepath.Rel(folder, path)
	if err != nil {
		name = path // On another volume there is no other name for it.
	}
	if name == "Caddyfile" {
		name = ""
	}
	return filepath.ToSlash(name), nil
}

// try runs the test before it is written. One that does not pass depends on what a
// test does not have.
func try(cmd *cobra.Command, file policytest.File, config *Config) error {
	load := func(policytest.File) (*policy.Spec, error) { return &config.Spec, nil }
	report, err := policytest.Run(cmd.Context(), []policytest.File{file}, load, policytest.Options{})
	if err != nil {
		return err
	}
	for _, result := range report.Results {
		if result.Passed() {
			continue
		}
		differs := []string{result.Stopped}
		for _, failure := range result.Failures {
			for _, m := range failure.Mismatches {
				differs = append(differs, fmt.Sprintf("%s is %s instead of %s", m.What, terminal.Safe(m.Got), terminal.Safe(m.Want)))
			}
		}
		return fmt.Errorf("nothing was saved, as the call cannot be repeated without the third party, its time and what is redacted: %s", strings.TrimPrefix(strings.Join(differs, ", "), ", "))
	}
	return nil
}

// test makes a policy test of a call. All of it is from the call log, which holds no
// secrets, and nothing that the policy redacts.
func (r *callRequest) test(e *calllog.Entry) (policytest.Test, error) {
	given, err := givenOf(e)
	if err != nil {
		return policytest.Test{}, err
	}
	step := policytest.Step{Repeat: 1, Given: given, Expect: expectOf(e)}
	if e.Tenant != policy.Anonymous {
		step.Tenant = e.Tenant
	}
	if r.operation != "" {
		step.Input = valuesOf(e.Inputs)
	} else if step.Request, err = r.requestOf(e); err != nil {
		return policytest.Test{}, err
	}
	name := e.Outcome
	if e.Route != "" && e.Route != e.Outcome {
		name = e.Route + " (" + e.Outcome + ")"
	}
	return policytest.Test{Name: name, Policy: r.policy, Operation: r.operation, Steps: []policytest.Step{step}}, nil
}

// valuesOf are variables by their names.
func valuesOf(vars []calllog.Var) map[string]json.RawMessage {
	values := make(map[string]json.RawMessage, len(vars))
	for _, v := range vars {
		values[v.Name] = json.RawMessage(v.JSON)
	}
	return values
}

// requestOf is what the bot sent.
func (r *callRequest) requestOf(e *calllog.Entry) (*policytest.Request, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(e.Request.URL, "/"+r.policy), "?")
	body, err := wholeBody(&e.Request, "request")
	if err != nil {
		return nil, err
	}
	request := &policytest.Request{Method: e.Method, Path: path, Query: query, Body: body}
	if e.Method == http.MethodGet {
		request.Method = ""
	}
	for name, value := range calllog.Fields(e.Request.Head) {
		if !strings.HasPrefix(name, "Signpost-") && value != redacted {
			if request.Headers == nil {
				request.Headers = make(map[string]string)
			}
			request.Headers[name] = value
		}
	}
	return request, nil
}

// wholeBody is a body of which nothing is missing.
func wholeBody(m *calllog.Message, whose string) ([]byte, error) {
	switch {
	case m.Cut:
		return nil, fmt.Errorf("the body of the %s is %d bytes long, and only %d are kept of a call", whose, m.Size, len(m.Body))
	case m.Note != "":
		return nil, fmt.Errorf("the %s is not whole: %s", whose, m.Note)
	case len(m.Body) == 0:
		return nil, nil // A test says nothing of it then.
	}
	return m.Body, nil
}

// givenOf is what the third party did, one for each attempt.
func givenOf(e *calllog.Entry) ([]policytest.Given, error) {
	if len(e.Attempts) == 0 || policy.Outcome(e.Outcome) == policy.Denied || policy.Outcome(e.Outcome) == policy.Canceled {
		return []policytest.Given{{Outcome: policy.Outcome(e.Outcome)}}, nil
	}
	var given []policytest.Given
	for i, a := range e.Attempts {
		if a.Renewed {
			continue // There are no tokens in a test.
		}
		g := policytest.Given{Outcome: policy.Outcome(a.Outcome)}
		if g.Outcome.Answered() {
			g = policytest.Given{Status: a.Status}
		}
		if m := e.Received; i == len(e.Attempts)-1 && m != nil && g.Outcome == "" {
			body, err := wholeBody(m, "answer")
			if err != nil && (e.Fallback == "" || len(m.Body) > 0) { // In whose place a fallback stood, nobody may have read; trying tells.
				return nil, err
			}
			g = policytest.Given{Status: m.Status, Body: body, Headers: headersOf(e, m)}
		}
		given = append(given, g)
	}
	return given, nil
}

// headersOf are the headers of an answer that matter to a policy: what the body is,
// when to come back, and what conditions read. The others differ from call to call.
func headersOf(e *calllog.Entry, m *calllog.Message) map[string]string {
	matter := []string{"Content-Type", "Retry-After"}
	for _, h := range e.Hints {
		for _, v := range h.Values {
			name, found := strings.CutPrefix(v.Name, "headers.")
			if !found {
				name = strings.TrimSuffix(strings.TrimPrefix(v.Name, `headers["`), `"]`)
			}
			matter = append(matter, http.CanonicalHeaderKey(name))
		}
	}
	headers := make(map[string]string)
	for name, value := range calllog.Fields(m.Head) {
		if slices.Contains(matter, name) && value != redacted {
			headers[name] = value
		}
	}
	return headers
}

// expectOf is what the bot got.
func expectOf(e *calllog.Entry) policytest.Expect {
	expect := policytest.Expect{Next: &e.Next, Outcome: policy.Outcome(e.Outcome)}
	if e.Route != "" {
		expect.Route = &e.Route
	}
	if e.Fallback != "" {
		expect.Fallback = &e.Fallback
	}
	for _, v := range e.Vars {
		if bytes.Contains(v.JSON, []byte(redacted)) || tooLong(v.JSON) {
			continue
		}
		if expect.Vars == nil {
			expect.Vars = make(map[string]json.RawMessage)
		}
		expect.Vars[v.Name] = json.RawMessage(v.JSON)
	}
	return expect
}

// tooLong tells the variables of which there is only a description: "[9000 bytes]".
func tooLong(value []byte) bool {
	return bytes.HasPrefix(value, []byte(`"[`)) && bytes.HasSuffix(value, []byte(` bytes]"`))
}
