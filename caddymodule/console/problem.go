package console

import (
	"encoding/json"
	"net/http"
)

// problem is a refusal, rendered as RFC 9457 says and as the API does.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// newProblem makes a refusal with the status' own title.
func newProblem(status int, detail string) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

// The refusals that have nothing to do with the guard.
var (
	notFound    = newProblem(http.StatusNotFound, "There is nothing of that name in the console.")
	wrongMethod = newProblem(http.StatusMethodNotAllowed, "The page and its files can only be read.")
)

// write answers with the problem.
func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	// When that fails, nobody is left to tell.
	_ = json.NewEncoder(w).Encode(p)
}
