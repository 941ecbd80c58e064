package api

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"

	"github.com/signpost-gateway/signpost/policy/calllog"
)

// export is calls in full, the oldest first, to be kept in a file or replayed.
type export []*calllog.Entry

// export gives all calls in full that a filter means.
func (a *api) export(run *Running, r *http.Request) (any, *problem) {
	query, p := readQuery(r, filterNames...)
	if p != nil {
		return nil, p
	}
	filter, p := readFilter(query)
	if p != nil {
		return nil, p
	}
	found, _, _ := run.Logs.Find(filter, "", math.MaxInt) // The logs are bounded.
	slices.Reverse(found)
	return export(found), nil
}

// write answers with a line of JSON for each call. It makes one at a time: together
// they take far more memory than the log itself.
func (calls export) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="calls.ndjson"`)
	w.WriteHeader(http.StatusOK)
	lines := json.NewEncoder(w)
	for i, e := range calls {
		if err := lines.Encode(e.Detail()); err != nil {
			return // Nobody is left to tell.
		}
		calls[i] = nil // What the log gives up meanwhile need not wait for the last line.
	}
}
