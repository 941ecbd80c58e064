package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// problem is a refusal (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// wrong makes a refusal with the status' own title.
func wrong(status int, format string, args ...any) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// bad makes the refusal of a request that is itself at fault.
func bad(format string, args ...any) *problem { return wrong(http.StatusBadRequest, format, args...) }

// missing makes the refusal of a request for what is not there.
func missing(format string, args ...any) *problem {
	return wrong(http.StatusNotFound, format, args...)
}

// The refusals that have nothing to do with what is asked.
var (
	notFound    = missing("There is nothing at this path of the operator API.")
	nothingRuns = wrong(http.StatusServiceUnavailable, "No configuration with a signpost block is running.")
	changesOff  = wrong(http.StatusForbidden, "Changes and test calls are not allowed here. "+
		"Say allow_changes in signpost_console to allow them.")
	unspeakable = wrong(http.StatusInternalServerError, "The answer cannot be written as JSON.")
)

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte("{}") // Not reached: a problem is strings and a number.
	}
	write(w, "application/problem+json", p.Status, append(body, '\n'))
}

// writeJSON answers with a value. HTML in its strings is escaped, so that a
// browser that is pointed at it shows nothing of it as a page.
func writeJSON(w http.ResponseWriter, value any) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(value); err != nil {
		unspeakable.write(w)
		return
	}
	write(w, "application/json", http.StatusOK, body.Bytes())
}

func write(w http.ResponseWriter, kind string, status int, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // When that fails, nobody is left to tell.
}
