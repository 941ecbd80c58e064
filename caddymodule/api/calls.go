package api

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signpost-gateway/signpost/policy"
	"github.com/signpost-gateway/signpost/policy/calllog"
)

// How many calls GET calls gives.
const (
	defaultCalls = 100
	maxCalls     = 1000
)

// The ids of a call and of a trace, as they are written.
var (
	callID  = regexp.MustCompile(`^[0-9a-f]{16}$`)
	traceID = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// callsAnswer is what GET calls gives.
type callsAnswer struct {
	Calls []calllog.Listed `json:"calls"`
	More  bool             `json:"more"`
}

// noName asks for the calls that have no policy, or no operation. It can be the
// name of neither.
const noName = "_none"

// named gives a name that is asked for.
func named(asked *string) *string {
	if asked != nil && *asked == noName {
		return new(string)
	}
	return asked
}

// filterNames are the parameters that say which calls are meant.
var filterNames = []string{"policy", "operation", "outcome", "route", "tenant", "failed", "trace_id"}

// readFilter reads which calls are meant.
func readFilter(query parameters) (calllog.Filter, *problem) {
	filter := calllog.Filter{
		Policy: named(query.text("policy")), Operation: named(query.text("operation")), Route: query.text("route"), Tenant: query.text("tenant"),
		Outcome: query.text("outcome"), TraceID: query.text("trace_id"),
	}
	if words := policy.Outcomes(); filter.Outcome != nil && !slices.Contains(words, policy.Outcome(*filter.Outcome)) {
		return filter, bad("%q is not an outcome: expected one of %s.", *filter.Outcome, strings.Trim(fmt.Sprint(words), "[]"))
	}
	if filter.TraceID != nil && !traceID.MatchString(*filter.TraceID) {
		return filter, bad("trace_id is not the id of a trace: expected 32 hexadecimal digits in lower case.")
	}
	if failed, there := query["failed"]; there {
		if failed != "true" && failed != "false" {
			return filter, bad("failed is %q: expected true or false.", failed)
		}
		is := failed == "true"
		filter.Failed = &is
	}
	return filter, nil
}

// calls lists the calls that a filter means, the newest first.
func (a *api) calls(run *Running, r *http.Request) (any, *problem) {
	query, p := readQuery(r, slices.Concat(filterNames, []string{"limit", "before"})...)
	if p != nil {
		return nil, p
	}
	filter, p := readFilter(query)
	if p != nil {
		return nil, p
	}
	limit, p := readLimit(query)
	if p != nil {
		return nil, p
	}
	before := query["before"]
	if _, there := query["before"]; there && !callID.MatchString(before) {
		return nil, bad("before is not the id of a call: expected 16 hexadecimal digits in lower case.")
	}
	found, more, known := run.Logs.Find(filter, before, limit)
	if !known {
		return nil, missing("The call that before names is no longer kept.")
	}
	answer := callsAnswer{Calls: make([]calllog.Listed, 0, len(found)), More: more}
	for _, e := range found {
		answer.Calls = append(answer.Calls, e.Listed())
	}
	return answer, nil
}

// readLimit gives how many calls are asked for.
func readLimit(query parameters) (int, *problem) {
	text, there := query["limit"]
	if !there {
		return defaultCalls, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxCalls || strconv.Itoa(limit) != text {
		return 0, bad("limit is %q: expected a number from 1 to %d.", text, maxCalls)
	}
	return limit, nil
}

// call gives one call in full, by its id or that of its trace.
func (a *api) call(run *Running, r *http.Request) (any, *problem) {
	if p := nothingSaid(r); p != nil {
		return nil, p
	}
	id := r.PathValue("id")
	if !callID.MatchString(id) && !traceID.MatchString(id) {
		return nil, missing("There is no call of that id: an id has 16 hexadecimal digits in lower case, that of a trace 32.")
	}
	entry := run.Logs.ByID(id)
	if entry == nil {
		return nil, missing("There is no call of that id in the log, or not any more.")
	}
	return entry.Detail(), nil
}
