//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// githubToken is the credential that the stand-in for GitHub wants.
const githubToken = "ghp-the-token-that-only-github-knows"

// published gives the path of a document that an API's own makers publish.
func published(t *testing.T, path string) string {
	t.Helper()
	install(t, "../../e2e/published")
	absolute, err := filepath.Abs(filepath.Join("published", "node_modules", path))
	if err != nil {
		t.Fatal(err)
	}
	return absolute
}

// githubDocument is GitHub's own OpenAPI document.
const githubDocument = "@octokit/openapi/generated/api.github.com.json"

// tracker stands in for GitHub's issues and follows its document: a request that the
// document does not allow fails the test, and so does an answer of its own that the
// document does not describe.
type tracker struct {
	*httptest.Server
	doc *openapi3.T

	mu     sync.Mutex
	issues map[int]map[string]any // what is known of each, beyond the document's example
	faults []string
}

// Issues of the tracker. All others do not exist.
const (
	openIssue    = 1347
	closedIssue  = 1348
	deletedIssue = 13
	lockedIssue  = 1349
)

// openTracker starts a stand-in that ends with the test.
func openTracker(t *testing.T, document string) *tracker {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile(document)
	if err != nil {
		t.Fatalf("reading the document: %v", err)
	}
	k := &tracker{doc: doc, issues: map[int]map[string]any{
		openIssue: {"state": "open"}, closedIssue: {"state": "closed", "state_reason": "completed"}, lockedIssue: {"state": "open", "locked": true},
	}}
	k.Server = httptest.NewServer(k)
	t.Cleanup(func() {
		k.Close()
		for _, fault := range k.faults {
			t.Error("the stand-in:", fault)
		}
	})
	return k
}

// route finds what the document says of a request.
func (k *tracker) route(r *http.Request) (*openapi3filter.RequestValidationInput, string) {
	segments := strings.Split(r.URL.Path, "/")
	for template, item := range k.doc.Paths.Map() {
		parts := strings.Split(template, "/")
		operation := item.GetOperation(r.Method)
		if len(parts) != len(segments) || operation == nil || !strings.HasPrefix(operation.OperationID, "issues/") {
			continue
		}
		values, matches := make(map[string]string), true
		for i, part := range parts {
			if name, isValue := strings.CutPrefix(part, "{"); isValue {
				values[strings.TrimSuffix(name, "}")] = segments[i]
			} else {
				matches = matches && part == segments[i]
			}
		}
		if matches {
			route := &routers.Route{Spec: k.doc, Path: template, PathItem: item, Method: r.Method, Operation: operation}
			return &openapi3filter.RequestValidationInput{Request: r, PathParams: values, Route: route}, operation.OperationID
		}
	}
	return nil, ""
}

// ServeHTTP answers as the document says.
func (k *tracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	defer k.mu.Unlock()
	asked, operation := k.route(r)
	if asked == nil {
		k.fault(w, "%s %s is not in the document", r.Method, r.URL)
		return
	}
	if err := openapi3filter.ValidateRequest(r.Context(), asked); err != nil {
		k.fault(w, "%s got what the document does not allow: %.500v", operation, err)
		return
	}
	var sent map[string]any
	if text, err := io.ReadAll(r.Body); err != nil || len(text) > 0 && json.Unmarshal(text, &sent) != nil {
		k.fault(w, "%s got the body %q: %v", operation, text, err)
		return
	}
	status, body := k.does(operation, asked.PathParams, sent)
	if r.Header.Get("Authorization") != "Bearer "+githubToken { // GitHub does not tell strangers more.
		status, body = http.StatusNotFound, problem("Not Found")
	}
	text, err := json.Marshal(body)
	if err == nil {
		answer := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: asked, Status: status, Header: http.Header{"Content-Type": {"application/json"}},
			Options: &openapi3filter.Options{IncludeResponseStatus: true},
		}
		err = openapi3filter.ValidateResponse(r.Context(), answer.SetBodyBytes(text))
	}
	if err != nil {
		k.fault(w, "%s would answer %d with what the document does not describe: %.500v", operation, status, err)
		return
	}
	answerJSON(w, status, string(text))
}

// fault notes what went wrong. k.mu is held.
func (k *tracker) fault(w http.ResponseWriter, format string, args ...any) {
	k.faults = append(k.faults, fmt.Sprintf(format, args...))
	http.Error(w, k.faults[len(k.faults)-1], http.StatusNotImplemented)
}

// problem is how GitHub tells what went wrong.
func problem(message string) map[string]any {
	return map[string]any{"message": message, "documentation_url": "https://docs.github.com/rest"}
}

// does gives the answer to a request. k.mu is held.
func (k *tracker) does(operation string, path map[string]string, sent map[string]any) (status int, body map[string]any) {
	if operation == "issues/create" {
		return k.create(path["repo"], sent)
	}
	number, _ := strconv.Atoi(path["issue_number"]) // The document says that it is one.
	known := k.issues[number]
	switch {
	case number == deletedIssue:
		return http.StatusGone, problem("This issue was deleted")
	case known == nil:
		return http.StatusNotFound, problem("Not Found")
	case operation == "issues/get":
		return http.StatusOK, k.issue(number)
	case known["locked"] == true:
		return http.StatusForbidden, problem("Unable to create comment because issue is locked.")
	case operation == "issues/create-comment":
		comment := k.example("/repos/{owner}/{repo}/issues/{issue_number}/comments", http.MethodPost, http.StatusCreated)
		comment["body"] = sent["body"]
		return http.StatusCreated, comment
	default: // issues/update
		maps.Copy(known, sent)
		return http.StatusOK, k.issue(number)
	}
}

// create makes an issue.
func (k *tracker) create(repository string, sent map[string]any) (status int, body map[string]any) {
	switch {
	case repository == "archived":
		return http.StatusGone, problem("Issues has been disabled in this repository.")
	case sent["title"] == "":
		refused := problem("Validation Failed")
		refused["errors"] = []any{map[string]any{"resource": "Issue", "code": "missing_field", "field": "title"}}
		return http.StatusUnprocessableEntity, refused
	case repository == "overloaded":
		away := problem("We had issues producing the response to your request.")
		away["code"] = "503"
		return http.StatusServiceUnavailable, away
	}
	number := openIssue + len(k.issues)
	k.issues[number] = map[string]any{"state": "open", "state_reason": nil, "title": sent["title"], "body": sent["body"]}
	return http.StatusCreated, k.issue(number)
}

// issue is the document's example of one, with what is known of this one.
func (k *tracker) issue(number int) map[string]any {
	issue := k.example("/repos/{owner}/{repo}/issues/{issue_number}", http.MethodGet, http.StatusOK)
	maps.Copy(issue, map[string]any{"number": number, "locked": false, "state_reason": nil})
	maps.Copy(issue, k.issues[number])
	return issue
}

// example is the document's first example of an answer.
func (k *tracker) example(path, method string, status int) map[string]any {
	content := k.doc.Paths.Value(path).GetOperation(method).Responses.Status(status).Value.Content.Get("application/json")
	value := content.Examples["default"].Value.Value
	named, _ := value.(map[string]any)["$ref"].(string)
	if elsewhere := k.doc.Components.Examples[strings.TrimPrefix(named, "#/components/examples/")]; elsewhere != nil {
		value = elsewhere.Value.Value
	}
	return maps.Clone(value.(map[string]any))
}
