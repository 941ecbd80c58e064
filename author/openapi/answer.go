package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/signpost-gateway/signpost/author/draft"
	"github.com/signpost-gateway/signpost/policy"
)

// notFound is the route where the third party does not have what was asked for.
const notFound = "not_found"

// answer is one answer that the document tells of.
type answer struct {
	status  int  // 200 of 2XX
	written bool // the status is written as a number, and not as 2XX
	says    *openapi3.Response
}

// answered gives the answers with a status between two, in their order.
func (o *operation) answered(from, to int) []answer {
	var all []answer
	for name, ref := range o.says.Responses.Map() {
		if ref == nil || ref.Value == nil {
			continue
		}
		status, err := strconv.Atoi(name)
		if digit, isRange := strings.CutSuffix(strings.ToUpper(name), "XX"); isRange {
			status, err = strconv.Atoi(digit + "00")
		}
		if err == nil && status >= from && status <= to {
			all = append(all, answer{status, !strings.HasSuffix(strings.ToUpper(name), "XX"), ref.Value})
		}
	}
	slices.SortFunc(all, func(a, b answer) int {
		if a.status == b.status && a.written != b.written {
			if a.written {
				return -1
			}
			return 1
		}
		return a.status - b.status
	})
	return all
}

// answers takes what the document tells of answers: variables of a good one, and
// the route of what was not found.
func (o *operation) answers() {
	good := o.answered(200, 299)
	chosen, media := o.mapped(good)
	if media != nil {
		o.extracts(media)
	}
	o.accept(good)
	refused := o.answered(400, 499)
	o.hints(refused)
	o.testGood(append(good, o.answered(300, 399)...), chosen, media)
	if len(o.spec.Hints) > 0 {
		o.testNotFound(refused)
	}
}

// mapped gives the answer that variables are read of: the first with JSON.
func (o *operation) mapped(good []answer) (answer, *openapi3.MediaType) {
	if o.method == http.MethodHead {
		return answer{}, nil
	}
	for _, a := range good {
		if _, media := pick(a.says.Content, isJSON); media != nil && a.status != http.StatusNoContent {
			return a, media
		}
	}
	return answer{}, nil
}

// bodiless tells whether an answer that is as good may come without JSON, in which
// nothing could be read.
func (o *operation) bodiless() bool {
	return slices.ContainsFunc(o.answered(200, 299), func(a answer) bool {
		_, media := pick(a.says.Content, isJSON)
		return media == nil && a.status != http.StatusNoContent && a.status != http.StatusResetContent && a.status != http.StatusPartialContent
	})
}

// accept asks for JSON where the third party has other media types, too.
func (o *operation) accept(good []answer) {
	for _, a := range good {
		name, media := pick(a.says.Content, func(n string) bool { return isJSON(n) && !strings.Contains(n, "*") })
		if media != nil && len(a.says.Content) > 1 && holdable(name) {
			if _, plain := pick(a.says.Content, func(n string) bool { return bare(n) == "application/json" }); plain != nil {
				name = "application/json"
			}
			o.spec.Header = append(o.spec.Header, policy.Field{Name: "Accept", Value: name})
			return
		}
	}
}

// hints names a route for what was not found, where the document tells of it, or
// where a call names a thing and the document tells nothing of what is refused. Of
// other answers there are lines to take over.
func (o *operation) hints(refused []answer) {
	told := func(status int) bool {
		return slices.ContainsFunc(refused, func(a answer) bool { return a.status == status })
	}
	names := strings.Contains(o.spec.Template, "{{")
	if told(http.StatusNotFound) || names && (len(refused) == 0 || told(400) && !refused[0].written) {
		o.spec.Hints = append(o.spec.Hints, policy.Hint{Route: notFound, When: "status == 404"})
	}
	for _, a := range refused {
		switch a.status {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
			http.StatusNotAcceptable, http.StatusProxyAuthRequired, http.StatusUnsupportedMediaType, http.StatusTooManyRequests:
			continue // What the bot's user cannot help, or has a route already.
		}
		route := draft.Word(http.StatusText(a.status))
		if route == "" || !a.written {
			continue
		}
		about := ""
		if a.says.Description != nil {
			about = sentence(*a.says.Description)
		}
		o.routes = append(o.routes, proposal(fmt.Sprintf("hint %s status == %d", route, a.status), about))
	}
}
